//! Explains a sentence word by word: every way to cover its tokens with names, words of the language and values.

use std::collections::BTreeSet;

use super::index::{Index, Named};
use super::kinds::Kind;
use super::lexicon::{Count, Meaning};
use super::mention::{MISHEARD_COST, find};
use super::numbers::{Value, values_at, values_behind};
use super::tokens::{Token, fold};
use super::words::{Particles, Tongue};

/// What a piece of the sentence is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    /// Something of the home, and whether it is exposed to voice.
    Named(BTreeSet<Named>, bool),
    /// A kind, perhaps with the area it is written in one with.
    Noun(Kind, Count, Option<BTreeSet<Named>>),
    Word(Meaning),
    Value(Value),
    /// Nothing knows this token.
    Unknown,
}

/// A piece with its place and its costs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) piece: Piece,
    /// How unlikely it is that this is meant.
    cost: f32,
    /// The part of the cost that is a slip or a loose name.
    pub(super) slip: f32,
}

/// One way to explain all tokens.
#[derive(Debug, Clone)]
pub(super) struct Cover {
    pub(super) elements: Vec<Element>,
    pub(super) cost: f32,
}

impl Cover {
    /// The tokens that nothing knows.
    pub(super) fn unexplained(&self) -> impl Iterator<Item = usize> {
        self.elements.iter().filter(|element| element.piece == Piece::Unknown).map(|element| element.from)
    }
}

/// Covers that are followed at each token.
const BEAM: usize = 48;
/// Complete covers that are looked at.
const COVERS_MAX: usize = 32;
const UNKNOWN_COST: f32 = 20.0;
const NAME_COST: f32 = 0.4;
/// A place or a kind: two of them are no match for one name of both.
const PLACE_COST: f32 = 0.7;
const SMALL_COST: f32 = 0.12;
const WORD_COST: f32 = 0.3;
/// A particle where a preposition would stand, or the other way round.
const MISPLACED_COST: f32 = 1.2;
const MISPLACED_SLIP: f32 = 0.5;
/// A preposition whose noun got lost: nobody knows which thing was meant.
const DANGLING_COST: f32 = 2.4;
const DANGLING_SLIP: f32 = 1.5;
/// The part of a slip that counts in a word that says nothing.
const UNSAID: f32 = 0.5;
/// A noun for a kind where something of the home is called just so.
const CALLED_COST: f32 = 0.6;
/// A verb without its accents, or with a pronoun at its end.
const LOOSE_VERB_COST: f32 = 0.1;
/// A word of the lists with one wrong letter.
const RESPELT_COST: f32 = 0.8;
/// Words of a phrase or value in front of a misheard one.
const PHRASE_BEFORE_MAX: usize = 3;

/// All ways to explain a sentence, the likeliest first; only the likeliest if a word stays unknown.
pub(super) fn covers(sentence: &[Token], index: &Index, tongue: &Tongue) -> Vec<Cover> {
    let mut complete = ranked(sentence, index, tongue);
    let known = |cover: &Cover| cover.unexplained().next().is_none();
    if complete.first().is_some_and(known) {
        complete.retain(known);
        complete.truncate(COVERS_MAX);
    } else {
        complete.truncate(1);
    }
    complete
}

/// The ways to explain a sentence that leave the same words unexplained as the likeliest one, the likeliest first.
pub(super) fn loose_covers(sentence: &[Token], index: &Index, tongue: &Tongue) -> Vec<Cover> {
    let mut complete = ranked(sentence, index, tongue);
    let left: Vec<usize> = complete.first().map(|best| best.unexplained().collect()).unwrap_or_default();
    complete.retain(|cover| cover.unexplained().eq(left.iter().copied()));
    complete.truncate(COVERS_MAX);
    complete
}

