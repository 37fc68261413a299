//! Text into tokens: words in lower case, numbers with their decimals, `%` and `°` of their own.

/// One word, number or sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// As it was said, in lower case.
    pub(super) text: String,
    /// Without accents.
    pub(super) folded: String,
}

impl Token {
    fn new(text: String) -> Self {
        let folded = fold(&text);
        Self { text, folded }
    }
}

/// Splits a sentence; `elisions` are beginnings that are words of their own ("l'").
pub(super) fn tokens(text: &str, elisions: &[String]) -> Vec<Token> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars().flat_map(char::to_lowercase).peekable();
    while let Some(c) = chars.next() {
        let c = if matches!(c, '\u{2019}' | '\u{2018}') { '\'' } else { c };
        let in_number = word.ends_with(|last: char| last.is_ascii_digit());
        let goes_on = chars.peek().is_some_and(char::is_ascii_digit);
        if matches!(c, '.' | ',') && in_number && goes_on && !word.contains('.') {
            word.push('.');
        } else if c.is_alphanumeric() || c == '\'' {
            if in_number && !c.is_ascii_digit() {
                end(&mut word, elisions, &mut found);
            }
            word.push(c);
        } else {
            end(&mut word, elisions, &mut found);
            if matches!(c, '%' | '°') {
                found.push(Token::new(c.to_string()));
            }
        }
    }
    end(&mut word, elisions, &mut found);
    found
}

fn end(word: &mut String, elisions: &[String], found: &mut Vec<Token>) {
    let whole = std::mem::take(word);
    let mut rest = whole.trim_start_matches('\'');
    for elision in elisions {
        if let Some(after) = rest.strip_prefix(elision.as_str())
            && !after.is_empty()
        {
            found.push(Token::new(elision.clone()));
            rest = after;
            break;
        }
    }
    let rest =
        if elisions.iter().any(|elision| elision == rest) { rest } else { rest.trim_end_matches('\'') };
    if !rest.is_empty() {
        found.push(Token::new(rest.to_owned()));
    }
}

/// Letters without their accents.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        let plain = match c {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' | 'ă' | 'ā' => 'a',
            'ç' | 'ć' | 'č' => 'c',
            'ď' | 'đ' => 'd',
            'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' | 'ē' => 'e',
            'ì' | 'í' | 'î' | 'ï' | 'ī' => 'i',
            'ł' | 'ľ' => 'l',
            'ñ' | 'ń' | 'ň' => 'n',
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ő' => 'o',
            'ř' => 'r',
            'ś' | 'š' | 'ş' => 's',
            'ť' => 't',
            'ù' | 'ú' | 'û' | 'ü' | 'ů' | 'ű' => 'u',
            'ý' | 'ÿ' => 'y',
            'ź' | 'ż' | 'ž' => 'z',
            'ß' => {
                folded.push_str("ss");
                continue;
            }
            'œ' => {
                folded.push_str("oe");
                continue;
            }
            'æ' => {
                folded.push_str("ae");
                continue;
            }
            other => other,
        };
        folded.push(plain);
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        let elisions = ["l'".to_owned(), "dell'".to_owned()];
        tokens(text, &elisions).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn numbers_keep_their_decimals_and_units_stand_alone() {
        assert_eq!(texts("to 21.5°C, or 60%."), ["to", "21.5", "°", "c", "or", "60", "%"]);
        assert_eq!(texts("21,5 Grad"), ["21.5", "grad"]);
    }

    #[test]
    fn an_elided_article_is_a_word() {
        assert_eq!(texts("l’interrupteur dell'ufficio"), ["l'", "interrupteur", "dell'", "ufficio"]);
        assert_eq!(texts("the speaker's 'volume'"), ["the", "speaker's", "volume"]);
    }

    #[test]
    fn accents_fold() {
        assert_eq!(fold("światło küche weiß"), "swiatlo kuche weiss");
    }
}
