//! Tasks and agents for commands of a person.

use helix_contract::{Happening, ModelRole, Place, TaskEventV1, TaskId};
use helix_core::Language;
use helix_core::delegate::{Desk, DeskError, Draft, draft, improved};
use helix_core::home::Caller;

use super::catalogue::Current;
use super::desk::TaskDesk;
use super::shelved::{form_rows, shelved};
use crate::clock::SystemClock;
use crate::control::{AgentRow, Answer, TaskAnswer, TaskAsk, TaskRow};
use crate::deliver::title_of;
use crate::tasks::{NewsState, Task, TaskError, Which};

/// Tasks that a list shows.
const LISTED_MAX: u32 = 200;
/// Steps of one task that are shown.
const STEPS_MAX: u32 = 100;

impl TaskDesk {
    /// Answers a command; `language` is that of the home.
    pub(crate) async fn answer(&self, ask: TaskAsk, language: &Language) -> Answer {
        let answered = match ask {
            TaskAsk::Run { words, kind, language: named } => {
                let named = named.as_deref().and_then(Language::parse);
                return self.begin(&words, kind, &named.unwrap_or_else(|| language.clone())).await;
            }
            TaskAsk::Cancel { id } => return self.end(&id).await,
            TaskAsk::List { all } => self.list(all).await.map(TaskAnswer::Tasks),
            TaskAsk::Show { id } => match self.find(&id).await {
                Ok(Some(row)) => Ok(TaskAnswer::Task(Box::new(row))),
                Ok(None) => return unknown(&id),
                Err(error) => Err(error),
            },
            TaskAsk::Agents => Ok(TaskAnswer::Agents(self.agents())),
            TaskAsk::Images(ask) => return shelved(self.catalogue.images(), ask).await,
        };
        answered.map_or_else(|error| Answer::Failed(error.to_string()), Answer::Task)
    }

    async fn begin(&self, words: &str, kind: Option<String>, language: &Language) -> Answer {
        let drafted = draft(words, language, &Caller::default(), self.kinds(), true);
        let Draft::Order(mut order) = drafted else {
            return Answer::Failed("say what it should be about".into());
        };
        if let Some(kind) = kind {
            if !self.kinds().iter().any(|known| known.name == kind) {
                return Answer::Failed(format!(
                    "there is no agent `{kind}`; `helix agent list` shows those that there are"
                ));
            }
            order.kind = kind;
        } else if let Draft::Order(improved) =
            improved(self, None, &SystemClock::start(), order.clone(), true).await
        {
            order = improved;
        }
        match self.take(&order).await {
            Ok(id) => match self.find(&id).await {
                Ok(Some(row)) => Answer::Task(TaskAnswer::Task(Box::new(row))),
                Ok(None) => unknown(&id),
                Err(error) => Answer::Failed(error.to_string()),
            },
            Err(DeskError::Unable(sentence)) => Answer::Failed(sentence.text(&Language::english())),
            Err(error @ (DeskError::Full { .. } | DeskError::Unkept(_))) => Answer::Failed(error.to_string()),
        }
    }

    async fn end(&self, id: &str) -> Answer {
        match self.cancel(id).await {
            Ok(true) => Answer::Done(vec![format!("cancelled {id}")]),
            Ok(false) => {
                Answer::Failed(format!("no task `{id}` is under way; `helix task list` shows those that are"))
            }
            Err(error) => Answer::Failed(error.to_string()),
        }
    }

    async fn list(&self, all: bool) -> Result<Vec<TaskRow>, TaskError> {
        let which = if all { Which::All } else { Which::UnderWay };
        let mut rows = Vec::new();
        for task in self.book.list(which, LISTED_MAX).await? {
            rows.push(self.row(&task).await?);
        }
        Ok(rows)
    }

    async fn find(&self, id: &str) -> Result<Option<TaskRow>, TaskError> {
        let Ok(id) = id.parse::<TaskId>() else { return Ok(None) };
        let Some(task) = self.book.get(&id).await? else { return Ok(None) };
        let events = self.book.events(&id, STEPS_MAX).await?;
        let result = self.book.result(&id).await?;
        Ok(Some(TaskRow {
            steps: events.iter().filter_map(step).collect(),
            result: result.and_then(|result| serde_json::to_value(result).ok()),
            ..self.row(&task).await?
        }))
    }

    async fn row(&self, task: &Task) -> Result<TaskRow, TaskError> {
        let id = &task.spec.id;
        let last = self.words_of(task).await?.map(helix_core::Pii::into_inner);
        Ok(TaskRow {
            id: id.to_string(),
            agent: task.spec.agent.name.to_string(),
            title: title_of(task),
            state: task.state.as_str().to_owned(),
            code: task.code.clone(),
            place: match task.spec.place {
                Place::Local => "local".to_owned(),
                Place::Cloud => "cloud".to_owned(),
            },
            begun: task.begun,
            worker: task.worker.clone(),
            accepted_at: task.accepted_at.to_string(),
            deadline: task.spec.limits.deadline.to_string(),
            ended_at: task.ended_at.map(|at| at.to_string()),
            satellite: task.origin.satellite.clone(),
            last,
            told: self.book.news(id).await?.map(|news| word_of(news).to_owned()),
            ..TaskRow::default()
        })
    }

    fn agents(&self) -> Vec<AgentRow> {
        let row = |Current { digest, definition, .. }: &Current| AgentRow {
            name: definition.name.to_string(),
            description: definition.description.clone(),
            definition: digest.to_string(),
            model: match definition.model {
                ModelRole::None => "none".to_owned(),
                ModelRole::Router => "router".to_owned(),
                ModelRole::Agent => "agent".to_owned(),
            },
            tools: definition.tools.iter().map(ToString::to_string).collect(),
            scope: serde_json::to_value(&definition.scope).unwrap_or_default(),
            forms: form_rows(self.catalogue.images(), &definition.name),
        };
        self.catalogue.all().map(row).collect()
    }
}

fn unknown(id: &str) -> Answer {
    Answer::Failed(format!("there is no task `{id}`; `helix task list --all` shows those that are kept"))
}

fn word_of(news: NewsState) -> &'static str {
    match news {
        NewsState::Pending => "pending",
        NewsState::Speaking => "speaking",
        NewsState::Spoken => "spoken",
        NewsState::Text => "text",
        NewsState::Expired => "expired",
    }
}

fn step(event: &TaskEventV1) -> Option<String> {
    let what = match &event.what {
        Happening::Started => "started".to_owned(),
        Happening::Progress { text, .. } => text.clone(),
        Happening::Called { tool, took_ms, ok } => {
            format!("{tool} {} after {took_ms} ms", if *ok { "answered" } else { "failed" })
        }
        Happening::Unknown => return None,
    };
    Some(format!("{} {}: {what}", event.at, event.attempt.0))
}