fn ranked(sentence: &[Token], index: &Index, tongue: &Tongue) -> Vec<Cover> {
    let elements = elements(sentence, index, tongue);
    let mut starting: Vec<Vec<usize>> = vec![Vec::new(); sentence.len()];
    for (id, element) in elements.iter().enumerate() {
        starting[element.from].push(id);
    }
    // Nodes of a backwards linked list: element, node before, cost so far.
    let mut nodes: Vec<(usize, Option<usize>, f32)> = Vec::new();
    let mut ends: Vec<Vec<usize>> = vec![Vec::new(); sentence.len() + 1];
    for at in 0..sentence.len() {
        let mut open: Vec<Option<usize>> = if at == 0 { vec![None] } else { best(&ends[at], &nodes) };
        for before in open.drain(..) {
            let so_far = before.map_or(0.0, |node| nodes[node].2);
            for id in &starting[at] {
                let element = &elements[*id];
                nodes.push((*id, before, so_far + element.cost));
                ends[element.to].push(nodes.len() - 1);
            }
        }
    }
    let last = best(&ends[sentence.len()], &nodes).into_iter().flatten();
    last.map(|last| trace(last, &nodes, &elements)).collect()
}

fn best(ends: &[usize], nodes: &[(usize, Option<usize>, f32)]) -> Vec<Option<usize>> {
    let mut sorted = ends.to_vec();
    sorted.sort_by(|a, b| nodes[*a].2.total_cmp(&nodes[*b].2).then(a.cmp(b)));
    sorted.truncate(BEAM);
    sorted.into_iter().map(Some).collect()
}

fn trace(last: usize, nodes: &[(usize, Option<usize>, f32)], elements: &[Element]) -> Cover {
    let mut path = Vec::new();
    let mut at = Some(last);
    while let Some(node) = at {
        path.push(elements[nodes[node].0].clone());
        at = nodes[node].1;
    }
    path.reverse();
    Cover { elements: path, cost: nodes[last].2 }
}

fn elements(sentence: &[Token], index: &Index, tongue: &Tongue) -> Vec<Element> {
    let (mentions, nouns) = find(sentence, index, tongue);
    let mut elements: Vec<Element> = mentions
        .into_iter()
        .map(|found| Element {
            from: found.from,
            to: found.to,
            cost: found.cost + if is_place(&found.of) { PLACE_COST } else { NAME_COST },
            piece: Piece::Named(found.of, found.exposed),
            slip: found.cost,
        })
        .collect();
    let called: Vec<usize> = elements
        .iter()
        .filter(|e| e.slip == 0.0 && e.to == e.from + 1 && is_entity(e))
        .map(|e| e.from)
        .collect();
    elements.extend(nouns.into_iter().map(|noun| Element {
        from: noun.at,
        to: noun.at + 1,
        piece: Piece::Noun(noun.kind, noun.count, noun.area),
        cost: PLACE_COST + noun.cost,
        slip: noun.cost,
    }));
    for at in 0..sentence.len() {
        let separable = separable_at(sentence, at, tongue);
        // "Spiel das Lied ab": the particle of a verb says nothing by itself.
        let is_particle = |word: &Element| {
            let sense = matches!(word.piece, Piece::Word(Meaning::Sense(_))) && word.to == at + 1;
            sense && separable.iter().any(|verb| matches!(verb.piece, Piece::Word(Meaning::Sense(_))))
        };
        elements.extend(words_at(sentence, at, 0.0, tongue).into_iter().filter(|word| !is_particle(word)));
        elements.extend(verbs_at(sentence, at, tongue));
        elements.extend(misheard_at(sentence, at, tongue));
        elements.extend(separable);
        let unknown = Element { from: at, to: at + 1, piece: Piece::Unknown, cost: UNKNOWN_COST, slip: 0.0 };
        elements.push(unknown);
    }
    for element in &mut elements {
        let noun = matches!(element.piece, Piece::Noun(..)) && element.to == element.from + 1;
        if noun && called.contains(&element.from) {
            element.cost += CALLED_COST;
        }
    }
    elements
}

fn is_entity(element: &Element) -> bool {
    matches!(&element.piece, Piece::Named(of, _) if of.iter().any(|named| matches!(named, Named::Entity(_))))
}

fn is_place(of: &BTreeSet<Named>) -> bool {
    of.iter().all(|named| matches!(named, Named::Area(_) | Named::Floor(_)))
}

