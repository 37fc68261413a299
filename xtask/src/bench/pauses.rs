//! Commands in which the speaker stops to think, in real time: half a sentence is never taken for the whole.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use helix_tests::bridge::{Bridge, Settings};
use helix_tests::home::Home;
use helix_tests::pipeline::{Pace, Pipeline, Told};
use helix_tests::time::poll_until;
use helix_tests::{sound, wire};
use serde_json::json;

use super::hesitation::{self, Hesitation};
use crate::figure::Figure;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many commands of each kind
    #[arg(long, default_value_t = 20)]
    commands: usize,
}

/// A command that the model understands if it is spoken without the pause.
struct Spoken {
    command: Hesitation,
    pause: Duration,
    sound: Vec<i16>,
}

type States = BTreeMap<String, String>;

#[derive(Default)]
struct Score {
    exact: usize,
    /// Ended before the last word.
    cut: usize,
    /// Did what the whole sentence does not ask for.
    beyond: usize,
}

impl std::ops::Add for Score {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            exact: self.exact + other.exact,
            cut: self.cut + other.cut,
            beyond: self.beyond + other.beyond,
        }
    }
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let home = Home::start("bench-pauses").await?;
    let settings = Settings::for_home(&home.url(), home.assistant().token()).release();
    let bridge = Bridge::start_with(settings.clone()).await?;
    let n = arguments.commands;
    let incomplete = understood(bridge.port, hesitation::incomplete(), n).await?;
    let complete = understood(bridge.port, hesitation::complete(), n).await?;
    ensure!(incomplete.len() == n && complete.len() == n, "the model understands too few of the sentences");
    let open = say_all(&home, &bridge, "normal, first half incomplete", &incomplete).await?;
    let closed = say_all(&home, &bridge, "normal, first half a command", &complete).await?;
    let port = bridge.port;
    let bridge = bridge.start_again(settings.with("PATIENCE", "patient"), port).await?;
    let patient = say_all(&home, &bridge, "patient, first half incomplete", &incomplete).await?
        + say_all(&home, &bridge, "patient, first half a command", &complete).await?;
    bridge.stop().await?;
    Ok(vec![
        figure("pauses.incomplete-cut", open.cut, n, "0", open.cut == 0),
        figure(
            "pauses.beyond-the-sentence",
            open.beyond + closed.beyond,
            2 * n,
            "0",
            open.beyond + closed.beyond == 0,
        ),
        figure("pauses.patient-exact", patient.exact, 2 * n, ">= 38 of 40", patient.exact * 40 >= 38 * 2 * n),
        Figure {
            holds: None,
            ..figure("pauses.normal-exact", open.exact + closed.exact, 2 * n, "reported", true)
        },
    ])
}

fn figure(name: &'static str, value: usize, n: usize, goal: &'static str, holds: bool) -> Figure {
    Figure {
        name: name.into(),
        value: value as f64,
        unit: "commands",
        peer: None,
        ratio: None,
        n,
        goal,
        holds: Some(holds),
    }
}

/// The first `n` that the model writes letter by letter when nobody pauses; their pauses spread from 0.4 to 0.9 s.
async fn understood(port: u16, commands: Vec<Hesitation>, n: usize) -> Result<Vec<Spoken>> {
    let (mut kept, mut left_out) = (Vec::new(), 0);
    for command in commands {
        if kept.len() == n {
            break;
        }
        let heard = wire::transcript(port, &command.spoken(None)?).await?;
        if plain(&heard) == plain(&command.sentence()) {
            let pause =
                Duration::from_millis(400 + u64::try_from(500 * kept.len() / n.max(2).saturating_sub(1))?);
            let sound = command.spoken(Some(pause))?;
            kept.push(Spoken { command, pause, sound });
        } else {
            left_out += 1;
        }
    }
    eprintln!("{} sentences; {left_out} left out, which the model mishears without a pause too", kept.len());
    Ok(kept)
}

fn plain(text: &str) -> String {
    text.to_lowercase().replace(|c: char| !c.is_alphanumeric() && c != ' ', "").trim().to_owned()
}

async fn say_all(home: &Home, bridge: &Bridge, what: &str, spoken: &[Spoken]) -> Result<Score> {
    let pipeline = Pipeline::of(home, "Helix").await?;
    let mut score = Score::default();
    for one in spoken {
        let asked = one.command.asked();
        for change in &one.command.changes {
            home.call(change.before, json!({"entity_id": change.entity})).await?;
        }
        let before = home.movables().await?;
        let told = pipeline.plays(&one.sound, Pace::RealTime).await?;
        // A state may follow a little after the reply.
        let wait = poll_until("the asked state", Duration::from_secs(1), || async {
            (changed(&before, &home.movables().await.ok()?) == asked).then_some(())
        });
        let is_exact = wait.await.is_ok();
        let changed = changed(&before, &home.movables().await?);
        let is_cut = told.at("stt-end").is_ok_and(|at| at < told.words_end);
        let is_beyond = changed.iter().any(|(entity, state)| asked.get(entity) != Some(state));
        score.exact += usize::from(is_exact);
        score.cut += usize::from(is_cut);
        score.beyond += usize::from(is_beyond);
        if !is_exact || is_beyond {
            let run = bridge.runs().await?.pop();
            describe(one, &told, &changed, (is_cut, is_beyond));
            eprintln!("      timeline {:?}", run.map(|run| run.timeline));
        }
    }
    let Score { exact, cut, beyond } = score;
    eprintln!("{what}: {exact} of {} exact, {cut} cut, {beyond} beyond the sentence", spoken.len());
    Ok(score)
}

fn describe(one: &Spoken, told: &Told, changed: &States, (is_cut, is_beyond): (bool, bool)) {
    let what = match (is_beyond, is_cut) {
        (true, _) => "beyond",
        (false, true) => "cut",
        (false, false) => "other",
    };
    let length = sound::length_of(one.sound.len());
    eprintln!(
        "  {what}: `{}` with a pause of {} ms in {length:.1?}: heard {:?}, said {:?}, changed {changed:?}",
        one.command.marked(),
        one.pause.as_millis(),
        told.heard,
        told.reply
    );
}

fn changed(before: &States, after: &States) -> States {
    let is_new = |(id, state): &(&String, &String)| before.get(*id) != Some(*state);
    after.iter().filter(is_new).map(|(id, state)| (id.clone(), state.clone())).collect()
}
