//! A linear model over hashed features, its weights eight bits each: features in, one score for each class out.

/// Leads every file of weights; the digit is the version of the layout.
const MAGIC: &[u8; 8] = b"HELIXLM1";

/// Which weight, and how strongly it counts.
pub type Feature = (u32, f32);

/// Weights that `cargo xtask train` wrote.
///
/// Layout, little-endian: magic, digest of the data that it was trained on (u64), classes (u32), buckets (u32),
/// sharpness (f32), then for each class its scale (f32) and its bias (f32), then the weights (i8), the classes of a
/// bucket side by side.
#[derive(Debug, Clone)]
pub struct Linear<'a> {
    digest: u64,
    buckets: u32,
    sharpness: f32,
    scales: Vec<f32>,
    biases: Vec<f32>,
    weights: &'a [u8],
}

impl<'a> Linear<'a> {
    /// Reads the weights; `None` if they are not of this layout or not whole.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let rest = &mut bytes.strip_prefix(MAGIC)?;
        let digest = u64::from_le_bytes(take(rest)?);
        let (classes, buckets) = (u32::from_le_bytes(take(rest)?), u32::from_le_bytes(take(rest)?));
        let sharpness = f32::from_le_bytes(take(rest)?);
        let (mut scales, mut biases) = (Vec::new(), Vec::new());
        for _ in 0..classes {
            scales.push(f32::from_le_bytes(take(rest)?));
            biases.push(f32::from_le_bytes(take(rest)?));
        }
        let whole = u64::from(classes) * u64::from(buckets) == rest.len() as u64 && buckets.is_power_of_two();
        whole.then_some(Self { digest, buckets, sharpness, scales, biases, weights: rest })
    }

    /// Writes weights in the layout that [`Self::parse`] reads; `rows` are the weights of each class.
    pub fn write(digest: u64, sharpness: f32, rows: &[Vec<f32>], biases: &[f32]) -> Vec<u8> {
        let buckets = rows.first().map_or(0, Vec::len);
        let scales: Vec<f32> = rows.iter().map(|row| scale_of(row)).collect();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(digest.to_le_bytes());
        bytes.extend((rows.len() as u32).to_le_bytes());
        bytes.extend((buckets as u32).to_le_bytes());
        bytes.extend(sharpness.to_le_bytes());
        for (scale, bias) in scales.iter().zip(biases) {
            bytes.extend(scale.to_le_bytes());
            bytes.extend(bias.to_le_bytes());
        }
        for bucket in 0..buckets {
            for (row, scale) in rows.iter().zip(&scales) {
                bytes.extend(((row[bucket] / scale).round() as i8).to_le_bytes());
            }
        }
        bytes
    }

    /// The digest of the data that the weights belong to.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// How many weights a class has; a power of two.
    pub fn buckets(&self) -> u32 {
        self.buckets
    }

    /// The probability of each class; they sum to one.
    pub fn probabilities(&self, features: &[Feature]) -> Vec<f32> {
        softmax(&self.scores(features), self.sharpness)
    }

    fn scores(&self, features: &[Feature]) -> Vec<f32> {
        let classes = self.scales.len();
        let mut sums = vec![0.0_f32; classes];
        for &(bucket, strength) in features {
            let at = (bucket & (self.buckets - 1)) as usize * classes;
            for (sum, weight) in sums.iter_mut().zip(&self.weights[at..at + classes]) {
                *sum += strength * f32::from(weight.cast_signed());
            }
        }
        sums.iter()
            .zip(&self.scales)
            .zip(&self.biases)
            .map(|((sum, scale), bias)| sum * scale + bias)
            .collect()
    }
}

/// Scores as probabilities; a greater sharpness makes the best one surer.
pub fn softmax(scores: &[f32], sharpness: f32) -> Vec<f32> {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = scores.iter().map(|score| ((score - most) * sharpness).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// FNV-1a of 64 bits: the same number on every machine.
pub fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    parts
        .into_iter()
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The bucket of a named feature: its kind, then its text.
pub fn bucket(kind: &str, text: &str) -> u32 {
    let hash = digest([kind.as_bytes(), b":", text.as_bytes()]);
    (hash ^ (hash >> 32)) as u32
}

/// The step of eight bits that covers the greatest weight.
fn scale_of(row: &[f32]) -> f32 {
    let most = row.iter().fold(0.0_f32, |most, weight| most.max(weight.abs()));
    if most > 0.0 { most / 127.0 } else { 1.0 }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_scores_as_it_was_trained_within_the_eight_bits() {
        let rows = vec![vec![1.0, -0.5, 0.0, 0.25], vec![-1.0, 0.5, 0.0, 0.1]];
        let bytes = Linear::write(7, 1.0, &rows, &[0.1, -0.1]);
        let model = Linear::parse(&bytes).expect("its own layout");
        let scores = model.scores(&[(0, 1.0), (3, 2.0)]);
        assert_eq!((model.digest(), model.buckets()), (7, 4));
        assert!((scores[0] - 1.6).abs() < 0.02 && (scores[1] + 0.9).abs() < 0.02, "{scores:?}");
    }

    #[test]
    fn probabilities_sum_to_one_and_sharpness_moves_them_apart() {
        let (mild, sharp) = (softmax(&[1.0, 0.0, -1.0], 1.0), softmax(&[1.0, 0.0, -1.0], 3.0));
        assert!((mild.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(sharp[0] > mild[0]);
    }

    #[test]
    fn weights_that_are_cut_or_foreign_are_refused() {
        let bytes = Linear::write(7, 1.0, &[vec![1.0, 2.0]], &[0.0]);
        for len in 0..bytes.len() {
            assert!(Linear::parse(&bytes[..len]).is_none(), "{len} bytes");
        }
        assert!(Linear::parse(&[&bytes[..], &[0]].concat()).is_none());
    }
}
