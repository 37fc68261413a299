//! The last runs and their timelines, in memory only; joins the two connections of one run by equal text.

use std::collections::VecDeque;
use std::time::Duration;

use crate::{Pii, UtteranceId};

/// Runs that are kept.
pub const RUNS_MAX: usize = 100;
/// How far apart the transcript and the sentence of one run may be: Home Assistant joins them by no id.
pub const JOIN_WINDOW: Duration = Duration::from_secs(2);

/// The stages of a run, in the order in which they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The first voiced frame came in.
    Heard,
    /// The last voiced frame came in.
    Ended,
    /// The end of speech was decided.
    Decided,
    /// The words were there.
    Transcribed,
    /// The dry run was answered.
    Matched,
    /// Home Assistant had carried it out.
    Acted,
    /// The state had followed.
    Verified,
    /// The reply was given.
    Replied,
}

impl Stage {
    /// All stages in order.
    pub const ALL: [Self; 8] = [
        Self::Heard,
        Self::Ended,
        Self::Decided,
        Self::Transcribed,
        Self::Matched,
        Self::Acted,
        Self::Verified,
        Self::Replied,
    ];

    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Heard => "heard",
            Self::Ended => "ended",
            Self::Decided => "decided",
            Self::Transcribed => "transcribed",
            Self::Matched => "matched",
            Self::Acted => "acted",
            Self::Verified => "verified",
            Self::Replied => "replied",
        }
    }
}

/// One run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The utterance.
    pub id: UtteranceId,
    /// Stage -> time of the run's clock.
    pub marks: Vec<(Stage, Duration)>,
    /// The words.
    pub text: Pii<String>,
    /// Home Assistant's conversation, once it is known.
    pub conversation: Option<String>,
    /// `act`, `answer`, `refuse`, once it is decided.
    pub route: Option<&'static str>,
    /// The stable code of the outcome, once it ended.
    pub code: Option<&'static str>,
    /// Home Assistant's satellite entity, if it is known.
    pub satellite: Option<String>,
    /// Set if listening failed: the error that the reply has to tell.
    pub failure: Option<crate::reply::RunError>,
    joined: bool,
}

impl Run {
    /// A run that begins.
    pub fn new(id: UtteranceId, text: Pii<String>) -> Self {
        Self {
            id,
            marks: Vec::new(),
            text,
            conversation: None,
            route: None,
            code: None,
            satellite: None,
            failure: None,
            joined: false,
        }
    }

    /// Notes that a stage was reached at `at`.
    pub fn mark(&mut self, stage: Stage, at: Option<Duration>) {
        if let Some(at) = at {
            self.marks.push((stage, at));
        }
    }

    /// Milliseconds from the first mark to each, in order of time.
    pub fn timeline_ms(&self) -> Vec<(&'static str, u64)> {
        let start = self.marks.iter().map(|(_, at)| *at).min().unwrap_or_default();
        let mut marks = self.marks.clone();
        marks.sort_by_key(|(_, at)| *at);
        let ms = |at: Duration| u64::try_from(at.saturating_sub(start).as_millis()).unwrap_or(u64::MAX);
        marks.into_iter().map(|(stage, at)| (stage.as_str(), ms(at))).collect()
    }

    fn transcribed(&self) -> Option<Duration> {
        self.marks.iter().find(|(stage, _)| *stage == Stage::Transcribed).map(|(_, at)| *at)
    }
}

/// The last [`RUNS_MAX`] runs; the oldest go first.
#[derive(Debug, Default)]
pub struct Runs {
    runs: VecDeque<Run>,
}

impl Runs {
    /// Keeps a run.
    pub fn push(&mut self, run: Run) {
        if self.runs.len() == RUNS_MAX {
            self.runs.pop_front();
        }
        self.runs.push_back(run);
    }

    /// Takes out the heard run that this sentence belongs to: the only one of equal text within [`JOIN_WINDOW`].
    /// If several fit, none is taken: an ambiguous join costs the timeline, never an act.
    pub fn join(&mut self, text: &str, now: Duration) -> Option<Run> {
        let fits = |run: &Run| {
            !run.joined
                && run.text.expose() == text
                && run.transcribed().is_some_and(|at| now.saturating_sub(at) <= JOIN_WINDOW)
        };
        let mut fitting = self.runs.iter().enumerate().filter(|(_, run)| fits(run)).map(|(at, _)| at);
        let (first, second) = (fitting.next(), fitting.next());
        let at = first.filter(|_| second.is_none())?;
        let mut run = self.runs.remove(at)?;
        run.joined = true;
        Some(run)
    }

    /// The runs, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(id: &str, text: &str, at_ms: u64) -> Run {
        let mut run = Run::new(UtteranceId::from(id), Pii::new(text.to_owned()));
        run.mark(Stage::Transcribed, Some(Duration::from_millis(at_ms)));
        run
    }

    #[test]
    fn a_sentence_joins_the_run_that_heard_it() {
        let mut runs = Runs::default();
        runs.push(heard("a", "stop", 0));
        runs.push(heard("b", "turn on the light", 100));
        let joined = runs.join("turn on the light", Duration::from_millis(110)).expect("joined");
        assert_eq!(joined.id.as_str(), "b");
        runs.push(joined);
        assert!(runs.join("turn on the light", Duration::from_millis(120)).is_none(), "joined only once");
        assert!(runs.join("stop", Duration::from_millis(2001)).is_none(), "too late");
    }

    #[test]
    fn an_ambiguous_join_is_none() {
        let mut runs = Runs::default();
        runs.push(heard("a", "stop", 0));
        runs.push(heard("b", "stop", 100));
        assert!(runs.join("stop", Duration::from_millis(200)).is_none());
    }

    #[test]
    fn only_the_last_runs_are_kept() {
        let mut runs = Runs::default();
        for n in 0..RUNS_MAX + 5 {
            runs.push(heard(&n.to_string(), "x", 0));
        }
        assert_eq!(runs.iter().count(), RUNS_MAX);
        assert_eq!(runs.iter().next().expect("one").id.as_str(), "5");
    }
}
