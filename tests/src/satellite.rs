//! A voice satellite in a room: a Wyoming server of its own that Home Assistant connects to.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use helix_wyoming::audio::AudioStop;
use helix_wyoming::describe::{Artifact, Attribution, Info, Satellite as Described};
use helix_wyoming::ping::Pong;
use helix_wyoming::satellite::{PipelineStage, Played, RunPipeline};
use helix_wyoming::{Decoder, Event, Limits};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::home::Home;
use crate::sound;
use crate::time::{now, poll_until};
use crate::wire::chunk;

const RUN_LIMIT: Duration = Duration::from_secs(45);
const PIECE: Duration = Duration::from_millis(20);
const SILENCE: Duration = Duration::from_secs(12);

/// A satellite that Home Assistant knows and is connected to.
#[derive(Debug)]
pub struct Satellite {
    /// Its entity, `assist_satellite.…`.
    pub entity: String,
    shared: Arc<Shared>,
    events: Mutex<mpsc::Receiver<(Duration, Event)>>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    info: Info,
    /// The connection on which Home Assistant said `run-satellite`.
    main: Mutex<Option<Arc<Mutex<OwnedWriteHalf>>>>,
    events: mpsc::Sender<(Duration, Event)>,
}

/// What a satellite heard back.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// What was understood.
    pub transcript: Option<String>,
    /// What was said, in words.
    pub reply: Option<String>,
    /// Bytes of sound that came for it.
    pub sound_len: usize,
    /// Home Assistant's code, if the run failed.
    pub error: Option<String>,
    /// When the last word ended, by [`now`].
    pub words_end: Duration,
    /// When the reply began to be heard, by [`now`].
    pub reply_begins: Option<Duration>,
}

impl Satellite {
    /// Puts a satellite into an area (by its name) and lets it use a pipeline (by its name).
    ///
    /// # Errors
    /// Home Assistant does not take it.
    pub async fn join(home: &Home, area: &str, pipeline: &str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (sender, events) = mpsc::channel(4096);
        let shared = Arc::new(Shared { info: info(area), main: Mutex::default(), events: sender });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        let entry = home.add_wyoming(port).await?;
        let (entity, select) = poll_until("the satellite's entities", Duration::from_secs(10), || async {
            let entities = home.entities_of(&entry).await.ok()?;
            let of = |start: &str| entities.values().find(|id| id.starts_with(start)).cloned();
            let select = entities.iter().find(|(unique, _)| unique.ends_with("-pipeline"))?.1.clone();
            Some((of("assist_satellite.")?, select))
        })
        .await?;
        home.call("select.select_option", json!({"entity_id": select, "option": pipeline})).await?;
        poll_until("run-satellite", Duration::from_secs(15), || async {
            shared.main.lock().await.is_some().then_some(())
        })
        .await?;
        Ok(Self { entity, shared, events: Mutex::new(events), _tasks: tasks })
    }

    /// Says something in real time, then is silent until something was understood, and hears the reply out.
    ///
    /// # Errors
    /// The run did not end within 45 s.
    pub async fn says(&self, samples: &[i16]) -> Result<Heard> {
        let mut events = self.events.lock().await;
        while events.try_recv().is_ok() {}
        let run = RunPipeline {
            start_stage: PipelineStage::Asr,
            end_stage: PipelineStage::Tts,
            restart_on_end: false,
            wake_word_name: None,
            wake_word_names: None,
            announce_text: None,
        };
        self.send(run).await?;
        let start = now();
        let mut heard = Heard { words_end: start + sound::words_end(samples), ..Heard::default() };
        let whole = async {
            let silence = sound::silence(SILENCE);
            let piece_len = sound::samples_in(PIECE);
            for (n, piece) in (1u32..).zip(samples.chunks(piece_len).chain(silence.chunks(piece_len))) {
                self.send(chunk(piece)).await?;
                let due = start + PIECE * n;
                while let Ok(event) = tokio::time::timeout(due.saturating_sub(now()), events.recv()).await {
                    let (at, event) = event.context("the satellite is gone")?;
                    if heard.take(at, event) {
                        return Ok(());
                    }
                    if heard.transcript.is_some() {
                        return self.listen_out(&mut events, &mut heard).await;
                    }
                }
            }
            self.send(AudioStop::default()).await?;
            self.listen_out(&mut events, &mut heard).await
        };
        tokio::time::timeout(RUN_LIMIT, whole).await.context("the run goes on and on")??;
        self.send(Played {}).await?;
        Ok(heard)
    }

