//! What is asked of a thing of a certain domain, from the senses, sides and values that were said.

use super::kinds::{Ask, Aspect, Kind, Sense};
use super::numbers::{Amount, Unit, Value};

/// What was said about the change, all in one part of a sentence.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Said {
    pub(super) senses: Vec<Sense>,
    pub(super) aspects: Vec<Aspect>,
    pub(super) value: Option<Value>,
    pub(super) color: Option<String>,
    pub(super) white: Option<String>,
    pub(super) bit: bool,
    /// "Once more" was said.
    pub(super) again: bool,
    /// A verb that carries no direction was said.
    pub(super) carried: bool,
}

impl Said {
    /// Whether anything here says what is asked.
    pub(super) fn asks(&self) -> bool {
        !self.senses.is_empty() || self.value.is_some() || self.color.is_some() || self.white.is_some()
    }
}

/// What is asked of one entity.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wanted {
    /// As it is.
    Plain(Ask),
    /// With a value as the matcher takes it.
    With(Ask, String),
    /// More or less of what it is now; the sign, and by how much if that was said.
    Change(Ask, f64, Option<f64>),
}

/// What a sense means for things of a domain: an ask as it is, or more or less of a value.
type Table = &'static [(Sense, Wanted)];

const fn plain(sense: Sense, ask: Ask) -> (Sense, Wanted) {
    (sense, Wanted::Plain(ask))
}

const fn change(sense: Sense, ask: Ask, sign: f64) -> (Sense, Wanted) {
    (sense, Wanted::Change(ask, sign, None))
}

const LIGHT: Table = &[
    plain(Sense::On, Ask::On),
    plain(Sense::Activate, Ask::On),
    plain(Sense::Off, Ask::Off),
    change(Sense::Up, Ask::Brightness, 1.0),
    change(Sense::Brighter, Ask::Brightness, 1.0),
    change(Sense::Down, Ask::Brightness, -1.0),
    change(Sense::Darker, Ask::Brightness, -1.0),
];
const COVER: Table = &[
    plain(Sense::Open, Ask::Open),
    plain(Sense::Up, Ask::Open),
    plain(Sense::Close, Ask::Close),
    plain(Sense::Down, Ask::Close),
];
const CLIMATE: Table = &[
    plain(Sense::On, Ask::On),
    plain(Sense::Start, Ask::On),
    plain(Sense::Activate, Ask::On),
    plain(Sense::Off, Ask::Off),
    plain(Sense::Stop, Ask::Off),
    change(Sense::Up, Ask::Temperature, 1.0),
    change(Sense::Warmer, Ask::Temperature, 1.0),
    change(Sense::Down, Ask::Temperature, -1.0),
    change(Sense::Cooler, Ask::Temperature, -1.0),
];
const VOLUME: Table = &[
    plain(Sense::Up, Ask::Louder),
    plain(Sense::Louder, Ask::Louder),
    plain(Sense::Down, Ask::Quieter),
    plain(Sense::Quieter, Ask::Quieter),
    plain(Sense::Mute, Ask::Mute),
    plain(Sense::Unmute, Ask::Unmute),
];
const TRACK: Table = &[
    plain(Sense::Pause, Ask::Pause),
    plain(Sense::Stop, Ask::Pause),
    plain(Sense::Resume, Ask::Resume),
    plain(Sense::Start, Ask::Resume),
    plain(Sense::Next, Ask::Next),
    plain(Sense::Previous, Ask::Previous),
];
const PLAYER: Table = &[plain(Sense::On, Ask::On), plain(Sense::Off, Ask::Off)];
const MUSIC: Table = &[plain(Sense::On, Ask::Resume), plain(Sense::Off, Ask::Pause)];
const FAN: Table = &[
    plain(Sense::On, Ask::On),
    plain(Sense::Start, Ask::On),
    plain(Sense::Activate, Ask::On),
    plain(Sense::Off, Ask::Off),
    plain(Sense::Stop, Ask::Off),
    change(Sense::Up, Ask::Speed, 1.0),
    change(Sense::Faster, Ask::Speed, 1.0),
    change(Sense::Down, Ask::Speed, -1.0),
    change(Sense::Slower, Ask::Speed, -1.0),
];
const SWITCH: Table = &[
    plain(Sense::On, Ask::On),
    plain(Sense::Start, Ask::On),
    plain(Sense::Activate, Ask::On),
    plain(Sense::Off, Ask::Off),
    plain(Sense::Stop, Ask::Off),
];
const SCENE: Table = &[
    plain(Sense::On, Ask::Start),
    plain(Sense::Start, Ask::Start),
    plain(Sense::Activate, Ask::Start),
    plain(Sense::Resume, Ask::Start),
];
const VACUUM: Table = &[
    plain(Sense::On, Ask::Start),
    plain(Sense::Start, Ask::Start),
    plain(Sense::Clean, Ask::Start),
    plain(Sense::Resume, Ask::Start),
    plain(Sense::Dock, Ask::Dock),
];
const MOWER: Table = &[
    plain(Sense::On, Ask::Start),
    plain(Sense::Start, Ask::Start),
    plain(Sense::Mow, Ask::Start),
    plain(Sense::Resume, Ask::Start),
    plain(Sense::Dock, Ask::Dock),
    plain(Sense::Stop, Ask::Dock),
];
const LOCK: Table = &[
    plain(Sense::Lock, Ask::Lock),
    plain(Sense::Close, Ask::Lock),
    plain(Sense::Unlock, Ask::Unlock),
    plain(Sense::Open, Ask::Unlock),
];
const VALVE: Table = &[plain(Sense::Open, Ask::Open), plain(Sense::Close, Ask::Close)];
const BUTTON: Table =
    &[plain(Sense::Press, Ask::Press), plain(Sense::Activate, Ask::Press), plain(Sense::Start, Ask::Press)];
