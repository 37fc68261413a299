//! One utterance to Home Assistant's pipeline, as a satellite would say it: text or sound in, what happened out.

mod dialog;

use std::time::Duration;

use helix_core::Clock;
use helix_hass::pipeline::ListPipelines;
use helix_hass::registry::{ListAreas, ListDevices};
use helix_hass::{Request, RequestError};
use serde_json::{Value, json};

use crate::clock::SystemClock;
use crate::hass::HassConfig;
pub use dialog::DialogError;
use dialog::{Dialog, News};

/// Audio goes out in pieces of this length, as a microphone gives it.
const PIECE_MS: u32 = 20;
/// After the last sample silence goes out for at most this time.
const TRAILING_MS: u32 = 10_000;
/// The whole run may take this long.
const RUN_LIMIT: Duration = Duration::from_mins(1);

/// What is said.
#[derive(Debug, Clone)]
pub enum Utterance {
    /// Typed words; the run begins after speech recognition.
    Text(String),
    /// 16 kHz mono samples.
    Speech(Vec<i16>),
}

/// Where it is said.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// Name of the pipeline; `None` takes "Helix".
    pub pipeline: Option<String>,
    /// Name or id of the area.
    pub area: Option<String>,
}

/// How the pipeline ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// What Home Assistant heard; the text itself if it was typed.
    pub heard: Option<String>,
    /// What it said.
    pub reply: Option<String>,
    /// `action_done`, `query_answer`, `error`.
    pub response: Option<String>,
    /// Home Assistant's error code and message, if the pipeline failed.
    pub error: Option<(String, String)>,
    /// Home Assistant's conversation id: finds the run in the bridge.
    pub conversation: Option<String>,
    /// Pipeline event and milliseconds since the end of the words (text: since the request).
    pub events: Vec<(String, i64)>,
}