    /// Hears what nobody asked for just now, and says that it was played.
    ///
    /// # Errors
    /// Nothing came within `limit`.
    pub async fn is_told(&self, limit: Duration) -> Result<Heard> {
        let mut events = self.events.lock().await;
        let mut heard = Heard::default();
        let told = self.listen_out(&mut events, &mut heard);
        tokio::time::timeout(limit, told).await.context("nothing was announced")??;
        self.send(Played {}).await?;
        Ok(heard)
    }

    async fn listen_out(
        &self,
        events: &mut mpsc::Receiver<(Duration, Event)>,
        heard: &mut Heard,
    ) -> Result<()> {
        loop {
            let (at, event) = events.recv().await.context("the satellite is gone")?;
            if heard.take(at, event) {
                return Ok(());
            }
        }
    }

    async fn send(&self, event: impl Into<Event>) -> Result<()> {
        let Some(main) = self.shared.main.lock().await.clone() else {
            bail!("Home Assistant is not connected")
        };
        let bytes = event.into().encode();
        Ok(main.lock().await.write_all(&bytes).await?)
    }
}

impl Heard {
    /// Takes an event; true if it was the last.
    fn take(&mut self, at: Duration, event: Event) -> bool {
        if let Event::Transcript(transcript) = event {
            self.transcript = Some(transcript.text);
        } else if let Event::Synthesize(synthesize) = event {
            self.reply = Some(synthesize.text);
        } else if let Event::AudioChunk(chunk) = event {
            self.reply_begins.get_or_insert(at);
            self.sound_len += chunk.audio.len();
        } else if let Event::Error(error) = event {
            self.error = Some(error.code.unwrap_or(error.text));
            return true;
        } else if let Event::AudioStop(_) = event {
            return true;
        }
        false
    }
}

fn info(area: &str) -> Info {
    let attribution = Attribution { name: "tests".into(), url: "https://example.invalid".into() };
    let name = format!("{area} Satellite");
    let description = Some(name.clone());
    let artifact = Artifact { name, attribution, installed: true, description, version: Some("1".into()) };
    let satellite = Described {
        artifact,
        area: Some(area.to_owned()),
        has_vad: Some(false),
        active_wake_words: Some(Vec::new()),
        max_active_wake_words: Some(0),
        supports_trigger: Some(true),
    };
    Info { satellite: Some(satellite), ..Info::default() }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while open.try_join_next().is_some() {}
        let shared = Arc::clone(&shared);
        open.spawn(async move {
            // A connection that Home Assistant closes is no error of the satellite.
            let _ = serve(stream, &shared).await;
        });
    }
}

async fn serve(stream: TcpStream, shared: &Shared) -> Result<()> {
    stream.set_nodelay(true)?;
    let (mut read, write) = stream.into_split();
    let write = Arc::new(Mutex::new(write));
    let mut decoder = Decoder::new(Limits::default());
    while let Some(event) = next(&mut read, &mut decoder).await? {
        let answer: Option<Event> = match event {
            Event::Describe(_) => Some(shared.info.clone().into()),
            Event::Ping(ping) => Some(Pong { text: ping.text }.into()),
            Event::RunSatellite(_) => {
                *shared.main.lock().await = Some(Arc::clone(&write));
                None
            }
            other => {
                // A test that does not look at them loses the newest.
                let _ = shared.events.try_send((now(), other));
                None
            }
        };
        if let Some(answer) = answer {
            write.lock().await.write_all(&answer.encode()).await?;
        }
    }
    Ok(())
}

async fn next(read: &mut OwnedReadHalf, decoder: &mut Decoder) -> Result<Option<Event>> {
    loop {
        if let Some(frame) = decoder.next_frame()? {
            return Ok(Some(Event::parse(frame)?));
        }
        let mut bytes = [0; 8 << 10];
        match read.read(&mut bytes).await? {
            0 => return Ok(None),
            len => decoder.push(&bytes[..len]),
        }
    }
}
