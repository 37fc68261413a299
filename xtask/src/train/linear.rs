//! Fits a linear model to examples: softmax regression by stochastic gradient descent with a step of its own for each
//! weight. The same examples in the same order give the same weights.

use helix_core::route::linear::{Feature, Linear, softmax};

/// One sentence for training.
#[derive(Debug, Clone)]
pub(crate) struct Example {
    pub(crate) features: Vec<Feature>,
    pub(crate) class: usize,
    /// How much it counts beside the others.
    pub(crate) weight: f32,
}

/// How a model is fitted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) classes: usize,
    /// Weights of each class; a power of two.
    pub(crate) buckets: usize,
    pub(crate) epochs: usize,
    pub(crate) step: f32,
    /// How strongly weights are pulled to zero each time that they are touched.
    pub(crate) decay: f32,
}

/// A fitted model, before its weights are rounded to eight bits.
#[derive(Debug)]
pub(crate) struct Fitted {
    rows: Vec<Vec<f32>>,
    biases: Vec<f32>,
}

impl Fitted {
    /// The model in the layout that the core compiles in.
    pub(crate) fn write(&self, digest: u64, sharpness: f32) -> Vec<u8> {
        Linear::write(digest, sharpness, &self.rows, &self.biases)
    }

    pub(crate) fn scores(&self, features: &[Feature]) -> Vec<f32> {
        let mut scores = self.biases.clone();
        let mask = self.rows.first().map_or(0, |row| row.len() - 1);
        for &(bucket, strength) in features {
            for (score, row) in scores.iter_mut().zip(&self.rows) {
                *score += strength * row[bucket as usize & mask];
            }
        }
        scores
    }
}

pub(crate) fn fit(examples: &[Example], settings: &Settings) -> Fitted {
    let Settings { classes, buckets, step, decay, .. } = *settings;
    let mut model = Fitted { rows: vec![vec![0.0; buckets]; classes], biases: vec![0.0; classes] };
    let mut squares = vec![vec![1e-6_f32; buckets]; classes];
    let mut order: Vec<usize> = (0..examples.len()).collect();
    let mut random = Random(1);
    for _ in 0..settings.epochs {
        random.shuffle(&mut order);
        for example in order.iter().map(|&at| &examples[at]) {
            let mut slopes = softmax(&model.scores(&example.features), 1.0);
            slopes[example.class] -= 1.0;
            for (class, slope) in slopes.iter().map(|slope| slope * example.weight).enumerate() {
                model.biases[class] -= 0.02 * step * slope;
                let (row, square) = (&mut model.rows[class], &mut squares[class]);
                for &(bucket, strength) in &example.features {
                    let at = bucket as usize & (buckets - 1);
                    let gradient = slope * strength + decay * row[at];
                    square[at] += gradient * gradient;
                    row[at] -= step * gradient / square[at].sqrt();
                }
            }
        }
    }
    model
}

/// The sharpness that makes the probabilities of these scores the likeliest, by search over a grid.
pub(crate) fn calibrate(judged: &[(Vec<f32>, usize)]) -> f32 {
    let loss = |sharpness: f32| -> f32 {
        judged.iter().map(|(scores, class)| -softmax(scores, sharpness)[*class].max(1e-6).ln()).sum()
    };
    let grid = (1..=60).map(|tenths| tenths as f32 / 20.0);
    grid.min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap_or(1.0)
}

/// A generator that is the same everywhere (splitmix64).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Vec<Example> {
        let example = |bucket, class| Example { features: vec![(bucket, 1.0), (3, 1.0)], class, weight: 1.0 };
        vec![example(0, 0), example(1, 1), example(2, 1)]
    }

    const SETTINGS: Settings = Settings { classes: 2, buckets: 4, epochs: 20, step: 0.3, decay: 1e-4 };

    #[test]
    fn what_was_trained_is_told_apart() {
        let model = fit(&examples(), &SETTINGS);
        for example in examples() {
            let scores = model.scores(&example.features);
            assert!(scores[example.class] > scores[1 - example.class], "{scores:?}");
        }
    }

    #[test]
    fn the_same_examples_give_the_same_weights() {
        let write = || fit(&examples(), &SETTINGS).write(0, 1.0);
        assert_eq!(write(), write());
    }
}
