//! The model of one duty: core's port, served by whatever model answers at its server now.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use helix_core::Pii;
use helix_core::llm::budget::Price;
use helix_core::llm::{Answer, Capabilities, Chat, Ended, LanguageModel, LlmError, Origin, Usage, follows};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::catalogue::{Catalogue, Chosen, Duty, Think};
use super::dialect::{Asked, Draft};
use super::door::Going;
use super::queue::Class;
use super::server::{Errand, Server};

/// Pieces of a stream that wait for whoever listens; the server waits then.
const PIECES_MAX: usize = 64;

/// The model of one duty. Each request runs in a task of its own: when whoever asked goes away, it is given up, and what
/// it has cost and where it went is written down all the same.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) duty: Duty,
    /// For whom it is asked.
    pub(super) class: Class,
    /// As the configuration names it.
    pub(super) named: String,
    pub(super) server: Arc<Server>,
    pub(super) tasks: TaskTracker,
}

impl Model {
    fn capabilities_of(&self, model: &str) -> Capabilities {
        let family = Catalogue::built_in().family(model);
        self.server.dialect.capabilities(family, self.server.abilities(model))
    }

    /// What is sent about silent thoughts. A model that nobody knows, but that has them, is told to leave them out.
    fn think(&self, model: &str, with_schema: bool) -> Option<Think> {
        let known = Catalogue::built_in().family(model).think(with_schema);
        match self.server.abilities(model) {
            Some(abilities) if abilities.thinking => known.or(Some(Think::Off)),
            Some(_) => None,
            None => known,
        }
    }

    async fn answer(
        self,
        chat: Chat,
        pieces: Option<mpsc::Sender<String>>,
        given_up: CancellationToken,
    ) -> Result<Answer, LlmError> {
        let Chosen { model, .. } = self.server.choose(&self.named)?;
        let can = self.capabilities_of(&model);
        if !chat.tools.is_empty() && !can.tools {
            return Err(LlmError::Unable { model, what: "call tools" });
        }
        let catalogue = Catalogue::built_in();
        let asked = Asked {
            model: &model,
            chat: &chat,
            stream: pieces.is_some(),
            think: self.think(&model, chat.schema.is_some()),
            keep_alive_min: catalogue.keep_alive_min(self.duty),
        };
        let wire = self.server.dialect.chat(asked);
        let limit = catalogue.limit(self.duty);
        let (class, output_max) = (self.class, chat.output_max);
        let errand = Errand { model: &model, wire, origin: &chat.origin, limit, output_max, class };
        let (server, given_up) = (&*self.server, &given_up);
        let answer = match pieces {
            Some(pieces) => {
                let (going, ticket) = server.begin(errand, given_up).await?;
                let work = streamed(server, &going, &model, pieces);
                // Pieces that were heard cannot be taken back: whoever listens asks again.
                server.end(ticket, &going, given_up, work).await?.ok_or(LlmError::Busy)?
            }
            None => loop {
                let (going, ticket) = server.begin(errand.clone(), given_up).await?;
                let ended = server.end(ticket, &going, given_up, whole(server, &going, &model)).await?;
                if let Some(answer) = ended {
                    break answer;
                }
            },
        };
        match &chat.schema {
            Some(schema) => held_to(answer, schema, self.server.host()),
            None => Ok(answer),
        }
    }

    async fn vectors(
        self,
        texts: Vec<Pii<String>>,
        origin: Origin,
        given_up: CancellationToken,
    ) -> Result<Vec<Vec<f32>>, LlmError> {
        let Chosen { model, .. } = self.server.choose(&self.named)?;
        let unable = || LlmError::Unable { model: model.clone(), what: "make vectors" };
        let wire = self.server.dialect.embed(&model, &texts).ok_or_else(unable)?;
        let limit = Catalogue::built_in().limit(self.duty);
        let class = self.class;
        let errand = Errand { model: &model, wire, origin: &origin, limit, output_max: 0, class };
        let (server, given_up) = (&*self.server, &given_up);
        let (going, ticket) = server.begin(errand, given_up).await?;
        let work = embedded(server, &going, &model, texts.len());
        server.end(ticket, &going, given_up, work).await?.ok_or(LlmError::Busy)
    }

    fn lost(&self) -> LlmError {
        LlmError::Nonsense { host: self.server.host().to_owned(), reason: "reading it failed" }
    }
}

async fn whole(server: &Server, going: &Going, model: &str) -> Result<(Answer, Usage), LlmError> {
    let response = server.door.send(going, model).await?;
    let body = server.door.whole(response).await?;
    let answer = server.dialect.answer(&body, model).map_err(|garbled| server.garbled(garbled))?;
    let usage = answer.usage;
    Ok((answer, usage))
}

