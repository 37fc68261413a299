//! What stands behind the gateway of a test: one kind of agent, a small home, a model and tools that say what they are told.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use helix::gateway::{Called, Definitions, Home, Tool, ToolAway, ToolCall, Tools};
use helix_contract::api::{ToolOutcome, ToolSpec};
use helix_contract::{AgentRef, DefinitionV1, Example, ModelRole, Name, Scope, V1};
use helix_core::egress::Privacy;
use helix_core::home::{Area, Entity, EntityState, HomeError, Registry};
use helix_core::llm::budget::Price;
use helix_core::llm::{Answer, Capabilities, Chat, Ended, LanguageModel, LlmError, Usage};
use helix_core::{EntityId, Pii};
use serde_json::json;
use tokio::sync::watch;

pub(crate) fn definition(model: ModelRole) -> DefinitionV1 {
    DefinitionV1 {
        version: V1,
        name: "research".parse().expect("a name"),
        description: "Finds things out.".into(),
        prompt: "Look for several sources.".into(),
        examples: vec![Example { request: "Which pump?".into(), answer: "The quiet one.".into() }],
        tools: Vec::new(),
        scope: Scope::default(),
        model,
        output_schema: None,
    }
}

/// A home in Berlin: a lamp and a thermometer in the kitchen, a lock in the hall, and a camera that nobody exposed.
#[derive(Debug)]
pub(crate) struct Berlin;

impl Definitions for Berlin {
    fn find<'a>(&'a self, agent: &'a AgentRef) -> BoxFuture<'a, Result<Option<DefinitionV1>, String>> {
        let all = [ModelRole::Agent, ModelRole::Router, ModelRole::None].map(definition);
        let own = all.into_iter().find(|own| own.digest().expect("JSON") == agent.definition);
        Box::pin(async { Ok(own) })
    }
}

impl Home for Berlin {
    fn time_zone(&self) -> String {
        "Europe/Berlin".into()
    }

    fn registry(&self) -> Result<Arc<Registry>, HomeError> {
        let area = |id: &str, name: &str| {
            let area = Area { id: id.into(), name: name.into(), aliases: Vec::new(), floor: None };
            (area.id.clone(), area)
        };
        let entity = |id: &str, name: &str, area: &str, exposed: bool| {
            let entity = Entity {
                id: id.into(),
                name: name.into(),
                aliases: Vec::new(),
                area: Some(area.into()),
                device: None,
                device_class: None,
                exposed,
            };
            (entity.id.clone(), entity)
        };
        Ok(Arc::new(Registry {
            areas: [area("kitchen", "Küche"), area("hall", "Flur")].into(),
            entities: [
                entity("light.a", "Ceiling", "kitchen", true),
                entity("sensor.t", "Thermometer", "kitchen", true),
                entity("lock.d", "Door", "hall", true),
                entity("camera.x", "Camera", "kitchen", false),
            ]
            .into(),
            ..Registry::default()
        }))
    }

    fn state(&self, entity: &EntityId) -> Option<EntityState> {
        let attributes = json!({"unit_of_measurement": "°C", "access_token": "sesame", "supported": [1, 2]});
        let attributes = attributes.as_object().cloned().unwrap_or_default();
        (entity.as_str() != "lock.d").then(|| EntityState { state: "21.5".into(), attributes })
    }
}

/// A model that says what it is told to say, else that all is fine; held back, it says nothing.
#[derive(Debug)]
pub(crate) struct Mind {
    pub(crate) asked: Mutex<Vec<Chat>>,
    says: Mutex<VecDeque<Result<Answer, LlmError>>>,
    pub(crate) price: Mutex<Price>,
    is_there: watch::Sender<bool>,
}

impl Default for Mind {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            says: Mutex::default(),
            price: Mutex::default(),
            is_there: watch::Sender::new(true),
        }
    }
}

pub(crate) fn answer(text: &str, input: u64, output: u64) -> Answer {
    Answer {
        text: Pii::new(text.into()),
        calls: Vec::new(),
        usage: Usage { input, output },
        ended: Ended::Stop,
        model: "a model".into(),
    }
}

impl Mind {
    pub(crate) fn will_say(&self, says: Result<Answer, LlmError>) {
        self.says.lock().unwrap().push_back(says);
    }

    pub(crate) fn hold(&self, hold: bool) {
        self.is_there.send_replace(!hold);
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub(crate) fn last_origin(&self) -> (Privacy, bool) {
        let asked = self.asked.lock().unwrap();
        let origin = &asked.last().expect("asked").origin;
        (origin.privacy, origin.asked)
    }
}

impl LanguageModel for Mind {
    fn ready(&self) -> Result<(), LlmError> {
        if *self.is_there.borrow() { Ok(()) } else { Err(LlmError::NotConfigured) }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn price(&self) -> Price {
        *self.price.lock().unwrap()
    }

    fn chat<'a>(&'a self, chat: &'a Chat) -> BoxFuture<'a, Result<Answer, LlmError>> {
        self.asked.lock().unwrap().push(chat.clone());
        Box::pin(async {
            let _ = self.is_there.subscribe().wait_for(|is_there| *is_there).await;
            let said = self.says.lock().unwrap().pop_front();
            said.unwrap_or_else(|| Ok(answer("All is fine.", 100, 10)))
        })
    }
}

/// Tools that count how often they are called.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) called: AtomicUsize,
    pub(crate) away: AtomicUsize,
}

impl Tools for Shelf {
    fn specs<'a>(&'a self, _: &'a [Name]) -> BoxFuture<'a, Vec<ToolSpec>> {
        let spec = |name: &str| ToolSpec {
            name: name.parse().expect("a name"),
            description: "A tool.".into(),
            input: json!({ "type": "object" }),
        };
        let specs = ["web_search", "read_page", "mcp_files_read"].map(spec);
        Box::pin(async { specs.into() })
    }

    fn call<'a>(&'a self, call: ToolCall<'a>) -> BoxFuture<'a, Result<Called, ToolAway>> {
        Box::pin(async move {
            if self.away.load(Ordering::Relaxed) > 0 {
                self.away.fetch_sub(1, Ordering::Relaxed);
                let (message, retry_after) = ("nobody searches now".into(), Duration::from_secs(7));
                return Err(ToolAway { code: "search-away", message, retry_after });
            }
            let number = self.called.fetch_add(1, Ordering::Relaxed) + 1;
            let micros = call.input["micros"].as_u64().unwrap_or(0);
            let tool = match call.tool {
                Tool::WebSearch => "search".to_owned(),
                Tool::ReadPage => "page".to_owned(),
                Tool::HomeStates => "home".to_owned(),
                Tool::OfServer { server, tool } => format!("{server}/{tool}"),
            };
            let size = usize::try_from(call.input["size"].as_u64().unwrap_or(0)).expect("small");
            let others: Vec<_> = call.others.iter().map(|other| other.input["query"].clone()).collect();
            let output = json!({ "others": others, "number": number, "tool": tool, "left": call.micros_left, "text": "x".repeat(size) });
            Ok(Called { outcome: ToolOutcome::Answered { output, sources: Vec::new() }, micros })
        })
    }
}