/// More or less, whatever of.
const SIGNS: &[(Sense, f64)] = &[
    (Sense::Up, 1.0),
    (Sense::Brighter, 1.0),
    (Sense::Warmer, 1.0),
    (Sense::Louder, 1.0),
    (Sense::Faster, 1.0),
    (Sense::Down, -1.0),
    (Sense::Darker, -1.0),
    (Sense::Cooler, -1.0),
    (Sense::Quieter, -1.0),
    (Sense::Slower, -1.0),
];

/// What these words ask of an entity of this domain; `None` if they make no sense for it, or contradict each other.
pub(super) fn wanted(said: &Said, domain: &str, music: bool) -> Option<Wanted> {
    let value = said.value.map(|value| value.told(signed(said).is_some()));
    let said = &Said { value, ..said.clone() };
    let plain_only = said.color.is_none() && said.white.is_none();
    match domain {
        "light" => light(said),
        "cover" if plain_only => cover(said),
        "climate" if plain_only => climate(said),
        "media_player" if plain_only => media(said, music),
        "fan" if plain_only => fan(said),
        _ => simple(said, domain),
    }
}

fn light(said: &Said) -> Option<Wanted> {
    let white = said.white.is_some() || said.value.is_some_and(|value| value.unit == Some(Unit::Kelvin));
    // "The temperature of the lamp" is that of its colour.
    let temperature = if white { Aspect::Temperature } else { Aspect::Temperament };
    if !aspects_fit(said, &[Aspect::Brightness, Aspect::Color, Aspect::Temperament, temperature]) {
        return None;
    }
    match (&said.color, &said.white, said.value) {
        (Some(color), None, None) => {
            only(said, &[Sense::On]).then(|| Wanted::With(Ask::Color, color.clone()))
        }
        (None, Some(white), None) => {
            only(said, &[Sense::On]).then(|| Wanted::With(Ask::Temperament, white.clone()))
        }
        (None, None, Some(value))
            if said.aspects.contains(&Aspect::Temperament) || value.unit == Some(Unit::Kelvin) =>
        {
            let kelvin = number(value, &[Unit::Kelvin]).filter(|_| said.senses.is_empty())?;
            Some(with(Ask::Temperament, kelvin))
        }
        (None, None, Some(value)) => {
            let bright = [Sense::On, Sense::Up, Sense::Down, Sense::Brighter, Sense::Darker, Sense::Activate];
            only(said, &bright).then(|| percent(said, value, Ask::Brightness))?
        }
        (None, None, None) => match one(said, &[LIGHT])? {
            Wanted::Plain(_) if !said.aspects.is_empty() || said.bit => None,
            found @ (Wanted::Plain(_) | Wanted::With(..) | Wanted::Change(..)) => Some(found),
        },
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => None,
    }
}

