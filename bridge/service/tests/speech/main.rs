//! The two engines behind one name: the supervised child, and a Wyoming server of somebody else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use helix::clock::SystemClock;
use helix::speech::{Engine, EngineConfig, read_wav};
use helix_core::transcribe::{DecodeRequest, Priority, RecognizeError};
use helix_core::{Clock, Language, Recognizer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const SENTENCE: &str = "Make it warmer in the kitchen.";

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn bed(command: &str, arguments: &[&str]) {
    let done = Command::new(repository().join("tests/bed").join(command)).args(arguments).status();
    assert!(done.expect("the test bed runs").success(), "{command} {arguments:?}");
}

fn said() -> Arc<[i16]> {
    let name = format!("helix-engine-{}-{:?}.wav", std::process::id(), std::thread::current().id());
    let file = std::env::temp_dir().join(name.replace(['(', ')'], "-"));
    bed("speech", &["speak", "flite:slt", SENTENCE, file.to_str().expect("a plain path")]);
    let samples = read_wav(&file).expect("a recording");
    std::fs::remove_file(file).expect("it was just read");
    samples.into()
}

fn child(model: PathBuf) -> EngineConfig {
    let cache = std::env::var_os("HELIX_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache/helix"),
        PathBuf::from,
    );
    let stt_dir = std::env::var_os("HELIX_STT_DIR").map_or_else(|| cache.join("bin"), PathBuf::from);
    assert!(stt_dir.exists(), "helix-stt is not in {}: build it with `bridge/stt/build`", stt_dir.display());
    EngineConfig::Child { model_path: model, threads: Some(1), stt_dir: Some(stt_dir) }
}

fn model() -> PathBuf {
    repository().join("tests/models/whisper-home-test-en/ggml-home-test.en.bin")
}

fn external(port: u16) -> Engine {
    Engine::start(EngineConfig::External { host: "127.0.0.1".into(), port }, SystemClock::start())
}

async fn hear(engine: &Engine, samples: Arc<[i16]>) -> Result<String, RecognizeError> {
    let request = DecodeRequest { samples, language: Language::english(), priority: Priority::Final };
    Ok(engine.transcribe(request).await?.text.into_inner())
}

#[tokio::test]
async fn the_child_transcribes_and_ends_with_its_engine() {
    let engine = Engine::start(child(model()), SystemClock::start());
    engine.ready().await.expect("the model loads");
    assert!(engine.describe().expect("it works").contains("ggml-home-test.en"));
    assert_eq!(hear(&engine, said()).await.as_deref(), Ok(SENTENCE));
    engine.stop().await;
    let heard = hear(&engine, said()).await;
    assert!(matches!(heard, Err(RecognizeError::Unavailable(_))), "{heard:?}");
}

#[tokio::test]
async fn a_child_without_a_model_says_what_to_do() {
    let engine = Engine::start(child("/nowhere/model.bin".into()), SystemClock::start());
    let error = engine.ready().await.expect_err("there is no model");
    assert!(error.to_string().contains("helix model pull"), "{error}");
    assert!(engine.describe().expect_err("it does not work").contains("/nowhere/model.bin"));
    engine.stop().await;
}

/// Stops the server at the end of the test, however it ends.
struct Peer(String);

impl Drop for Peer {
    fn drop(&mut self) {
        bed("wyoming-peer", &["stop", &self.0]);
    }
}

#[tokio::test]
async fn a_wyoming_server_of_somebody_else_transcribes() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    let peer = Peer(port.to_string());
    bed("wyoming-peer", &["start", "test", &peer.0]);
    let engine = external(port);
    engine.ready().await.expect("it answers");
    assert_eq!(hear(&engine, said()).await.as_deref(), Ok(SENTENCE));
    assert_eq!(hear(&engine, vec![0; 16_000].into()).await.as_deref(), Ok(""));
}

/// A server that answers every connection with these bytes once something was sent, then closes it.
async fn answering(bytes: &'static [u8]) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = vec![0; 65_536];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
            while stream.read(&mut asked).await.is_ok_and(|len| len > 0) {}
        }
    });
    (port, serving)
}

#[tokio::test]
async fn a_server_that_talks_nonsense_or_hangs_up_is_an_error_in_time() {
    let clock = SystemClock::start();
    for bytes in [b"".as_slice(), b"HTTP/1.1 400 Bad Request\r\n\r\n", b"{\"type\":\"transcript\"}\n"] {
        let (port, _serving) = answering(bytes).await;
        assert_eq!(hear(&external(port), vec![0; 16_000].into()).await, Err(RecognizeError::Died));
        assert!(external(port).ready().await.is_err());
    }
    assert!(clock.now() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    let error = hear(&external(port), vec![0; 16_000].into()).await.expect_err("nobody listens");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    assert!(!error.to_string().is_empty() && error.code() == "stt-engine-unavailable");
}

#[tokio::test]
async fn a_server_without_speech_to_text_is_refused() {
    let (port, _serving) = answering(b"{\"type\":\"info\",\"data\":{\"asr\":[]}}\n").await;
    let error = external(port).ready().await.expect_err("it offers nothing");
    assert!(error.to_string().contains("no speech to text"), "{error}");
}