/// Phrases of the language and values that begin here.
fn words_at(sentence: &[Token], at: usize, slip: f32, tongue: &Tongue) -> Vec<Element> {
    let here = &sentence[at..];
    let phrase = |(len, meaning): (usize, &Meaning)| {
        let piece = match meaning {
            Meaning::Kind(kind, count) => Piece::Noun(*kind, *count, None),
            Meaning::Filler
            | Meaning::Article
            | Meaning::Preposition
            | Meaning::Carrier
            | Meaning::Sense(_)
            | Meaning::Aspect(_)
            | Meaning::All
            | Meaning::Here
            | Meaning::Except
            | Meaning::Joining
            | Meaning::Pronoun
            | Meaning::Too
            | Meaning::Again
            | Meaning::Bit
            | Meaning::Color(_)
            | Meaning::White(_) => Piece::Word(meaning.clone()),
        };
        let cost = cost(meaning, sentence, at, len, tongue);
        // A slip in a word that says nothing makes nothing doubtful.
        let says =
            !matches!(meaning, Meaning::Filler | Meaning::Article | Meaning::Preposition | Meaning::Carrier);
        let slip_told = if says { slip } else { slip * UNSAID };
        let misplaced = match cost {
            cost if cost > DANGLING_COST => DANGLING_SLIP,
            cost if cost > MISPLACED_COST => MISPLACED_SLIP,
            _ => 0.0,
        };
        Element { from: at, to: at + len, piece, cost: cost + slip, slip: slip_told + misplaced }
    };
    let value = |(len, value): (usize, Value)| Element {
        from: at,
        to: at + len,
        piece: Piece::Value(value),
        cost: WORD_COST + slip,
        slip,
    };
    let phrases = tongue.lexicon.at(here).map(phrase);
    let before = at.checked_sub(1).map(|before| &sentence[before]);
    phrases.chain(values_behind(before, here, &tongue.words).into_iter().map(value)).collect()
}

fn verbs_at(sentence: &[Token], at: usize, tongue: &Tongue) -> Vec<Element> {
    let token = &sentence[at];
    let is_verb = |meaning: &Meaning| matches!(meaning, Meaning::Sense(_) | Meaning::Carrier);
    if tongue.lexicon.is(token, is_verb) {
        return Vec::new();
    }
    let cost =
        WORD_COST + LOOSE_VERB_COST + if tongue.lexicon.is_known(token) { MISPLACED_COST } else { 0.0 };
    let verbs = tongue.lexicon.verbs(token, &tongue.words.clitics).iter();
    let element = |meaning: &Meaning| Element {
        from: at,
        to: at + 1,
        piece: Piece::Word(meaning.clone()),
        cost,
        slip: 0.0,
    };
    verbs.map(element).collect()
}

/// "Fahr die Markise ein": the particle here, with its verb somewhere before; or the verb, which then says nothing by
/// itself ("schließe die Tür auf").
fn separable_at(sentence: &[Token], at: usize, tongue: &Tongue) -> Vec<Element> {
    // "Mach halt das Licht an": behind another verb it is none.
    let is_verb = |token: &Token| {
        tongue.lexicon.is(token, |meaning| matches!(meaning, Meaning::Carrier | Meaning::Sense(_)))
    };
    let said = |verb: &String| {
        let place = sentence[..at].iter().position(|token| token.text == *verb);
        place.is_some_and(|place| {
            !is_filler(&sentence[place], tongue) || !sentence[..place].iter().any(is_verb)
        })
    };
    let mut found = Vec::new();
    for (sense, verbs) in &tongue.words.separable {
        if verbs.iter().any(|(verb, particle)| *particle == sentence[at].text && said(verb)) {
            let piece = Piece::Word(Meaning::Sense(*sense));
            found.push(Element { from: at, to: at + 1, piece, cost: WORD_COST, slip: 0.0 });
        }
    }
    let follows = |particle: &String| sentence[at + 1..].iter().any(|token| token.text == *particle);
    let mut verbs = tongue.words.separable.values().flatten();
    if verbs.any(|(verb, particle)| *verb == sentence[at].text && follows(particle)) {
        let piece = Piece::Word(Meaning::Carrier);
        found.push(Element { from: at, to: at + 1, piece, cost: WORD_COST, slip: 0.0 });
    }
    found
}

