//! One attempt of one task: its calls of models and tools in order, with a number each, within its limits; what they took
//! and which pages they returned.

use std::time::Duration;

use helix_contract::api::{
    AssignmentV1, ChatAnswerV1, ChatMessage, ChatRequestV1, ToolAnswerV1, ToolOutcome, ToolRequestV1, path,
};
use helix_contract::{Happening, Outcome, Source, TaskEventV1, TaskResultV1, ToolName, Usage, V1};
use hyper::{Method, StatusCode};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::bridge::{Bridge, CallError};
use crate::text::clip;
use crate::{Setting, tool, zone};

/// How often another number is taken because the bridge knows this one from another request: what was asked depends on
/// the time of day, and an earlier attempt asked at another one.
const RENUMBERED_MAX: u32 = 256;
/// The most pages that an answer may rest on.
const SOURCES_MAX: usize = 64;
/// The longest that an own tool may calculate.
const CALCULATE: Duration = Duration::from_secs(2);
/// How long a model is waited for that a task can do without.
const SHORTLY: Duration = Duration::from_secs(8);
/// The longest news, bytes.
const NEWS_LEN_MAX: usize = 500;

/// Why a task ends without an answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Something is used up.
    Limit,
    /// A model is not to be had.
    Unavailable,
    /// What it needs it may not have.
    Impossible,
    /// It cannot be done, by a model that is there.
    Broken(String),
    /// There is nobody to tell anything.
    Mute(CallError),
}

/// An attempt.
pub(crate) struct Run {
    bridge: Bridge,
    pub(crate) assignment: AssignmentV1,
    zone: TimeZone,
    /// The number of the next call.
    seq: u64,
    /// The number of the next event.
    told: u64,
    usage: Usage,
    /// Pages that tools returned, in the order in which they came.
    pub(crate) sources: Vec<Source>,
    /// The longest that a model took.
    slowest: Duration,
}

impl Run {
    pub(crate) fn new(mut bridge: Bridge, assignment: AssignmentV1) -> Self {
        bridge.until(assignment.spec.limits.deadline);
        let zone = zone::named(&assignment.time_zone).unwrap_or(TimeZone::UTC);
        let slowest = Duration::ZERO;
        let (usage, sources) = (Usage::default(), Vec::new());
        Self { bridge, assignment, zone, seq: 0, told: 0, usage, sources, slowest }
    }

    /// The time where the person is.
    pub(crate) fn now(&self) -> jiff::Zoned {
        self.bridge.clock.now().to_zoned(self.zone.clone())
    }

    /// Calls of tools that are left.
    pub(crate) fn calls_left(&self) -> u32 {
        self.assignment.spec.limits.tool_calls.saturating_sub(self.usage.tool_calls)
    }

    /// Whether there is room for more than the answer: of tokens a quarter is kept for it, of the time twice what the
    /// slowest call of a model took.
    pub(crate) fn has_room(&self) -> bool {
        let limits = &self.assignment.spec.limits;
        let tokens = self.usage.tokens_in.saturating_add(self.usage.tokens_out);
        let is_thrifty = tokens <= limits.tokens / 4 * 3;
        self.calls_left() > 0 && is_thrifty && self.time_left() > self.slowest * 2
    }

    fn time_left(&self) -> Duration {
        self.bridge.clock.until(self.assignment.spec.limits.deadline)
    }

    /// The task can be done without a model as well: one that is away is hardly waited for.
    pub(crate) fn can_do_without(&mut self) {
        self.bridge.wait_at_most(SHORTLY);
    }

    /// Tells the person something. Losing it loses nothing but the news.
    pub(crate) async fn news(&mut self, what: Happening) -> Result<(), Trouble> {
        let what = match what {
            Happening::Progress { text, fraction } => {
                Happening::Progress { text: clip(&text, NEWS_LEN_MAX).to_owned(), fraction }
            }
            Happening::Started | Happening::Called { .. } | Happening::Unknown => what,
        };
        let spec = &self.assignment.spec;
        let (task, attempt, at) = (spec.id.clone(), self.assignment.attempt, self.bridge.clock.now());
        let event = TaskEventV1 { version: V1, task, attempt, seq: self.told, at, what };
        self.told += 1;
        match self.bridge.tell(Method::POST, path::EVENTS, &event).await {
            Ok(()) | Err(CallError::Refused { .. } | CallError::Unavailable { .. }) => Ok(()),
            Err(error) => Err(Trouble::Mute(error)),
        }
    }

    /// Asks the model.
    pub(crate) async fn think(
        &mut self,
        messages: Vec<ChatMessage>,
        schema: Value,
        output_max: u32,
    ) -> Result<ChatAnswerV1, Trouble> {
        let limits = &self.assignment.spec.limits;
        if self.usage.tokens_in.saturating_add(self.usage.tokens_out) >= limits.tokens
            || self.time_left().is_zero()
        {
            return Err(Trouble::Limit);
        }
        let mut request = ChatRequestV1 {
            version: V1,
            seq: self.seq,
            messages,
            tools: Vec::new(),
            schema: Some(schema),
            output_max,
        };
        let begun = self.bridge.clock.elapsed();
        for _ in 0..RENUMBERED_MAX {
            request.seq = self.number();
            match self.bridge.post::<_, ChatAnswerV1>(path::CHAT, &request).await {
                Err(CallError::Refused { status: StatusCode::CONFLICT, .. }) => {}
                Ok(answer) => {
                    let answer =
                        answer.ok_or_else(|| Trouble::Broken("the model said nothing".to_owned()))?;
                    self.usage.tokens_in = answer.usage.tokens_in;
                    self.usage.tokens_out = answer.usage.tokens_out;
                    self.slowest = self.slowest.max(self.bridge.clock.elapsed().saturating_sub(begun));
                    return Ok(answer);
                }
                Err(error) => return Err(trouble(error)),
            }
        }
        Err(Trouble::Broken("the bridge knows every number".to_owned()))
    }

