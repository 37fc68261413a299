//! Coming back: who is where, and what time it is, in; where an answer is told out.

use std::str::FromStr;

use jiff::civil::Time;

use crate::EntityId;
use crate::home::Registry;

/// A satellite that can speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ear {
    /// `assist_satellite.…`.
    pub satellite: EntityId,
    /// Whether somebody talks with it, or it speaks.
    pub busy: bool,
    /// Whether somebody is in its room, as far as a sensor tells.
    pub occupied: Option<bool>,
}

/// How an answer is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Aloud, there.
    Speak(EntityId),
    /// A little later: somebody is talking there.
    Hold,
    /// As a message.
    Text,
}

/// Where to tell an answer that was asked for at `asked_at`: there, if somebody is there or nobody can tell; else in a
/// room where somebody is; else, and in the quiet hours, as a message.
pub fn way(asked_at: Option<&EntityId>, ears: &[Ear], quiet: bool) -> Way {
    if quiet {
        return Way::Text;
    }
    let own = ears.iter().find(|ear| Some(&ear.satellite) == asked_at);
    let here = own.filter(|ear| ear.occupied != Some(false));
    // Without a place of its own it is nobody's business in a room with somebody else.
    let elsewhere = || ears.iter().filter(|_| asked_at.is_some()).find(|ear| ear.occupied == Some(true));
    match here.or_else(elsewhere) {
        Some(ear) if ear.busy => Way::Hold,
        Some(ear) => Way::Speak(ear.satellite.clone()),
        None => Way::Text,
    }
}

/// Classes of binary sensors that tell whether somebody is in a room
/// (<https://www.home-assistant.io/integrations/binary_sensor/#device-class>).
const PRESENCE: [&str; 3] = ["motion", "occupancy", "presence"];

/// The satellites of the home, as they are now; `state` is the last known one of an entity. Those that are away are none.
pub fn ears(registry: &Registry, state: impl Fn(&EntityId) -> Option<String>) -> Vec<Ear> {
    let satellites = registry.entities.values().filter(|entity| entity.id.domain() == "assist_satellite");
    let ear = |entity: &crate::home::Entity| {
        let now = state(&entity.id).filter(|now| now != "unavailable" && now != "unknown")?;
        let area = entity.area.as_ref();
        let sensors = registry.entities.values().filter(|other| {
            let class = other.device_class.as_deref().unwrap_or_default();
            area.is_some()
                && other.area.as_ref() == area
                && other.id.domain() == "binary_sensor"
                && PRESENCE.contains(&class)
        });
        let told: Vec<_> = sensors.filter_map(|sensor| state(&sensor.id)).collect();
        let occupied = if told.iter().any(|told| told == "on") {
            Some(true)
        } else {
            told.iter().any(|told| told == "off").then_some(false)
        };
        Some(Ear { satellite: entity.id.clone(), busy: now != "idle", occupied })
    };
    satellites.filter_map(ear).collect()
}

/// Hours in which nothing is said aloud, by the clock of the home; may go past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    from: Time,
    until: Time,
}

/// Quiet hours that are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} are no quiet hours; write them like 22:00-07:00")]
pub struct QuietError(String);

impl FromStr for Quiet {
    type Err = QuietError;

    fn from_str(text: &str) -> Result<Self, QuietError> {
        let wrong = || QuietError(text.to_owned());
        let (from, until) = text.split_once('-').ok_or_else(wrong)?;
        let time = |text: &str| Time::strptime("%H:%M", text.trim()).map_err(|_| wrong());
        Ok(Self { from: time(from)?, until: time(until)? })
    }
}

