//! A sentence as what is compared: words in lower case, numbers and times of the clock, each with its place.

/// One thing that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// A word, in lower case.
    Word(String),
    /// A number in digits.
    Number(u32),
    /// `22:30`: hour, minute, and whether a zero stands in front of the hour.
    Time(u32, u32, bool),
}

/// A word of the sentence as it was written, and its keys.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) keys: Vec<Key>,
}

/// The words of a sentence.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    text.split_whitespace().map(|text| Token { text, keys: keys_of(text) }).collect()
}

/// The keys of a text.
pub(super) fn keys(text: &str) -> Vec<Key> {
    text.split_whitespace().flat_map(keys_of).collect()
}

/// Hyphens and apostrophes part words; punctuation around them falls away.
fn keys_of(token: &str) -> Vec<Key> {
    let token = token.to_lowercase().replace(['\u{2019}', '\u{2018}'], "'");
    // An opening brace begins a placeholder of a pattern.
    if token.starts_with('{') {
        return vec![Key::Word(token)];
    }
    let token = token.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '%' | '°'));
    if token.starts_with(|c: char| c.is_ascii_digit()) {
        return number_keys(token);
    }
    let parts = token.split(['-', '\'', '\u{2010}', '\u{2011}']);
    let is_initials = |part: &str| part.split('.').all(|letter| letter.chars().count() <= 1);
    let word = |part: &str| if is_initials(part) { part.replace('.', "") } else { part.to_owned() };
    parts.filter(|part| !part.is_empty()).map(|part| Key::Word(word(part))).collect()
}

/// `7`, `22:30`, `7.30`, `7pm`, `7:30pm`, `22h`, `22h30`, `10min`; anything else is a word.
fn number_keys(token: &str) -> Vec<Key> {
    let word = || vec![Key::Word(token.to_owned())];
    let (first, rest) = digits(token);
    let Ok(number) = first.parse::<u32>() else { return word() };
    let zero = first.len() == 2 && first.starts_with('0');
    if rest.is_empty() {
        return vec![if zero { Key::Time(number, 0, true) } else { Key::Number(number) }];
    }
    let (minutes, after) = rest.strip_prefix([':', '.', 'h']).map(digits).unwrap_or_default();
    if minutes.len() == 2 && number < 25 {
        let mut keys = vec![Key::Time(number, minutes.parse().unwrap_or(0), zero)];
        keys.extend(suffix(after));
        return if minutes < "60" && is_suffix(after) { keys } else { word() };
    }
    if !is_suffix(rest) {
        return word();
    }
    let mut keys = vec![Key::Number(number)];
    keys.extend(suffix(rest));
    keys
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// What may be written right behind a number of a time.
fn is_suffix(text: &str) -> bool {
    matches!(text.replace('.', "").as_str(), "" | "am" | "pm" | "h" | "min" | "mins" | "uhr" | "uur")
}

fn suffix(text: &str) -> Option<Key> {
    (!text.is_empty()).then(|| Key::Word(text.replace('.', "")))
}