fn cover(said: &Said) -> Option<Wanted> {
    if !aspects_fit(said, &[Aspect::Position]) {
        return None;
    }
    let direction = one(said, &[COVER]);
    let Some(value) = said.value else { return direction.filter(|_| !said.bit) };
    if (!said.senses.is_empty() && direction.is_none()) || value.change {
        return None;
    }
    match value.amount {
        Amount::Half => Some(with(Ask::Position, 50.0)),
        // "Close it thirty percent" may mean thirty or seventy.
        Amount::Number(_) if direction == Some(Wanted::Plain(Ask::Close)) && !value.goal => None,
        Amount::Number(_) => number(value, &[Unit::Percent]).map(|percent| with(Ask::Position, percent)),
        Amount::Most => Some(direction.unwrap_or_else(|| with(Ask::Position, 100.0))),
        Amount::Least => Some(direction.unwrap_or_else(|| with(Ask::Position, 1.0))),
    }
}

/// Degrees said with "up" or "warmer" and without "to" are by how much, up to this many.
const DEGREES_CHANGE_MAX: f64 = 5.0;
/// From this many on they are a goal; in between nobody can tell.
const DEGREES_MIN: f64 = 10.0;

fn climate(said: &Said) -> Option<Wanted> {
    if !aspects_fit(said, &[Aspect::Temperature]) {
        return None;
    }
    let Some(value) = said.value else { return one(said, &[CLIMATE]) };
    let fits = only(said, &[Sense::On, Sense::Up, Sense::Down, Sense::Warmer, Sense::Cooler]);
    let degrees = number(value, &[Unit::Degrees]).filter(|_| fits)?;
    let is_goal = value.goal || said.senses.is_empty() || degrees >= DEGREES_MIN;
    // "Turn the heating up two degrees": nobody heats to two.
    if value.change || (!is_goal && degrees <= DEGREES_CHANGE_MAX) {
        let sign = signed(said)?;
        return Some(Wanted::Change(Ask::Temperature, sign, Some(degrees)));
    }
    is_goal.then(|| with(Ask::Temperature, degrees))
}

fn media(said: &Said, music: bool) -> Option<Wanted> {
    if !aspects_fit(said, &[Aspect::Volume]) {
        return None;
    }
    if let Some(value) = said.value {
        let fits = only(said, &[Sense::Up, Sense::Down, Sense::Louder, Sense::Quieter]);
        if value.change {
            let by = number(value, &[Unit::Percent]).filter(|_| fits)?;
            let ask = if signed(said)? > 0.0 { Ask::Louder } else { Ask::Quieter };
            return Some(with(ask, by));
        }
        return percent(said, value, Ask::Volume).filter(|_| fits);
    }
    if said.aspects.is_empty() {
        // "Start the next song" is for the next one.
        let skips = said.senses.iter().any(|sense| matches!(sense, Sense::Next | Sense::Previous));
        let runs = |sense: &Sense| matches!(sense, Sense::Start | Sense::Resume | Sense::On);
        let mut said = said.clone();
        said.senses.retain(|sense| !(skips && runs(sense)));
        // "Play it again" begins it anew; what goes on is not said so.
        if said.again && said.senses.iter().all(runs) {
            return None;
        }
        one(&said, &[VOLUME, TRACK, if music { MUSIC } else { PLAYER }])
    } else {
        one(said, &[VOLUME])
    }
}

fn fan(said: &Said) -> Option<Wanted> {
    if !aspects_fit(said, &[Aspect::Speed]) {
        return None;
    }
    let Some(value) = said.value else { return one(said, &[FAN]) };
    let fits = only(said, &[Sense::On, Sense::Up, Sense::Down, Sense::Faster, Sense::Slower, Sense::Start]);
    percent(said, value, Ask::Speed).filter(|_| fits)
}

/// Domains that take no value.
fn simple(said: &Said, domain: &str) -> Option<Wanted> {
    if said.value.is_some()
        || said.color.is_some()
        || said.white.is_some()
        || said.bit
        || !said.aspects.is_empty()
    {
        return None;
    }
    // "Stop mowing" does not mow.
    if domain == "lawn_mower" && said.senses.contains(&Sense::Stop) && said.senses.contains(&Sense::Mow) {
        return Some(Wanted::Plain(Ask::Dock));
    }
    let table = match domain {
        "switch" | "input_boolean" | "humidifier" | "siren" | "automation" | "remote" => SWITCH,
        // "Let's have movie night": a scene has nothing else to be asked.
        "scene" | "script" if !said.asks() && said.carried => return Some(Wanted::Plain(Ask::Start)),
        "scene" | "script" => SCENE,
        "vacuum" => VACUUM,
        "lawn_mower" => MOWER,
        "lock" => LOCK,
        "valve" => VALVE,
        "button" | "input_button" => BUTTON,
        _ => return None,
    };
    one(said, &[table])
}

