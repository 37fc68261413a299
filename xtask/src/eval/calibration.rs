//! Whether stated certainties come true: pairs of a stated probability and what happened in, a table of bins and the
//! expected calibration error out.

use std::fmt::Write as _;

use crate::figure::rounded;

/// Bins of the same width.
const BINS: usize = 10;

/// Counts by stated certainty.
#[derive(Debug, Clone, Default)]
pub(super) struct Calibration([Bin; BINS]);

#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    count: usize,
    stated: f64,
    came_true: usize,
}

impl Calibration {
    /// `stated` is 0 to 1.
    pub(super) fn add(&mut self, stated: f64, came_true: bool) {
        let bin = &mut self.0[((stated * BINS as f64) as usize).min(BINS - 1)];
        bin.count += 1;
        bin.stated += stated;
        bin.came_true += usize::from(came_true);
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|bin| bin.count).sum()
    }

    /// How far stated probabilities are from how often they come true, weighted by how often they are stated.
    pub(super) fn error(&self) -> f64 {
        let gaps = self.0.iter().map(|bin| (bin.stated - bin.came_true as f64).abs());
        gaps.sum::<f64>() / self.len().max(1) as f64
    }

    /// For the page; bins that nothing fell into are left out.
    pub(super) fn table(&self) -> String {
        let mut text = "| stated | sentences | mean | came true |\n| --- | ---: | ---: | ---: |\n".to_owned();
        for (at, bin) in self.0.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
            let (from, to) = (at as f64 / BINS as f64, (at + 1) as f64 / BINS as f64);
            let mean = |sum: f64| rounded(sum / bin.count as f64, 3);
            let (stated, came_true) = (mean(bin.stated), mean(bin.came_true as f64));
            let _ = writeln!(text, "| {from:.1} to {to:.1} | {} | {stated} | {came_true} |", bin.count);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Calibration;

    #[test]
    fn who_is_always_half_as_sure_as_right_is_off_by_half() {
        let mut calibration = Calibration::default();
        for _ in 0..8 {
            calibration.add(0.5, true);
        }
        calibration.add(1.0, true);
        calibration.add(1.0, true);
        assert!((calibration.error() - 0.4).abs() < 1e-9);
        assert!(calibration.table().contains("| 0.5 to 0.6 | 8 | 0.5 | 1 |"), "{}", calibration.table());
    }
}
