//! What whisper.cpp wrote, in; what was said, out.

/// Words that Whisper writes for sounds, within brackets or not. It writes them in capitals or in lower case.
const SOUNDS: [&str; 4] = ["♪", "♫", "🎵", "🎶"];

/// Brackets hold what is no speech: `[BLANK_AUDIO]`, `(wind blowing)`, `*sighs*`.
const BRACKETS: [(char, char); 3] = [('[', ']'), ('(', ')'), ('*', '*')];

/// Removes annotations of sounds; a rest without a letter or digit is nothing.
pub(crate) fn said(raw: &str) -> String {
    let mut text = raw.to_owned();
    for (open, close) in BRACKETS {
        text = without_brackets(&text, open, close);
    }
    for sound in SOUNDS {
        text = text.replace(sound, " ");
    }
    if !text.chars().any(char::is_alphanumeric) {
        return String::new();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Cuts every bracketed part out. A bracket that is never closed stays, words and all.
fn without_brackets(text: &str, open: char, close: char) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(from) = rest.find(open) {
        let inside = &rest[from + open.len_utf8()..];
        let Some(to) = inside.find(close) else { break };
        kept.push_str(&rest[..from]);
        kept.push(' ');
        rest = &inside[to + close.len_utf8()..];
    }
    kept.push_str(rest);
    kept
}

/// Longest group of words whose repetition is looked for.
const GROUP_LEN_MAX: usize = 8;

/// A group said this often in a row is no speech any more; "no, no, no" is.
const TIMES_MIN: usize = 4;

/// Share of the words that belong to a group said at least [`TIMES_MIN`] times in a row, all but the first time.
pub(crate) fn repetition(text: &str) -> f32 {
    let words: Vec<String> = text.split_whitespace().map(plain).collect();
    let mut repeated = 0;
    let mut at = 0;
    while at < words.len() {
        let best = (1..=GROUP_LEN_MAX)
            .map(|group_len| (times(&words[at..], group_len), group_len))
            .filter(|&(times, _)| times >= TIMES_MIN)
            .max_by_key(|(times, group_len)| (times - 1) * group_len);
        match best {
            Some((times, group_len)) => {
                repeated += (times - 1) * group_len;
                at += times * group_len;
            }
            None => at += 1,
        }
    }
    if words.is_empty() { 0.0 } else { repeated as f32 / words.len() as f32 }
}

/// How often the first `group_len` words come in a row.
fn times(words: &[String], group_len: usize) -> usize {
    words.chunks(group_len).take_while(|&group| group == &words[..group_len.min(words.len())]).count()
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_are_not_words() {
        for raw in
            ["[BLANK_AUDIO]", " (music)", "*sighs*", " .", "...", "", "♪♪", "[Music] (laughs) -", " ? "]
        {
            assert_eq!(said(raw), "", "{raw:?}");
        }
    }

    #[test]
    fn words_beside_sounds_stay() {
        assert_eq!(said(" [door] Turn on the light. (music)"), "Turn on the light.");
        assert_eq!(said("Turn on (the light"), "Turn on (the light");
        assert_eq!(said("Что?"), "Что?");
        assert_eq!(said(" Set it to 5 * 3 degrees."), "Set it to 5 * 3 degrees.");
    }

    #[test]
    fn a_stuck_decoder_is_told_from_a_person_who_repeats() {
        assert!(repetition("turn on the turn on the turn on the turn on the turn on the") > 0.7);
        assert!(repetition(&"you ".repeat(40)) > 0.9);
        for said in ["", "No, no, no!", "Turn on the light and turn on the fan.", "Add milk, milk and milk."]
        {
            assert!(repetition(said) < 0.01, "{said:?}");
        }
    }
}
