//! The PIN in front of the highest risk: compared in constant time, switched off for a while after wrong tries.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// Wrong tries, of all satellites together, after which no PIN is taken for [`OFF_FOR`].
pub const TRIES_MAX: u8 = 3;
/// How long no PIN is taken after [`TRIES_MAX`] wrong ones.
pub const OFF_FOR: Duration = Duration::from_mins(5);

pub(super) const LEN_MIN: usize = 4;
pub(super) const LEN_MAX: usize = 8;

/// 4 to 8 digits. `Debug` shows none of them.
#[derive(Debug, Clone)]
pub struct Pin(SecretString);

/// A text that is no PIN; it does not tell the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a PIN has 4 to 8 digits")]
pub struct PinShapeError;

impl Pin {
    /// A PIN of 4 to 8 digits.
    ///
    /// # Errors
    /// [`PinShapeError`] if it is anything else.
    pub fn parse(text: &SecretString) -> Result<Self, PinShapeError> {
        let digits = text.expose_secret().trim();
        let fits = (LEN_MIN..=LEN_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if fits { Ok(Self(digits.to_owned().into())) } else { Err(PinShapeError) }
    }

    /// Takes as long for a PIN that is wrong in its first digit as for one that is wrong in its last.
    fn is(&self, given: &SecretString) -> bool {
        padded(&self.0).ct_eq(&padded(given)).into()
    }
}

/// The digits in a field of fixed length that no shorter or longer text can fill in the same way.
fn padded(text: &SecretString) -> [u8; LEN_MAX + 1] {
    let mut field = [0; LEN_MAX + 1];
    let digits = text.expose_secret().bytes().chain(std::iter::repeat(0));
    for (to, from) in field.iter_mut().zip(digits) {
        *to = from;
    }
    field
}

/// The outcome of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    Right,
    Wrong,
    /// No PIN is taken for so long.
    Off(Duration),
}

/// Wrong tries, counted over all satellites together.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    wrong: u8,
    off_until: Option<Duration>,
}

impl Attempts {
    /// How long no PIN is taken yet, if it is switched off at `now`.
    pub(super) fn off_for(&self, now: Duration) -> Option<Duration> {
        self.off_until.and_then(|until| until.checked_sub(now)).filter(|left| !left.is_zero())
    }

    /// Tries a PIN at `now`.
    pub(super) fn attempt(&mut self, pin: &Pin, given: &SecretString, now: Duration) -> Tried {
        if let Some(left) = self.off_for(now) {
            return Tried::Off(left);
        }
        if pin.is(given) {
            *self = Self::default();
            return Tried::Right;
        }
        self.wrong += 1;
        if self.wrong < TRIES_MAX {
            return Tried::Wrong;
        }
        *self = Self { wrong: 0, off_until: Some(now + OFF_FOR) };
        Tried::Off(OFF_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin() -> Pin {
        Pin::parse(&"2468".into()).expect("a PIN")
    }

    #[test]
    fn only_four_to_eight_digits_are_a_pin_and_nobody_prints_them() {
        for bad in ["", "123", "123456789", "12a4", "١٢٣٤"] {
            assert!(Pin::parse(&bad.into()).is_err(), "{bad}");
        }
        assert!(!format!("{:?}", pin()).contains("2468"));
    }

    #[test]
    fn only_the_very_same_digits_are_right() {
        let at = Duration::ZERO;
        for wrong in ["246", "24680", "24681357911", "8642", ""] {
            assert_eq!(Attempts::default().attempt(&pin(), &wrong.into(), at), Tried::Wrong, "{wrong}");
        }
        assert_eq!(Attempts::default().attempt(&pin(), &"2468".into(), at), Tried::Right);
    }

    #[test]
    fn three_wrong_tries_switch_it_off_for_five_minutes_even_for_the_right_one() {
        let mut attempts = Attempts::default();
        let at = Duration::from_secs;
        assert_eq!(attempts.attempt(&pin(), &"1111".into(), at(0)), Tried::Wrong);
        assert_eq!(attempts.attempt(&pin(), &"2222".into(), at(1)), Tried::Wrong);
        assert_eq!(attempts.attempt(&pin(), &"3333".into(), at(2)), Tried::Off(OFF_FOR));
        assert_eq!(attempts.attempt(&pin(), &"2468".into(), at(3)), Tried::Off(at(299)));
        assert_eq!(attempts.attempt(&pin(), &"2468".into(), at(302)), Tried::Right);
        assert_eq!(attempts.off_for(at(303)), None);
    }
}
