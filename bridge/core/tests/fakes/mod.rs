//! Fakes behind the ports of core, on tokio's paused clock.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use helix_core::act::Action;
use helix_core::home::{
    Caller, Entity, EntityState, Execution, ExecutionKind, HomeError, Match, MatchSource, Registry,
    StrictMatch,
};
use helix_core::listen::AudioSource;
use helix_core::transcribe::{DecodeRequest, Priority, RecognizeError, Transcript};
use helix_core::{Clock, EntityId, Home, Language, Pii, Recognizer, VoiceActivity};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

#[derive(Clone)]
pub(crate) struct PausedClock(Instant);

impl PausedClock {
    #[allow(clippy::disallowed_methods, reason = "the paused clock of the test")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }
}

/// A home of a light that obeys, one that never follows, a lock, and sentences that it matches.
pub(crate) struct FakeHome {
    pub(crate) registry: Result<Arc<Registry>, HomeError>,
    pub(crate) states: Mutex<BTreeMap<EntityId, EntityState>>,
    pub(crate) revision: watch::Sender<u64>,
    pub(crate) sentences: BTreeMap<String, Match>,
    pub(crate) follows_after: Duration,
    pub(crate) dry_run_takes: Duration,
    pub(crate) also_changes: Option<EntityId>,
    pub(crate) processed: Mutex<Vec<String>>,
    pub(crate) called: Mutex<Vec<(String, String)>>,
}

pub(crate) const KITCHEN: &str = "light.kitchen_light";
pub(crate) const LOCK: &str = "lock.front_door";

