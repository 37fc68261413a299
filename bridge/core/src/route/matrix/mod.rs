//! The decision matrix: dimensions in, a route and every reason for it out; the table itself is data.

mod file;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub use file::MatrixError;

use super::dimension::{Dimension, Dimensions};
use super::{Gate, Route};
use crate::act::Risk;
use crate::home::Entity;

/// The name of the table that is compiled in, for messages.
pub(super) const BUILT_IN_NAME: &str = "matrix.toml";

static BUILT_IN: LazyLock<Matrix> = LazyLock::new(|| {
    Matrix::parse_whole(include_str!("matrix.toml")).expect("matrix.toml is compiled in and tested")
});

/// Gates in order, scores for the rest, thresholds by risk, and what the user holds to be riskier than Helix does.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    gates: Vec<GateRule>,
    scores: Vec<ScoreRule>,
    margin: BTreeMap<Risk, f32>,
    lead: f32,
    topic: f32,
    raised: Vec<(String, Risk)>,
}

/// One gate of the table.
#[derive(Debug, Clone, PartialEq)]
struct GateRule {
    gate: Gate,
    hard: bool,
    cases: Vec<Case>,
    route: Route,
}

/// One score of the table.
#[derive(Debug, Clone, PartialEq)]
struct ScoreRule {
    route: Route,
    case: Case,
    add: f32,
}

/// Dimensions and the values that they may have; it holds if all of them fit.
type Case = BTreeMap<Dimension, Values>;

/// The values that fit.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    /// One of these.
    Among(Vec<String>),
    /// None of these.
    Except(Vec<String>),
}

/// Where a sentence goes, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Where it goes.
    pub route: Route,
    /// The gate that decided; [`Gate::Rest`] if none did and the scores had to.
    pub gate: Gate,
    /// The gates that were asked, in order, and whether each held; the last one decided.
    pub asked: Vec<(Gate, bool)>,
    /// The score of every route, the best first; empty if a gate decided.
    pub scores: Vec<(Route, f32)>,
}

/// How well each route fits the words, 0 to 1, as a classifier of topics sees it; routes may be missing.
pub type Leaning = Vec<(Route, f32)>;

impl Matrix {
    /// The table that is compiled in.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// How far the only good reading of a repaired sentence must be ahead of the next one, 0 to 1.
    pub fn margin(&self, risk: Risk) -> f32 {
        self.margin.get(&risk).copied().unwrap_or(1.0)
    }

    /// The risk that the user gives this entity by id, domain or device class, if any.
    pub fn raised(&self, entity: &Entity) -> Option<Risk> {
        let domain = entity.id.domain();
        let names = |listed: &str| match listed.split_once(':') {
            Some((of, class)) => of == domain && entity.device_class.as_deref() == Some(class),
            None => listed == domain || listed == entity.id.as_str(),
        };
        self.raised.iter().filter(|(listed, _)| names(listed)).map(|(_, risk)| *risk).max()
    }

    /// Asks the gates in order, then the scores.
    pub fn judge(&self, dimensions: &Dimensions, leaning: &Leaning) -> Judgement {
        let mut asked = Vec::new();
        for rule in &self.gates {
            let holds = rule.cases.iter().any(|case| fits(case, dimensions));
            asked.push((rule.gate, holds));
            if holds {
                return Judgement { route: rule.route, gate: rule.gate, asked, scores: Vec::new() };
            }
        }
        asked.push((Gate::Rest, true));
        let scores = self.scores(dimensions, leaning);
        Judgement { route: self.best(&scores), gate: Gate::Rest, asked, scores }
    }

    fn scores(&self, dimensions: &Dimensions, leaning: &Leaning) -> Vec<(Route, f32)> {
        let score = |route: Route| {
            let rules = self.scores.iter().filter(|rule| rule.route == route && fits(&rule.case, dimensions));
            let leans = leaning.iter().filter(|(of, _)| *of == route).map(|(_, share)| share * self.topic);
            (route, rules.map(|rule| rule.add).chain(leans).sum())
        };
        let mut scores: Vec<_> = Route::REST.iter().copied().map(score).collect();
        scores.sort_by(|(_, a), (_, b)| f32::total_cmp(b, a));
        scores
    }

    /// The best route if it is far enough ahead; else it is asked.
    fn best(&self, scores: &[(Route, f32)]) -> Route {
        match scores {
            [(best, first), (_, second), ..] if first - second >= self.lead => *best,
            [(Route::Refuse, _), ..] | [] => Route::Refuse,
            [_, ..] => Route::Clarify,
        }
    }
}

fn fits(case: &Case, dimensions: &Dimensions) -> bool {
    case.iter().all(|(dimension, values)| {
        let value = dimensions.value(*dimension);
        match values {
            Values::Among(these) => these.iter().any(|this| this == value),
            Values::Except(these) => these.iter().all(|this| this != value),
        }
    })
}

#[cfg(test)]
mod tests;
