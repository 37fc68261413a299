//! Several requests for one child: which goes first, which gives way, which is refused.

mod support;

use std::sync::Arc;
use std::time::Duration;

use helix_core::transcribe::{Priority, RecognizeError, Recognizer, Transcript};
use helix_speech::supervisor::{Config, QueueConfig};
use support::{Engine, VOICES, config, noise, request, speak};
use tokio::task::JoinSet;

const SENTENCE: &str = "Make it warmer in the kitchen.";

/// Noise that takes the test model about half a second in the whole window.
fn long() -> Arc<[i16]> {
    noise(30 * 16_000, 3_000, 1)
}

type Heard = (&'static str, Result<Transcript, RecognizeError>);

fn ask(
    asked: &mut JoinSet<Heard>,
    engine: &Engine,
    name: &'static str,
    samples: &Arc<[i16]>,
    priority: Priority,
) {
    let (whisper, request) = (engine.whisper.clone(), request(samples, priority));
    asked.spawn(async move { (name, whisper.transcribe(request).await) });
}

async fn begun(engine: &Engine, decodes: u64) {
    engine.when(|whisper| whisper.counts().begun() == decodes).await;
}

async fn waiting(engine: &Engine, requests: usize) {
    engine.when(|whisper| whisper.waiting_len() == requests).await;
}

#[tokio::test]
async fn a_final_request_stops_a_speculative_one_which_is_decoded_later() {
    let engine = Engine::ready(config()).await;
    let spoken = speak(VOICES[0], SENTENCE);
    let mut asked = JoinSet::new();
    ask(&mut asked, &engine, "speculative", &long(), Priority::Speculative);
    begun(&engine, 1).await;
    ask(&mut asked, &engine, "final", &spoken, Priority::Final);
    let (first, heard) = asked.join_next().await.expect("two requests").expect("no panic");
    assert_eq!(first, "final");
    assert_eq!(heard.expect("transcribed").text.expose(), SENTENCE);
    assert_eq!(engine.whisper.counts().preempted(), 1);
    let (_, heard) = asked.join_next().await.expect("one request").expect("no panic");
    assert_eq!(heard.expect("transcribed").text.expose(), "");
    engine.stop().await;
}

#[tokio::test]
async fn final_requests_go_before_speculative_ones_that_came_earlier() {
    let engine = Engine::ready(config()).await;
    let spoken = speak(VOICES[0], SENTENCE);
    let mut asked = JoinSet::new();
    ask(&mut asked, &engine, "running", &long(), Priority::Final);
    begun(&engine, 1).await;
    ask(&mut asked, &engine, "speculative", &spoken, Priority::Speculative);
    waiting(&engine, 1).await;
    ask(&mut asked, &engine, "final", &spoken, Priority::Final);
    let mut order = Vec::new();
    while let Some(heard) = asked.join_next().await {
        order.push(heard.expect("no panic").0);
    }
    assert_eq!(order, ["running", "final", "speculative"]);
    engine.stop().await;
}

#[tokio::test]
async fn a_request_that_is_dropped_frees_the_engine_at_once() {
    let engine = Engine::ready(config()).await;
    let spoken = speak(VOICES[0], SENTENCE);
    let mut asked = JoinSet::new();
    for index in 0..5 {
        ask(&mut asked, &engine, "dropped", &long(), Priority::Final);
        begun(&engine, 1 + index).await;
        asked.abort_all();
    }
    assert_eq!(engine.hear(&spoken).await.as_deref(), Ok(SENTENCE));
    // One may come to its end before it is stopped.
    assert!(engine.whisper.counts().unwanted() >= 3, "{}", engine.whisper.counts().unwanted());
    assert_eq!(engine.whisper.counts().deaths(), 0);
    engine.stop().await;
}

#[tokio::test]
async fn a_full_queue_is_busy_and_a_final_request_takes_a_speculative_place() {
    let queue = QueueConfig { capacity: 2, failfast_timeout: Duration::from_millis(50) };
    let engine = Engine::ready(Config { queue, ..config() }).await;
    let spoken = speak(VOICES[0], SENTENCE);
    let mut asked = JoinSet::new();
    ask(&mut asked, &engine, "running", &long(), Priority::Final);
    begun(&engine, 1).await;
    for (index, name) in [(1, "first"), (2, "second")] {
        ask(&mut asked, &engine, name, &spoken, Priority::Speculative);
        waiting(&engine, index).await;
    }
    let refused = engine.whisper.transcribe(request(&spoken, Priority::Speculative)).await;
    assert_eq!(refused, Err(RecognizeError::Busy));
    for (index, name) in [(2, "third"), (3, "fourth")] {
        ask(&mut asked, &engine, name, &long(), Priority::Final);
        engine.when(|whisper| whisper.counts().busy() == index).await;
    }
    let refused = engine.whisper.transcribe(request(&spoken, Priority::Final)).await;
    assert_eq!(refused, Err(RecognizeError::Busy), "both places are taken by final requests");
    let mut busy = Vec::new();
    while let Some(heard) = asked.join_next().await {
        match heard.expect("no panic") {
            (name, Err(RecognizeError::Busy)) => busy.push(name),
            (name, other) => assert!(other.is_ok(), "{name}: {other:?}"),
        }
    }
    busy.sort_unstable();
    assert_eq!(busy, ["first", "second"], "those that were displaced");
    assert_eq!(engine.whisper.counts().busy(), 4);
    engine.stop().await;
}

#[tokio::test]
async fn a_request_while_the_model_loads_waits_a_little() {
    let engine = Engine::start(config());
    assert_eq!(engine.hear(&speak(VOICES[0], SENTENCE)).await.as_deref(), Ok(SENTENCE));
    engine.stop().await;
    let queue = QueueConfig { failfast_timeout: Duration::ZERO, ..QueueConfig::default() };
    let engine = Engine::start(Config { queue, ..config() });
    assert_eq!(engine.hear(&noise(16_000, 300, 1)).await, Err(RecognizeError::Loading));
    engine.stop().await;
}
