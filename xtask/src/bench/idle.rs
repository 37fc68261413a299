//! What the bridge keeps in memory while nobody speaks, without its speech child.

use std::time::Duration;

use anyhow::Result;
use helix_tests::bridge::{Bridge, Settings, resident_kib};
use helix_tests::home::Home;
use helix_tests::sound::{VOICES, speech};
use helix_tests::wire;

use crate::figure::{Figure, rounded};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How long to look, seconds
    #[arg(long, default_value_t = 10)]
    seconds: u32,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let home = Home::start("bench-idle").await?;
    let settings = Settings::for_home(&home.url(), home.assistant().token()).release();
    let bridge = Bridge::start_with(settings).await?;
    let fresh = resident_kib(bridge.pid())?;
    // Used once, because what stays after a command is part of being idle.
    let heard = wire::transcript(bridge.port, &speech(VOICES[0], "Turn on the kitchen light.")?).await?;
    wire::handle(bridge.port, &heard, "en", None).await?;
    let mut most = 0;
    for _ in 0..arguments.seconds.max(1) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        most = most.max(resident_kib(bridge.pid())?);
    }
    eprintln!("helix: {fresh} KiB when ready, at most {most} KiB idle after a command");
    for child in bridge.children() {
        eprintln!("speech child: {} KiB", resident_kib(child)?);
    }
    bridge.stop().await?;
    let value = most as f64 / 1024.0;
    Ok(vec![Figure {
        name: "idle.resident".into(),
        value: rounded(value, 1),
        unit: "MiB",
        peer: None,
        ratio: None,
        n: usize::try_from(arguments.seconds.max(1))?,
        goal: "<= 40 MB",
        holds: Some(most * 1024 <= 40_000_000),
    }])
}
