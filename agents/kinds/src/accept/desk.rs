//! The bridge of one case: it hands out one task, answers what the case says, and notes what it hears.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use helix_contract::api::{
    AssignmentV1, ChatAnswerV1, ChatRequestV1, RefusalV1, ToolAnswerV1, ToolOutcome, ToolRequestV1, ToolSpec,
    path,
};
use helix_contract::{
    AgentRef, Attempt, Class, Limits, Place, Source, TaskEventV1, TaskId, TaskResultV1, TaskSpecV1, Usage,
    V1, Wire, WireError, decode, encode,
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use super::case::{Case, Given, Said};
use super::judge::Heard;
use crate::kind::Kind;

/// The token of the only task; it opens nothing.
const TOKEN: &str = "token-of-a-trial";
/// The longest request, bytes.
const BODY_LEN_MAX: usize = 1024 * 1024;

/// A language model.
pub trait Mind: Send + Sync {
    /// What it answers; nothing if it is not to be had.
    fn chat(&self, request: ChatRequestV1) -> BoxFuture<'_, Option<ChatAnswerV1>>;
}

/// A model whose answers are written down.
#[derive(Debug)]
pub struct Script(Mutex<VecDeque<Said>>);

impl Script {
    /// It says these, in their order; then it is not to be had.
    pub fn new(words: Vec<Said>) -> Self {
        Self(Mutex::new(words.into()))
    }
}

impl Mind for Script {
    fn chat(&self, _: ChatRequestV1) -> BoxFuture<'_, Option<ChatAnswerV1>> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let text = match said {
            Some(Said::Words(words)) => Some(Value::Object(words).to_string()),
            Some(Said::Raw(words)) if words != "unavailable" => Some(words),
            Some(Said::Raw(_)) | None => None,
        };
        let answer =
            |text| ChatAnswerV1 { version: V1, text, calls: Vec::new(), cut: false, usage: Usage::default() };
        Box::pin(std::future::ready(text.map(answer)))
    }
}

/// The bridge of a case.
pub(super) struct Desk {
    assignment: AssignmentV1,
    tools: Mutex<Case>,
    mind: Arc<dyn Mind>,
    heard: Mutex<Heard>,
}

/// An answer with its status.
type Answer = (StatusCode, Vec<u8>);

impl Desk {
    pub(super) fn new(kind: &Kind, case: &Case, mind: Arc<dyn Mind>) -> Result<Self, WireError> {
        let assignment = assignment(kind, case)?;
        assignment.check()?;
        Ok(Self { assignment, tools: Mutex::new(case.clone()), mind, heard: Mutex::default() })
    }

    pub(super) fn heard(&self) -> Heard {
        self.note().clone()
    }

    fn note(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, line: &str, body: &[u8]) -> Result<Answer, WireError> {
        if self.note().result.is_some() {
            return refusal(StatusCode::GONE, "task-over");
        }
        match line.split_once(' ') {
            Some(("GET", path::TASK)) => ok(&self.assignment),
            Some(("POST", path::EVENTS)) => {
                decode::<TaskEventV1>(body)?;
                Ok((StatusCode::NO_CONTENT, Vec::new()))
            }
            Some(("POST", path::CHAT)) => self.chat(decode(body)?).await,
            Some(("POST", path::TOOL)) => self.tool(&decode(body)?),
            Some(("PUT", path::RESULT)) => {
                self.note().result = Some(decode::<TaskResultV1>(body)?);
                Ok((StatusCode::NO_CONTENT, Vec::new()))
            }
            Some(_) | None => {
                self.note().wrong.push(format!("for {line}"));
                refusal(StatusCode::NOT_FOUND, "gateway-path")
            }
        }
    }

    async fn chat(&self, request: ChatRequestV1) -> Result<Answer, WireError> {
        for message in &request.messages {
            let mut heard = self.note();
            heard.told.push_str(&message.text);
            heard.told.push('\n');
        }
        match self.mind.chat(request).await {
            Some(answer) => ok(&answer),
            None => refusal(StatusCode::BAD_GATEWAY, "llm-unavailable"),
        }
    }

