//! Texts cut to a length.

/// The first of `text`, at most `max` bytes and whole letters.
pub(crate) fn clip(text: &str, max: usize) -> &str {
    let text = text.trim();
    text[..text.floor_char_boundary(max)].trim_end()
}

/// What a person is told aloud: the first two sentences of what is longer than `max` bytes, or as much of them as fits.
pub(crate) fn two_sentences(text: &str, max: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.len() <= max {
        return text;
    }
    let ends: Vec<_> = text.char_indices().filter(|(at, c)| ends_sentence(&text, *at, *c)).collect();
    let end = ends.get(1).or(ends.first()).map(|(at, c)| at + c.len_utf8()).filter(|end| *end <= max);
    end.map_or_else(
        || format!("{}…", clip(&text, max.saturating_sub('…'.len_utf8()))),
        |end| text[..end].to_owned(),
    )
}

fn ends_sentence(text: &str, at: usize, c: char) -> bool {
    let rest = &text[at + c.len_utf8()..];
    match c {
        '.' | '!' | '?' | '…' => rest.is_empty() || rest.starts_with(' '),
        '。' | '！' | '？' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_stays_and_what_is_long_ends_with_a_sentence() {
        assert_eq!(two_sentences(" It costs\n4.50 euros.  Yes. No. ", 100), "It costs 4.50 euros. Yes. No.");
        assert_eq!(two_sentences("It costs 4.50 euros. Yes. No.", 28), "It costs 4.50 euros. Yes.");
        assert_eq!(two_sentences("Ja! Nein? Doch.", 9), "Ja! Nein?");
        assert_eq!(two_sentences("ääää ääää", 8), "ää…");
        assert_eq!(two_sentences("はい。いいえ。そうです。", 24), "はい。いいえ。");
    }

    #[test]
    fn no_letter_is_cut_in_two() {
        assert_eq!(clip("aä", 2), "a");
        assert_eq!(clip("a  b", 3), "a");
        assert_eq!(clip("😀", 3), "");
    }
}
