//! Questions and their answers, undo, and two devices that hear at once: typed into a real Home Assistant's pipeline.

use std::time::Duration;

use anyhow::Result;
use helix_tests::bridge::{Bridge, Settings};
use helix_tests::home::Home;
use helix_tests::pipeline::Pipeline;
use helix_tests::satellite::Satellite;
use helix_tests::sound::{VOICES, speech};
use helix_tests::time::poll_until;
use helix_tests::wire;
use helix_tests::written::is_written;
use serde_json::json;

/// Not in any sentence, log or reply of this test but where it is said.
const PIN: &str = "80614";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_risky_is_asked_and_what_was_done_is_undone() -> Result<()> {
    let home = Home::start("asking").await?;
    let bridge = Bridge::start(&home).await?;
    a_lock_opens_on_yes_and_stays_on_no(&home).await?;
    what_was_unexposed_after_the_question_is_not_touched(&home).await?;
    the_last_act_is_undone_and_a_lock_is_asked_for_again(&home).await?;
    far_too_warm_is_asked(&home).await?;
    one_of_two_of_a_name_is_asked_for(&home).await?;
    the_room_that_was_asked_for_completes_the_command(&home).await?;
    Box::pin(one_sentence_on_two_devices_acts_once(&home, &bridge)).await?;
    bridge.stop().await
}

async fn a_lock_opens_on_yes_and_stays_on_no(home: &Home) -> Result<()> {
    let tablet = Pipeline::of(home, "Helix").await?.from_device("Kitchen Tablet").await?;
    let hall = Pipeline::of(home, "Helix").await?.from_device("Hallway Tablet").await?;
    let mark = home.mark().await?;
    let asked = tablet.is_told("unlock the front door").await?;
    assert!(asked.reply.contains("unlock Front Door?"), "{asked:?}");
    assert_eq!(tablet.is_told("no, thank you").await?.reply, "All right.");
    tablet.is_told("yes").await?;
    tablet.is_told("unlock the front door").await?;
    hall.is_told("yes").await?;
    assert_eq!(home.moves_since(mark).await?, [], "a no, a yes too much, a yes of another device");
    assert_eq!(home.state("lock.front_door").await?, "locked");
    let done = tablet.is_told("yes, please do it").await?;
    assert_eq!(done.response, "action_done", "{done:?}");
    home.wait_for_state("lock.front_door", "unlocked").await
}

async fn what_was_unexposed_after_the_question_is_not_touched(home: &Home) -> Result<()> {
    let tablet = Pipeline::of(home, "Helix").await?.from_device("Kitchen Tablet").await?;
    tablet.is_told("unlock the back door").await?;
    home.hides("lock.back_door").await?;
    let mark = home.mark().await?;
    let told = tablet.is_told("yes").await?;
    assert_eq!(told.response, "error", "{told:?}");
    assert_eq!(home.moves_since(mark).await?, []);
    assert_eq!(home.state("lock.back_door").await?, "locked");
    home.exposes("lock.back_door").await
}

async fn the_last_act_is_undone_and_a_lock_is_asked_for_again(home: &Home) -> Result<()> {
    let tablet = Pipeline::of(home, "Helix").await?.from_device("Office Tablet").await?;
    let heating = "climate.living_room_heating";
    home.call("climate.set_temperature", json!({"entity_id": heating, "temperature": 19.5})).await?;
    let set_to = |degrees: f64| async move {
        poll_until("the heating is set", Duration::from_secs(5), || async {
            (home.entity(heating).await.ok()?["attributes"]["temperature"] == degrees).then_some(())
        })
        .await
    };
    set_to(19.5).await?;
    tablet.is_told("set the living room heating to 22 degrees").await?;
    set_to(22.0).await?;
    let undone = tablet.is_told("undo that").await?;
    assert!(undone.reply.contains("Living Room Heating"), "{undone:?}");
    set_to(19.5).await?;
    assert!(tablet.is_told("undo that").await?.reply.contains("nothing"), "only once");

    tablet.is_told("lock the side door").await?;
    tablet.is_told("yes").await?;
    home.call("lock.unlock", json!({"entity_id": "lock.side_door"})).await?;
    home.wait_for_state("lock.side_door", "unlocked").await?;
    tablet.is_told("lock the side door").await?;
    tablet.is_told("yes").await?;
    home.wait_for_state("lock.side_door", "locked").await?;
    let asked = tablet.is_told("undo that").await?;
    assert!(asked.reply.contains("unlock Side Door?"), "{asked:?}");
    assert_eq!(home.state("lock.side_door").await?, "locked");
    tablet.is_told("yes").await?;
    home.wait_for_state("lock.side_door", "unlocked").await
}

async fn far_too_warm_is_asked(home: &Home) -> Result<()> {
    let tablet = Pipeline::of(home, "Helix").await?.from_device("Office Tablet").await?;
    let mark = home.mark().await?;
    let asked = tablet.is_told("set the living room heating to 90 degrees").await?;
    assert!(asked.reply.contains("90 degrees?"), "{asked:?}");
    tablet.is_told("never mind").await?;
    assert_eq!(home.moves_since(mark).await?, []);
    Ok(())
}

async fn one_of_two_of_a_name_is_asked_for(home: &Home) -> Result<()> {
    let phone = Pipeline::of(home, "Helix").await?.from_device("Phone").await?;
    let asked = phone.is_told("turn on the night light").await?;
    assert!(asked.reply.contains("Bedroom") && asked.reply.contains("Kids Room"), "{asked:?}");
    let done = phone.is_told("the one in the kids room").await?;
    assert_eq!(done.response, "action_done", "{done:?}");
    home.wait_for_state("light.kids_room_night_light", "on").await?;
    assert_eq!(home.state("light.bedroom_night_light").await?, "off");
    Ok(())
}

