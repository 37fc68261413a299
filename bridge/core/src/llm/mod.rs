//! Language models as a port: a conversation in, text or tool calls out. A model only drafts; what it wrote is read
//! and authorised like everything else.

pub mod budget;
mod error;
mod schema;

pub use error::LlmError;
pub use schema::follows;

use std::fmt;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use crate::egress::{Privacy, Purpose};
use crate::{Pii, UtteranceId};

/// Where a request stems from; what that lets out of the house, [`crate::egress`] decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Why a model is asked.
    pub purpose: Purpose,
    /// How private the words are.
    pub privacy: Privacy,
    /// Whether they stem from speech that was addressed to nobody here.
    pub passive: bool,
    /// Whether the person was asked about this request and said yes.
    pub asked: bool,
    /// The run that it belongs to.
    pub run: Option<UtteranceId>,
}

impl Origin {
    /// Of words that were addressed to Helix, and about which nobody was asked.
    pub fn addressed(purpose: Purpose, privacy: Privacy, run: Option<UtteranceId>) -> Self {
        Self { purpose, privacy, passive: false, asked: false, run }
    }
}

/// Who says a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Role {
    /// The person, or Helix in their place.
    User,
    /// The model, in words.
    Assistant,
    /// The model, which called tools; its words are mostly empty.
    Caller(Vec<ToolCall>),
    /// The tool that was called so; its words are the result.
    Tool(ToolCall),
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// The words.
    pub text: Pii<String>,
}

impl Message {
    /// What the person says.
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: Role::User, text: Pii::new(text.into()) }
    }

    /// What the model said.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: Role::Assistant, text: Pii::new(text.into()) }
    }
}

/// A tool that a model may call.
#[derive(Clone, PartialEq)]
pub struct Tool {
    /// Letters, digits and underscores.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// A JSON schema of its arguments, an object.
    pub parameters: Value,
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A call that a model wants. It names a tool and arguments that nobody has checked yet.
#[derive(Clone, PartialEq)]
pub struct ToolCall {
    /// Joins the result to the call; empty where a provider has none.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// What a provider wants back unchanged with the result (Gemini's thought signature).
    pub signature: Option<String>,
}

impl fmt::Debug for ToolCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCall").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A conversation that a model is to continue.
#[derive(Clone)]
pub struct Chat {
    /// What the model is to do. The same bytes each time let a server reuse its work.
    pub system: Pii<String>,
    /// What was said, oldest first; the last one is the person's or a tool's.
    pub messages: Vec<Message>,
    /// A JSON schema that the answer has to follow.
    pub schema: Option<Value>,
    /// What it may call.
    pub tools: Vec<Tool>,
    /// The longest answer, tokens.
    pub output_max: u32,
    /// Where it stems from.
    pub origin: Origin,
}

impl Chat {
    /// A conversation of one message, without schema and tools, answered in 512 tokens at most.
    pub fn new(system: impl Into<String>, text: impl Into<String>, origin: Origin) -> Self {
        Self {
            system: Pii::new(system.into()),
            messages: vec![Message::user(text)],
            schema: None,
            tools: Vec::new(),
            output_max: 512,
            origin,
        }
    }
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat")
            .field("messages", &self.messages.len())
            .field("schema", &self.schema.is_some())
            .field("tools", &self.tools)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was done.
    Stop,
    /// `output_max` or the end of its context was reached: the answer is cut off.
    Length,
    /// It wants its tools to be called.
    Calls,
    /// Its provider did not let it say more.
    Filtered,
}

/// What an answer cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read.
    pub input: u64,
    /// Tokens written, those of silent thoughts included.
    pub output: u64,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The words, without silent thoughts. With a schema: JSON that follows it.
    pub text: Pii<String>,
    /// The calls that it wants.
    pub calls: Vec<ToolCall>,
    /// What it cost.
    pub usage: Usage,
    /// Why it stopped.
    pub ended: Ended,
    /// The model that answered, which may be the successor of the one that was named.
    pub model: String,
}

/// What a model can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four abilities that come in every combination")]
pub struct Capabilities {
    /// Follow a JSON schema.
    pub schema: bool,
    /// Call tools.
    pub tools: bool,
    /// Answer piece by piece.
    pub stream: bool,
    /// Turn texts into vectors.
    pub embed: bool,
}

/// A language model. Every future may be dropped at any time; the request ends then. None waits without a limit.
pub trait LanguageModel: fmt::Debug + Send + Sync + 'static {
    /// Whether it can be asked now, as far as is known without asking it.
    ///
    /// # Errors
    /// Why it cannot.
    fn ready(&self) -> Result<(), LlmError>;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// What it takes; nothing, where it works at home.
    fn price(&self) -> budget::Price {
        budget::Price::default()
    }

    /// Answers at once.
    fn chat<'a>(&'a self, chat: &'a Chat) -> BoxFuture<'a, Result<Answer, LlmError>>;

    /// Answers piece by piece: each piece goes to `heard` as soon as it is there, the whole comes back. After an error
    /// the pieces are worth nothing. A model that knows no pieces gives its answer as one.
    fn stream<'a>(
        &'a self,
        chat: &'a Chat,
        heard: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Answer, LlmError>> {
        Box::pin(async move {
            let answer = self.chat(chat).await?;
            heard(answer.text.expose());
            Ok(answer)
        })
    }

    /// One vector per text, all of one length.
    fn embed<'a>(
        &'a self,
        _texts: &'a [Pii<String>],
        _origin: &'a Origin,
    ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, LlmError>> {
        Box::pin(async { Err(LlmError::NotConfigured) })
    }
}

/// No model is named.
impl LanguageModel for () {
    fn ready(&self) -> Result<(), LlmError> {
        Err(LlmError::NotConfigured)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn chat<'a>(&'a self, _: &'a Chat) -> BoxFuture<'a, Result<Answer, LlmError>> {
        Box::pin(async { Err(LlmError::NotConfigured) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_conversation_is_printed_but_its_shape() {
        let origin = Origin::addressed(Purpose::Understand, Privacy::Home, None);
        let call = ToolCall {
            id: String::new(),
            name: "look".into(),
            arguments: [("room".to_owned(), "secret".into())].into_iter().collect(),
            signature: None,
        };
        let mut chat = Chat::new("secret rules", "the secret words", origin);
        chat.schema = Some(serde_json::json!({ "enum": ["secret lamp"] }));
        chat.messages.push(Message { role: Role::Caller(vec![call]), text: Pii::default() });
        chat.tools.push(Tool {
            name: "look".into(),
            description: "secret".into(),
            parameters: serde_json::json!({ "enum": ["secret lamp"] }),
        });
        let printed = format!("{chat:?} {:?}", chat.messages);
        assert!(!printed.contains("secret") && printed.contains("look"), "{printed}");
    }
}
