//! What mistakes cost: an action that nobody ordered weighs a hundred times as much as a needless question.

use std::fmt::Write as _;

use crate::figure::rounded;
use helix_tests::router::Decision;
use helix_tests::sets::Verdict;

/// Points for one mistake of each kind.
const UNORDERED: f64 = 100.0;
const WRONG: f64 = 10.0;
const NEEDLESS_TASK: f64 = 3.0;
const NOT_DONE: f64 = 1.0;

/// Mistakes, counted by kind.
#[derive(Debug, Default)]
pub(super) struct Cost {
    sentences: usize,
    unordered: usize,
    wrong: usize,
    needless_tasks: usize,
    not_done: usize,
}

impl Cost {
    /// Counts what became of a command.
    pub(super) fn command(&mut self, verdict: Verdict, decision: &Decision) {
        self.sentences += 1;
        match verdict {
            Verdict::Right => {}
            Verdict::Wrong => self.wrong += 1,
            Verdict::Nothing if decision.route == "delegate" => self.needless_tasks += 1,
            Verdict::Nothing => self.not_done += 1,
        }
    }

    /// Counts what became of a sentence that ordered nothing.
    pub(super) fn speech(&mut self, acted: bool) {
        self.sentences += 1;
        self.unordered += usize::from(acted);
    }

    pub(super) fn len(&self) -> usize {
        self.sentences
    }

    pub(super) fn per_1000(&self) -> f64 {
        let kinds = self.kinds();
        let points: f64 = kinds.iter().map(|(_, count, points)| *count as f64 * points).sum();
        rounded(1000.0 * points / self.sentences.max(1) as f64, 1)
    }

    fn kinds(&self) -> [(&'static str, usize, f64); 4] {
        [
            ("an action that nobody ordered", self.unordered, UNORDERED),
            ("a wrong action", self.wrong, WRONG),
            ("a command taken for a long task", self.needless_tasks, NEEDLESS_TASK),
            ("a command not done: asked back or declined", self.not_done, NOT_DONE),
        ]
    }

    /// For the page.
    pub(super) fn table(&self) -> String {
        let mut text =
            "| mistake | points | times | points per 1,000 |\n| --- | ---: | ---: | ---: |\n".to_owned();
        for (kind, count, points) in self.kinds() {
            let per_1000 = rounded(1000.0 * count as f64 * points / self.sentences.max(1) as f64, 1);
            let _ = writeln!(text, "| {kind} | {points} | {count} | {per_1000} |");
        }
        text
    }
}