impl FakeHome {
    pub(crate) fn new() -> Self {
        let light = |id: &str, name: &str| Entity {
            id: EntityId::from(id),
            name: name.into(),
            aliases: vec![],
            area: None,
            device: None,
            device_class: None,
            exposed: true,
        };
        let entities = [
            light(KITCHEN, "Kitchen Light"),
            light("light.stubborn", "Stubborn Light"),
            light(LOCK, "Front Door"),
        ];
        let off = |entity: &Entity| {
            let state = if entity.id.as_str() == LOCK { "locked" } else { "off" };
            (entity.id.clone(), EntityState { state: state.into(), attributes: serde_json::Map::new() })
        };
        let states = entities.iter().map(off).collect();
        let entities = entities.into_iter().map(|entity| (entity.id.clone(), entity)).collect();
        let turn = |intent: &str, name: &str, target: &str| {
            Match::Strict(StrictMatch {
                intent: intent.into(),
                slots: BTreeMap::from([("name".to_owned(), json!(name))]),
                targets: vec![EntityId::from(target)],
                source: MatchSource::Builtin,
            })
        };
        Self {
            registry: Ok(Arc::new(Registry { entities, ..Registry::default() })),
            states: Mutex::new(states),
            revision: watch::Sender::new(0),
            sentences: BTreeMap::from([
                ("turn on the kitchen light".to_owned(), turn("HassTurnOn", "kitchen light", KITCHEN)),
                ("turn off the kitchen light".to_owned(), turn("HassTurnOff", "kitchen light", KITCHEN)),
                (
                    "turn on the stubborn light".to_owned(),
                    turn("HassTurnOn", "stubborn light", "light.stubborn"),
                ),
                ("unlock the front door".to_owned(), turn("HassTurnOff", "front door", LOCK)),
                ("lock the front door".to_owned(), turn("HassTurnOn", "front door", LOCK)),
            ]),
            follows_after: Duration::from_millis(20),
            dry_run_takes: Duration::from_millis(3),
            also_changes: None,
            processed: Mutex::new(Vec::new()),
            called: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn down(error: HomeError) -> Self {
        Self { registry: Err(error), ..Self::new() }
    }

    pub(crate) fn set(&self, id: &str, state: &str) {
        self.states
            .lock()
            .expect("no panic")
            .entry(EntityId::from(id))
            .and_modify(|now| now.state = state.into());
        self.revision.send_modify(|revision| *revision += 1);
    }

    pub(crate) fn shows(&self, id: &str, state: &str) -> bool {
        self.state(&EntityId::from(id)).is_some_and(|now| now.state == state)
    }

    pub(crate) fn is_on(&self, id: &str) -> bool {
        self.state(&EntityId::from(id)).is_some_and(|now| now.state == "on")
    }
}

impl Home for FakeHome {
    fn registry(&self) -> Result<Arc<Registry>, HomeError> {
        self.registry.clone()
    }
    fn state(&self, entity: &EntityId) -> Option<EntityState> {
        self.states.lock().expect("no panic").get(entity).cloned()
    }
    fn revision(&self) -> u64 {
        *self.revision.borrow()
    }
    async fn changed(&self, seen: u64) {
        let _ = self.revision.subscribe().wait_for(|now| *now > seen).await;
    }
    async fn dry_run(&self, texts: Vec<String>, _: &Language, _: &Caller) -> Result<Vec<Match>, HomeError> {
        self.registry()?;
        tokio::time::sleep(self.dry_run_takes).await;
        let found = |text: &String| self.sentences.get(&plain(text)).cloned().unwrap_or(Match::None);
        Ok(texts.iter().map(found).collect())
    }
    async fn call(&self, action: &Action) -> Result<(), HomeError> {
        self.registry()?;
        self.called
            .lock()
            .expect("no panic")
            .push((action.service().to_owned(), action.target().to_string()));
        let state = match action.service() {
            "light.turn_on" => "on",
            "light.turn_off" => "off",
            "lock.lock" => "locked",
            "lock.unlock" => "unlocked",
            other => panic!("nobody calls {other}"),
        };
        self.set(action.target().as_str(), state);
        Ok(())
    }
    async fn process(&self, text: String, _: &Language, _: &Caller) -> Result<Execution, HomeError> {
        self.registry()?;
        self.processed.lock().expect("no panic").push(text.clone());
        let Some(Match::Strict(found)) = self.sentences.get(&plain(&text)) else {
            panic!("never matched: {text}")
        };
        tokio::time::sleep(self.follows_after).await;
        let mut done = found.targets.clone();
        done.extend(self.also_changes.clone());
        for target in &found.targets {
            match (target.as_str(), found.intent.as_str()) {
                ("light.stubborn", _) => {}
                (LOCK, "HassTurnOn") => self.set(LOCK, "locked"),
                (LOCK, _) => self.set(LOCK, "unlocked"),
                (other, "HassTurnOn") => self.set(other, "on"),
                (other, _) => self.set(other, "off"),
            }
        }
        Ok(Execution {
            kind: ExecutionKind::ActionDone,
            speech: "Turned on the light".into(),
            done,
            failed: vec![],
        })
    }
}

fn plain(text: &str) -> String {
    text.to_lowercase().replace(['.', '?'], "")
}

/// Speech as the tests write it: words with their length, and pauses. Loud samples are speech.
pub(crate) struct Script {
    parts: Vec<(u32, bool)>,
    sent_ms: u32,
    open_end: bool,
}

impl Script {
    pub(crate) fn new(parts: &[(u32, bool)]) -> Self {
        Self { parts: parts.to_vec(), sent_ms: 0, open_end: true }
    }
    /// The audio is over after the last part instead of going on in silence.
    pub(crate) fn closed(self) -> Self {
        Self { open_end: false, ..self }
    }
}

impl AudioSource for Script {
    async fn next(&mut self) -> Option<Vec<i16>> {
        const CHUNK_MS: u32 = 16;
        let mut at = 0;
        let part = self.parts.iter().find(|(ms, _)| {
            at += ms;
            self.sent_ms < at
        });
        let speech = match part {
            Some((_, speech)) => *speech,
            None if self.open_end => false,
            None => return None,
        };
        tokio::time::sleep(Duration::from_millis(CHUNK_MS.into())).await;
        self.sent_ms += CHUNK_MS;
        Some(vec![if speech { 9000 } else { 0 }; 16 * CHUNK_MS as usize])
    }
}

/// A detector that lags by 48 ms, as the real one does.
#[derive(Default)]
pub(crate) struct LoudIsSpeech(u32);

impl VoiceActivity for LoudIsSpeech {
    fn probability(&mut self, frame: &[i16]) -> f32 {
        let loud = frame.iter().any(|s| s.abs() > 1000);
        self.0 = if loud { 4 } else { self.0.saturating_sub(1) };
        if self.0 > 0 { 0.9 } else { 0.0 }
    }
}

/// Hears the n-th text once the n-th pause of the speech is decoded.
pub(crate) struct Reader {
    pub(crate) texts: Vec<&'static str>,
    pub(crate) takes: Duration,
    pub(crate) fail: Mutex<Vec<RecognizeError>>,
    pub(crate) asked: Mutex<Vec<Priority>>,
}

impl Reader {
    pub(crate) fn new(texts: &[&'static str]) -> Self {
        Self {
            texts: texts.to_vec(),
            takes: Duration::from_millis(80),
            fail: Mutex::new(Vec::new()),
            asked: Mutex::new(Vec::new()),
        }
    }
}

impl Recognizer for Reader {
    async fn transcribe(&self, request: DecodeRequest) -> Result<Transcript, RecognizeError> {
        self.asked.lock().expect("no panic").push(request.priority);
        tokio::time::sleep(self.takes).await;
        if let Some(error) = self.fail.lock().expect("no panic").pop() {
            return Err(error);
        }
        let loud = request.samples.chunks(256).map(|frame| frame.iter().any(|s| *s > 1000));
        let runs = loud.fold((0_usize, false), |(runs, was), is| (runs + usize::from(is && !was), is)).0;
        let text = self.texts.get(runs.saturating_sub(1)).or(self.texts.last()).copied().unwrap_or_default();
        Ok(Transcript { text: Pii::new(text.to_owned()), decode_ms: 80 })
    }
}
