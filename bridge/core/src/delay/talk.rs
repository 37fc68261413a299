//! Talk about what is planned: "what is planned?", "cancel the planned light" in, what is meant out.

use super::DelayedCommand;
use super::keys::{Key, keys};
use super::pattern::begins;
use super::words::Words;
use crate::Language;

/// What a person wants to know or undo of what is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Talk {
    /// What is planned?
    List,
    /// Cancel the one that these words name; without words the only one.
    Cancel(Vec<String>),
    /// Cancel all of them.
    CancelAll,
}

/// Reads a sentence about what is planned; `None` for every other sentence.
pub fn talk(text: &str, language: &Language) -> Option<Talk> {
    let words = Words::of(language)?;
    let keys = keys(text);
    let said = without_fillers(&keys, words);
    if words.list.iter().any(|phrase| {
        *phrase == keys || without_fillers(phrase, words) == said && is_about_plans(&said, words)
    }) {
        return Some(Talk::List);
    }
    // What is cancelled is planned: "cancel the timer" is not about this.
    let is_order =
        said.first().is_some_and(|first| begins(std::slice::from_ref(first), &words.cancel).is_some());
    if !is_order || !is_about_plans(&said, words) {
        return None;
    }
    let is_all = |key: &Key| begins(std::slice::from_ref(key), &words.all).is_some();
    let named: Vec<_> = said[1..].iter().filter(|key| !is_plan(key, words)).collect();
    let (all, named): (Vec<&Key>, Vec<&Key>) = named.into_iter().partition(|key| is_all(key));
    if named.is_empty() && !all.is_empty() {
        return Some(Talk::CancelAll);
    }
    Some(Talk::Cancel(named.into_iter().filter_map(word).collect()))
}

/// The planned commands that all these words name.
pub fn meant<'a>(words: &[String], planned: &'a [DelayedCommand]) -> Vec<&'a DelayedCommand> {
    let fits = |command: &&DelayedCommand| {
        let said = keys(command.sentence.expose());
        words.iter().all(|wanted| said.iter().filter_map(word).any(|said| is_like(wanted, &said)))
    };
    planned.iter().filter(fits).collect()
}

/// The same word in another form: one holds the other, or they differ in at most two letters at the end.
fn is_like(one: &str, other: &str) -> bool {
    let (short, long) =
        if one.chars().count() <= other.chars().count() { (one, other) } else { (other, one) };
    let len = short.chars().count();
    let common = short.chars().zip(long.chars()).take_while(|(a, b)| a == b).count();
    len >= 3 && (long.contains(short) || common >= 3 && common + 2 >= len && long.chars().count() <= len + 3)
}

fn without_fillers(keys: &[Key], words: &Words) -> Vec<Key> {
    let is_filler = |key: &&Key| begins(std::slice::from_ref(*key), &words.fillers).is_some();
    keys.iter().filter(|key| !is_filler(key)).cloned().collect()
}

fn is_about_plans(said: &[Key], words: &Words) -> bool {
    said.iter().any(|key| is_plan(key, words))
}

fn is_plan(key: &Key, words: &Words) -> bool {
    word(key).is_some_and(|word| words.planned.iter().any(|stem| word.starts_with(stem)))
}

fn word(key: &Key) -> Option<String> {
    match key {
        Key::Word(word) => Some(word.clone()),
        Key::Number(number) => Some(number.to_string()),
        Key::Time(..) => None,
    }
}