async fn streamed(
    server: &Server,
    going: &Going,
    model: &str,
    pieces: mpsc::Sender<String>,
) -> Result<(Answer, Usage), LlmError> {
    let response = server.door.send(going, model).await?;
    let mut lines = server.door.lines(response);
    let (mut draft, mut heard) = (Draft::default(), String::new());
    while let Some(line) = lines.next().await? {
        let taken = server.dialect.take_line(&mut draft, &line, &mut |piece| heard.push_str(piece));
        let ended = taken.map_err(|garbled| server.garbled(garbled))?;
        if !heard.is_empty() {
            // Whoever does not listen any more has given up, which ends this from outside.
            let _ = pieces.send(std::mem::take(&mut heard)).await;
        }
        if ended {
            break;
        }
    }
    let finished = draft.finish(model, &mut |piece| heard.push_str(piece));
    let answer = finished.map_err(|garbled| server.garbled(garbled))?;
    if !heard.is_empty() {
        let _ = pieces.send(heard).await;
    }
    let usage = answer.usage;
    Ok((answer, usage))
}

async fn embedded(
    server: &Server,
    going: &Going,
    model: &str,
    wanted: usize,
) -> Result<(Vec<Vec<f32>>, Usage), LlmError> {
    let response = server.door.send(going, model).await?;
    let body = server.door.whole(response).await?;
    let vectors = server.dialect.vectors(&body, wanted).map_err(|garbled| server.garbled(garbled))?;
    Ok((vectors, Usage::default()))
}

/// The answer as JSON that follows the schema.
fn held_to(answer: Answer, schema: &serde_json::Value, host: &str) -> Result<Answer, LlmError> {
    let nonsense = |reason| Err(LlmError::Nonsense { host: host.to_owned(), reason });
    if !answer.calls.is_empty() {
        return Ok(answer);
    }
    if answer.ended == Ended::Length {
        return nonsense("its answer was cut off");
    }
    let text = unfenced(answer.text.expose());
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if follows(&value, schema) => Ok(Answer { text: Pii::new(text.to_owned()), ..answer }),
        Ok(_) => nonsense("its answer does not follow the schema"),
        Err(_) => nonsense("its answer is no JSON"),
    }
}

/// JSON without the fence that some models put around it.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let Some(inner) = text.strip_prefix("```").and_then(|text| text.strip_suffix("```")) else { return text };
    inner.strip_prefix("json").unwrap_or(inner).trim()
}

impl LanguageModel for Model {
    fn ready(&self) -> Result<(), LlmError> {
        self.server.ready(&self.named)
    }

    fn capabilities(&self) -> Capabilities {
        self.server
            .choose(&self.named)
            .map_or_else(|_| Capabilities::default(), |Chosen { model, .. }| self.capabilities_of(&model))
    }

    fn price(&self) -> Price {
        let chosen = self.server.choose(&self.named).ok().map(|chosen| chosen.model);
        let outside = chosen.filter(|model| self.server.outside(model).is_some());
        outside.map_or_else(Price::default, |model| Catalogue::built_in().price(&model))
    }

    fn chat<'a>(&'a self, chat: &'a Chat) -> BoxFuture<'a, Result<Answer, LlmError>> {
        Box::pin(async move {
            let given_up = CancellationToken::new();
            let _guard = given_up.clone().drop_guard();
            let task = self.tasks.spawn(self.clone().answer(chat.clone(), None, given_up));
            task.await.unwrap_or_else(|_| Err(self.lost()))
        })
    }

    fn stream<'a>(
        &'a self,
        chat: &'a Chat,
        heard: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Answer, LlmError>> {
        Box::pin(async move {
            let given_up = CancellationToken::new();
            let _guard = given_up.clone().drop_guard();
            let (sender, mut pieces) = mpsc::channel(PIECES_MAX);
            let task = self.tasks.spawn(self.clone().answer(chat.clone(), Some(sender), given_up));
            while let Some(piece) = pieces.recv().await {
                heard(&piece);
            }
            task.await.unwrap_or_else(|_| Err(self.lost()))
        })
    }

    fn embed<'a>(
        &'a self,
        texts: &'a [Pii<String>],
        origin: &'a Origin,
    ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, LlmError>> {
        Box::pin(async move {
            let given_up = CancellationToken::new();
            let _guard = given_up.clone().drop_guard();
            let task = self.tasks.spawn(self.clone().vectors(texts.to_vec(), origin.clone(), given_up));
            task.await.unwrap_or_else(|_| Err(self.lost()))
        })
    }
}
