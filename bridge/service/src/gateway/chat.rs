//! A question to a language model: what the definition says comes first, the place and the privacy of the task say who may
//! be asked, and the limits of the task how much.

use std::sync::Arc;

use helix_contract::api::{ChatAnswerV1, ChatCall, ChatMessage, ChatRequestV1, Speaker, TaskAttempt};
use helix_contract::{DefinitionV1, ModelRole, Place, V1, encode};
use helix_core::Pii;
use helix_core::egress::Privacy;
use helix_core::llm::{
    Answer as Answered, Chat, Ended, LanguageModel, LlmError, Message, Origin, Role, Tool, ToolCall, Usage,
};

use super::call::{Numbered, Worked, carry_out};
use super::desk::{Desk, Unassignable};
use super::refusal::Refusal;
use super::server::Answer;
use super::tool::digest;
use super::{Minds, origin_of};
use crate::tasks::{Asked, Cost, Task};

/// Few languages have tokens shorter than this: what is set aside is rather too much.
const BYTES_PER_TOKEN: usize = 3;
/// A shorter answer helps nobody, tokens.
const OUTPUT_MIN: u64 = 16;

pub(super) async fn chat(
    desk: &Arc<Desk>,
    of: TaskAttempt,
    request: ChatRequestV1,
) -> Result<Answer, Refusal> {
    let task = desk.current(&of).await?;
    let found = desk.parts.definitions.find(&task.spec.agent).await.map_err(Unassignable::Definitions)?;
    let definition = found.ok_or(Unassignable::Unknown)?;
    let asked = Asked { seq: request.seq, request: digest(&request)?, tool: None };
    let chosen = choose(&desk.parts.minds, &task, definition.model)?;
    let mut chat = conversation(&definition, request, chosen.origin)?;
    let input = input_tokens(&chat);
    let left = task.spec.limits.tokens.saturating_sub(desk.parts.book.taken(&of.task).await?.tokens());
    let output = left.saturating_sub(input).min(chat.output_max.into()).max(OUTPUT_MIN);
    chat.output_max = u32::try_from(output).unwrap_or(chat.output_max).min(chat.output_max);
    let most = cost_of(&*chosen.model, Usage { input, output: chat.output_max.into() });
    let call = Numbered { of, asked, most };
    carry_out(desk, call, move |taken| async move {
        let asked = chosen.model.chat(&chat).await;
        answered(&*chosen.model, asked, most, taken)
    })
    .await
}

/// Who is asked, and what is said about why.
struct Chosen {
    model: Arc<dyn LanguageModel>,
    origin: Origin,
}

fn choose(minds: &Minds, task: &Task, role: ModelRole) -> Result<Chosen, Refusal> {
    let place = task.spec.place;
    let origin = match place {
        Place::Cloud => origin_of(task),
        // What has to stay in the house is let out by no setting, wherever a server at home would pass it on to.
        Place::Local => Origin { privacy: Privacy::Others, asked: false, ..origin_of(task) },
    };
    let model = match role {
        ModelRole::None => return Err(Refusal::NoModel),
        ModelRole::Router => &minds.router,
        ModelRole::Agent if place == Place::Cloud && may_go(minds, &origin) => &minds.cloud,
        ModelRole::Agent => &minds.local,
    };
    Ok(Chosen { model: Arc::clone(model), origin })
}

/// Whether the model outside is asked: what is never let out, or cannot be thought about there now, is thought about at
/// home if anybody can.
fn may_go(minds: &Minds, origin: &Origin) -> bool {
    let is_there = origin.privacy != Privacy::Others && minds.cloud.ready().is_ok();
    is_there || minds.local.ready().is_err()
}

fn conversation(definition: &DefinitionV1, request: ChatRequestV1, origin: Origin) -> Result<Chat, Refusal> {
    let examples = definition.examples.iter();
    let mut messages: Vec<_> = examples
        .flat_map(|example| [Message::user(&example.request), Message::assistant(&example.answer)])
        .collect();
    for message in request.messages {
        messages.push(said(message)?);
    }
    let tool = |tool: helix_contract::api::ToolSpec| Tool {
        name: tool.name.as_str().to_owned(),
        description: tool.description,
        parameters: tool.input,
    };
    Ok(Chat {
        system: Pii::new(definition.prompt.clone()),
        messages,
        schema: request.schema,
        tools: request.tools.into_iter().map(tool).collect(),
        output_max: request.output_max,
        origin,
    })
}

fn said(message: ChatMessage) -> Result<Message, Refusal> {
    let ChatMessage { by, text, calls } = message;
    let call = |call: ChatCall| ToolCall {
        id: call.id,
        name: call.tool,
        arguments: call.input,
        signature: call.signature,
    };
    let mut calls = calls.into_iter().map(call);
    let role = match by {
        Speaker::User => Role::User,
        Speaker::Model if calls.len() == 0 => Role::Assistant,
        Speaker::Model => Role::Caller(calls.collect()),
        Speaker::Tool => Role::Tool(calls.next().ok_or(Refusal::Unanswered)?),
    };
    Ok(Message { role, text: Pii::new(text) })
}

/// What a model will have to read, tokens.
fn input_tokens(chat: &Chat) -> u64 {
    let tools = chat.tools.iter().map(|tool| tool.description.len() + tool.parameters.to_string().len());
    let said = chat.messages.iter().map(|message| message.text.expose().len());
    let bytes = chat.system.expose().len() + tools.chain(said).sum::<usize>();
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

fn cost_of(model: &dyn LanguageModel, usage: Usage) -> Cost {
    let micros = model.price().of(usage).micros;
    Cost { tokens_in: usage.input, tokens_out: usage.output, micros, tool_calls: 0 }
}

fn answered(model: &dyn LanguageModel, asked: Result<Answered, LlmError>, most: Cost, taken: Cost) -> Worked {
    match asked {
        Ok(answer) => {
            // Whoever does not say what it cost is taken to have cost the most.
            let cost = if answer.usage == Usage::default() { most } else { cost_of(model, answer.usage) };
            Worked { cost, answer: written(answer, taken.and(cost)) }
        }
        Err(error) => {
            let may_cost = matches!(
                error,
                LlmError::Timeout { .. } | LlmError::Nonsense { .. } | LlmError::TooLong { .. }
            );
            let cost = if may_cost { most } else { Cost::default() };
            Worked { cost, answer: Err(Refusal::Model(error)) }
        }
    }
}

fn written(answer: Answered, taken: Cost) -> Result<Vec<u8>, Refusal> {
    let call = |call: ToolCall| ChatCall {
        id: call.id,
        tool: call.name,
        input: call.arguments,
        signature: call.signature,
    };
    let answer = ChatAnswerV1 {
        version: V1,
        text: answer.text.expose().clone(),
        calls: answer.calls.into_iter().map(call).collect(),
        cut: answer.ended == Ended::Length,
        usage: taken.usage(),
    };
    Ok(encode(&answer)?)
}