    fn tool(&self, request: &ToolRequestV1) -> Result<Answer, WireError> {
        let name = request.tool.as_str();
        if !self.assignment.tools.iter().any(|tool| tool.name == request.tool) {
            self.note().wrong.push(format!("for the tool {name}, which its task does not have"));
            return refusal(StatusCode::FORBIDDEN, "task-scope");
        }
        let mut case = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = case.tools.get_mut(name).map(|answers| {
            if answers.len() > 1 { Some(answers.remove(0)) } else { answers.first().cloned() }
        });
        let mut heard = self.note();
        heard.calls.push(name.to_owned());
        let outcome = match answers.flatten() {
            Some(Given::Output { value, pages }) => {
                heard.pages.extend(pages.iter().cloned());
                let read_at = Timestamp::UNIX_EPOCH;
                let sources =
                    pages.into_iter().map(|url| Source { title: url.clone(), url, read_at }).collect();
                ToolOutcome::Answered { output: value, sources }
            }
            Some(Given::Failed(message)) => ToolOutcome::Failed { code: "tool-failed".to_owned(), message },
            None => ToolOutcome::Failed {
                code: "tool-failed".to_owned(),
                message: "There is no answer.".to_owned(),
            },
        };
        ok(&ToolAnswerV1 { version: V1, outcome })
    }
}

/// Speaks with the agent until it hangs up.
pub(super) async fn serve(desk: Arc<Desk>, mut stream: UnixStream) {
    if stream.write_all(format!("{TOKEN}\n").as_bytes()).await.is_err() {
        return;
    }
    let service = service_fn(move |request| respond(Arc::clone(&desk), request));
    // However it ends: what was heard is judged.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(desk: Arc<Desk>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let line = format!("{} {}", request.method(), request.uri().path());
    let shown = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes().to_vec());
    if shown.as_deref() != Some(format!("Bearer {TOKEN}").as_bytes()) {
        desk.note().wrong.push(format!("for {line} without its token"));
    }
    let answer = match Limited::new(request.into_body(), BODY_LEN_MAX).collect().await {
        Ok(body) => desk.answer(&line, &body.to_bytes()).await,
        Err(_) => refusal(StatusCode::PAYLOAD_TOO_LARGE, "contract-too-large"),
    };
    let (status, body) = answer.unwrap_or_else(|error| {
        desk.note().wrong.push(format!("for {line} with what is no message: {error}"));
        (StatusCode::UNPROCESSABLE_ENTITY, Vec::new())
    });
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    Ok(response)
}

fn ok(message: &impl Wire) -> Result<Answer, WireError> {
    Ok((StatusCode::OK, encode(message)?))
}

fn refusal(status: StatusCode, code: &str) -> Result<Answer, WireError> {
    let message = "This is a trial.".to_owned();
    Ok((status, encode(&RefusalV1 { version: V1, code: code.to_owned(), message })?))
}

fn assignment(kind: &Kind, case: &Case) -> Result<AssignmentV1, WireError> {
    let definition = kind.definition.clone();
    let tools = definition.tools.iter().filter_map(|name| {
        let (description, input) = described(name.as_str())?;
        Some(ToolSpec { name: name.clone(), description: description.to_owned(), input })
    });
    let spec = TaskSpecV1 {
        version: V1,
        id: TaskId::derive(&["trial", &case.name]),
        agent: AgentRef { name: definition.name.clone(), definition: definition.digest()?, image: None },
        instruction: case.request.clone(),
        language: case.language.clone(),
        inputs: case.inputs.clone(),
        tools: definition.tools.clone(),
        scope: definition.scope.clone(),
        place: Place::Local,
        limits: Limits {
            deadline: Timestamp::MAX,
            attempts: 1,
            tokens: kind.limits.tokens,
            money_micros: 0,
            tool_calls: kind.limits.tool_calls,
        },
        class: Class::Background,
        output_schema: None,
    };
    Ok(AssignmentV1 {
        version: V1,
        spec,
        attempt: Attempt(1),
        tools: tools.collect(),
        definition,
        time_zone: "Europe/Berlin".to_owned(),
        until: Timestamp::MAX,
        token: None,
    })
}

/// What a model is told of a tool of the bridge; nothing of those that an agent has by itself.
fn described(name: &str) -> Option<(&'static str, Value)> {
    let text = json!({ "type": "string" });
    let input = |properties: Value, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required });
    match name {
        "web_search" => Some((
            "Searches the web.",
            input(json!({ "query": text, "language": text, "count": { "type": "integer" } }), &["query"]),
        )),
        "read_page" => Some(("Reads a page of the web as text.", input(json!({ "url": text }), &["url"]))),
        "home_states" => Some((
            "Reads what devices of the home are like now.",
            input(json!({ "area": text, "domain": text }), &[]),
        )),
        name if name.starts_with("mcp_") => Some(("A tool of a tool server.", input(json!({}), &[]))),
        _ => None,
    }
}
