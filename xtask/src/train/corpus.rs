//! Labelled sentences with alternatives: the text of a file in, plain sentences with their labels out.
//!
//! `[label]` opens a section, `@name = a | b` names a list, `#` begins a comment. In a sentence, `{a|b|}` stands for
//! one of these and `<name>` for one of the list; a line gives at most [`VARIANTS`] sentences, the same ones each time.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use super::linear::Random;

/// Sentences of one line, at most.
const VARIANTS: usize = 16;

/// Labelled sentences, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Corpus(pub(crate) Vec<(String, String)>);

impl Corpus {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut lists = BTreeMap::new();
        let mut corpus = Self::default();
        let mut label = None;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(named) = line.strip_prefix('@') {
                let (name, items) = named.split_once('=').with_context(|| format!("no list: {line}"))?;
                let items = items.split('|').map(|item| item.trim().to_owned()).collect();
                lists.insert(name.trim().to_owned(), items);
            } else if let Some(named) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                label = Some(named.to_owned());
            } else {
                let label = label.clone().with_context(|| format!("without a label: {line}"))?;
                corpus.0.extend(variants(line, &lists)?.into_iter().map(|text| (label.clone(), text)));
            }
        }
        Ok(corpus)
    }
}

fn variants(line: &str, lists: &BTreeMap<String, Vec<String>>) -> Result<BTreeSet<String>> {
    let mut random =
        Random(line.bytes().fold(7, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into())));
    let mut found = BTreeSet::new();
    let tries = if line.contains(['{', '<']) { VARIANTS } else { 1 };
    for _ in 0..tries {
        let sentence = one_of(line, lists, &mut random)?;
        found.insert(sentence.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    Ok(found)
}

/// One sentence of a line, by chance. Alternatives may hold lists, lists may hold alternatives.
fn one_of(line: &str, lists: &BTreeMap<String, Vec<String>>, random: &mut Random) -> Result<String> {
    let mut sentence = line.to_owned();
    while let Some(at) = sentence.find(['{', '<']) {
        let close = if sentence[at..].starts_with('{') { '}' } else { '>' };
        let Some(len) = sentence[at..].find(close) else { bail!("not closed: {line}") };
        let inner = sentence[at + 1..at + len].to_owned();
        let chosen = if close == '}' {
            let options: Vec<_> = inner.split('|').collect();
            options[random.below(options.len())].to_owned()
        } else {
            let list = lists.get(&inner).with_context(|| format!("no list {inner}: {line}"))?;
            list[random.below(list.len())].clone()
        };
        sentence.replace_range(at..=at + len, &chosen);
    }
    Ok(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_alternatives_gives_several_sentences_and_the_same_ones_each_time() {
        let text = "@thing = lamp | fan\n[act]\nturn {on|off} the <thing>\n# no sentence\n[control]\nstop";
        let parse = || Corpus::parse(text).expect("valid").0;
        let sentences = parse();
        assert_eq!(sentences, parse());
        assert!(sentences.iter().filter(|(label, _)| label == "act").count() > 2, "{sentences:?}");
        assert_eq!(sentences.last(), Some(&("control".to_owned(), "stop".to_owned())));
    }

    #[test]
    fn a_list_that_is_not_there_is_an_error_that_names_the_line() {
        let error = Corpus::parse("[act]\nturn on <it>").expect_err("no list").to_string();
        assert!(error.contains("turn on <it>"), "{error}");
    }
}
