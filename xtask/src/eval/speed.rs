//! A large home: how long a decision takes, and whether ten thousand in a row leave Home Assistant its time.

mod home;
mod path;
mod stages;

use std::time::Duration;

use anyhow::{Context, Result};
use helix_core::Home as _;
use helix_tests::bed::Furnishing;
use helix_tests::bridge::{Profile, resident_kib};
use helix_tests::connected::Connected;
use helix_tests::home::Home;
use helix_tests::socket::Socket;
use helix_tests::time::{now, since};
use serde_json::json;

use super::Findings;
use super::slips::Slips;
use super::strict::{Strict, names};
use crate::figure::{Figure, Series, ms, rounded};
use helix_tests::router::{Decision, Question, Router};
use path::Path;
pub(super) use path::action_after;
use stages::Stages;

const TIMED: usize = 300;
const STREAMED: usize = 10_000;

const GROUP: &str = "speed";
/// Until everything was read and compiled once.
const WARM_UP: usize = 20;
/// Sentences that are carried out, of each kind: one for each light.
const ACTING_MAX: usize = 160;
/// Between two pings.
const PING_PAUSE: Duration = Duration::from_millis(100);
/// What a process may grow by while it answers 10,000 sentences.
const GROWTH_MIB_MAX: f64 = 32.0;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many sentences are timed one by one, of each kind
    #[arg(long, default_value_t = TIMED)]
    timed: usize,
    /// How many are streamed; the page is only written for 10,000
    #[arg(long, default_value_t = STREAMED)]
    streamed: usize,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { timed: TIMED, streamed: STREAMED }
    }
}

struct Timed {
    plain: Vec<Decision>,
    natural: Vec<Decision>,
    /// One question to the matcher about one sentence that it has not seen.
    debug: Series,
}

struct Streamed {
    per_second: f64,
    acting: usize,
    n: usize,
    grown_mib: f64,
    pings: Series,
}

struct Measured {
    timed: Timed,
    stages: Stages,
    path: Path,
    streamed: Streamed,
}

pub(super) async fn run(arguments: &Arguments, profile: Profile) -> Result<Findings> {
    let furnishing = Furnishing { empty: true, package: Some(home::package()?), ..Furnishing::default() };
    let home = Home::start_with(&format!("eval-speed-{}", std::process::id()), furnishing).await?;
    let known = Connected::to(home.assistant()).await?;
    let registry = known.home.registry()?;
    let (slips, names) = (Slips::of("en", 0)?, names(&registry));
    let natural = |n: usize| home::natural(n, &slips, &names);
    let mut router = Router::start(home.assistant(), "en", profile)?;
    let strict = Strict::of(&known, &registry, "en")?;
    let timed = timed(&mut router, &strict, arguments.timed, &natural).await?;
    let from = 2 * arguments.timed + WARM_UP;
    let stages = Stages::of(&strict, (from..from + arguments.timed).map(&natural).collect()).await?;
    let from = from + arguments.timed;
    let said = (0..arguments.streamed).map(|n| natural(from + n)).collect();
    let socket = Socket::open(&home.url(), home.assistant().token()).await?;
    let streamed = streamed(&mut router, said, &socket).await?;
    let acting = arguments.timed.min(ACTING_MAX);
    let kill = |n: usize| home::kill(n, &slips, &names);
    let path =
        Path::of(&home, profile, (0..acting).map(home::off).collect(), (0..acting).map(kill).collect());
    let path = path.await?;
    known.close().await;
    let measured = Measured { timed, stages, path, streamed };
    let whole = arguments.streamed >= STREAMED;
    Ok(Findings { group: GROUP, figures: figures(&measured), details: details(&measured), whole })
}

async fn timed(
    router: &mut Router,
    strict: &Strict<'_>,
    count: usize,
    natural: &impl Fn(usize) -> String,
) -> Result<Timed> {
    for n in 0..WARM_UP {
        router.ask(&question(natural(n))).await?;
    }
    let (mut timed, mut debug) =
        (Timed { plain: Vec::new(), natural: Vec::new(), debug: Series::new(Vec::new()) }, Vec::new());
    for n in WARM_UP..WARM_UP + count {
        timed.plain.push(router.ask(&question(home::plain(n))).await?);
        timed.natural.push(router.ask(&question(natural(n))).await?);
        let from = now();
        strict.find(&home::plain(n + count), None).await?;
        debug.push(ms(since(from)));
    }
    timed.debug = Series::new(debug);
    Ok(timed)
}

fn question(sentence: String) -> Question {
    Question { sentence, area: None }
}

