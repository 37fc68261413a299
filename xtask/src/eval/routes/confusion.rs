//! What was taken for what: pairs of routes in, precision, recall and their mean out.

use std::fmt::Write as _;

use helix_core::route::Route;
use helix_core::route::topic::CLASSES;

use crate::train::class_of;

/// How often each route was taken for each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Confusion([[usize; CLASSES.len()]; CLASSES.len()]);

impl Confusion {
    pub(super) fn add(&mut self, expected: Route, found: Route) {
        self.0[class_of(expected)][class_of(found)] += 1;
    }

    /// The mean of the harmonic means of precision and recall, over the routes that were expected at all.
    pub(super) fn macro_f1(&self) -> f64 {
        let expected = (0..CLASSES.len()).filter(|class| self.0[*class].iter().sum::<usize>() > 0);
        let scores: Vec<f64> = expected.map(|class| self.f1(class)).collect();
        scores.iter().sum::<f64>() / scores.len() as f64
    }

    fn f1(&self, class: usize) -> f64 {
        let hits = self.0[class][class] as f64;
        let expected: usize = self.0[class].iter().sum();
        let found: usize = self.0.iter().map(|row| row[class]).sum();
        2.0 * hits / (expected + found) as f64
    }

    /// A row for each route that was expected, a column for what it was taken for.
    pub(super) fn table(&self) -> String {
        let names: Vec<_> = CLASSES.iter().map(|route| route.as_str()).collect();
        let mut text =
            format!("| expected | {} | F1 |\n|---|{}---:|\n", names.join(" | "), "---:|".repeat(7));
        for (class, row) in self.0.iter().enumerate().filter(|(_, row)| row.iter().sum::<usize>() > 0) {
            let cells: Vec<_> = row.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "| {} | {} | {:.3} |", names[class], cells.join(" | "), self.f1(class));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_counts_every_expected_route_the_same() {
        let mut confusion = Confusion::default();
        for _ in 0..9 {
            confusion.add(Route::Act, Route::Act);
        }
        confusion.add(Route::Clarify, Route::Act);
        assert!((confusion.macro_f1() - (18.0 / 19.0) / 2.0).abs() < 1e-9);
    }
}