/// The kind that the words imply where none is named.
pub(super) fn implied(said: &Said) -> Option<Kind> {
    let mut kinds = Vec::new();
    for aspect in &said.aspects {
        kinds.push(match aspect {
            Aspect::Brightness | Aspect::Color | Aspect::Temperament => Kind::Light,
            Aspect::Position => Kind::Cover,
            Aspect::Temperature => Kind::Climate,
            Aspect::Volume => Kind::Media,
            Aspect::Speed => Kind::Fan,
        });
    }
    if said.value.is_some_and(|value| value.unit == Some(Unit::Degrees)) {
        kinds.push(Kind::Climate);
    }
    if said.color.is_some() || said.white.is_some() {
        kinds.push(Kind::Light);
    }
    for sense in &said.senses {
        kinds.extend(match sense {
            Sense::Brighter | Sense::Darker => Some(Kind::Light),
            Sense::Warmer | Sense::Cooler => Some(Kind::Climate),
            Sense::Louder
            | Sense::Quieter
            | Sense::Mute
            | Sense::Unmute
            | Sense::Pause
            | Sense::Resume
            | Sense::Next
            | Sense::Previous => Some(Kind::Music),
            Sense::Clean => Some(Kind::Vacuum),
            Sense::Mow => Some(Kind::Mower),
            Sense::Dock => Some(Kind::Robot),
            Sense::On
            | Sense::Off
            | Sense::Open
            | Sense::Close
            | Sense::Up
            | Sense::Down
            | Sense::Faster
            | Sense::Slower
            | Sense::Start
            | Sense::Stop
            | Sense::Lock
            | Sense::Unlock
            | Sense::Press
            | Sense::Activate => None,
        });
    }
    let first = *kinds.first()?;
    let same = |kind: &Kind| *kind == first || (is_player(*kind) && is_player(first));
    kinds.iter().all(same).then_some(first)
}

fn is_player(kind: Kind) -> bool {
    matches!(kind, Kind::Media | Kind::Music)
}

/// The one thing that all senses mean by these tables.
fn one(said: &Said, tables: &[Table]) -> Option<Wanted> {
    let meant = |sense: &Sense| {
        tables.iter().copied().flatten().find(|(of, _)| of == sense).map(|(_, wanted)| wanted)
    };
    let (first, rest) = said.senses.split_first()?;
    let wanted = meant(first)?;
    rest.iter().all(|sense| meant(sense) == Some(wanted)).then(|| wanted.clone())
}

fn only(said: &Said, allowed: &[Sense]) -> bool {
    said.senses.iter().all(|sense| allowed.contains(sense))
}

fn aspects_fit(said: &Said, allowed: &[Aspect]) -> bool {
    said.aspects.iter().all(|aspect| allowed.contains(aspect))
}

fn signed(said: &Said) -> Option<f64> {
    let sign = |sense: &Sense| SIGNS.iter().find(|(of, _)| of == sense).map(|(_, sign)| *sign);
    let (first, rest) = said.senses.split_first()?;
    rest.iter().all(|sense| sign(sense) == sign(first)).then(|| sign(first))?
}

fn percent(said: &Said, value: Value, ask: Ask) -> Option<Wanted> {
    match value.amount {
        Amount::Half => Some(with(ask, 50.0)),
        Amount::Most => Some(with(ask, 100.0)),
        Amount::Least => Some(with(ask, 1.0)),
        Amount::Number(_) => {
            let percent = number(value, &[Unit::Percent]).filter(|percent| *percent <= 100.0)?;
            if value.change {
                Some(Wanted::Change(ask, signed(said)?, Some(percent)))
            } else {
                Some(with(ask, percent))
            }
        }
    }
}

/// The number, if it was said in one of these units or in none.
fn number(value: Value, units: &[Unit]) -> Option<f64> {
    let fits = value.unit.is_none_or(|unit| units.contains(&unit));
    match value.amount {
        Amount::Number(number) if fits => Some(number),
        Amount::Number(_) | Amount::Half | Amount::Most | Amount::Least => None,
    }
}

fn with(ask: Ask, number: f64) -> Wanted {
    Wanted::With(ask, written(number))
}

/// A number as the matcher takes it: without decimals where there are none.
pub(super) fn written(number: f64) -> String {
    let rounded = (number * 10.0).round() / 10.0;
    format!("{rounded}")
}
