//! Home Assistant and Helix come and go, in any order and at any moment.
#![allow(clippy::print_stdout, reason = "measured times are shown")]

use std::time::Duration;

use anyhow::{Context, Result};
use helix_tests::bed::{Furnishing, free_port};
use helix_tests::bridge::{Bridge, STOP_LIMIT, Settings, is_alive};
use helix_tests::home::Home;
use helix_tests::pipeline::{Pace, Pipeline};
use helix_tests::sound::{VOICES, speech};
use helix_tests::time::{now, poll_until, since};
use helix_tests::wire::{self, Wire, chunk};
use helix_wyoming::Event;
use helix_wyoming::asr::Transcribe;
use helix_wyoming::audio::{AudioFormat, AudioStart};
use rustix::process::Signal;

/// The promise is 5 s on an idle machine, and the measured time is printed; this only catches what does not come back.
const BACK: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn home_assistant_comes_and_goes() -> Result<()> {
    let port = free_port()?;
    let token = helix_tests::bed::token()?;
    // Helix is there first.
    let mut bridge = Bridge::launch(Settings::for_home(&format!("http://127.0.0.1:{port}"), &token)).await?;
    let reply = poll_until("an answer without a home", BACK, || async {
        wire::handle(bridge.port, "turn on the kitchen light", "en", None).await.ok()
    });
    let (kind, words) = reply.await?;
    assert!(kind == "not-handled" && words.contains("cannot reach Home Assistant"), "{kind}: {words}");
    let mut home =
        Home::start_with("restarts", Furnishing { port: Some(port), ..Furnishing::default() }).await?;
    let back = now();
    connected(&bridge, back).await.context("at the start")?;
    bridge.ready().await?;
    the_light_obeys(&home).await.context("at the start")?;

    again(&mut home, &bridge, "idle").await?;
    // A run is under way.
    let mut run = Wire::connect(bridge.port).await?;
    run.send(Transcribe { language: Some("en".into()), ..Transcribe::default() }).await?;
    run.send(AudioStart { format: AudioFormat::SPEECH, timestamp: None }).await?;
    let said = speech(VOICES[0], "Turn on the kitchen light.")?;
    run.send(chunk(&said[..said.len() / 2])).await?;
    home.assistant().kill()?;
    run.send(chunk(&said[said.len() / 2..])).await?;
    run.send(chunk(&helix_tests::sound::silence(Duration::from_secs(2)))).await?;
    let Event::Transcript(transcript) = run.answer().await? else { anyhow::bail!("no transcript") };
    let (_, words) = wire::handle(bridge.port, &transcript.text, "en", None).await?;
    assert!(words.contains("Home Assistant"), "a reply without a home: {words}");
    start_again(&mut home, &bridge, "in mid-run").await?;
    bridge.stop().await
}

async fn again(home: &mut Home, bridge: &Bridge, when: &str) -> Result<()> {
    home.assistant().stop()?;
    start_again(home, bridge, when).await
}

async fn start_again(home: &mut Home, bridge: &Bridge, when: &str) -> Result<()> {
    home.assistant().start_again()?;
    let back = now();
    home.reconnect().await?;
    connected(bridge, back).await.with_context(|| format!("{when}:\n{}", bridge.log()))?;
    let limit = Duration::from_secs(20);
    poll_until("registered", limit, || async { bridge.works().await.then_some(()) }).await?;
    the_light_obeys(home).await.context(when.to_owned())
}

async fn connected(bridge: &Bridge, back: Duration) -> Result<()> {
    poll_until("connected", BACK, || async { bridge.part("home").await.ok()?.0.then_some(()) }).await?;
    println!("connected {} ms after Home Assistant was running", since(back).as_millis());
    Ok(())
}

async fn the_light_obeys(home: &Home) -> Result<()> {
    let entries =
        home.socket().ask(serde_json::json!({"type": "config_entries/get", "domain": "wyoming"})).await?;
    assert_eq!(entries.as_array().context("entries")?.len(), 1, "registered once: {entries}");
    let pipeline = Pipeline::of(home, "Helix").await?;
    let off = pipeline.is_told("turn off the kitchen light").await?;
    assert_eq!(off.response, "action_done", "{off:?}");
    let told = pipeline.plays(&speech(VOICES[0], "Turn on the kitchen light.")?, Pace::Fast).await?;
    assert_eq!(told.response, "action_done", "{told:?}");
    home.wait_for_state("light.kitchen_light", "on").await
}

#[tokio::test(flavor = "multi_thread")]
async fn helix_starts_and_stops_in_plain_words() -> Result<()> {
    let home = Home::start("stops").await?;
    a_second_start_registers_nothing_twice(&home).await?;
    a_signal_in_mid_run_ends_it_cleanly(&home).await?;
    a_port_that_is_taken_is_told(&home).await?;
    a_wrong_token_is_told(&home).await?;
    no_home_at_the_address_is_told().await?;
    a_missing_model_is_told(&home).await
}

