//! A measured figure beside its goal.
#![allow(clippy::print_stdout, reason = "figures are the result of a command")]

use std::borrow::Cow;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

/// One line of the result of a bench or an evaluation.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    #[serde(rename = "figure")]
    pub(crate) name: Cow<'static, str>,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// The same of what it is compared with.
    pub(crate) peer: Option<f64>,
    /// `value / peer`.
    pub(crate) ratio: Option<f64>,
    /// Measurements.
    pub(crate) n: usize,
    pub(crate) goal: &'static str,
    /// `None` if it is only reported.
    pub(crate) holds: Option<bool>,
}

impl Figure {
    /// A figure without a goal.
    pub(crate) fn reported(name: String, value: f64, unit: &'static str, n: usize) -> Self {
        let name = name.into();
        Self { name, value, unit, peer: None, ratio: None, n, goal: "reported", holds: None }
    }

    /// With a goal that its value must not exceed; `goal` is for people.
    #[must_use]
    pub(crate) fn at_most(self, limit: f64, goal: &'static str) -> Self {
        Self { holds: Some(self.value <= limit), goal, ..self }
    }

    /// With a goal that its value has to reach.
    #[must_use]
    pub(crate) fn at_least(self, limit: f64, goal: &'static str) -> Self {
        Self { holds: Some(self.value >= limit), goal, ..self }
    }

    /// Beside the same of what it is compared with.
    #[must_use]
    pub(crate) fn against(self, peer: f64) -> Self {
        let ratio = (peer != 0.0).then(|| rounded(self.value / peer, 2));
        Self { peer: Some(peer), ratio, ..self }
    }
}

/// Prints each figure as one JSON line.
///
/// # Errors
/// A goal was missed.
pub(crate) fn tell(figures: &[Figure]) -> Result<()> {
    for figure in figures {
        println!("{}", serde_json::to_string(figure)?);
    }
    let missed: Vec<_> = figures.iter().filter(|f| f.holds == Some(false)).map(|f| f.name.as_ref()).collect();
    ensure!(missed.is_empty(), "missed: {}", missed.join(", "));
    Ok(())
}

/// Durations in the order of their length, milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value that this share of the values does not exceed (nearest rank).
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn p50(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn p95(&self) -> f64 {
        self.quantile(0.95)
    }

    /// For people.
    pub(crate) fn line(&self, name: &str) -> String {
        let (least, most) = (self.quantile(0.0), self.quantile(1.0));
        let (p50, p95, n) = (self.p50(), self.p95(), self.len());
        format!("{name:<44} p50 {p50:8.2}  p95 {p95:8.2}  min {least:8.2}  max {most:8.2} ms  n {n}")
    }
}

pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// One decimal, two for ratios: more would only be noise.
pub(crate) fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::Series;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let series = Series::new((1..=20).rev().map(f64::from).collect());
        let found = [series.p50(), series.p95(), series.quantile(0.0), series.quantile(1.0)];
        assert_eq!(found.map(|value| value as u32), [10, 19, 1, 20]);
    }
}
