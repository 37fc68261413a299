//! A running server with a voice whose doings are seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use helix::satellite::{
    AudioReceiver, Counters, HandleReply, HandleRequest, ListenReply, Server, Settings, SpeakError,
    SpeakRequest, Spoken, Voice,
};
use helix_core::Language;
use helix_core::listen::AudioSource;
use helix_wyoming::describe::{Artifact, AsrProgram, Info};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::Client;

/// A listener whose utterances are over after this many samples: 1 s.
pub(crate) const UTTERANCE_LEN: usize = 16_000;

/// Hears how much there is, answers with what it was asked, speaks one sample for each byte.
#[derive(Debug, Default)]
pub(crate) struct Parrot {
    open_runs: Arc<watch::Sender<usize>>,
    spoken: AtomicUsize,
}

struct OpenRun(Arc<watch::Sender<usize>>);

impl Drop for OpenRun {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Parrot {
    fn open(&self) -> OpenRun {
        self.open_runs.send_modify(|open| *open += 1);
        OpenRun(Arc::clone(&self.open_runs))
    }

    /// Completes once this many runs are open.
    pub(crate) async fn open_runs(&self, wanted: usize) {
        let mut open = self.open_runs.subscribe();
        let reached = open.wait_for(|open| *open == wanted);
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("in time").expect("alive");
    }
}

impl Voice for Parrot {
    async fn listen(&self, mut audio: AudioReceiver, language: Option<Language>) -> ListenReply {
        let _run = self.open();
        let mut heard = 0;
        while heard < UTTERANCE_LEN {
            match audio.next().await {
                Some(samples) => heard += samples.len(),
                None if heard == 0 => {
                    return ListenReply::Failed { code: "stt-test", text: "nothing to hear".into() };
                }
                None => break,
            }
        }
        ListenReply::Text(format!("{heard} {}", language.map(|tag| tag.to_string()).unwrap_or_default()))
    }

    async fn respond(&self, request: HandleRequest) -> HandleReply {
        let _run = self.open();
        match request.text.expose().as_str() {
            "hang" => std::future::pending().await,
            "break" => panic!("this sentence breaks its run"),
            "no" => HandleReply::NotHandled("not done".into()),
            "what" => HandleReply::NotRecognized("not understood".into()),
            text => {
                HandleReply::Handled(format!("{text} {:?} {:?}", request.conversation_id, request.caller))
            }
        }
    }

    async fn speak(&self, request: SpeakRequest) -> Result<Spoken, SpeakError> {
        self.spoken.fetch_add(1, Ordering::Relaxed);
        let text = request.text.expose();
        match text.as_str() {
            "mute" => Err(SpeakError::NoVoice),
            "for ever" => {
                let samples = stream::repeat_with(|| Ok(vec![0; 4096])).boxed();
                Ok(Spoken { rate: 22_050, samples })
            }
            _ => {
                let samples: Vec<i16> = text.bytes().map(i16::from).collect();
                Ok(Spoken { rate: 22_050, samples: stream::iter([Ok(samples)]).boxed() })
            }
        }
    }

    fn rescue_text(&self, _: Option<&Language>) -> String {
        "took too long".into()
    }

    fn busy_text(&self, _: Option<&Language>) -> String {
        "all ears are taken".into()
    }

    fn too_long_text(&self, _: Option<&Language>) -> String {
        "too long".into()
    }

    fn stopping_text(&self, _: Option<&Language>) -> String {
        "being stopped".into()
    }
}

pub(crate) struct Home {
    pub(crate) voice: Arc<Parrot>,
    pub(crate) info: watch::Sender<Arc<Info>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) stop: CancellationToken,
    address: std::net::SocketAddr,
    running: JoinSet<()>,
}

impl Home {
    pub(crate) async fn start(settings: Settings) -> Self {
        let voice = Arc::new(Parrot::default());
        let (info, shown) = watch::channel(Arc::new(info("whisper")));
        let loopback = ([127, 0, 0, 1], 0).into();
        let server = Server::bind(loopback, Arc::clone(&voice), shown, settings).await.expect("a free port");
        let (address, counters, stop) = (server.address(), server.counters(), CancellationToken::new());
        let mut running = JoinSet::new();
        running.spawn(server.run(stop.clone()));
        Self { voice, info, counters, stop, address, running }
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Completes once the stopped server has ended.
    pub(crate) async fn ended(&mut self) {
        let ended = tokio::time::timeout(Duration::from_secs(20), self.running.join_next()).await;
        ended.expect("the server ends in time").expect("it ran").expect("without a defect");
    }
}

pub(crate) fn info(name: &str) -> Info {
    let artifact = Artifact { name: name.into(), installed: true, ..Artifact::default() };
    Info { asr: vec![AsrProgram { artifact, ..AsrProgram::default() }], ..Info::default() }
}
