//! The end of speech as a speaker notices it.

mod fakes;

use std::time::Duration;

use fakes::{FakeHome, LoudIsSpeech, PausedClock, Reader, Script};
use helix_core::Language;
use helix_core::home::{Caller, HomeError};
use helix_core::listen::{Ears, EndReason, Heard, Patience, listen};
use helix_core::transcribe::{Priority, RecognizeError};

const SPEECH: bool = true;
const PAUSE: bool = false;

async fn hear(mut audio: Script, reader: &Reader, home: &FakeHome) -> Result<Heard, RecognizeError> {
    let (clock, language, caller) = (PausedClock::start(), Language::english(), Caller::default());
    let ears = Ears {
        recognizer: reader,
        home,
        clock: &clock,
        patience: Patience::normal(),
        language: &language,
        caller: &caller,
        secret: false,
    };
    listen(&mut audio, &mut LoudIsSpeech::default(), &ears).await
}

fn wait_ms(heard: &Heard) -> u128 {
    heard.transcribed.saturating_sub(heard.ended.expect("speech")).as_millis()
}

#[tokio::test(start_paused = true)]
async fn a_complete_command_is_there_a_quarter_second_after_its_last_word() {
    let reader = Reader::new(&["Turn on the kitchen light."]);
    let heard =
        hear(Script::new(&[(300, PAUSE), (1600, SPEECH)]), &reader, &FakeHome::new()).await.expect("heard");
    assert_eq!(
        (heard.text.expose().as_str(), heard.reason),
        ("Turn on the kitchen light.", EndReason::Complete)
    );
    assert!((240..300).contains(&wait_ms(&heard)), "{}", wait_ms(&heard));
}

#[tokio::test(start_paused = true)]
async fn a_pause_inside_a_command_does_not_cut_it() {
    let reader = Reader::new(&["Turn on the", "Turn on the kitchen light."]);
    let audio = Script::new(&[(700, SPEECH), (900, PAUSE), (900, SPEECH)]);
    let heard = hear(audio, &reader, &FakeHome::new()).await.expect("heard");
    assert_eq!(heard.text.expose(), "Turn on the kitchen light.");
}

#[tokio::test(start_paused = true)]
async fn anything_else_waits_for_the_plain_clock() {
    let reader = Reader::new(&["Anna is asleep."]);
    let heard = hear(Script::new(&[(1000, SPEECH)]), &reader, &FakeHome::new()).await.expect("heard");
    assert!((690..760).contains(&wait_ms(&heard)), "{}", wait_ms(&heard));
}

#[tokio::test(start_paused = true)]
async fn a_slow_dry_run_leaves_the_decision_to_the_plain_clock() {
    let home = FakeHome { dry_run_takes: Duration::from_secs(3), ..FakeHome::new() };
    let reader = Reader::new(&["Turn on the kitchen light."]);
    let heard = hear(Script::new(&[(1600, SPEECH)]), &reader, &home).await.expect("heard");
    assert_eq!(heard.reason, EndReason::Silence);
    assert!((690..760).contains(&wait_ms(&heard)), "{}", wait_ms(&heard));
}

#[tokio::test(start_paused = true)]
async fn words_are_heard_while_home_assistant_is_away() {
    let home = FakeHome::down(HomeError::Starting);
    let reader = Reader::new(&["Turn on the kitchen light."]);
    let heard = hear(Script::new(&[(1600, SPEECH)]), &reader, &home).await.expect("heard");
    assert_eq!(heard.text.expose(), "Turn on the kitchen light.");
}

#[tokio::test(start_paused = true)]
async fn silence_and_noise_give_no_words() {
    let reader = Reader::new(&[""]);
    let silence = hear(Script::new(&[]), &reader, &FakeHome::new()).await.expect("heard");
    assert_eq!((silence.reason, silence.text.expose().as_str()), (EndReason::NoSpeech, ""));
    let noise = hear(Script::new(&[(900, SPEECH)]), &reader, &FakeHome::new()).await.expect("heard");
    assert_eq!((noise.reason, noise.text.expose().as_str()), (EndReason::NoSpeech, ""));
}

#[tokio::test(start_paused = true)]
async fn audio_that_stops_in_mid_word_is_decoded_at_once() {
    let reader = Reader::new(&["Turn on the kitchen light."]);
    let heard =
        hear(Script::new(&[(1600, SPEECH)]).closed(), &reader, &FakeHome::new()).await.expect("heard");
    assert_eq!(heard.reason, EndReason::Closed);
    assert_eq!(*reader.asked.lock().expect("no panic"), [Priority::Final]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_speculative_decode_is_made_good_by_a_final_one() {
    let reader = Reader::new(&["Turn on the kitchen light."]);
    reader.fail.lock().expect("no panic").push(RecognizeError::Busy);
    let heard = hear(Script::new(&[(1600, SPEECH)]), &reader, &FakeHome::new()).await.expect("heard");
    assert_eq!(heard.text.expose(), "Turn on the kitchen light.");
    assert_eq!(*reader.asked.lock().expect("no panic"), [Priority::Speculative, Priority::Final]);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_never_answers_ends_the_run_with_an_error() {
    let reader = Reader { takes: Duration::from_hours(1), ..Reader::new(&["x"]) };
    let heard = hear(Script::new(&[(1600, SPEECH)]), &reader, &FakeHome::new()).await;
    assert_eq!(heard.expect_err("no words"), RecognizeError::Timeout);
}
