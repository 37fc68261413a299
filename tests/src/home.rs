//! A furnished home with a real Home Assistant: its states, its exposure, every action that is called, its pipelines.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::bed::{Furnishing, HomeAssistant};
use crate::connected::http;
use crate::socket::{Events, Socket};
use crate::time::poll_until;
use crate::wire;

/// What moves in a home: a sentence that must not act may call no action of these.
pub const MOVING: [&str; 14] = [
    "alarm_control_panel",
    "climate",
    "cover",
    "fan",
    "homeassistant",
    "input_boolean",
    "light",
    "lock",
    "media_player",
    "scene",
    "script",
    "shopping_list",
    "switch",
    "vacuum",
];

/// An action that was called.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// When its event came in, by [`now`](crate::time::now).
    pub at: Duration,
    /// Such as `light.turn_on`.
    pub action: String,
    /// Its data and targets.
    pub content: Value,
}

impl Call {
    /// Whether it could have changed the home.
    pub fn moves_something(&self) -> bool {
        self.action.split_once('.').is_some_and(|(domain, _)| domain == "todo" || MOVING.contains(&domain))
    }
}

/// The home; its Home Assistant ends when it is dropped.
#[derive(Debug)]
pub struct Home {
    socket: Socket,
    log: Mutex<Log>,
    http: reqwest::Client,
    assistant: HomeAssistant,
}

impl Home {
    /// Starts a fresh one; `name` belongs to one test alone.
    ///
    /// # Errors
    /// The test bed's own words.
    pub async fn start(name: &str) -> Result<Self> {
        Self::start_with(name, Furnishing::default()).await
    }

    /// Starts a fresh one that differs from the usual one.
    ///
    /// # Errors
    /// The test bed's own words.
    pub async fn start_with(name: &str, furnishing: Furnishing) -> Result<Self> {
        let name = name.to_owned();
        let assistant =
            tokio::task::spawn_blocking(move || HomeAssistant::start_with(&name, &furnishing)).await??;
        let socket = Socket::open(&assistant.url(), assistant.token()).await?;
        let log = Mutex::new(Log { events: watched(&socket).await?, calls: Vec::new() });
        Ok(Self { socket, log, http: http(), assistant })
    }

    /// Connects again after Home Assistant was stopped and started.
    ///
    /// # Errors
    /// It is not there.
    pub async fn reconnect(&mut self) -> Result<()> {
        self.socket = Socket::open(&self.url(), self.assistant.token()).await?;
        let events = watched(&self.socket).await?;
        self.log.get_mut().unwrap_or_else(PoisonError::into_inner).events = events;
        Ok(())
    }

    /// The instance itself.
    pub fn assistant(&self) -> &HomeAssistant {
        &self.assistant
    }

    /// Such as `http://127.0.0.1:20123`.
    pub fn url(&self) -> String {
        self.assistant.url()
    }

    /// The connection.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// State and attributes of an entity.
    ///
    /// # Errors
    /// There is no such entity.
    pub async fn entity(&self, entity: &str) -> Result<Value> {
        let url = format!("{}/api/states/{entity}", self.url());
        let answer =
            self.http.get(url).bearer_auth(self.assistant.token()).send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }

    /// The state of an entity, such as `on`.
    ///
    /// # Errors
    /// There is no such entity.
    pub async fn state(&self, entity: &str) -> Result<String> {
        let entity = self.entity(entity).await?;
        Ok(entity["state"].as_str().context("a state")?.to_owned())
    }

    /// Waits until an entity has this state; at most 5 s.
    ///
    /// # Errors
    /// It has another one.
    pub async fn wait_for_state(&self, entity: &str, wanted: &str) -> Result<()> {
        let what = format!("{entity} is {wanted}");
        poll_until(&what, Duration::from_secs(5), || async {
            (self.state(entity).await.ok()? == wanted).then_some(())
        })
        .await
    }

    /// All states of what can be moved.
    ///
    /// # Errors
    /// Home Assistant is gone.
    pub async fn movables(&self) -> Result<BTreeMap<String, String>> {
        let states = self.socket.ask(json!({"type": "get_states"})).await?;
        let states = states.as_array().context("states")?.iter();
        let pair = |state: &Value| {
            Some((state["entity_id"].as_str()?.to_owned(), state["state"].as_str()?.to_owned()))
        };
        let moves = |id: &String| id.split_once('.').is_some_and(|(domain, _)| MOVING.contains(&domain));
        Ok(states.filter_map(pair).filter(|(id, _)| moves(id)).collect())
    }

    /// Calls an action, as a person would on a dashboard.
    ///
    /// # Errors
    /// Home Assistant refuses it.
    pub async fn call(&self, action: &str, content: Value) -> Result<()> {
        let (domain, service) = action.split_once('.').context("domain.service")?;
        let body =
            json!({"type": "call_service", "domain": domain, "service": service, "service_data": content});
        self.socket.ask(body).await.map(drop)
    }

    /// Exposes an entity to voice.
    ///
    /// # Errors
    /// Home Assistant refuses it.
    pub async fn exposes(&self, entity: &str) -> Result<()> {
        self.expose(entity, true).await
    }

    /// Hides an entity from voice.
    ///
    /// # Errors
    /// Home Assistant refuses it.
    pub async fn hides(&self, entity: &str) -> Result<()> {
        self.expose(entity, false).await
    }