async fn the_room_that_was_asked_for_completes_the_command(home: &Home) -> Result<()> {
    let phone = Pipeline::of(home, "Helix").await?.from_device("Phone").await?;
    home.call("light.turn_off", json!({"entity_id": "all"})).await?;
    let mark = home.mark().await?;
    let asked = phone.is_told("turn on the light").await?;
    assert!(asked.reply.contains("Which room"), "{asked:?}");
    assert_eq!(home.moves_since(mark).await?, []);
    let done = phone.is_told("in the bathroom, please").await?;
    assert_eq!(done.response, "action_done", "{done:?}");
    home.wait_for_state("light.bathroom_light", "on").await?;
    assert_eq!(home.state("light.office_light").await?, "off");
    Ok(())
}

async fn one_sentence_on_two_devices_acts_once(home: &Home, bridge: &Bridge) -> Result<()> {
    let mark = home.mark().await?;
    let say =
        |device: &'static str| wire::handle(bridge.port, "turn on the hallway light", "en", Some(device));
    let (one, other) = tokio::join!(say("first-device"), say("second-device"));
    let replies = [one?.1, other?.1];
    assert!(replies.iter().any(|reply| reply.contains("Already on it")), "{replies:?}");
    home.wait_for_state("light.hallway_light", "on").await?;
    let moves = home.moves_since(mark).await?;
    assert_eq!(moves.iter().filter(|call| call.action == "light.turn_on").count(), 1, "{moves:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_opens_a_lock_and_is_written_nowhere() -> Result<()> {
    let home = Home::start("pin").await?;
    let settings = Settings::for_home(&home.url(), home.assistant().token());
    let bridge = Bridge::start_with(settings.with("PIN", PIN).with("LOG_LEVEL", "debug")).await?;
    let kitchen = Pipeline::of(&home, "Helix").await?.from_device("Kitchen Tablet").await?;
    let office = Pipeline::of(&home, "Helix").await?.from_device("Office Tablet").await?;
    let asked = kitchen.is_told("unlock the front door").await?;
    assert!(asked.reply.contains("PIN"), "{asked:?}");
    assert_eq!(kitchen.is_told("yes").await?.response, "error", "a yes is no PIN");
    kitchen.is_told("unlock the front door").await?;
    let done = kitchen.is_told("eight zero six one four").await?;
    assert_eq!(done.response, "action_done", "{done:?}");
    home.wait_for_state("lock.front_door", "unlocked").await?;

    let mark = home.mark().await?;
    kitchen.is_told("unlock the back door").await?;
    office.is_told("unlock the side door").await?;
    // Both at once, and different: the tries of both count together.
    let (one, other) = tokio::join!(kitchen.is_told("11111"), office.is_told("22222"));
    for told in [one?, other?] {
        assert!(told.reply.contains("not right"), "{told:?}");
    }
    let off = kitchen.is_told("33333").await?;
    assert!(off.reply.contains("5 minutes"), "{off:?}");
    let right = office.is_told(PIN).await?;
    assert!(right.reply.contains("minutes"), "the right one does not help either: {right:?}");
    assert_eq!(home.moves_since(mark).await?, []);

    poll_until("the runs are kept", Duration::from_secs(5), || async {
        (bridge.runs().await.ok()?.len() >= 8).then_some(())
    })
    .await?;
    let written = bridge.log() + &format!("{:?}", bridge.runs().await?);
    for secret in [PIN, "eight zero six one four", "33333"] {
        assert!(!is_written(secret, &written), "{secret} was written");
    }
    bridge.stop().await
}

/// As the speech model of the tests knows it, and as no log tells a number.
const SPOKEN: (&str, &str) = ("My pin is zero zero nine three.", "0093");

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_is_spoken_opens_a_lock_and_home_assistant_receives_a_mask() -> Result<()> {
    let home = Home::start("spoken-pin").await?;
    let settings = Settings::for_home(&home.url(), home.assistant().token());
    let bridge = Bridge::start_with(settings.with("PIN", SPOKEN.1).with("LOG_LEVEL", "debug")).await?;
    let kitchen = Satellite::join(&home, "Kitchen", "Helix").await?;
    let mark = home.mark().await?;
    let asked = kitchen.says(&speech(VOICES[0], "Unlock the front door.")?).await?;
    assert!(asked.reply.as_deref().is_some_and(|reply| reply.contains("PIN")), "{asked:?}");
    assert_eq!(home.moves_since(mark).await?, []);
    let told = kitchen.says(&speech(VOICES[0], SPOKEN.0)?).await?;
    home.wait_for_state("lock.front_door", "unlocked").await?;
    assert!(told.transcript.as_deref().is_some_and(|heard| heard.starts_with("••••")), "{told:?}");

    let calls = home.calls_since(mark).await?;
    let received = format!("{told:?} {calls:?}");
    let written = bridge.log() + &format!("{:?}", bridge.runs().await?);
    let database = |ending: &str| std::fs::read(bridge.data_dir().join(format!("helix.db{ending}")));
    let kept = [database("")?, database("-wal").unwrap_or_default()].concat();
    for text in [received, written, String::from_utf8_lossy(&kept).into_owned()] {
        let text = text.to_lowercase();
        assert!(!text.contains("zero zero nine three"), "the words of the PIN: {text}");
        assert!(!is_written(SPOKEN.1, &text), "the digits of the PIN: {text}");
    }
    bridge.stop().await
}
