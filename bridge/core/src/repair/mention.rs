//! Which names of the home a sentence says, where, and how far off.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::index::{Hit, Index, Name, Named};
use super::kinds::Kind;
use super::lexicon::{Count, Meaning};
use super::spell::stem;
use super::tokens::Token;
use super::words::Tongue;

/// A name in a sentence; several things may bear it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mention {
    /// Its first token.
    pub(super) from: usize,
    /// The token after its last one.
    pub(super) to: usize,
    pub(super) of: BTreeSet<Named>,
    /// How far the words are from the name; 0 is letter by letter.
    pub(super) cost: f32,
    /// Whether everything of this name is exposed to voice.
    pub(super) exposed: bool,
}

/// A noun of a kind in a sentence, perhaps misheard, perhaps the end of a compound with an area.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Noun {
    pub(super) at: usize,
    pub(super) kind: Kind,
    pub(super) count: Count,
    /// The area that the compound begins with.
    pub(super) area: Option<BTreeSet<Named>>,
    pub(super) cost: f32,
}

/// What it costs to say the words of a name in another order.
const ORDER_COST: f32 = 0.5;
/// What it costs to leave out a word of a name.
const MISSING_COST: f32 = 1.2;
/// What it costs to read a word as an area and a kind: a name that is written so goes first.
const COMPOUND_COST: f32 = 0.8;
/// What it costs that two words stand for one.
const JOINED_COST: f32 = 0.2;
/// What it costs that a word is taken for one that sounds like it.
pub(super) const MISHEARD_COST: f32 = 0.6;
/// The shortest word that two words may stand for.
const JOINED_LEN_MIN: usize = 6;

/// The words of the home that each piece of a sentence may be.
#[derive(Debug)]
struct Pieces {
    /// By token.
    single: Vec<Vec<Hit>>,
    /// By the first of two tokens.
    double: Vec<Vec<Hit>>,
    /// Tokens that may stand between the words of a name.
    small: Vec<bool>,
}

/// All names in a sentence, and all nouns of kinds.
pub(super) fn find(sentence: &[Token], index: &Index, tongue: &Tongue) -> (Vec<Mention>, Vec<Noun>) {
    let pieces = pieces(sentence, index, tongue);
    let mut said: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, hits) in pieces.single.iter().enumerate().chain(pieces.double.iter().enumerate()) {
        for hit in hits {
            said.entry(hit.word).or_default().push(at);
        }
    }
    let mut best: HashMap<(usize, usize, usize), f32> = HashMap::new();
    for name in possible(&said, index) {
        let starts: BTreeSet<usize> =
            index.names[name].words.iter().filter_map(|word| said.get(word)).flatten().copied().collect();
        for from in starts {
            for (to, cost) in align(&index.names[name], from, &pieces, index) {
                let entry = best.entry((name, from, to)).or_insert(cost);
                *entry = entry.min(cost);
            }
        }
    }
    (group(&best, index), nouns(sentence, &pieces, index, tongue))
}

/// The names that are said whole, or but for one word if one that is said is a word of nothing else.
fn possible(said: &BTreeMap<usize, Vec<usize>>, index: &Index) -> BTreeSet<usize> {
    let touched: BTreeSet<usize> = said.keys().flat_map(|word| &index.words[*word].names).copied().collect();
    let fits = |name: &usize| {
        let words = &index.names[*name].words;
        let there = words.iter().filter(|word| said.contains_key(word));
        let distinct = there.clone().any(|word| !index.words[*word].plain);
        there.count() + usize::from(distinct) >= words.len()
    };
    touched.into_iter().filter(fits).collect()
}

fn pieces(sentence: &[Token], index: &Index, tongue: &Tongue) -> Pieces {
    let words = &tongue.words;
    let single: Vec<Vec<Hit>> = sentence
        .iter()
        .map(|token| {
            let mut hits = index.hits(&token.text, &token.folded, words, tongue.lexicon.is_known(token));
            if hits.is_empty() || hits[0].cost > 0.0 {
                hits.extend(index.synonyms(&token.folded));
            }
            if let Some(meant) = words.misheard.get(&token.text) {
                let meant = index.hits(meant, &super::tokens::fold(meant), words, false);
                hits.extend(meant.into_iter().map(|hit| Hit { cost: hit.cost + MISHEARD_COST, ..hit }));
            }
            hits
        })
        .collect();
    let double = sentence.windows(2).map(|pair| {
        let folded = format!("{}{}", pair[0].folded, pair[1].folded);
        if folded.chars().count() < JOINED_LEN_MIN {
            return Vec::new();
        }
        let text = format!("{}{}", pair[0].text, pair[1].text);
        let known = pair.iter().any(|token| tongue.lexicon.is_known(token));
        let mut hits = index.hits(&text, &folded, words, known);
        hits.retain_mut(|hit| {
            hit.cost += JOINED_COST;
            hit.cost < 1.1
        });
        hits
    });
    Pieces {
        double: double.collect(),
        small: sentence.iter().map(|token| tongue.lexicon.is_small(token)).collect(),
        single,
    }
}