    async fn expose(&self, entity: &str, should: bool) -> Result<()> {
        let body = json!({"type": "homeassistant/expose_entity", "assistants": ["conversation"],
                          "entity_ids": [entity], "should_expose": should});
        self.socket.ask(body).await.map(drop)
    }

    /// Where the log of actions stands: every action that was called before is in it.
    ///
    /// # Errors
    /// Home Assistant is gone.
    pub async fn mark(&self) -> Result<usize> {
        // Events come in order: after this answer all earlier ones have come.
        self.socket.ask(json!({"type": "lovelace/info"})).await?;
        Ok(self.log().read_on().len())
    }

    /// The actions that were called after a mark.
    ///
    /// # Errors
    /// Home Assistant is gone.
    pub async fn calls_since(&self, mark: usize) -> Result<Vec<Call>> {
        let to = self.mark().await?;
        Ok(self.log().calls[mark..to].to_vec())
    }

    /// Those of them that can change the home.
    ///
    /// # Errors
    /// Home Assistant is gone.
    pub async fn moves_since(&self, mark: usize) -> Result<Vec<Call>> {
        Ok(self.calls_since(mark).await?.into_iter().filter(Call::moves_something).collect())
    }

    /// The first thing that moves when the bridge at this port hears a sentence; storing what was said is fine.
    ///
    /// # Errors
    /// The bridge or Home Assistant is gone.
    pub async fn moved_by(
        &self,
        port: u16,
        sentence: &str,
        language: &str,
        device: Option<&str>,
    ) -> Result<Option<Call>> {
        let mark = self.mark().await?;
        wire::handle(port, sentence, language, device).await?;
        let moves = self.moves_since(mark).await?;
        Ok(moves.into_iter().find(|call| !call.action.starts_with("todo.")))
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ids of all pipelines of this name.
    ///
    /// # Errors
    /// Home Assistant is gone.
    pub async fn pipelines(&self, name: &str) -> Result<Vec<Value>> {
        let list = self.socket.ask(json!({"type": "assist_pipeline/pipeline/list"})).await?;
        let all = list["pipelines"].as_array().context("pipelines")?;
        Ok(all.iter().filter(|pipeline| pipeline["name"] == name).cloned().collect())
    }

    /// The id of the only pipeline of this name.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub async fn pipeline(&self, name: &str) -> Result<String> {
        let found = self.pipelines(name).await?;
        anyhow::ensure!(found.len() == 1, "{} pipelines are called {name}", found.len());
        Ok(found[0]["id"].as_str().context("an id")?.to_owned())
    }

    /// The id of a device of this name.
    ///
    /// # Errors
    /// There is none.
    pub async fn device(&self, name: &str) -> Result<String> {
        let all = self.socket.ask(json!({"type": "config/device_registry/list"})).await?;
        let mut devices = all.as_array().context("devices")?.iter();
        let device = devices.find(|device| device["name_by_user"] == name || device["name"] == name);
        Ok(device.with_context(|| format!("no device {name}"))?["id"].as_str().context("an id")?.to_owned())
    }

    /// Adds a Wyoming server, as a person would; the id of the entry.
    ///
    /// # Errors
    /// It does not answer Home Assistant.
    pub async fn add_wyoming(&self, port: u16) -> Result<String> {
        let flows = "config/config_entries/flow";
        let form = self.post(flows, json!({"handler": "wyoming"})).await?;
        let flow = form["flow_id"].as_str().context("a flow")?;
        let done = self.post(&format!("{flows}/{flow}"), json!({"host": "127.0.0.1", "port": port})).await?;
        Ok(done["result"]["entry_id"].as_str().with_context(|| format!("no entry: {done}"))?.to_owned())
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        let url = format!("{}/api/{path}", self.url());
        let answer = self.http.post(url).bearer_auth(self.assistant.token()).json(&body).send().await?;
        Ok(serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?)
    }

    /// The entities of a config entry: unique id -> entity id.
    ///
    /// # Errors
    /// Home Assistant is gone.
    pub async fn entities_of(&self, entry: &str) -> Result<BTreeMap<String, String>> {
        let all = self.socket.ask(json!({"type": "config/entity_registry/list"})).await?;
        let all =
            all.as_array().context("entities")?.iter().filter(|entity| entity["config_entry_id"] == entry);
        let pair =
            |e: &Value| Some((e["unique_id"].as_str()?.to_owned(), e["entity_id"].as_str()?.to_owned()));
        Ok(all.filter_map(pair).collect())
    }
}

async fn watched(socket: &Socket) -> Result<Events> {
    socket.subscribe(json!({"type": "subscribe_events", "event_type": "call_service"})).await
}

/// The actions that were called, as far as they were looked at.
#[derive(Debug)]
struct Log {
    events: Events,
    calls: Vec<Call>,
}

impl Log {
    /// Takes in what has come since.
    fn read_on(&mut self) -> &[Call] {
        while let Ok((at, event)) = self.events.try_recv() {
            let data = &event["data"];
            let part = |key: &str| data[key].as_str().unwrap_or_default();
            let action = format!("{}.{}", part("domain"), part("service"));
            self.calls.push(Call { at, action, content: data["service_data"].clone() });
        }
        &self.calls
    }
}
