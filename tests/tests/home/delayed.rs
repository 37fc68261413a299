//! Commands for later against a real Home Assistant: planned, kept over a power cut, done once, missed honestly.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use helix::clock::SystemCalendar;
use helix::store::{DelayedRow, Store};
use helix_core::delay::{Authorised, DelayBook, NewCommand};
use helix_core::home::Caller;
use helix_core::{Calendar, EntityId, Language, Pii};
use helix_tests::bridge::{Bridge, Settings};
use helix_tests::home::Home;
use helix_tests::time::poll_until;
use helix_tests::wire;
use jiff::SignedDuration;

const LIGHT: &str = "light.kitchen_light";
const PATIENCE: Duration = Duration::from_secs(30);

async fn store(folder: &std::path::Path) -> Result<Store> {
    Ok(Store::open(folder, Arc::new(SystemCalendar)).await?)
}

async fn rows(folder: &std::path::Path) -> Result<Vec<DelayedRow>> {
    Ok(Store::visit(folder, Arc::new(SystemCalendar)).await?.delayed().list(true).await?)
}

/// The command as it is kept when somebody said it earlier.
fn switch_on(due_s: i64) -> NewCommand {
    let sentence = "turn on the kitchen light";
    NewCommand {
        due: SystemCalendar.now() + SignedDuration::from_secs(due_s),
        sentence: Pii::new(sentence.to_owned()),
        sentences: vec![sentence.to_owned()],
        language: Language::english(),
        caller: Caller::default(),
        actions: vec![Authorised {
            service: "light.turn_on".into(),
            target: EntityId::from(LIGHT),
            data: [].into(),
        }],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_later_survives_a_power_cut_and_is_done_once() -> Result<()> {
    let home = Home::start("delayed").await?;
    let settings = Settings::for_home(&home.url(), home.assistant().token());
    let bridge = Bridge::start_with(settings.clone()).await?;
    let say = async |port: u16, text: &str| wire::handle(port, text, "en", None).await;
    say(bridge.port, "turn off the kitchen light").await?;
    let (kind, words) = say(bridge.port, "turn on the kitchen light in ten seconds").await?;
    ensure!(kind == "handled" && words.contains("turn on the kitchen light"), "{kind}: {words}");
    let (_, words) = say(bridge.port, "unlock the front door in an hour").await?;
    ensure!(words.contains("needs a confirmation"), "{words}");
    let (_, words) = say(bridge.port, "what is planned").await?;
    ensure!(words.contains("turn on the kitchen light") && !words.contains("front door"), "{words}");

    let folder = bridge.cut_off().await?;
    ensure!(rows(&folder).await?.len() == 1);
    let bridge = Bridge::start_in(folder, settings).await?;
    poll_until("it is done", PATIENCE, || async {
        let rows = rows(bridge.data_dir()).await.ok()?;
        (rows.len() == 1 && rows[0].state == "done").then_some(())
    })
    .await?;
    home.wait_for_state(LIGHT, "on").await?;
    let done = bridge.runs().await?.into_iter().filter(|run| run.route.as_deref() == Some("act")).count();
    ensure!(done == 1, "{done} runs");
    bridge.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_or_interrupted_while_helix_was_off_is_told_and_not_done() -> Result<()> {
    let home = Home::start("missed").await?;
    let settings = Settings::for_home(&home.url(), home.assistant().token());
    let bridge = Bridge::start_with(settings.clone()).await?;
    wire::handle(bridge.port, "turn off the kitchen light", "en", None).await?;
    let folder = bridge.cut_off().await?;
    let store = store(&folder).await?;
    store.delayed().add(&switch_on(-601)).await?;
    let ran = store.delayed().add(&switch_on(-5)).await?;
    store.delayed().begin(&ran).await?;
    store.close().await;
    let bridge = Bridge::start_in(folder, settings).await?;
    poll_until("both have ended", PATIENCE, || async {
        let rows = rows(bridge.data_dir()).await.ok()?;
        let mut states: Vec<_> = rows.iter().map(|row| row.state.clone()).collect();
        states.sort();
        (states == ["interrupted", "missed"]).then_some(())
    })
    .await?;
    home.wait_for_state(LIGHT, "off").await?;
    ensure!(
        bridge.log().contains("not repeated") && bridge.log().contains("delayed-missed"),
        "{}",
        bridge.log()
    );
    bridge.stop().await
}
