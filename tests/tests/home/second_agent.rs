//! The second agent in a real Home Assistant: registered and removed, asked through Home Assistant's `ollama`.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use helix::control::{self, Answer as Reply, Ask};
use helix_tests::bed::free_port;
use helix_tests::bridge::{Bridge, Settings};
use helix_tests::connected::http;
use helix_tests::home::Home;
use helix_tests::pipeline::Pipeline;
use helix_tests::time::poll_until;
use helix_tests::written::is_written;
use serde_json::{Value, json};

const PIPELINE: &str = "Helix (streaming)";
/// Not in any log of this test.
const PIN: &str = "80614";

/// What Home Assistant makes of an answer.
#[derive(Debug)]
struct Answer {
    text: String,
    /// Whether a satellite would listen on.
    listens_on: bool,
    conversation: String,
}

/// Asks the agent of the pipeline through Home Assistant, as a person who types.
async fn ask(home: &Home, text: &str, conversation: Option<&str>) -> Result<Answer> {
    let agent = home.pipelines(PIPELINE).await?;
    let agent = agent.first().context("a pipeline")?["conversation_engine"].clone();
    let request = json!({"type": "conversation/process", "text": text, "language": "en",
                         "agent_id": agent, "conversation_id": conversation});
    let answer = home.socket().ask(request).await?;
    let text_of = |value: &Value| Some(value.as_str()?.to_owned());
    Ok(Answer {
        text: text_of(&answer["response"]["speech"]["plain"]["speech"]).context("speech")?,
        listens_on: answer["continue_conversation"].as_bool().context("continue_conversation")?,
        conversation: text_of(&answer["conversation_id"]).context("a conversation")?,
    })
}

/// All that registration could have touched, without times.
async fn registered(home: &Home) -> Result<Value> {
    let mut entries = home.socket().ask(json!({"type": "config_entries/get"})).await?;
    for entry in entries.as_array_mut().into_iter().flatten() {
        entry.as_object_mut().into_iter().for_each(|entry| drop(entry.remove("reason")));
    }
    let pipelines = home.socket().ask(json!({"type": "assist_pipeline/pipeline/list"})).await?;
    Ok(json!({"entries": entries, "pipelines": pipelines}))
}

async fn entries(home: &Home) -> Result<Vec<Value>> {
    let list = home.socket().ask(json!({"type": "config_entries/get", "domain": "ollama"})).await?;
    Ok(list.as_array().context("entries")?.clone())
}

