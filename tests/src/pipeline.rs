//! One run of one of Home Assistant's pipelines, as a browser or a phone would start it.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::home::Home;
use crate::socket::{Events, Socket};
use crate::sound::{self, RATE};
use crate::time::now;

/// After the words silence goes out for at most this time.
const SILENCE: Duration = Duration::from_secs(12);
const RUN_LIMIT: Duration = Duration::from_mins(1);
const PIECE: Duration = Duration::from_millis(20);

/// How fast the sound is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As a microphone gives it.
    RealTime,
    /// As fast as it is taken.
    Fast,
}

/// A way into a pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline<'a> {
    home: &'a Home,
    id: String,
    device: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// What was understood.
    pub heard: Option<String>,
    /// What was said.
    pub reply: String,
    /// `action_done`, `query_answer`, `error`.
    pub response: String,
    /// Home Assistant's code, if the pipeline failed.
    pub error: Option<String>,
    /// When the last word ended, by [`now`].
    pub words_end: Duration,
    /// Event and when it came in, by [`now`].
    pub events: Vec<(String, Duration)>,
}

impl Told {
    /// When an event came in.
    ///
    /// # Errors
    /// It did not.
    pub fn at(&self, event: &str) -> Result<Duration> {
        let found = self.events.iter().find(|(kind, _)| kind == event);
        Ok(found.with_context(|| format!("no {event} in {:?}", self.events))?.1)
    }

    /// Takes an event; true if it was the last.
    fn take(&mut self, at: Duration, event: &Value) -> bool {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, data) = (text(&event["type"]), &event["data"]);
        match kind.as_str() {
            "stt-end" => self.heard = data["stt_output"]["text"].as_str().map(str::to_owned),
            "intent-end" => {
                let response = &data["intent_output"]["response"];
                self.reply = text(&response["speech"]["plain"]["speech"]);
                self.response = text(&response["response_type"]);
            }
            "error" => self.error = Some(text(&data["code"])),
            _ => {}
        }
        let is_last = kind == "run-end" || kind == "error";
        self.events.push((kind, at));
        is_last
    }
}

impl<'a> Pipeline<'a> {
    /// The pipeline of this name.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub async fn of(home: &'a Home, name: &str) -> Result<Self> {
        Ok(Self { home, id: home.pipeline(name).await?, device: None })
    }

    /// The same, spoken to from a device.
    ///
    /// # Errors
    /// There is no such device.
    pub async fn from_device(&self, device: &str) -> Result<Self> {
        Ok(Self { device: Some(self.home.device(device).await?), ..self.clone() })
    }

    /// Types a sentence.
    ///
    /// # Errors
    /// The run did not end within 60 s.
    pub async fn is_told(&self, text: &str) -> Result<Told> {
        let body = self.body("intent", &json!({ "text": text }));
        let socket = self.home.socket();
        let mut events = socket.subscribe(body).await?;
        let mut told = Told { words_end: now(), ..Told::default() };
        tokio::time::timeout(RUN_LIMIT, rest(&mut events, &mut told))
            .await
            .context("the run goes on and on")??;
        Ok(told)
    }

    /// Plays sound into the pipeline, then silence until something was understood.
    ///
    /// # Errors
    /// The run did not end within 60 s.
    pub async fn plays(&self, samples: &[i16], pace: Pace) -> Result<Told> {
        // A connection of its own: sound must not wait behind anything else.
        let socket = Socket::open(&self.home.url(), self.home.assistant().token()).await?;
        let mut events = socket.subscribe(self.body("stt", &json!({ "sample_rate": RATE }))).await?;
        let run = async {
            let mut told = Told::default();
            let handler = started(&mut events, &mut told).await?;
            if !speak(&socket, &mut events, &mut told, (samples, pace, handler)).await? {
                rest(&mut events, &mut told).await?;
            }
            Ok(told)
        };
        tokio::time::timeout(RUN_LIMIT, run).await.context("the run goes on and on")?
    }

    fn body(&self, stage: &str, input: &Value) -> Value {
        let mut body = json!({"type": "assist_pipeline/run", "start_stage": stage, "end_stage": "intent",
                              "input": input, "pipeline": self.id});
        if let Some(device) = &self.device {
            body["device_id"] = device.as_str().into();
        }
        body
    }
}

/// Waits for the number that binary frames begin with.
async fn started(events: &mut Events, told: &mut Told) -> Result<u8> {
    loop {
        let (at, event) = events.recv().await.context("the connection is gone")?;
        told.take(at, &event);
        if let Some(handler) = event["data"]["runner_data"]["stt_binary_handler_id"].as_u64() {
            return Ok(u8::try_from(handler)?);
        }
    }
}

/// Sends sound, then silence, until the words are there; true if the run is over.
async fn speak(
    socket: &Socket,
    events: &mut Events,
    told: &mut Told,
    (samples, pace, handler): (&[i16], Pace, u8),
) -> Result<bool> {
    let silence = sound::silence(SILENCE);
    let piece_len = sound::samples_in(PIECE);
    let start = now();
    told.words_end = start + sound::words_end(samples);
    for (n, piece) in (1u32..).zip(samples.chunks(piece_len).chain(silence.chunks(piece_len))) {
        let mut frame = vec![handler];
        frame.extend(sound::pcm(piece));
        socket.sound(frame).await?;
        let due = match pace {
            Pace::RealTime => start + PIECE * n,
            Pace::Fast => now(),
        };
        loop {
            let left = due.saturating_sub(now());
            let Ok(event) = tokio::time::timeout(left, events.recv()).await else { break };
            let (at, event) = event.context("the connection is gone")?;
            let is_over = told.take(at, &event);
            if is_over || event["type"] == "stt-end" {
                socket.sound(vec![handler]).await?;
                return Ok(is_over);
            }
        }
    }
    socket.sound(vec![handler]).await?;
    Ok(false)
}

async fn rest(events: &mut Events, told: &mut Told) -> Result<()> {
    loop {
        let (at, event) = events.recv().await.context("the connection is gone")?;
        if told.take(at, &event) {
            return Ok(());
        }
    }
}