impl Quiet {
    /// Whether it is quiet at this time; of two equal times never.
    pub fn holds(self, now: Time) -> bool {
        if self.from <= self.until {
            (self.from..self.until).contains(&now)
        } else {
            now >= self.from || now < self.until
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Entity;

    fn ear(name: &str, busy: bool, occupied: Option<bool>) -> Ear {
        Ear { satellite: format!("assist_satellite.{name}").into(), busy, occupied }
    }

    fn to(name: &str) -> EntityId {
        format!("assist_satellite.{name}").into()
    }

    #[test]
    fn the_answer_comes_to_the_room_it_was_asked_in_unless_nobody_is_there() {
        let kitchen = to("kitchen");
        let at = |ears: &[Ear]| way(Some(&kitchen), ears, false);
        let (here, unknown) = (ear("kitchen", false, Some(true)), ear("kitchen", false, None));
        let office = ear("office", false, Some(true));
        assert_eq!(at(&[office.clone(), here.clone()]), Way::Speak(kitchen.clone()));
        assert_eq!(at(&[office.clone(), unknown]), Way::Speak(kitchen.clone()));
        assert_eq!(at(&[ear("kitchen", false, Some(false)), office.clone()]), Way::Speak(to("office")));
        assert_eq!(at(&[ear("kitchen", false, Some(false)), ear("office", false, None)]), Way::Text);
        assert_eq!(at(&[]), Way::Text);
        assert_eq!(at(&[office]), Way::Speak(to("office")), "its satellite is away");
    }

    #[test]
    fn nobody_is_interrupted_and_quiet_hours_are_kept() {
        let kitchen = to("kitchen");
        assert_eq!(way(Some(&kitchen), &[ear("kitchen", true, Some(true))], false), Way::Hold);
        assert_eq!(way(Some(&kitchen), &[ear("kitchen", false, Some(true))], true), Way::Text);
    }

    #[test]
    fn what_was_typed_is_not_told_to_a_room() {
        assert_eq!(way(None, &[ear("kitchen", false, Some(true))], false), Way::Text);
    }

    #[test]
    fn quiet_hours_may_go_past_midnight() {
        let quiet: Quiet = "22:30-07:00".parse().expect("hours");
        let at = |text: &str| quiet.holds(Time::strptime("%H:%M", text).expect("a time"));
        assert!(at("22:30") && at("00:00") && at("06:59"));
        assert!(!at("07:00") && !at("12:00") && !at("22:29"));
        let noon: Quiet = "12:00-14:00".parse().expect("hours");
        assert!(noon.holds(Time::constant(13, 0, 0, 0)) && !noon.holds(Time::constant(14, 0, 0, 0)));
        for bad in ["", "22:00", "22-7", "25:00-07:00", "at night"] {
            assert!(bad.parse::<Quiet>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_room_is_occupied_if_one_of_its_sensors_says_so_and_unknown_without_one() {
        let mut registry = Registry::default();
        let mut add = |id: &str, area: &str, class: Option<&str>| {
            let entity = Entity {
                id: id.into(),
                name: id.into(),
                aliases: Vec::new(),
                area: Some(area.into()),
                device: None,
                device_class: class.map(str::to_owned),
                exposed: false,
            };
            registry.entities.insert(entity.id.clone(), entity);
        };
        add("assist_satellite.kitchen", "kitchen", None);
        add("assist_satellite.office", "office", None);
        add("assist_satellite.attic", "attic", None);
        add("binary_sensor.kitchen_motion", "kitchen", Some("motion"));
        add("binary_sensor.kitchen_presence", "kitchen", Some("presence"));
        add("binary_sensor.office_window", "office", Some("window"));
        let state = |id: &EntityId| match id.as_str() {
            "binary_sensor.kitchen_motion" | "binary_sensor.office_window" => Some("off".to_owned()),
            "binary_sensor.kitchen_presence" => Some("on".to_owned()),
            "assist_satellite.kitchen" => Some("responding".to_owned()),
            "assist_satellite.office" => Some("idle".to_owned()),
            _ => Some("unavailable".to_owned()),
        };
        assert_eq!(ears(&registry, state), [ear("kitchen", true, Some(true)), ear("office", false, None)]);
    }
}
