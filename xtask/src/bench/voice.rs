//! End of speech to Home Assistant's action, played in real time: Helix, stock Home Assistant, and the same server at its best.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix::control::RunRow;
use helix_tests::bridge::{Bridge, Settings};
use helix_tests::commands::{COMMANDS, Command};
use helix_tests::home::Home;
use helix_tests::peer::Peer;
use helix_tests::pipeline::{Pace, Pipeline};
use helix_tests::sound::{VOICES, speech};
use helix_tests::time::poll_until;
use helix_tests::wire;
use serde_json::{Value, json};

use super::stt;
use crate::figure::{Figure, Series, ms, rounded};

/// Helix, stock, stock at its best.
const PIPELINES: [&str; 3] = ["Helix", "Stock", "Stock at its best"];
const COMMANDS_MIN: usize = 30;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many commands at most
    #[arg(long, default_value_t = 40)]
    commands: usize,
    /// How many decodes of each engine for the composed figure
    #[arg(long, default_value_t = 20)]
    decodes: usize,
    /// Go on with fewer commands than the figure needs
    #[arg(long)]
    few: bool,
}

/// A command as somebody says it.
struct Spoken {
    command: Command,
    voice: &'static str,
    sound: Vec<i16>,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let home = Home::start("bench-voice").await?;
    let stock = tokio::task::spawn_blocking(|| Peer::start(&[])).await??;
    let best = tokio::task::spawn_blocking(|| Peer::start(&["--vad-endpointing", "0.5"])).await??;
    for (peer, name) in [(&stock, PIPELINES[1]), (&best, PIPELINES[2])] {
        add_pipeline(&home, peer, name).await?;
    }
    let settings = Settings::for_home(&home.url(), home.assistant().token()).release();
    let bridge = Bridge::start_with(settings).await?;
    let spoken = understood_by_all([bridge.port, stock.port, best.port]).await?;
    let taken = play_all(&home, &spoken, arguments.commands).await?;
    show_stages(&bridge).await?;
    bridge.stop().await?;
    drop((stock, best, home));
    ensure!(
        arguments.few || taken[0].len() >= COMMANDS_MIN,
        "only {} commands; {COMMANDS_MIN} are needed",
        taken[0].len()
    );
    for (series, name) in taken.iter().zip(PIPELINES) {
        eprintln!("{}", series.line(name));
    }
    let mut figures = figures(&taken);
    figures.push(composed(&taken, arguments.decodes).await?);
    Ok(figures)
}

/// Where Helix spends its time, by its own timelines: stages after the end of speech.
async fn show_stages(bridge: &Bridge) -> Result<()> {
    let mut runs = bridge.runs().await?;
    runs.retain(|run| run.timeline.iter().any(|(stage, _)| stage == "acted"));
    for stage in ["decided", "transcribed", "matched", "acted", "verified", "replied"] {
        let after_speech = |run: &RunRow| {
            let at = |stage| run.timeline.iter().find(|(name, _)| name == stage).map(|(_, at)| *at as f64);
            Some(at(stage)? - at("ended")?)
        };
        let taken = Series::new(runs.iter().filter_map(after_speech).collect());
        eprintln!("{}", taken.line(&format!("  Helix: end of speech to {stage}")));
    }
    Ok(())
}

fn figures([helix, stock, best]: &[Series; 3]) -> Vec<Figure> {
    let against = |peer: &Series, name: &'static str, goal, holds| Figure {
        name: name.into(),
        value: rounded(helix.p50(), 1),
        unit: "ms",
        peer: Some(rounded(peer.p50(), 1)),
        ratio: Some(rounded(helix.p50() / peer.p50(), 3)),
        n: helix.len(),
        goal,
        holds,
    };
    let holds = helix.p50() <= 350.0 && helix.p50() <= 0.45 * stock.p50();
    vec![
        against(stock, "voice.end-of-speech-to-action.p50", "<= 350 ms and <= 0.45x stock", Some(holds)),
        against(best, "voice.against-stock-at-its-best.p50", "reported", None),
        Figure {
            name: "voice.end-of-speech-to-action.p95".into(),
            value: rounded(helix.p95(), 1),
            peer: Some(rounded(stock.p95(), 1)),
            ratio: Some(rounded(helix.p95() / stock.p95(), 3)),
            ..against(stock, "", "reported", None)
        },
    ]
}

/// The same with decodes in the shape of base.en. Of the peer's time its decode is exchanged; to Helix's time a whole
/// decode is added, although a part of it lies in the silence that it waits for, so its figure is an upper bound.
async fn composed([helix, stock, _]: &[Series; 3], decodes: usize) -> Result<Figure> {
    let test = stt::measure(&stt::Model::test(), decodes, 2).await?;
    let base = stt::measure(&stt::Model::base()?, decodes, 2).await?;
    for (series, name) in [
        (&test.peer, "faster-whisper, test model"),
        (&base.ours, "helix-stt, base.en"),
        (&base.peer, "faster-whisper, base.en"),
    ] {
        eprintln!("{}", series.line(name));
    }
    let ours = helix.p50() + base.ours.p50();
    let peer = stock.p50() + base.peer.p50() - test.peer.p50();
    Ok(Figure {
        name: "voice.composed-with-base-en.p50".into(),
        value: rounded(ours, 1),
        unit: "ms",
        peer: Some(rounded(peer, 1)),
        ratio: Some(rounded(ours / peer, 3)),
        n: helix.len(),
        goal: "<= 1/3 of stock",
        holds: Some(3.0 * ours <= peer),
    })
}

