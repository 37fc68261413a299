//! What mistakes cost: an action that nobody ordered weighs a hundred times as much as a needless question;
//! `costs.toml` says how much each kind of mistake costs at each risk, and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::figure::rounded;
use helix_tests::router::Decision;
use helix_tests::sets::Verdict;

/// Points for one mistake of each kind, by risk: `R0` to `R3`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Costs {
    unordered: ByRisk,
    wrong: ByRisk,
    needless_task: ByRisk,
    not_done: ByRisk,
}

type ByRisk = BTreeMap<String, f64>;

/// How often, and what it cost together.
#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    times: usize,
    points: f64,
}

/// Mistakes, counted by kind.
#[derive(Debug)]
pub(super) struct Cost {
    costs: Costs,
    sentences: usize,
    unordered: Sum,
    wrong: Sum,
    needless_tasks: Sum,
    not_done: Sum,
}

impl Sum {
    fn add(&mut self, costs: &ByRisk, decision: &Decision) {
        self.times += 1;
        let risk = decision.dimensions.get("risk").and_then(|risk| risk.as_str());
        // What has no known risk counts as the worst.
        let worst = costs.values().copied().fold(0.0, f64::max);
        self.points += risk.and_then(|risk| costs.get(risk).copied()).unwrap_or(worst);
    }
}

impl Cost {
    pub(super) fn new() -> Result<Self> {
        let costs = toml::from_str(include_str!("costs.toml")).context("costs.toml")?;
        let sum = Sum::default();
        Ok(Self { costs, sentences: 0, unordered: sum, wrong: sum, needless_tasks: sum, not_done: sum })
    }

    /// Counts what became of a command.
    pub(super) fn command(&mut self, verdict: Verdict, decision: &Decision) {
        self.sentences += 1;
        match verdict {
            Verdict::Right => {}
            Verdict::Wrong => self.wrong.add(&self.costs.wrong, decision),
            Verdict::Nothing if decision.route == "delegate" => {
                self.needless_tasks.add(&self.costs.needless_task, decision);
            }
            Verdict::Nothing => self.not_done.add(&self.costs.not_done, decision),
        }
    }

    /// Counts what became of a sentence that ordered nothing.
    pub(super) fn speech(&mut self, acted: bool, decision: &Decision) {
        self.sentences += 1;
        if acted {
            self.unordered.add(&self.costs.unordered, decision);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sentences
    }

    pub(super) fn per_1000(&self) -> f64 {
        self.in_1000(self.kinds().iter().map(|(_, sum)| sum.points).sum())
    }

    fn in_1000(&self, points: f64) -> f64 {
        rounded(1000.0 * points / self.sentences.max(1) as f64, 1)
    }

    fn kinds(&self) -> [(&'static str, Sum); 4] {
        [
            ("an action that nobody ordered", self.unordered),
            ("a wrong action", self.wrong),
            ("a command taken for a long task", self.needless_tasks),
            ("a command not done: asked back about or declined", self.not_done),
        ]
    }

    /// For the page.
    pub(super) fn table(&self) -> String {
        let mut text = "| mistake | times | points per 1,000 |\n| --- | ---: | ---: |\n".to_owned();
        for (kind, Sum { times, points }) in self.kinds() {
            let _ = writeln!(text, "| {kind} | {times} | {} |", self.in_1000(points));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Cost, Decision, Verdict};

    fn decision(route: &str, risk: &str) -> Decision {
        let decision = json!({"route": route, "acts": true, "actions": [], "reply": "", "reason": "", "gates": [],
            "dimensions": {"risk": risk}, "took_ms": 1.0, "home_ms": 1.0, "home_sentences": 1, "home_questions": 1});
        serde_json::from_value(decision).expect("a decision")
    }

    #[test]
    fn a_wrong_door_costs_more_than_a_wrong_lamp_and_that_more_than_a_question() {
        let points = |verdict, risk| {
            let mut cost = Cost::new().expect("costs");
            cost.command(verdict, &decision("act", risk));
            cost.per_1000()
        };
        let (door, lamp) = (points(Verdict::Wrong, "R3"), points(Verdict::Wrong, "R1"));
        let question = points(Verdict::Nothing, "R1");
        assert!(door > lamp && lamp > question && question > 0.0, "{door} {lamp} {question}");
        assert!(points(Verdict::Right, "R3") <= 0.0);
    }
}
