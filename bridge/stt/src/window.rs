//! How much of Whisper's 30 s window is encoded: as much as there is audio, which makes short commands 8 times
//! faster.

/// Encoder positions per second of audio.
const POSITIONS_PER_SECOND: usize = 50;

/// Positions beyond the end of the audio: clips need 32 (measured on the test model), 64 is safe.
const MARGIN: usize = 64;

/// Whisper repeats and invents words in smaller windows than it was trained on; 192 was the least that worked.
const FLOOR: usize = 256;

/// Sizes are multiples of this: an odd window lets one clip leak into the next.
const STEP: usize = 64;

/// Encoder positions for `samples_len` samples at 16 kHz; at most `whole`, the model's own window.
pub(crate) fn fitted(samples_len: usize, whole: usize) -> usize {
    let audio = (samples_len * POSITIONS_PER_SECOND).div_ceil(16_000);
    (audio + MARGIN).next_multiple_of(STEP).max(FLOOR).min(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_its_audio_in_whole_steps() {
        assert_eq!(fitted(0, 1500), 256);
        assert_eq!(fitted(40_000, 1500), 256);
        assert_eq!(fitted(11 * 16_000, 1500), 640);
        assert_eq!(fitted(30 * 16_000, 1500), 1500);
        for seconds in 0..30 {
            let window = fitted(seconds * 16_000, 1500);
            assert!(window >= seconds * 50 + 32 || window == 1500);
            assert!(window.is_multiple_of(64) || window == 1500);
        }
    }

    #[test]
    fn a_model_with_a_small_window_gets_no_larger_one() {
        assert_eq!(fitted(16_000 * 10, 512), 512);
    }
}
