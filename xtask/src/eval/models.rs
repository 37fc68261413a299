//! A language model that is named but down, slow, or answers nonsense: what matched must not notice, and who said what
//! nothing matched must hear something honest soon.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};
use helix_core::{DeviceId, Home as _};
use helix_tests::bridge::{Bridge, Profile, Settings};
use helix_tests::connected::Connected;
use helix_tests::home::{Call, Home};
use helix_tests::model_server::{MODEL, ModelServer, Trouble};
use helix_tests::time::now;
use helix_tests::wire;

use super::Findings;
use super::speed::action_after;
use crate::figure::{Figure, Series, ms, rounded};

const GROUP: &str = "models";
/// What a trouble is called, and the trouble; the first bridge has no model at all.
const TROUBLES: [(&str, Option<Trouble>); 4] = [
    ("none", None),
    ("down", Some(Trouble::Down)),
    ("slow", Some(Trouble::Slow)),
    ("nonsense", Some(Trouble::Nonsense)),
];
const ROOMS: [&str; 7] = ["kitchen", "living room", "bedroom", "bathroom", "office", "kids room", "garden"];
/// Commands that name a thing and what to do with it, and a word that no rule explains: for a model.
const DECLINED: [&str; 8] = [
    "turn on the kitchen light pronto tonto",
    "make the floor lamp gorgeously fifty percent",
    "switch off the bedroom light whatsitwise",
    "bathe the living room light in ninety percent",
    "whack the office light on",
    "conjure the garden light off",
    "turn the bathroom light hurly-burly on",
    "grant me the kids room light at forty percent",
];
/// Until everything was read and compiled once.
const WARM_UP: usize = 6;
/// A model that is asked has something to do by then.
const MEANWHILE: Duration = Duration::from_millis(200);
/// What an honest sentence may take.
const HONEST_MS: f64 = 2000.0;
/// What a model in trouble may add to the hot path.
const ADDED_MS: f64 = 1.0;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many commands that match, for each trouble
    #[arg(long, default_value_t = COMMANDS)]
    commands: usize,
}

const COMMANDS: usize = 150;

impl Default for Arguments {
    fn default() -> Self {
        Self { commands: COMMANDS }
    }
}

/// A bridge whose model is in trouble.
struct Troubled {
    name: &'static str,
    bridge: Bridge,
    server: Option<ModelServer>,
    /// Transcript to action of what matches.
    hot: Vec<f64>,
    /// How long what matches took while the model was asked something.
    beside: Vec<f64>,
    /// What was said to what nothing matches, and after how long.
    honest: Vec<(f64, String)>,
    /// What was moved by it.
    moved: usize,
}

pub(super) async fn run(arguments: &Arguments, profile: Profile) -> Result<Findings> {
    let home = Home::start(&format!("eval-models-{}", std::process::id())).await?;
    let mut all = Vec::new();
    for (name, trouble) in TROUBLES {
        all.push(Troubled::start(&home, name, trouble, profile).await?);
    }
    // In turns: whatever else the machine does, it does to all of them.
    for n in 0..WARM_UP + arguments.commands {
        for which in 0..TROUBLES.len() {
            // None of them always comes first.
            let one = &mut all[(n + which) % TROUBLES.len()];
            let said = command(n * TROUBLES.len() + which);
            let took = action_after(&home, &one.bridge, &said).await?;
            let took = took.with_context(|| format!("{}: {said}", one.name))?;
            if n >= WARM_UP {
                one.hot.push(took);
            }
        }
    }
    let rooms = two_rooms(&home).await?;
    for one in &mut all {
        Box::pin(one.decline(&home, &rooms)).await?;
    }
    let (figures, details) = (figures(&all), details(&all));
    for one in all {
        one.bridge.stop().await?;
    }
    Ok(Findings { group: GROUP, figures, details, whole: arguments.commands >= COMMANDS })
}

/// A device in each of two areas.
async fn two_rooms(home: &Home) -> Result<[DeviceId; 2]> {
    let known = Connected::to(home.assistant()).await?;
    let registry = known.home.registry()?;
    let mut devices: Vec<_> = registry.device_areas.iter().collect();
    devices.sort_by_key(|(device, area)| (area.as_str().to_owned(), device.as_str().to_owned()));
    devices.dedup_by_key(|(_, area)| area.as_str().to_owned());
    known.close().await;
    match devices.as_slice() {
        [(here, _), (there, _), ..] => Ok([(*here).clone(), (*there).clone()]),
        _ => anyhow::bail!("a home of two rooms was expected"),
    }
}

/// The n-th sentence that the matcher accepts; each is new to it.
fn command(n: usize) -> String {
    let (room, level) = (ROOMS[n % ROOMS.len()], 1 + n / ROOMS.len() % 100);
    format!("set the {room} light brightness to {level} percent")
}