/// All sentences in one go, with a ping to Home Assistant now and then.
async fn streamed(router: &mut Router, said: Vec<String>, socket: &Socket) -> Result<Streamed> {
    let n = said.len();
    let before = resident_kib(router.pid()?)?;
    let from = now();
    let mut pings = Vec::new();
    let (acting, took) = {
        let stream = async {
            let decisions = router.stream(said.into_iter().map(question).collect()).await?;
            Ok::<_, anyhow::Error>((decisions, since(from)))
        };
        tokio::pin!(stream);
        loop {
            tokio::select! {
                done = &mut stream => break done?,
                ping = ping(socket) => pings.push(ping?),
            }
        }
    };
    let grown_mib = resident_kib(router.pid()?)?.saturating_sub(before) as f64 / 1024.0;
    Ok(Streamed {
        per_second: n as f64 / took.as_secs_f64(),
        acting,
        n,
        grown_mib,
        pings: Series::new(pings),
    })
}

async fn ping(socket: &Socket) -> Result<f64> {
    tokio::time::sleep(PING_PAUSE).await;
    let from = now();
    socket.ask(json!({"type": "ping"})).await.context("a ping")?;
    Ok(ms(since(from)))
}

fn figures(measured: &Measured) -> Vec<Figure> {
    let Measured { timed, stages, path, streamed } = measured;
    let figure =
        |name: &str, value, unit, n| Figure::reported(format!("{GROUP}.{name}"), rounded(value, 2), unit, n);
    let p95 = |name: &str, series: &Series| figure(name, series.p95(), "ms", series.len());
    let debug = rounded(timed.debug.p95(), 1);
    let repaired = |name: &str, series: &Series| {
        p95(name, series).against(debug).at_most((3.0 * debug).max(60.0), "<= 60 ms or 3x the peer")
    };
    let Streamed { per_second, n, grown_mib, pings, .. } = streamed;
    vec![
        p95("guard.p95", &stages.guard).at_most(1.0, "<= 1 ms"),
        p95("topic.p95", &stages.topic),
        p95("own-work.p95", &own(timed)).at_most(3.0, "<= 3 ms"),
        p95("decision.strict.p95", &taken(&timed.plain)).at_most(20.0, "<= 20 ms"),
        repaired("decision.repaired.p95", &taken(&timed.natural)),
        p95("path.strict.p95", &path.plain).at_most(20.0, "<= 20 ms"),
        repaired("path.repaired.p95", &path.natural),
        figure("stream.rate", *per_second, "sentences/s", *n).at_least(40.0, ">= 40"),
        figure("stream.growth", *grown_mib, "MiB", *n).at_most(GROWTH_MIB_MAX, "<= 32 MiB"),
        figure("stream.ping.p99", pings.quantile(0.99), "ms", pings.len()).at_most(50.0, "<= 50 ms"),
    ]
}

/// What is Helix's own of the time: guard, candidates, decision.
fn own(timed: &Timed) -> Series {
    let all = timed.plain.iter().chain(&timed.natural);
    Series::new(all.map(|decision| decision.took_ms - decision.home_ms).collect())
}

fn taken(decisions: &[Decision]) -> Series {
    Series::new(decisions.iter().map(|decision| decision.took_ms).collect())
}

fn details(measured: &Measured) -> String {
    let Measured { timed, stages, path, streamed } = measured;
    let acting = |decisions: &[Decision]| {
        let count = decisions.iter().filter(|decision| decision.acts).count();
        rounded(100.0 * count as f64 / decisions.len().max(1) as f64, 1)
    };
    let lines = [
        own(timed).line("Helix's own work"),
        taken(&timed.plain).line("sentence that is accepted as it is"),
        taken(&timed.natural).line("natural sentence, most with a slip"),
        timed.debug.line("peer: one sentence, one question to Home Assistant"),
        path.plain.line("transcript to action, accepted as it is"),
        path.natural.line("transcript to action, natural"),
        streamed.pings.line("ping of Home Assistant meanwhile"),
    ];
    let asked =
        [("accepted as it is", &timed.plain), ("natural", &timed.natural)].map(|(which, decisions)| {
            let of = |count: fn(&Decision) -> usize| {
                let series = Series::new(decisions.iter().map(|decision| count(decision) as f64).collect());
                format!("{} (p95 {})", series.p50(), series.p95())
            };
            let (sentences, questions) = (of(|d| d.home_sentences), of(|d| d.home_questions));
            format!("{which}: {sentences} sentences in {questions} questions")
        });
    format!(
        "A home of {} exposed entities in 40 areas; no sentence was seen before. The peer is one question to Home Assistant's matcher about one \
         new sentence in the same run.\n\n```\n{}\n```\n\nEach stage alone, natural sentences:\n\n```\n{}\n```\n\nOf the natural sentences {} % act, of the plain ones {} %; of the stream {} of {}; of the natural ones that were \
         carried out {} did nothing. What Home Assistant \
         was asked for a decision, median: {}.",
        home::ENTITIES,
        lines.join("\n"),
        stages.lines().join("\n"),
        acting(&timed.natural),
        acting(&timed.plain),
        streamed.acting,
        streamed.n,
        path.not_done,
        asked.join("; "),
    )
}
