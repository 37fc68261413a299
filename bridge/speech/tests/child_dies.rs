//! The child is killed, stopped and starved; whoever asked gets an answer, and the next request is served.

mod support;

use std::time::Duration;

use helix_core::Clock;
use helix_core::transcribe::{Priority, RecognizeError, Recognizer};
use helix_speech::supervisor::{Config, Status};
use support::{Engine, MachineClock, VOICES, children, config, model, noise, request, signal, speak};

/// Every test here counts the children of this process.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const NONE: [i32; 0] = [];

const SENTENCE: &str = "Make it warmer in the kitchen.";

#[tokio::test]
async fn a_final_decode_survives_fifty_kills() {
    let _alone = ALONE.lock().await;
    // A busy machine may start a child late; that the limit holds is another test.
    let engine = Engine::ready(Config { retry_within: Duration::from_secs(20), ..config() }).await;
    let spoken = speak(VOICES[0], SENTENCE);
    for kill in 0..50 {
        let [child] = children()[..] else { panic!("one child: {:?}", children()) };
        let (heard, ()) = tokio::join!(engine.hear(&spoken), async {
            // At another point of the decode each time: 0 to 25 ms of about 30.
            tokio::time::sleep(Duration::from_micros(500 * kill)).await;
            signal("KILL", child);
        });
        assert_eq!(heard.as_deref(), Ok(SENTENCE), "kill {kill}");
        engine.when(|whisper| whisper.counts().deaths() > kill).await;
        engine.until_ready().await;
    }
    assert_eq!(children().len(), 1);
    engine.stop().await;
    assert_eq!(children(), NONE);
}

#[tokio::test]
async fn a_final_decode_is_given_up_if_no_other_child_is_ready_in_time() {
    let _alone = ALONE.lock().await;
    let engine = Engine::ready(Config { retry_within: Duration::from_millis(1), ..config() }).await;
    let samples = noise(30 * 16_000, 3_000, 1);
    let (heard, ()) = tokio::join!(engine.hear(&samples), async {
        engine.when(|whisper| whisper.counts().begun() == 1).await;
        signal("KILL", children()[0]);
    });
    assert_eq!(heard, Err(RecognizeError::Died));
    engine.until_ready().await;
    assert_eq!(engine.hear(&speak(VOICES[0], SENTENCE)).await.as_deref(), Ok(SENTENCE));
    engine.stop().await;
}

#[tokio::test]
async fn samples_that_kill_every_child_are_tried_twice_and_no_more() {
    let _alone = ALONE.lock().await;
    let engine = Engine::ready(Config { retry_within: Duration::from_secs(20), ..config() }).await;
    let samples = noise(30 * 16_000, 3_000, 1);
    let (heard, ()) = tokio::join!(engine.hear(&samples), async {
        for decode in 1..=2 {
            engine.when(|whisper| whisper.counts().begun() == decode && children().len() == 1).await;
            signal("KILL", children()[0]);
        }
    });
    assert_eq!(heard, Err(RecognizeError::Died));
    assert_eq!(engine.whisper.counts().begun(), 2);
    engine.stop().await;
}

#[tokio::test]
async fn a_speculative_decode_whose_child_dies_says_so() {
    let _alone = ALONE.lock().await;
    let engine = Engine::ready(config()).await;
    let samples = noise(30 * 16_000, 3_000, 1);
    let (heard, ()) =
        tokio::join!(engine.whisper.transcribe(request(&samples, Priority::Speculative)), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            signal("KILL", children()[0]);
        });
    assert_eq!(heard, Err(RecognizeError::Died));
    engine.stop().await;
}

#[tokio::test]
async fn a_child_that_hangs_is_replaced_and_the_caller_hears_of_it() {
    let _alone = ALONE.lock().await;
    let engine = Engine::ready(Config { decode_timeout: Duration::from_millis(500), ..config() }).await;
    let spoken = speak(VOICES[0], SENTENCE);
    let [child] = children()[..] else { panic!("one child") };
    signal("STOP", child);
    assert_eq!(engine.hear(&spoken).await, Err(RecognizeError::Timeout));
    assert_eq!(engine.whisper.counts().hangs(), 1);
    assert_eq!(engine.hear(&spoken).await.as_deref(), Ok(SENTENCE));
    assert_ne!(children(), [child]);
    engine.stop().await;
}