impl Troubled {
    async fn start(
        home: &Home,
        name: &'static str,
        trouble: Option<Trouble>,
        profile: Profile,
    ) -> Result<Self> {
        let settings = Settings::for_home(&home.url(), home.assistant().token());
        let settings = if profile == Profile::Release { settings.release() } else { settings };
        let server = match trouble {
            Some(trouble) => Some(ModelServer::start(trouble).await?),
            None => None,
        };
        let settings = match &server {
            Some(server) => settings.with("OLLAMA_URL", server.url()).with("ROUTER_MODEL", MODEL),
            None => settings,
        };
        let bridge = Bridge::start_with(settings).await?;
        Ok(Self { name, bridge, server, hot: Vec::new(), beside: Vec::new(), honest: Vec::new(), moved: 0 })
    }

    /// Says what nothing matches in one room, and meanwhile what matches in another one.
    async fn decline(&mut self, home: &Home, rooms: &[DeviceId; 2]) -> Result<()> {
        let [here, there] = rooms.each_ref().map(|device| Some(device.as_str()));
        let port = self.bridge.port;
        for (n, sentence) in DECLINED.into_iter().enumerate() {
            let mark = home.mark().await?;
            let asked = async {
                let begin = now();
                let (_, said) = wire::handle(port, sentence, "en", here).await?;
                anyhow::Ok((ms(now().saturating_sub(begin)), said))
            };
            let beside = async {
                tokio::time::sleep(MEANWHILE).await;
                let begin = now();
                wire::handle(port, &format!("turn {} the hallway light", ["on", "off"][n % 2]), "en", there)
                    .await?;
                anyhow::Ok(ms(now().saturating_sub(begin)))
            };
            let (honest, beside) = tokio::try_join!(asked, beside)?;
            self.honest.push(honest);
            self.beside.push(beside);
            // What was not done in time is not done later either.
            tokio::time::sleep(MEANWHILE).await;
            let is_beside = |call: &Call| call.content.to_string().contains("light.hallway_light");
            self.moved += home.moves_since(mark).await?.iter().filter(|call| !is_beside(call)).count();
        }
        Ok(())
    }

    fn is_there(&self) -> bool {
        self.server.as_ref().is_some_and(ModelServer::is_there)
    }

    fn chats(&self) -> usize {
        self.server.as_ref().map_or(0, ModelServer::chats)
    }
}

fn figures(all: &[Troubled]) -> Vec<Figure> {
    let Some((without, troubled)) = all.split_first() else { return Vec::new() };
    let usual = rounded(Series::new(without.hot.clone()).p50(), 2);
    let mut figures = Vec::new();
    for one in troubled {
        let (hot, told) = (Series::new(one.hot.clone()), times(one));
        let added = rounded(hot.p50() - usual, 2);
        let figure = |what: &str, value, unit, n| {
            Figure::reported(format!("{GROUP}.{}.{what}", one.name), value, unit, n)
        };
        let (longest, acted) = (rounded(told.quantile(1.0), 0), one.moved as f64);
        figures.extend([
            figure("hot-path.added", added, "ms", hot.len()).against(usual).at_most(ADDED_MS, "<= 1 ms"),
            figure("honest.longest", longest, "ms", told.len()).at_most(HONEST_MS, "<= 2000 ms"),
            // Otherwise the figures say nothing.
            figure("chats", one.chats() as f64, "", told.len())
                .at_least(if one.is_there() { 1.0 } else { 0.0 }, "asked, if it is there"),
            figure("declined.acted", acted, "sentences", told.len()).at_most(0.0, "0"),
        ]);
    }
    figures
}

fn times(one: &Troubled) -> Series {
    Series::new(one.honest.iter().map(|(took, _)| *took).collect())
}

fn details(all: &[Troubled]) -> String {
    let mut text = "A model is named and its server down; slow: 30 s for a chat; or it answers half a line of JSON or words that nobody asked for. \
                    One bridge for each and one without a model take turns at commands that match; what is added is the difference of the medians from \
                    transcript to action, and the peer is that median without a model. Then each hears commands that nothing matches.\n\n\
                    | model | transcript to action p50 ms | p95 ms | the same in another room while the model is asked, p50 ms | answer to what nothing matches, longest ms | chats | what is said |\n\
                    | --- | ---: | ---: | ---: | ---: | ---: | --- |\n"
        .to_owned();
    for one in all {
        let (hot, told) = (Series::new(one.hot.clone()), times(one));
        let beside = rounded(Series::new(one.beside.clone()).p50(), 1);
        let (p50, p95, longest) =
            (rounded(hot.p50(), 2), rounded(hot.p95(), 2), rounded(told.quantile(1.0), 0));
        let mut said: Vec<_> = one.honest.iter().map(|(_, said)| format!("\"{said}\"")).collect();
        said.sort();
        said.dedup();
        let _ = writeln!(
            text,
            "| {} | {p50} | {p95} | {beside} | {longest} | {} | {} |",
            one.name,
            one.chats(),
            said.join(" ")
        );
    }
    text
}
