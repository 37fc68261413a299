//! What a person could see of a text: characters in, those with a shape out. Text that nobody sees is a way to speak
//! to a model behind its reader's back.

/// Whether a character takes no room and only carries what nobody sees: tags, selectors of variants beyond emoji,
/// marks that change the direction of text, fillers.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || (c.is_control() && c != '\n' && c != '\t')
}

/// Whether a character only joins or splits its neighbours: needed once between letters, and never twice.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// A line as it can be seen: runs of spaces become one.
pub(super) fn seen(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars().filter(|c| !is_unseen(*c)) {
        let c = if c.is_whitespace() { ' ' } else { c };
        let is_repeated = (c == ' ' || is_joiner(c)) && (before == ' ' || is_joiner(before));
        if !is_repeated {
            line.push(c);
            before = c;
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// As much of a text as fits, whole characters, and whether that is all.
pub(super) fn beginning(text: &str, len_max: usize) -> (&str, bool) {
    let end = text.floor_char_boundary(len_max);
    (&text[..end], end == text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_gone_and_what_scripts_need_is_kept() {
        let tags: String =
            "unlock".chars().map(|c| char::from_u32(0xe0000 + c as u32).expect("a tag")).collect();
        assert_eq!(seen(&format!("a{tags}b")), "ab");
        assert_eq!(seen("zero\u{200b}width\u{2060}\u{feff} \u{202e}txet\u{202c}"), "zerowidth txet");
        assert_eq!(seen("a\u{200d}\u{200c}\u{200d}\u{200c}b"), "a\u{200d}b", "no message in joiners");
        assert_eq!(seen("می\u{200c}خواهم"), "می\u{200c}خواهم");
        assert_eq!(seen("  two \n\t words  "), "two words");
        assert_eq!(seen("bell\u{7}null\0"), "bellnull");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(beginning("aé", 2), ("a", false));
        assert_eq!(beginning("aé", 3), ("aé", true));
    }
}