/// Why nothing could be said.
#[derive(Debug, thiserror::Error)]
pub enum SayError {
    /// The dialogue with Home Assistant failed.
    #[error(transparent)]
    Dialog(#[from] DialogError),
    /// There is no such pipeline.
    #[error("Home Assistant has no pipeline called {wanted}; it has: {there}. Is `helix run` running?")]
    NoPipeline {
        /// The name.
        wanted: String,
        /// The names that there are.
        there: String,
    },
    /// There is no such area.
    #[error("Home Assistant has no area called {wanted}; it has: {there}")]
    NoArea {
        /// The name.
        wanted: String,
        /// The names that there are.
        there: String,
    },
    /// The area has no device.
    #[error("no device of Home Assistant is in {area}, so nothing can speak from there; leave --area away")]
    NoDevice {
        /// The area.
        area: String,
    },
    /// The pipeline did not end.
    #[error("the pipeline did not end within 60 s")]
    TookTooLong,
}

/// Says `utterance` and waits until the pipeline has answered.
///
/// # Errors
/// [`SayError`] if the pipeline could not be started; a pipeline that fails is a [`Told`] with `error`.
pub async fn say(home: &HassConfig, place: &Place, utterance: &Utterance) -> Result<Told, SayError> {
    let clock = SystemClock::start();
    let mut dialog = Dialog::open(home, clock.clone()).await?;
    let pipeline = pipeline_id(&mut dialog, place.pipeline.as_deref().unwrap_or("Helix")).await?;
    let device = match &place.area {
        Some(area) => Some(device_in(&mut dialog, area).await?),
        None => None,
    };
    let (start, input) = match utterance {
        Utterance::Text(text) => ("intent", json!({ "text": text })),
        Utterance::Speech(_) => ("stt", json!({ "sample_rate": helix_core::transcribe::SAMPLE_RATE })),
    };
    let mut body = json!({
        "type": "assist_pipeline/run", "start_stage": start, "end_stage": "intent", "input": input, "pipeline": pipeline,
    });
    if let Some(device) = device {
        body["device_id"] = device.into();
    }
    let run = async {
        dialog.subscribe(request(body)).await?;
        Conversation { dialog: &mut dialog, clock: &clock, told: Told::default(), zero: clock.now() }
            .hold(utterance)
            .await
    };
    tokio::time::timeout(RUN_LIMIT, run).await.unwrap_or(Err(SayError::TookTooLong))
}

fn request(body: Value) -> Request {
    Request::try_from(body).expect("the body is an object with a type")
}

async fn pipeline_id(dialog: &mut Dialog, wanted: &str) -> Result<String, SayError> {
    let all = dialog.ask(ListPipelines {}).await?.pipelines;
    let found = all.iter().find(|pipeline| pipeline.settings.name.eq_ignore_ascii_case(wanted));
    found.map(|pipeline| pipeline.id.clone()).ok_or_else(|| SayError::NoPipeline {
        wanted: wanted.to_owned(),
        there: all.iter().map(|p| p.settings.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

async fn device_in(dialog: &mut Dialog, wanted: &str) -> Result<String, SayError> {
    let areas = dialog.ask(ListAreas {}).await?;
    let is_it = |name: &str| name.eq_ignore_ascii_case(wanted);
    let area =
        areas.iter().find(|a| is_it(&a.area_id) || is_it(&a.name) || a.aliases.iter().any(|n| is_it(n)));
    let Some(area) = area else {
        let there = areas.iter().map(|a| a.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(SayError::NoArea { wanted: wanted.to_owned(), there });
    };
    let devices = dialog.ask(ListDevices {}).await?;
    let device = devices.into_iter().find(|device| device.area_id.as_deref() == Some(&area.area_id));
    device.map(|device| device.id).ok_or_else(|| SayError::NoDevice { area: area.name.clone() })
}

/// One pipeline run under way.
struct Conversation<'a> {
    dialog: &'a mut Dialog,
    clock: &'a SystemClock,
    told: Told,
    zero: Duration,
}

impl Conversation<'_> {
    async fn hold(mut self, utterance: &Utterance) -> Result<Told, SayError> {
        if let Utterance::Text(text) = utterance {
            self.told.heard = Some(text.clone());
        }
        loop {
            let News::Event(event) = self.dialog.news().await? else { continue };
            let handler = event["data"]["runner_data"]["stt_binary_handler_id"].as_u64();
            if self.take(&event) {
                return Ok(self.told);
            }
            if let (Utterance::Speech(samples), Some(handler)) = (utterance, handler) {
                let handler = u8::try_from(handler).unwrap_or_default();
                if self.speak(samples, handler).await? {
                    return Ok(self.told);
                }
            }
        }
    }

    /// Streams the samples in real time, then silence, until the words were recognised; true if the run is over.
    async fn speak(&mut self, samples: &[i16], handler: u8) -> Result<bool, SayError> {
        let piece_len = (PIECE_MS * helix_core::transcribe::SAMPLE_RATE / 1000) as usize;
        let silent_pieces = TRAILING_MS / PIECE_MS;
        let spoken = samples.chunks(piece_len).map(<[i16]>::to_vec);
        let pieces = spoken.chain((0..silent_pieces).map(|_| vec![0; piece_len]));
        let start = self.clock.now();
        let words_end = speech_end(samples);
        self.zero = start + Duration::from_millis(u64::try_from(words_end / 16).unwrap_or_default());
        for (n, piece) in (1..).zip(pieces) {
            let mut frame = vec![handler];
            frame.extend(piece.iter().flat_map(|sample| sample.to_le_bytes()));
            self.dialog.send_binary(frame).await?;
            let due = start + Duration::from_millis(u64::from(PIECE_MS) * n);
            while let Some(left) = due.checked_sub(self.clock.now()) {
                match tokio::time::timeout(left, self.dialog.news()).await {
                    Ok(news) => {
                        let News::Event(event) = news? else { continue };
                        let heard = event["type"] == "stt-end";
                        let over = self.take(&event);
                        if heard || over {
                            self.dialog.send_binary(vec![handler]).await?;
                            return Ok(over);
                        }
                    }
                    Err(_elapsed) => break,
                }
            }
        }
        self.dialog.send_binary(vec![handler]).await?;
        Ok(false)
    }

    /// Notes what a pipeline event tells; true if it was the last.
    fn take(&mut self, event: &Value) -> bool {
        let kind = event["type"].as_str().unwrap_or_default();
        let now = i64::try_from(self.clock.now().as_millis()).unwrap_or(i64::MAX);
        let zero = i64::try_from(self.zero.as_millis()).unwrap_or_default();
        self.told.events.push((kind.to_owned(), now - zero));
        let data = &event["data"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match kind {
            "run-start" => self.told.conversation = text(&data["conversation_id"]),
            "stt-end" => self.told.heard = text(&data["stt_output"]["text"]),
            "intent-end" => {
                let response = &data["intent_output"]["response"];
                self.told.reply = text(&response["speech"]["plain"]["speech"]);
                self.told.response = text(&response["response_type"]);
            }
            "error" => {
                let part = |key: &str| text(&data[key]).unwrap_or_default();
                self.told.error = Some((part("code"), part("message")));
            }
            _ => {}
        }
        matches!(kind, "run-end" | "error")
    }
}

/// The index of the last sample that is louder than -40 dB of the loudest.
fn speech_end(samples: &[i16]) -> usize {
    let loudest = samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or_default();
    samples.iter().rposition(|s| s.unsigned_abs() > loudest / 100).map_or(0, |at| at + 1)
}

impl From<RequestError> for SayError {
    fn from(error: RequestError) -> Self {
        Self::Dialog(DialogError::Request(error))
    }
}
