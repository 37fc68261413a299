//! What people say, wrapped so that it cannot reach a log by accident.

use std::fmt;

/// Personal text: `Debug` prints its length, never its words; there is no `Display`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Marks `value` as personal.
    pub fn new(value: T) -> Self {
        Self(value)
    }
    /// The words themselves; every call is a place to ask whether they may go there.
    pub fn expose(&self) -> &T {
        &self.0
    }
    /// Unwraps the words.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: AsRef<str>> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} characters>", self.0.as_ref().chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_never_holds_the_words() {
        assert_eq!(format!("{:?}", Pii::new("the safe code")), "<13 characters>");
    }
}
