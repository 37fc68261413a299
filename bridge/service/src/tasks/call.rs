//! Calls of agents: what was answered is answered again, and what a task takes is counted over all of its attempts.

use helix_contract::api::{TaskAttempt, ToolAnswerV1, ToolOutcome};
use helix_contract::{Digest, Limits, NameError, TaskId, ToolName, Usage, decode};
use serde_json::Value;

use super::row::{number, unreadable};
use super::rules::Claim;
use super::sql::{Tx, values};
use super::{TaskBook, TaskError, locked};

/// What calls take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Tokens read.
    pub tokens_in: u64,
    /// Tokens written.
    pub tokens_out: u64,
    /// Money, millionths of the currency of the configuration.
    pub micros: u64,
    /// Calls of tools.
    pub tool_calls: u32,
}

impl Cost {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            tokens_in: self.tokens_in.saturating_add(other.tokens_in),
            tokens_out: self.tokens_out.saturating_add(other.tokens_out),
            micros: self.micros.saturating_add(other.micros),
            tool_calls: self.tool_calls.saturating_add(other.tool_calls),
        }
    }

    /// Tokens read and written.
    pub fn tokens(self) -> u64 {
        self.tokens_in.saturating_add(self.tokens_out)
    }

    /// As it is told.
    pub fn usage(self) -> Usage {
        Usage { tokens_in: self.tokens_in, tokens_out: self.tokens_out, tool_calls: self.tool_calls }
    }

    fn first_over(self, limits: &Limits) -> Option<Limit> {
        [
            (self.tokens() > limits.tokens, Limit::Tokens),
            (self.micros > limits.money_micros, Limit::Money),
            (self.tool_calls > limits.tool_calls, Limit::ToolCalls),
        ]
        .into_iter()
        .find_map(|(is_over, limit)| is_over.then_some(limit))
    }
}

/// A limit of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Tokens of all models.
    Tokens,
    /// Money.
    Money,
    /// Calls of tools.
    ToolCalls,
}

/// What a call asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Its number within the task.
    pub seq: u64,
    /// The digest of the whole request.
    pub request: Digest,
    /// The tool and its input; of a call of a model nothing.
    pub tool: Option<(ToolName, Value)>,
}

/// A call of a tool, as it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCalled {
    /// Its number within the task.
    pub seq: u64,
    /// The tool.
    pub tool: ToolName,
    /// Its input.
    pub input: Value,
    /// What came of it, if it was answered.
    pub outcome: Option<ToolOutcome>,
}

/// Whether a call may be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It may, and what it may take is set aside; so much was taken before.
    Go(Cost),
    /// It was answered before, so.
    Known(String),
    /// Another request was answered under its number.
    Other,
    /// It could take more than is left.
    Spent(Limit),
    /// Its attempt is over.
    Over,
}

const TAKEN: &str = "SELECT CAST(coalesce(sum(tokens_in), 0) AS BIGINT), CAST(coalesce(sum(tokens_out), 0) AS BIGINT), \
                     CAST(coalesce(sum(micros), 0) AS BIGINT), CAST(coalesce(sum(tool_calls), 0) AS BIGINT) \
                     FROM task_call WHERE task = $1";

type Taken = (i64, i64, i64, i64);
type CalledRow = (i64, String, Option<String>, Option<String>);

fn cost((tokens_in, tokens_out, micros, tool_calls): Taken) -> Cost {
    let whole = |number: i64| u64::try_from(number).unwrap_or_default();
    Cost {
        tokens_in: whole(tokens_in),
        tokens_out: whole(tokens_out),
        micros: whole(micros),
        tool_calls: u32::try_from(tool_calls.max(0)).unwrap_or(u32::MAX),
    }
}

