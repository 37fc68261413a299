//! What was written where it must not be.

/// Whether `secret` stands in `text`. Within a longer number, such as the microseconds of a time, it does not.
pub fn is_written(secret: &str, text: &str) -> bool {
    text.match_indices(secret).any(|(at, _)| {
        let beside = [text[..at].chars().next_back(), text[at + secret.len()..].chars().next()];
        !beside.into_iter().flatten().any(|c| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::is_written;

    #[test]
    fn a_number_is_found_by_itself_and_not_within_another() {
        assert!(is_written("80614", "the PIN is 80614.") && is_written("80614", "pin=80614"));
        assert!(!is_written("80614", "at 23:58:01.806143Z, 980614 µs"));
        assert!(is_written("80614", "1806149 and 80614"));
    }
}