fn settings(home: &Home, port: u16) -> Settings {
    let settings = Settings::for_home(&home.url(), home.assistant().token());
    settings.with("SECOND_AGENT", "true").with("SECOND_AGENT_LISTEN", &format!("127.0.0.1:{port}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_registered_once_does_what_the_first_one_does_and_goes_when_switched_off() -> Result<()> {
    let home = Home::start("second-agent").await?;
    let bridge = Bridge::start(&home).await?;
    let without = registered(&home).await?;
    assert!(entries(&home).await?.is_empty(), "off unless switched on");

    let (wyoming, port) = (bridge.port, free_port()?);
    let on = settings(&home, port);
    let bridge = bridge.start_again(on.clone(), wyoming).await?;
    it_has_an_entry_and_a_pipeline_and_no_secret_is_shown(&home, &bridge, port).await?;
    a_command_is_done_and_a_sentence_that_negates_moves_nothing(&home).await?;
    a_lock_is_asked_for_and_opens_on_yes_in_the_same_conversation(&home).await?;
    a_device_is_known_and_words_are_streamed(&home).await?;
    Box::pin(nobody_without_the_secret_is_answered(port, &bridge)).await?;

    let before = registered(&home).await?;
    let bridge = bridge.start_again(on.clone(), wyoming).await?;
    assert_eq!(registered(&home).await?, before, "registering twice changes nothing");
    std::fs::remove_file(bridge.data_dir().join("registration.json"))?;
    let bridge = bridge.start_again(on.clone(), wyoming).await?;
    assert_eq!(entries(&home).await?.len(), 1, "what is ours is found without the record");
    assert_eq!(home.pipelines(PIPELINE).await?.len(), 1);
    std::fs::remove_file(bridge.data_dir().join("agent.secret"))?;
    let bridge = bridge.start_again(on, wyoming).await?;
    assert_eq!(entries(&home).await?.len(), 1, "another secret, another entry in the place of the old one");
    assert!(!ask(&home, "what time is it", None).await?.text.is_empty());

    let off = Settings::for_home(&home.url(), home.assistant().token());
    let bridge = bridge.start_again(off, wyoming).await?;
    poll_until("it is gone", Duration::from_secs(10), || async {
        entries(&home).await.ok()?.is_empty().then_some(())
    })
    .await?;
    assert_eq!(registered(&home).await?, without);
    bridge.stop().await
}

async fn it_has_an_entry_and_a_pipeline_and_no_secret_is_shown(
    home: &Home,
    bridge: &Bridge,
    port: u16,
) -> Result<()> {
    let own = entries(home).await?;
    assert_eq!(own.len(), 1);
    assert_eq!(
        (&own[0]["title"], &own[0]["state"]),
        (&json!(format!("Helix (127.0.0.1:{port})")), &json!("loaded"))
    );
    let (streaming, plain) = (home.pipelines(PIPELINE).await?, home.pipelines("Helix").await?);
    assert_eq!((streaming.len(), plain.len()), (1, 1));
    for key in ["stt_engine", "tts_engine", "language"] {
        assert_eq!(streaming[0][key], plain[0][key], "{key}");
    }
    assert_eq!(plain[0]["conversation_engine"], "conversation.helix", "the default stays the default");
    let (works, text) = bridge.part("second agent").await?;
    assert!(works && text.contains(&port.to_string()), "{text}");
    let secret = secret(bridge)?;
    let shown = registered(home).await?.to_string() + &bridge.log() + &text;
    assert!(!shown.contains(&secret), "the secret is shown");
    Ok(())
}

fn secret(bridge: &Bridge) -> Result<String> {
    Ok(std::fs::read_to_string(bridge.data_dir().join("agent.secret"))?)
}

async fn a_command_is_done_and_a_sentence_that_negates_moves_nothing(home: &Home) -> Result<()> {
    let done = ask(home, "turn on the kitchen light", None).await?;
    assert!(!done.listens_on, "{done:?}");
    home.wait_for_state("light.kitchen_light", "on").await?;
    let mark = home.mark().await?;
    for sentence in ["please don't unlock the front door", "did you turn off the kitchen light?"] {
        let left = ask(home, sentence, None).await?;
        assert!(!left.listens_on, "{left:?}");
    }
    assert_eq!(home.moves_since(mark).await?, []);
    let undone = ask(home, "undo that", Some(&done.conversation)).await?;
    assert!(undone.text.contains("Kitchen Light"), "{undone:?}");
    home.wait_for_state("light.kitchen_light", "off").await
}

async fn a_lock_is_asked_for_and_opens_on_yes_in_the_same_conversation(home: &Home) -> Result<()> {
    let mark = home.mark().await?;
    let front = ask(home, "unlock the front door", None).await?;
    let back = ask(home, "unlock the back door", None).await?;
    for (asked, name) in [(&front, "Front Door"), (&back, "Back Door")] {
        assert!(asked.listens_on && asked.text.contains(name), "{asked:?}");
    }
    let stranger = ask(home, "yes", None).await?;
    assert!(!stranger.listens_on, "{stranger:?}");
    assert_eq!(home.moves_since(mark).await?, [], "a yes of another conversation");
    let left = ask(home, "no", Some(&back.conversation)).await?;
    assert_eq!(left.text, "All right.");
    let done = ask(home, "yes", Some(&front.conversation)).await?;
    assert!(!done.listens_on, "{done:?}");
    home.wait_for_state("lock.front_door", "unlocked").await?;
    assert_eq!(home.state("lock.back_door").await?, "locked");
    let again = ask(home, "yes", Some(&back.conversation)).await?;
    assert!(again.text.contains("did not ask"), "{again:?}");
    assert_eq!(home.state("lock.back_door").await?, "locked");
    Ok(())
}

async fn a_device_is_known_and_words_are_streamed(home: &Home) -> Result<()> {
    let pipeline = Pipeline::of(home, PIPELINE).await?;
    let (tablet, hall) =
        (pipeline.from_device("Kitchen Tablet").await?, pipeline.from_device("Hallway Tablet").await?);
    let mark = home.mark().await?;
    let told = tablet.is_told("turn on the lights").await?;
    told.at("intent-progress")?;
    home.wait_for_state("light.kitchen_light", "on").await?;
    let moves = home.moves_since(mark).await?;
    assert!(!format!("{moves:?}").contains("hallway_light"), "the room of the device alone: {moves:?}");
    tablet.is_told("unlock the side door").await?;
    hall.is_told("yes").await?;
    assert_eq!(home.state("lock.side_door").await?, "locked", "a yes at another device");
    tablet.is_told("yes").await?;
    home.wait_for_state("lock.side_door", "unlocked").await
}

async fn nobody_without_the_secret_is_answered(port: u16, bridge: &Bridge) -> Result<()> {
    let base = format!("http://{}:{port}", Ipv4Addr::LOCALHOST);
    let secret = secret(bridge)?;
    for (path, status) in [
        (format!("/{secret}/api/tags"), 200),
        ("/api/tags".to_owned(), 404),
        (format!("/{}/api/tags", "0".repeat(secret.len())), 404),
    ] {
        assert_eq!(http().get(format!("{base}{path}")).send().await?.status(), status);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_is_asked_for_with_an_open_microphone_and_logged_nowhere() -> Result<()> {
    let home = Home::start("second-agent-pin").await?;
    let on = settings(&home, free_port()?).with("PIN", PIN).with("LOG_LEVEL", "debug");
    let bridge = Bridge::start_with(on).await?;
    let asked = ask(&home, "unlock the front door", None).await?;
    assert!(asked.listens_on && asked.text.contains("PIN"), "{asked:?}");
    let wrong = ask(&home, "one two three four five", Some(&asked.conversation)).await?;
    assert!(wrong.listens_on && wrong.text.contains("not right"), "{wrong:?}");
    let right = ask(&home, "eight zero six one four", Some(&asked.conversation)).await?;
    assert!(!right.listens_on, "{right:?}");
    home.wait_for_state("lock.front_door", "unlocked").await?;
    let written = bridge.log() + &format!("{:?}", bridge.runs().await?) + &home.assistant().log()?;
    for secret in [PIN, "eight zero six one four", "one two three four five", &secret(&bridge)?] {
        assert!(!is_written(secret, &written), "{secret} was written");
    }

    let Reply::Done(removed) = control::ask(bridge.data_dir(), &Ask::Unregister).await? else {
        anyhow::bail!("it cannot be unregistered")
    };
    assert!(removed.iter().any(|what| what.contains("second agent")), "{removed:?}");
    assert!(entries(&home).await?.is_empty() && home.pipelines(PIPELINE).await?.is_empty());
    bridge.stop().await
}