impl TaskBook {
    /// What all calls of a task have taken, those under way with the most that they may.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn taken(&self, task: &TaskId) -> Result<Cost, TaskError> {
        let rows: Vec<Taken> = self.database.rows(TAKEN, values![task.as_str()]).await?;
        Ok(rows.into_iter().next().map(cost).unwrap_or_default())
    }

    /// Begins a call of a task, which may take `most`.
    ///
    /// # Errors
    /// What keeps it from being read or written; then nothing is set aside.
    pub async fn begin_call(&self, of: &TaskAttempt, asked: &Asked, most: Cost) -> Result<Begun, TaskError> {
        let mut tx = self.database.begin().await?;
        let begun = begin_in(&mut tx, of, asked, most).await;
        tx.end(begun).await
    }

    /// The calls of tools of a task, in order, also those that nobody has answered yet.
    ///
    /// # Errors
    /// What keeps them from being read.
    pub async fn tool_calls(&self, task: &TaskId) -> Result<Vec<ToolCalled>, TaskError> {
        let sql = "SELECT seq, tool, input, answer FROM task_call WHERE task = $1 AND tool IS NOT NULL ORDER BY seq";
        let rows: Vec<CalledRow> = self.database.rows(sql, values![task.as_str()]).await?;
        let called = |(seq, tool, input, answer): CalledRow| {
            let wrong = |reason: String| unreadable(task.as_str(), reason);
            let input = serde_json::from_str(input.as_deref().unwrap_or("null"));
            let answer = answer.map(|answer| decode::<ToolAnswerV1>(answer.as_bytes())).transpose();
            Ok(ToolCalled {
                seq: u64::try_from(seq).unwrap_or_default(),
                tool: tool.parse().map_err(|error: NameError| wrong(error.to_string()))?,
                input: input.map_err(|error| wrong(error.to_string()))?,
                outcome: answer.map_err(|error| wrong(error.to_string()))?.map(|answer| answer.outcome),
            })
        };
        rows.into_iter().map(called).collect()
    }

    /// Ends a call, for which `most` was set aside and which has taken `cost`. What is answered once stays the answer;
    /// without one the call may be made again.
    ///
    /// # Errors
    /// What keeps it from being written; then what was set aside stays so.
    pub async fn end_call(
        &self,
        task: &TaskId,
        asked: &Asked,
        (most, cost): (Cost, Cost),
        answer: Option<&str>,
    ) -> Result<(), TaskError> {
        let sql = "UPDATE task_call SET tokens_in = tokens_in + $3, tokens_out = tokens_out + $4, micros = micros + $5, \
                   tool_calls = tool_calls + $6, \
                   answer = CASE WHEN answer IS NULL AND request = $7 THEN $8 ELSE answer END \
                   WHERE task = $1 AND seq = $2";
        let more = |cost: u64, most: u64| number(cost).saturating_sub(number(most));
        let request = asked.request.to_string();
        let values = values![
            task.as_str(),
            number(asked.seq),
            more(cost.tokens_in, most.tokens_in),
            more(cost.tokens_out, most.tokens_out),
            more(cost.micros, most.micros),
            more(cost.tool_calls.into(), most.tool_calls.into()),
            request.as_str(),
            answer,
        ];
        let mut tx = self.database.begin().await?;
        let ended = tx.run(sql, values).await.map(drop);
        tx.end(ended).await
    }
}

async fn begin_in(tx: &mut Tx, of: &TaskAttempt, asked: &Asked, most: Cost) -> Result<Begun, TaskError> {
    let (task, seq, request) = (of.task.as_str(), number(asked.seq), asked.request.to_string());
    let Some(row) = locked(tx, &of.task).await? else { return Ok(Begun::Over) };
    if row.standing()?.claim(of.attempt.0) != Claim::Current {
        return Ok(Begun::Over);
    }
    let sql = "SELECT request, answer FROM task_call WHERE task = $1 AND seq = $2";
    let before: Option<(String, Option<String>)> = tx.one(sql, values![task, seq]).await?;
    if let Some((same, Some(answer))) = before {
        return Ok(if same == request { Begun::Known(answer) } else { Begun::Other });
    }
    let taken = tx.one::<Taken>(TAKEN, values![task]).await?.map(cost).unwrap_or_default();
    if let Some(limit) = taken.and(most).first_over(&row.spec()?.limits) {
        return Ok(Begun::Spent(limit));
    }
    let sql = "INSERT INTO task_call (task, seq, request, tool, input, tokens_in, tokens_out, micros, tool_calls) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (task, seq) DO UPDATE SET request = $3, \
               tool = $4, input = $5, tokens_in = task_call.tokens_in + $6, \
               tokens_out = task_call.tokens_out + $7, micros = task_call.micros + $8, \
               tool_calls = task_call.tool_calls + $9";
    let input = asked.tool.as_ref().map(|(_, input)| input.to_string());
    let values = values![
        task,
        seq,
        request.as_str(),
        asked.tool.as_ref().map(|(tool, _)| tool.as_str()),
        input.as_deref(),
        number(most.tokens_in),
        number(most.tokens_out),
        number(most.micros),
        i64::from(most.tool_calls),
    ];
    tx.run(sql, values).await?;
    Ok(Begun::Go(taken))
}