/// Home Assistant's own agent behind a speech-to-text server.
async fn add_pipeline(home: &Home, peer: &Peer, name: &str) -> Result<()> {
    let entry = home.add_wyoming(peer.port).await?;
    let engine = poll_until("the peer's entity", Duration::from_secs(10), || async {
        home.entities_of(&entry).await.ok()?.into_values().find(|id| id.starts_with("stt."))
    })
    .await?;
    let body = json!({
        "type": "assist_pipeline/pipeline/create", "name": name, "language": "en",
        "conversation_engine": "conversation.home_assistant", "conversation_language": "en",
        "stt_engine": engine, "stt_language": "en", "tts_engine": Value::Null, "tts_language": Value::Null,
        "tts_voice": Value::Null, "wake_word_entity": Value::Null, "wake_word_id": Value::Null,
    });
    home.socket().ask(body).await.map(drop)
}

/// Leaves out what one of the servers takes for something else; all have the same weights.
async fn understood_by_all(ports: [u16; 3]) -> Result<Vec<Spoken>> {
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for voice in VOICES {
        for command in COMMANDS {
            let sound = speech(voice, command.sentence)?;
            let mut misheard = Vec::new();
            for (port, name) in ports.into_iter().zip(PIPELINES) {
                let text = wire::transcript(port, &sound).await?;
                if words(&text) != words(command.sentence) {
                    misheard.push(format!("{name}: `{}`", text.trim()));
                }
            }
            if misheard.is_empty() {
                kept.push(Spoken { command, voice, sound });
            } else {
                left_out.push(format!("{voice} `{}`: {}", command.sentence, misheard.join(", ")));
            }
        }
    }
    eprintln!("{} recordings, {} understood by all; left out:", kept.len() + left_out.len(), kept.len());
    for line in &left_out {
        eprintln!("  {line}");
    }
    // Both voices alike, also if not all are played.
    let half = kept.iter().position(|spoken| spoken.voice == VOICES[1]).unwrap_or(kept.len());
    let second = kept.split_off(half);
    let (mut first, mut second) = (kept.into_iter(), second.into_iter());
    let turns = std::iter::from_fn(|| match (first.next(), second.next()) {
        (None, None) => None,
        (one, other) => Some(one.into_iter().chain(other).collect::<Vec<_>>()),
    });
    Ok(turns.flatten().collect())
}

fn words(text: &str) -> String {
    text.trim().trim_end_matches(['.', '?', '!']).to_lowercase()
}

/// Plays each command to each pipeline, the first one changing; what they took, where all did what was asked.
async fn play_all(home: &Home, spoken: &[Spoken], most: usize) -> Result<[Series; 3]> {
    let mut taken: [Vec<f64>; 3] = Default::default();
    let mut failed = Vec::new();
    for (n, one) in spoken.iter().take(most).enumerate() {
        let mut round = [None; 3];
        for turn in 0..PIPELINES.len() {
            let at = (n + turn) % PIPELINES.len();
            match play(home, PIPELINES[at], one).await {
                Ok(took) => round[at] = Some(took),
                Err(error) => failed
                    .push(format!("{} `{}` {}: {error:#}", one.voice, one.command.sentence, PIPELINES[at])),
            }
        }
        if let [Some(helix), Some(stock), Some(best)] = round {
            for (series, took) in taken.iter_mut().zip([helix, stock, best]) {
                series.push(took);
            }
        }
    }
    eprintln!("{} of {} commands were done by all", taken[0].len(), spoken.len().min(most));
    for line in &failed {
        eprintln!("  {line}");
    }
    Ok(taken.map(Series::new))
}

/// Milliseconds from the last word to the action; negative if it came before.
async fn play(home: &Home, pipeline: &str, spoken: &Spoken) -> Result<f64> {
    let Command { entity, before, after, .. } = spoken.command;
    home.call(before, json!({"entity_id": entity})).await?;
    let mark = home.mark().await?;
    let told = Pipeline::of(home, pipeline).await?.plays(&spoken.sound, Pace::RealTime).await?;
    let calls = home.moves_since(mark).await?;
    let call =
        calls.first().with_context(|| format!("no action; heard {:?}, said {:?}", told.heard, told.reply))?;
    let state = home.state(entity).await?;
    ensure!(state == after, "{entity} is {state}; heard {:?}", told.heard);
    Ok(ms(call.at) - ms(told.words_end))
}
