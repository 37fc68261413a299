//! How many sentences take each route and each gate, and how long the gates take.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::figure::{Series, rounded};
use helix_tests::router::Decision;

/// Counts and times of many decisions.
#[derive(Debug)]
pub(super) struct Shares {
    routes: BTreeMap<String, usize>,
    gates: BTreeMap<String, Vec<f64>>,
    sentences: BTreeMap<String, Vec<f64>>,
    len: usize,
}

impl Shares {
    pub(super) fn of(decisions: &[&Decision]) -> Self {
        let mut shares = Self {
            routes: BTreeMap::new(),
            gates: BTreeMap::new(),
            sentences: BTreeMap::new(),
            len: decisions.len(),
        };
        for decision in decisions {
            *shares.routes.entry(decision.route.clone()).or_default() += 1;
            shares.gates.entry(decision.gate().to_owned()).or_default().push(decision.took_ms);
            let sentences = shares.sentences.entry(decision.gate().to_owned()).or_default();
            sentences.push(decision.home_sentences as f64);
        }
        shares
    }

    fn share(&self, count: usize) -> f64 {
        rounded(100.0 * count as f64 / self.len.max(1) as f64, 1)
    }

    /// For the page.
    pub(super) fn table(&self) -> String {
        let mut text = "| route | share |\n| --- | ---: |\n".to_owned();
        for (route, count) in &self.routes {
            let _ = writeln!(text, "| {route} | {} % |", self.share(*count));
        }
        text += "\n| deciding gate | share | p50 ms | p95 ms | sentences asked, p50 | p95 |\n| --- | ---: | ---: | ---: | ---: | ---: |\n";
        for (gate, taken) in &self.gates {
            let series = Series::new(taken.clone());
            let (p50, p95) = (rounded(series.p50(), 1), rounded(series.p95(), 1));
            let asked = Series::new(self.sentences.get(gate).cloned().unwrap_or_default());
            let share = self.share(series.len());
            let _ =
                writeln!(text, "| {gate} | {share} % | {p50} | {p95} | {} | {} |", asked.p50(), asked.p95());
        }
        text
    }
}