async fn a_signal_in_mid_run_ends_it_cleanly(home: &Home) -> Result<()> {
    let mut bridge = Bridge::start(home).await?;
    let children = bridge.children();
    assert!(!children.is_empty(), "there is a speech child");
    let mut run = Wire::connect(bridge.port).await?;
    run.send(Transcribe { language: Some("en".into()), ..Transcribe::default() }).await?;
    run.send(AudioStart { format: AudioFormat::SPEECH, timestamp: None }).await?;
    run.send(chunk(&speech(VOICES[0], "Turn on the kitchen light.")?)).await?;
    let begin = now();
    bridge.signal(Signal::TERM)?;
    // Answered or ended: either way the client does not wait for ever.
    let ended = tokio::time::timeout(STOP_LIMIT, run.next()).await.context("the open run was not ended")?;
    println!("the open run ended {} ms after SIGTERM with {ended:?}", since(begin).as_millis());
    let status = bridge.ended(STOP_LIMIT).await?;
    println!("the bridge ended {} ms after SIGTERM", since(begin).as_millis());
    assert!(status.success(), "{status}:\n{}", bridge.log());
    poll_until("no child is left", Duration::from_secs(2), || async {
        (!children.iter().copied().any(is_alive)).then_some(())
    })
    .await
}

async fn a_second_start_registers_nothing_twice(home: &Home) -> Result<()> {
    let first = Bridge::start(home).await?;
    let port = first.port;
    the_light_obeys(home).await.context("the first start")?;
    let pipeline = home.pipeline("Helix").await?;
    let second = first.start_again(settings(home), port).await?;
    the_light_obeys(home).await.context("the second start")?;
    let moved = second.start_again(settings(home), free_port()?).await?;
    the_light_obeys(home).await.context("at another port")?;
    assert_eq!(home.pipeline("Helix").await?, pipeline, "what a person chose in the pipeline is kept");
    moved.stop().await
}

fn settings(home: &Home) -> Settings {
    Settings::for_home(&home.url(), home.assistant().token())
}

async fn a_port_that_is_taken_is_told(home: &Home) -> Result<()> {
    let taken = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = taken.local_addr()?.port();
    let listen = format!("127.0.0.1:{port}");
    let mut bridge = Bridge::launch(settings(home).with("LISTEN", &listen)).await?;
    let status = bridge.ended(STOP_LIMIT).await?;
    assert!(!status.success());
    assert!(bridge.log().contains(&port.to_string()), "the log names the port:\n{}", bridge.log());
    Ok(())
}

async fn a_wrong_token_is_told(home: &Home) -> Result<()> {
    let bridge = Bridge::launch(Settings::for_home(&home.url(), "wrong")).await?;
    says_about_home(&bridge, "token", "refuses my access token").await
}

async fn no_home_at_the_address_is_told() -> Result<()> {
    let url = format!("http://127.0.0.1:{}", free_port()?);
    let bridge = Bridge::launch(Settings::for_home(&url, "any")).await?;
    says_about_home(&bridge, &url, "cannot reach Home Assistant").await
}

/// The status, and the spoken reply.
async fn says_about_home(bridge: &Bridge, status: &str, spoken: &str) -> Result<()> {
    let limit = Duration::from_secs(10);
    let told = poll_until("the status tells", limit, || async {
        let (works, text) = bridge.part("home").await.ok()?;
        (!works && text.contains(status)).then_some(text)
    });
    told.await.with_context(|| bridge.log())?;
    let (kind, reply) = wire::handle(bridge.port, "turn on the kitchen light", "en", None).await?;
    assert!(kind == "not-handled" && reply.contains(spoken), "{kind}: {reply}");
    Ok(())
}

async fn a_missing_model_is_told(home: &Home) -> Result<()> {
    let bridge = Bridge::launch(settings(home).with("MODEL", "/nowhere/ggml-base.bin")).await?;
    let limit = Duration::from_secs(10);
    let told = poll_until("the status tells", limit, || async {
        let (works, text) = bridge.part("speech").await.ok()?;
        (!works && text.contains("/nowhere/ggml-base.bin")).then_some(text)
    });
    told.await.with_context(|| bridge.log())?;
    let heard = wire::transcript(bridge.port, &speech(VOICES[0], "Turn on the kitchen light.")?).await?;
    let (_, reply) = wire::handle(bridge.port, &heard, "en", None).await?;
    assert!(reply.contains("speech recognition"), "`{heard}` -> {reply}");
    Ok(())
}
