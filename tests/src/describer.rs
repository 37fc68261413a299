//! A Wyoming port that answers `describe` and nothing else, as far as Home Assistant's set-up needs one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use helix::hass::register::{Offer, PROGRAM};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A listening port; it closes when dropped.
#[derive(Debug)]
pub struct Describer {
    /// Where it listens, on loopback.
    pub port: u16,
    info: Arc<Mutex<Value>>,
    _tasks: JoinSet<()>,
}

impl Describer {
    /// Listens on a free port and describes itself as `offer` says.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(offer: &Offer) -> Result<Self> {
        Self::start_at(0, offer).await
    }

    /// Listens on a certain port.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start_at(port: u16, offer: &Offer) -> Result<Self> {
        Self::with(port, info(offer)).await
    }

    /// Listens on a free port as somebody else's text-to-speech.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start_voice(name: &str) -> Result<Self> {
        let tts = program(name, "voices", &["en".to_owned()].into());
        Self::with(
            0,
            json!({"tts": [tts], "asr": [], "handle": [], "intent": [], "wake": [], "mic": [], "snd": []}),
        )
        .await
    }

    async fn with(port: u16, info: Value) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let port = listener.local_addr()?.port();
        let info = Arc::new(Mutex::new(info));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&info)));
        Ok(Self { port, info, _tasks: tasks })
    }

    /// Describes itself otherwise from now on.
    pub fn offer(&self, offer: &Offer) {
        *self.info.lock().unwrap_or_else(PoisonError::into_inner) = info(offer);
    }
}

async fn accept(listener: TcpListener, info: Arc<Mutex<Value>>) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while open.try_join_next().is_some() {}
        let info = info.lock().unwrap_or_else(PoisonError::into_inner).clone();
        open.spawn(describe(stream, info));
    }
}

async fn describe(stream: TcpStream, info: Value) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        if line.contains("\"describe\"") {
            let frame = format!("{}\n", json!({"type": "info", "data": info}));
            if stream.write_all(frame.as_bytes()).await.is_err() {
                return;
            }
        }
        line.clear();
    }
}

fn info(offer: &Offer) -> Value {
    let asr = (!offer.asr_languages.is_empty()).then(|| program(PROGRAM, "models", &offer.asr_languages));
    let tts = offer.voice.then(|| program("helix", "voices", &["en".to_owned()].into()));
    json!({
        "asr": asr.into_iter().collect::<Vec<_>>(), "tts": tts.into_iter().collect::<Vec<_>>(),
        "handle": [program(PROGRAM, "models", &offer.handle_languages)],
        "intent": [], "wake": [], "mic": [], "snd": [],
    })
}

fn program(name: &str, list: &str, languages: &BTreeSet<String>) -> Value {
    let artifact = json!({"name": name, "attribution": {"name": "", "url": ""}, "installed": true,
                          "description": null, "version": null});
    let mut model = artifact.clone();
    model["languages"] = json!(languages);
    let mut program = artifact;
    program[list] = json!([model]);
    program
}
