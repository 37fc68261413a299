//! Tasks for explanations: what would be said to an order and about the running bridge's tasks. Takes and ends none.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use helix_core::delegate::{Desk, DeskError, Kind, Meaning, Order, TICKETS_MAX, Ticket};
use helix_core::egress::Cloud;
use helix_core::{EntityId, Pii};

use super::catalogue::{self, offered};
use super::desk::{placed, stage};
use crate::config::Config;
use crate::control::{Answer, Ask, ControlError, TaskAnswer, TaskAsk, TaskRow, ask};
use crate::llm::Models;
use crate::tasks::State;

/// Who only looks. Without a running bridge there are no tasks.
#[derive(Debug)]
pub(crate) struct LookedDesk {
    kinds: Vec<Kind>,
    known: BTreeMap<String, helix_kinds::Kind>,
    models: Arc<Models>,
    permitted: Cloud,
    data_dir: PathBuf,
}

impl LookedDesk {
    /// The desk of the bridge with this configuration.
    ///
    /// # Errors
    /// The user's folder of agents cannot be read.
    pub(crate) fn new(config: &Config, models: Arc<Models>) -> anyhow::Result<Self> {
        let known = catalogue::kinds(&config.data_dir)?;
        Ok(Self {
            kinds: known.values().map(|kind| offered(&kind.definition)).collect(),
            known,
            models,
            permitted: config.llm.cloud,
            data_dir: config.data_dir.clone(),
        })
    }

    async fn asked(&self, what: TaskAsk) -> Result<Option<TaskAnswer>, DeskError> {
        match ask(&self.data_dir, &Ask::Task(what)).await {
            Ok(Answer::Task(answer)) => Ok(Some(answer)),
            Err(ControlError::NotRunning { .. }) => Ok(None),
            Err(error) => Err(DeskError::Unkept(error.to_string())),
            Ok(answer) => Err(DeskError::Unkept(format!("the running Helix says {answer:?}"))),
        }
    }
}

impl Desk for LookedDesk {
    fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    fn meaning<'a>(&'a self, _: &'a Order) -> BoxFuture<'a, Meaning> {
        Box::pin(async { Meaning::Unknown })
    }

    fn take<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<String, DeskError>> {
        Box::pin(async {
            if let Some(kind) = self.known.get(&order.kind) {
                placed(&self.models, self.permitted, order, &kind.definition).map_err(DeskError::Unable)?;
            }
            Ok(String::new())
        })
    }

    fn tickets(&self) -> BoxFuture<'_, Result<Vec<Ticket>, DeskError>> {
        Box::pin(async {
            let answer = self.asked(TaskAsk::List { all: true }).await?;
            let Some(TaskAnswer::Tasks(rows)) = answer else { return Ok(Vec::new()) };
            Ok(rows.into_iter().filter_map(ticket).take(TICKETS_MAX).collect())
        })
    }

    fn words<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Pii<String>>, DeskError>> {
        Box::pin(async {
            let answer = self.asked(TaskAsk::Show { id: id.to_owned() }).await?;
            let Some(TaskAnswer::Task(row)) = answer else { return Ok(None) };
            Ok(row.last.map(Pii::new))
        })
    }

    fn cancel<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, DeskError>> {
        Box::pin(async { Ok(true) })
    }
}

fn ticket(row: TaskRow) -> Option<Ticket> {
    Some(Ticket {
        stage: stage(State::parse(&row.state)?),
        id: row.id,
        kind: row.agent,
        title: Pii::new(row.title),
        satellite: row.satellite.as_deref().map(EntityId::from),
    })
}