/// What stands here if this token is a slip of another word of the lists.
fn misheard_at(sentence: &[Token], at: usize, tongue: &Tongue) -> Vec<Element> {
    let token = &sentence[at];
    let misheard = tongue.words.misheard.get(&token.text).map(|meant| (meant.as_str(), MISHEARD_COST));
    let respelt = tongue.lexicon.respelt(token).into_iter().map(|meant| (meant, RESPELT_COST));
    let mut found = Vec::new();
    for (meant, slip) in misheard.into_iter().chain(respelt) {
        let mut other = sentence.to_vec();
        other[at] = Token { folded: fold(meant), text: meant.to_owned() };
        let around = at.saturating_sub(PHRASE_BEFORE_MAX)..=at;
        let elements = around.flat_map(|from| words_at(&other, from, slip, tongue));
        found.extend(elements.filter(|element| element.to > at));
    }
    found
}

fn is_filler(token: &Token, tongue: &Tongue) -> bool {
    tongue.lexicon.is(token, |meaning| matches!(meaning, Meaning::Filler))
}

fn cost(meaning: &Meaning, sentence: &[Token], at: usize, len: usize, tongue: &Tongue) -> f32 {
    let small = |meaning: &Meaning| matches!(meaning, Meaning::Preposition | Meaning::Article);
    match meaning {
        Meaning::Preposition if ends(sentence, at + len, tongue) => SMALL_COST + MISPLACED_COST,
        Meaning::Preposition if binds_nothing(sentence, at + len, tongue) => SMALL_COST + DANGLING_COST,
        Meaning::Article | Meaning::Preposition => SMALL_COST,
        Meaning::Sense(_) if len == 1 && tongue.lexicon.is(&sentence[at], small) => {
            if is_particle(sentence, at, tongue) { WORD_COST } else { WORD_COST + MISPLACED_COST }
        }
        Meaning::Kind(..) => PLACE_COST,
        Meaning::Pronoun => 2.0 * WORD_COST,
        Meaning::Filler
        | Meaning::Carrier
        | Meaning::Sense(_)
        | Meaning::Aspect(_)
        | Meaning::All
        | Meaning::Here
        | Meaning::Except
        | Meaning::Joining
        | Meaning::Too
        | Meaning::Again
        | Meaning::Bit
        | Meaning::Color(_)
        | Meaning::White(_) => WORD_COST,
    }
}

/// Whether a preposition in front of this token binds nothing: what follows is a value with a preposition of its own
/// ("the blind of | to 30 percent").
fn binds_nothing(sentence: &[Token], at: usize, tongue: &Tongue) -> bool {
    let value = |here: &[Token]| {
        let small = tongue.lexicon.is(&here[0], |meaning| matches!(meaning, Meaning::Preposition));
        small && values_at(here, &tongue.words).iter().any(|(_, value)| value.goal || value.change)
    };
    sentence.get(at..).is_some_and(|here| !here.is_empty() && value(here))
}

/// Whether nothing but fillers follows.
fn ends(sentence: &[Token], at: usize, tongue: &Tongue) -> bool {
    let filler = |token: &Token| {
        tongue.lexicon.is(token, |meaning| matches!(meaning, Meaning::Filler | Meaning::Again | Meaning::Too))
    };
    sentence[at..].iter().all(filler)
}

/// Whether a word that is a preposition or an article as well stands where a particle of a verb stands.
fn is_particle(sentence: &[Token], at: usize, tongue: &Tongue) -> bool {
    let is = |token: &Token, wanted: fn(&Meaning) -> bool| tongue.lexicon.is(token, wanted);
    let after_verb = tongue.words.particles == Particles::AfterVerb
        && at > 0
        && is(&sentence[at - 1], |meaning| matches!(meaning, Meaning::Carrier));
    let before_place = sentence.get(at + 1).is_some_and(|next| {
        is(next, |m| matches!(m, Meaning::Preposition | Meaning::Here | Meaning::Joining | Meaning::Carrier))
    });
    after_verb || before_place || ends(sentence, at + 1, tongue)
}