#[tokio::test]
async fn no_child_outlives_its_supervisor() {
    let _alone = ALONE.lock().await;
    let engine = Engine::ready(config()).await;
    assert_eq!(children().len(), 1);
    engine.stop().await;
    assert_eq!(children(), NONE, "after a shutdown");
    let engine = Engine::ready(config()).await;
    let samples = noise(30 * 16_000, 3_000, 2);
    let whisper = engine.whisper.clone();
    let mut hearing = tokio::task::JoinSet::new();
    hearing.spawn(async move { whisper.transcribe(request(&samples, Priority::Final)).await });
    engine.when(|whisper| whisper.counts().begun() == 1).await;
    engine.stop().await;
    assert_eq!(children(), NONE, "after a shutdown in mid-decode");
    let heard = hearing.join_next().await.expect("one request").expect("no panic");
    assert!(matches!(heard, Err(RecognizeError::Unavailable(_))), "{heard:?}");
    let engine = Engine::ready(config()).await;
    let whisper = engine.whisper.clone();
    drop(engine);
    let heard = whisper.transcribe(request(&noise(16_000, 300, 1), Priority::Final)).await;
    assert!(matches!(heard, Err(RecognizeError::Unavailable(_))), "{heard:?}");
    let clock = MachineClock::start();
    while !children().is_empty() {
        assert!(clock.now() < Duration::from_secs(5), "killed when dropped");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_request_after_the_end_is_refused_at_once() {
    let _alone = ALONE.lock().await;
    let engine = Engine::ready(config()).await;
    let whisper = engine.whisper.clone();
    engine.stop().await;
    let clock = MachineClock::start();
    let heard = whisper.transcribe(request(&noise(16_000, 300, 1), Priority::Final)).await;
    assert!(matches!(heard, Err(RecognizeError::Unavailable(_))), "{heard:?}");
    assert!(clock.now() < Duration::from_secs(1));
}

#[tokio::test]
async fn an_old_child_is_replaced_while_nobody_speaks() {
    let _alone = ALONE.lock().await;
    let engine =
        Engine::ready(Config { recycle_after: 2, idle_before_recycling: Duration::ZERO, ..config() }).await;
    let spoken = speak(VOICES[0], SENTENCE);
    let before = children();
    assert_eq!(engine.hear(&spoken).await.as_deref(), Ok(SENTENCE));
    assert_eq!(children(), before);
    assert_eq!(engine.hear(&spoken).await.as_deref(), Ok(SENTENCE));
    engine.when(|_| !children().is_empty() && children() != before).await;
    assert_eq!(engine.hear(&spoken).await.as_deref(), Ok(SENTENCE));
    assert_eq!(engine.whisper.counts().deaths(), 0);
    engine.stop().await;
}

#[tokio::test]
#[cfg(target_arch = "x86_64")]
async fn a_build_that_this_processor_cannot_run_gives_way_to_the_next_one() {
    use std::os::unix::fs::PermissionsExt;
    let _alone = ALONE.lock().await;
    let folder = support::folder("builds");
    // SIGILL, as an instruction that the processor lacks causes it.
    for (name, script) in [("helix-stt-avx2", "#!/bin/sh\nkill -ILL $$\n"), ("helix-stt-sse42", "no program")]
    {
        std::fs::write(folder.join(name), script).expect("the file is written");
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).expect("ours");
    }
    std::fs::copy(support::stt_binary(), folder.join("helix-stt-baseline")).expect("the child is copied");
    let engine = Engine::ready(Config { stt_dir: Some(folder.clone()), ..config() }).await;
    assert_eq!(engine.hear(&speak(VOICES[0], SENTENCE)).await.as_deref(), Ok(SENTENCE));
    engine.stop().await;
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}

#[tokio::test]
async fn a_missing_model_is_named_and_found_once_it_is_there() {
    let _alone = ALONE.lock().await;
    let folder = support::folder("missing-model");
    let path = folder.join("model.bin");
    let engine = Engine::start(Config { model_path: path.clone(), ..config() });
    let Status::Failed(failure) = engine.until(|status| !matches!(status, Status::Loading)).await else {
        panic!("there is no model")
    };
    assert!(
        failure.why.contains("model.bin") && failure.what_to_do.contains("helix model pull"),
        "{failure:?}"
    );
    let refused = engine.hear(&noise(16_000, 300, 1)).await;
    assert!(
        matches!(&refused, Err(RecognizeError::Unavailable(text)) if text.contains("model.bin")),
        "{refused:?}"
    );
    std::fs::copy(model(), &path).expect("the model is copied");
    engine.until(|status| matches!(status, Status::Ready(_))).await;
    assert_eq!(engine.hear(&speak(VOICES[0], SENTENCE)).await.as_deref(), Ok(SENTENCE));
    engine.stop().await;
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}

#[tokio::test]
async fn models_that_are_cut_off_or_of_another_format_are_told_apart() {
    let _alone = ALONE.lock().await;
    let folder = support::folder("bad-models");
    let whole = std::fs::read(model()).expect("the model");
    let cases: [(&str, &[u8], &str); 5] = [
        ("empty.bin", b"", "incomplete"),
        ("half.bin", &whole[..whole.len() / 2], "incomplete"),
        ("nearly.bin", &whole[..whole.len() - 1], "incomplete"),
        ("llama.gguf", b"GGUF\x03\0\0\0", "GGUF"),
        ("page.bin", b"<!DOCTYPE html><html>Log in</html>", "web page"),
    ];
    for (name, content, word) in cases {
        let path = folder.join(name);
        std::fs::write(&path, content).expect("the file is written");
        let engine = Engine::start(Config { model_path: path, ..config() });
        let Status::Failed(failure) = engine.until(|status| !matches!(status, Status::Loading)).await else {
            panic!("{name} is no model")
        };
        assert!(failure.why.contains(word) && failure.why.contains(name), "{name}: {failure:?}");
        assert!(failure.what_to_do.contains("helix model pull"), "{name}: {failure:?}");
        engine.stop().await;
    }
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}
