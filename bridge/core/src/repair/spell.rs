//! How close two words are: in letters, in their stem, in sound.

/// Letters that a stem keeps at least.
const STEM_MIN: usize = 3;

/// Edits (insert, drop, change, swap neighbours) between two words; `None` if there are more than `most`.
pub(super) fn distance(a: &[char], b: &[char], most: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = last[j] + usize::from(x != y);
            let mut fewest = change.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                fewest = fewest.min(before[j - 1] + 1);
            }
            row.push(fewest);
        }
        if row.iter().all(|edits| *edits > most) {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|edits| *edits <= most)
}

/// Edits that a slip may have made of a word of this many letters.
pub(super) fn slips(letters: usize) -> usize {
    match letters {
        0..=3 => 0,
        4..=7 => 1,
        8..=11 => 2,
        _ => 3,
    }
}

/// The word without the longest of the endings that leaves a stem.
pub(super) fn stem<'a>(word: &'a str, endings: &[String]) -> &'a str {
    let fits = |ending: &&String| {
        word.strip_suffix(ending.as_str()).is_some_and(|stem| stem.chars().count() >= STEM_MIN)
    };
    let longest = endings.iter().filter(fits).max_by_key(|ending| ending.len());
    longest.and_then(|ending| word.strip_suffix(ending.as_str())).unwrap_or(word)
}

/// The stem of a word as it is before the endings that change its last letters.
pub(super) fn root(word: &str, endings: &[String], alternations: &[(String, String)]) -> String {
    let stem = stem(word, endings);
    let changed = alternations.iter().find_map(|(from, to)| Some((stem.strip_suffix(from.as_str())?, to)));
    changed.map_or_else(|| stem.to_owned(), |(head, to)| format!("{head}{to}"))
}

/// How a word sounds: the rules of the language applied one after the other, doubled letters once.
pub(super) fn sound(word: &str, rules: &[(String, String)]) -> String {
    let heard = rules.iter().fold(word.to_owned(), |word, (from, to)| {
        if word.contains(from.as_str()) { word.replace(from.as_str(), to) } else { word }
    });
    let mut key = super::tokens::fold(&heard);
    let mut last = None;
    key.retain(|c| {
        let again = last == Some(c);
        last = Some(c);
        !again
    });
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits(a: &str, b: &str) -> Option<usize> {
        let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
        distance(&a, &b, 2)
    }

    #[test]
    fn a_swap_of_neighbours_is_one_edit() {
        assert_eq!(edits("lihgt", "light"), Some(1));
        assert_eq!(edits("kichen", "kitchen"), Some(1));
        assert_eq!(edits("bedroom", "bathroom"), None);
    }

    #[test]
    fn a_stem_keeps_three_letters() {
        let endings = ["s".to_owned(), "es".to_owned()];
        assert_eq!(stem("switches", &endings), "switch");
        assert_eq!(stem("gas", &endings), "gas");
    }

    #[test]
    fn a_root_is_the_same_in_all_cases() {
        let endings = ["a", "e"].map(str::to_owned);
        let alternations = [("c".to_owned(), "k".to_owned())];
        assert_eq!(root("lazience", &endings, &alternations), root("lazienka", &endings, &alternations));
    }

    #[test]
    fn doubled_letters_and_spellings_of_one_sound_are_one() {
        let rules = [("ck".to_owned(), "k".to_owned()), ("ß".to_owned(), "ss".to_owned())];
        assert_eq!(sound("rollladen", &rules), sound("roladen", &rules));
        assert_eq!(sound("decke", &rules), sound("deke", &rules));
    }
}
