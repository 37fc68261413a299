//! Transcript in, Home Assistant's action out, on loopback: what Helix adds between hearing and doing.

use std::time::Duration;

use anyhow::{Context, Result};
use helix_tests::bridge::{Bridge, Settings};
use helix_tests::home::Home;
use helix_tests::time::{now, poll_until};
use helix_tests::wire;

use crate::figure::{Figure, Series, ms, rounded};

const ROOMS: [&str; 7] = ["kitchen", "living room", "bedroom", "bathroom", "office", "kids room", "garden"];
/// Until Home Assistant has read its sentences and Helix has asked once.
const WARM_UP: usize = 6;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many commands
    #[arg(long, default_value_t = 200)]
    commands: usize,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let home = Home::start("bench-act").await?;
    let settings = Settings::for_home(&home.url(), home.assistant().token()).release();
    let bridge = Bridge::start_with(settings).await?;
    let mut taken = Vec::new();
    for n in 0..WARM_UP + arguments.commands {
        let took = act(&home, &bridge, &sentence(n)).await.with_context(|| sentence(n))?;
        if n >= WARM_UP {
            taken.push(ms(took));
        }
    }
    bridge.stop().await?;
    let taken = Series::new(taken);
    eprintln!("{}", taken.line("transcript to action"));
    Ok(vec![Figure {
        name: "act.transcript-to-action.p95".into(),
        value: rounded(taken.p95(), 1),
        unit: "ms",
        peer: None,
        ratio: None,
        n: taken.len(),
        goal: "<= 20 ms",
        holds: Some(taken.p95() <= 20.0),
    }])
}

/// Every second one is a sentence that Home Assistant has not seen before.
fn sentence(n: usize) -> String {
    let room = ROOMS[n / 2 % ROOMS.len()];
    match (n % 2, n / (2 * ROOMS.len()) % 2) {
        (0, 0) => format!("turn on the {room} light"),
        (0, _) => format!("turn off the {room} light"),
        _ => format!("set the {room} light brightness to {} percent", 1 + n / 2 % 100),
    }
}

/// From the connection that brings the transcript to the event of the action.
async fn act(home: &Home, bridge: &Bridge, sentence: &str) -> Result<Duration> {
    let mark = home.mark().await?;
    let begin = now();
    let (kind, reply) = wire::handle(bridge.port, sentence, "en", None).await?;
    anyhow::ensure!(kind == "handled", "{kind}: {reply}");
    let call = poll_until("the action", Duration::from_secs(2), || async {
        home.moves_since(mark).await.ok()?.into_iter().next()
    });
    Ok(call.await?.at.saturating_sub(begin))
}