/// The ends of this name if it begins at `from`, with their costs: whole, or with one word left out.
fn align(name: &Name, from: usize, pieces: &Pieces, index: &Index) -> Vec<(usize, f32)> {
    let mut needed: Vec<usize> = name.words.clone();
    let (mut at, mut cost, mut end) = (from, 0.0, from);
    let mut ordered = true;
    let mut distinct = false;
    while !needed.is_empty() && at < pieces.single.len() {
        let fitting = |hits: &[Hit]| {
            let fits = |hit: &&Hit| needed.contains(&hit.word);
            hits.iter().filter(fits).min_by(|a, b| a.cost.total_cmp(&b.cost)).copied()
        };
        let single = fitting(&pieces.single[at]).map(|hit| (hit, 1));
        let double = pieces.double.get(at).and_then(|hits| fitting(hits)).map(|hit| (hit, 2));
        let found = match (single, double) {
            (Some(one), Some(two)) if two.0.cost < one.0.cost => Some(two),
            (Some(one), _) => Some(one),
            (None, two) => two,
        };
        match found {
            Some((hit, len)) => {
                let place = needed.iter().position(|word| *word == hit.word).unwrap_or(0);
                ordered &= place == 0;
                needed.remove(place);
                distinct |= !index.words[hit.word].plain;
                (at, end, cost) = (at + len, at + len, cost + hit.cost);
            }
            None if end > from && pieces.small[at] => at += 1,
            None => break,
        }
    }
    if end == from {
        return Vec::new();
    }
    // "The light in the kitchen" is all of them; only "the kitchen light" is that one.
    if !ordered && !distinct {
        return Vec::new();
    }
    let order = if ordered || !needed.is_empty() { 0.0 } else { ORDER_COST };
    match needed.len() {
        0 => vec![(end, cost + order)],
        1 if name.words.len() > 1 && distinct => vec![(end, cost + order + MISSING_COST)],
        _ => Vec::new(),
    }
}

fn group(best: &HashMap<(usize, usize, usize), f32>, index: &Index) -> Vec<Mention> {
    let mut mentions: BTreeMap<(usize, usize, u32), Mention> = BTreeMap::new();
    for ((name, from, to), cost) in best {
        let name = &index.names[*name];
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "costs are small and positive"
        )]
        let key = (*from, *to, (*cost * 100.0).round() as u32);
        let place = !matches!(name.of, Named::Entity(_));
        let key = (key.0, key.1, key.2 * 2 + u32::from(place));
        let mention = mentions.entry(key).or_insert_with(|| Mention {
            from: *from,
            to: *to,
            of: BTreeSet::new(),
            cost: *cost,
            exposed: true,
        });
        mention.of.insert(name.of.clone());
        mention.exposed &= name.exposed;
    }
    mentions.into_values().collect()
}

fn nouns(sentence: &[Token], pieces: &Pieces, index: &Index, tongue: &Tongue) -> Vec<Noun> {
    let mut nouns = Vec::new();
    for (at, token) in sentence.iter().enumerate() {
        let said = tongue.lexicon.is(token, |meaning| matches!(meaning, Meaning::Kind(..)));
        for hit in pieces.single[at].iter().filter(|_| !said) {
            for (kind, count) in &index.words[hit.word].nouns {
                nouns.push(Noun { at, kind: *kind, count: *count, area: None, cost: hit.cost });
            }
        }
        if tongue.words.compounds.allowed && !said {
            nouns.extend(compounds(at, token, index, tongue));
        }
    }
    nouns
}

/// "Küchenlicht": an area and a noun of a kind in one word.
fn compounds(at: usize, token: &Token, index: &Index, tongue: &Tongue) -> Vec<Noun> {
    let words = &tongue.words;
    let mut found = Vec::new();
    for (noun, kinds) in &tongue.lexicon.nouns {
        let Some(first) = token.folded.strip_suffix(noun.as_str()).filter(|first| first.len() >= 3) else {
            continue;
        };
        let roots = words.compounds.joints.iter().filter_map(|joint| first.strip_suffix(joint.as_str()));
        for root in roots.chain([stem(first, &words.endings)]) {
            let areas = index.areas_called(root, words);
            if areas.is_empty() {
                continue;
            }
            for (kind, count) in kinds {
                let area = Some(areas.clone());
                found.push(Noun { at, kind: *kind, count: *count, area, cost: COMPOUND_COST });
            }
            break;
        }
    }
    found
}