    /// Calls a tool: one of its own, or one of the bridge's. The error of a tool is an answer, too.
    pub(crate) async fn call(&mut self, name: &str, input: &Value) -> Result<Result<Value, String>, Trouble> {
        if self.calls_left() == 0 || self.time_left().is_zero() {
            return Err(Trouble::Limit);
        }
        self.usage.tool_calls = self.usage.tool_calls.saturating_add(1);
        let begun = self.bridge.clock.elapsed();
        let offered = self.assignment.tools.iter().find(|spec| spec.name.as_str() == name);
        let offered = offered.map(|spec| spec.name.clone());
        let is_own = |of: &&ToolName| of.as_str() == name;
        let own = self.assignment.spec.tools.iter().find(is_own).cloned().zip(tool(name));
        let (named, answer) = match (offered, own) {
            (Some(named), _) => (named.clone(), self.ask_bridge(named, input).await?),
            (None, Some((named, own))) => (named, self.calculate(own, input)),
            (None, None) => return Ok(Err(format!("there is no tool {:?}", clip(name, 64)))),
        };
        let took = self.bridge.clock.elapsed().saturating_sub(begun).as_millis();
        let took_ms = u64::try_from(took).unwrap_or(u64::MAX);
        self.news(Happening::Called { tool: named, took_ms, ok: answer.is_ok() }).await?;
        Ok(answer)
    }

    fn calculate(&self, own: &dyn crate::Tool, input: &Value) -> Result<Value, String> {
        let clock = self.bridge.clock;
        let begun = clock.elapsed();
        let stop = move || clock.elapsed().saturating_sub(begun) > CALCULATE;
        own.call(input, &Setting { now: self.now(), stop: &stop }).map_err(|error| error.to_string())
    }

    async fn ask_bridge(&mut self, tool: ToolName, input: &Value) -> Result<Result<Value, String>, Trouble> {
        let mut request = ToolRequestV1 { version: V1, seq: self.seq, tool, input: input.clone() };
        for _ in 0..RENUMBERED_MAX {
            request.seq = self.number();
            match self.bridge.post::<_, ToolAnswerV1>(path::TOOL, &request).await {
                Err(CallError::Refused { status: StatusCode::CONFLICT, .. }) => {}
                Ok(Some(ToolAnswerV1 { outcome: ToolOutcome::Answered { output, sources }, .. })) => {
                    self.keep(sources);
                    return Ok(Ok(output));
                }
                Ok(Some(ToolAnswerV1 { outcome: ToolOutcome::Failed { message, .. }, .. })) => {
                    return Ok(Err(message));
                }
                Ok(None) => return Ok(Err("it answered nothing".to_owned())),
                // The model may do without.
                Err(CallError::Refused { message, .. }) => return Ok(Err(message)),
                Err(CallError::Unavailable { code, .. }) => {
                    return Ok(Err(format!("it is not to be had now ({code})")));
                }
                Err(CallError::Unsendable(error)) => return Ok(Err(error.to_string())),
                Err(error) => return Err(trouble(error)),
            }
        }
        Ok(Err("the bridge knows every number".to_owned()))
    }

    /// How the attempt ended.
    pub(crate) async fn end(&mut self, outcome: Outcome) -> Result<(), CallError> {
        let spec = &self.assignment.spec;
        let (task, attempt) = (spec.id.clone(), self.assignment.attempt);
        let result = TaskResultV1 { version: V1, task, attempt, outcome, usage: self.usage };
        self.bridge.tell(Method::PUT, path::RESULT, &result).await
    }

    fn number(&mut self) -> u64 {
        self.seq += 1;
        self.seq - 1
    }

    fn keep(&mut self, sources: Vec<Source>) {
        for source in sources {
            let is_page = source.url.starts_with("https://") || source.url.starts_with("http://");
            let is_known = self.sources.iter().any(|known| known.url == source.url);
            if is_page && !is_known && source.url.len() <= 2048 && self.sources.len() < SOURCES_MAX {
                let title = clip(&source.title, 512).to_owned();
                self.sources.push(Source { title, ..source });
            }
        }
    }
}

/// What an error of a call means for the task.
fn trouble(error: CallError) -> Trouble {
    match error {
        CallError::Refused { code, .. } if code.starts_with("limit-") || code == "llm-budget" => {
            Trouble::Limit
        }
        CallError::Refused { status: StatusCode::FORBIDDEN, .. } => Trouble::Impossible,
        CallError::Refused { code, .. } => Trouble::Broken(code),
        CallError::Unavailable { .. } => Trouble::Unavailable,
        CallError::Unreadable(reason) => Trouble::Broken(reason),
        CallError::Unsendable(reason) => Trouble::Broken(reason.to_string()),
        CallError::Over | CallError::Lost(_) | CallError::Token | CallError::Silent => Trouble::Mute(error),
    }
}

/// The tools that a model may name, with their descriptions and the schemas of their inputs.
pub(crate) fn menu(assignment: &AssignmentV1) -> Vec<Value> {
    let own = assignment.spec.tools.iter().filter_map(|name| tool(name.as_str()));
    let own = own.map(
        |own| json!({ "name": own.name(), "description": own.description(), "input": own.input_schema() }),
    );
    let offered = assignment.tools.iter();
    let offered = offered
        .map(|spec| json!({ "name": spec.name, "description": spec.description, "input": spec.input }));
    offered.chain(own).collect()
}
