//! Near sentences of one that is no command of the home: for questions, timers and lists, where a wrong guess moves
//! nothing. Misspelt words are written as the names and words that they are a slip of; a lost small word is put back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::index::{Hit, Index};
use super::kinds::{Kind, Sense};
use super::lexicon::Meaning;
use super::mention::MISHEARD_COST;
use super::numbers::values_at;
use super::read::Context;
use super::spell::stem;
use super::tokens::{Token, fold, tokens};
use super::words::Tongue;
use crate::Language;
use crate::act::{IntentKind, kind_of};
use crate::home::{Match, MatchSource, StrictMatch};
use crate::route::speech_act;

/// A sentence with more words than this is no short question.
const TOKENS_MAX: usize = 16;
/// Words that nothing knows and that are tried as slips, one at a time.
const UNKNOWN_MAX: usize = 3;
/// How far a word may be from what it is written as.
const SLIP_MAX: f32 = 1.3;
/// How far a word is at least from what it is a slip of; nearer is another form of it.
const SLIP_MIN: f32 = 0.5;
/// How far a second name must be behind the first.
const RIVAL_COST: f32 = 0.35;
/// Slots that hold the speaker's own words: nothing in them is a slip.
const FREE_SLOTS: [&str; 3] = ["item", "message", "search_query"];

/// The near sentences of a sentence, the likeliest first; empty if it is about nothing that the matcher knows.
pub(crate) fn respelled(text: &str, context: &Context<'_>) -> Vec<String> {
    let Some(tongue) = Tongue::of(context.language) else { return Vec::new() };
    let said = tokens(text, &tongue.words.elisions);
    if said.len() > TOKENS_MAX {
        return Vec::new();
    }
    let index = Index::of(context.registry, tongue);
    let meant: Vec<Option<Token>> = said.iter().map(|token| meant(token, &index, tongue)).collect();
    let mended: Vec<Token> = said
        .iter()
        .zip(&meant)
        .map(|(token, meant)| meant.clone().unwrap_or_else(|| token.clone()))
        .collect();
    let topic = |token: &Token| tongue.words.topics.contains(&token.text);
    let changed = meant.iter().any(Option::is_some);
    if !mended.iter().any(topic) {
        return Vec::new();
    }
    let mut near = Vec::new();
    if changed {
        near.push(mended.clone());
    }
    near.extend(misheard(&mended, tongue));
    near.extend(with_small_words(&mended, &index, tongue));
    near.iter().map(|tokens| written(tokens)).collect()
}

/// The sentence with one word written right or one small word put back: its one misspelt word as the name of the home
/// or the word of the lists that it is a slip of, or a word that sounds like another one as that; or without the article
/// of a list, which the matcher may take for the end of the entry. All else stays as it was said.
pub(crate) fn mended(text: &str, context: &Context<'_>) -> Vec<String> {
    let Some(tongue) = Tongue::of(context.language) else { return Vec::new() };
    let said = tokens(text, &tongue.words.elisions);
    let Some(spans) = spans(text, &said).filter(|_| said.len() <= TOKENS_MAX) else { return Vec::new() };
    let index = Index::of(context.registry, tongue);
    let write = |at: usize, words: &str| {
        let Range { start, end } = spans[at].clone();
        format!("{}{words}{}", &text[..start], &text[end..])
    };
    let article = |at: usize| tongue.lexicon.is(&said[at], |meaning| *meaning == Meaning::Article);
    let of_list = |at: &usize| *at > 0 && tongue.words.lists.contains(&said[*at].text) && article(*at - 1);
    let bare = |at: usize| format!("{}{}", &text[..spans[at - 1].start], &text[spans[at].start..]);
    let mut near: Vec<String> = (0..said.len()).filter(of_list).map(bare).collect();
    let unknown = |at: &usize| meant(&said[*at], &index, tongue).is_some();
    for at in (0..said.len()).filter(unknown).take(UNKNOWN_MAX) {
        near.extend(names_of(&said[at], &index, tongue).iter().map(|name| write(at, name)));
        near.extend(tongue.lexicon.respelt(&said[at]).into_iter().map(|word| write(at, word)));
    }
    let misheard = |at| Some(write(at, tongue.words.misheard.get(&said[at].text)?));
    near.extend((0..said.len()).filter_map(misheard));
    let put_back = |(at, small): (usize, &str)| {
        let turns = tokens(small, &[]).iter().any(|word| tongue.lexicon.is(word, is_sense));
        let before_number = said[at].text.starts_with(|c: char| c.is_ascii_digit());
        (before_number || !turns).then(|| write(at, &format!("{small} {}", &text[spans[at].clone()])))
    };
    near.extend(gaps(&said, &index, tongue).into_iter().filter_map(put_back));
    near
}

fn is_sense(meaning: &Meaning) -> bool {
    matches!(meaning, Meaning::Sense(_))
}

/// Where each token stands in the text; `None` if that cannot be told.
fn spans(text: &str, said: &[Token]) -> Option<Vec<Range<usize>>> {
    // Lower case may be of another length; then nothing is replaced.
    let lower = text.to_lowercase();
    let mut from = 0;
    let mut span = |token: &Token| {
        let start = from + lower.get(from..)?.find(&token.text)?;
        from = start + token.text.len();
        (text.is_char_boundary(start) && text.is_char_boundary(from)).then_some(start..from)
    };
    said.iter().map(&mut span).collect::<Option<Vec<_>>>().filter(|_| lower.len() == text.len())
}

/// How the name is written that a word is a slip of, if it is one of exactly one; with the ending that it was said with.
fn names_of(token: &Token, index: &Index, tongue: &Tongue) -> Vec<String> {
    let hits = index.hits(&token.text, &token.folded, &tongue.words, false);
    let names: Vec<&Hit> = hits.iter().filter(|hit| !index.words[hit.word].names.is_empty()).collect();
    let Some((first, rest)) = names.split_first().filter(|(first, _)| first.cost <= SLIP_MAX) else {
        return Vec::new();
    };
    if rest.iter().any(|hit| hit.cost < first.cost + RIVAL_COST) {
        return Vec::new();
    }
    let word = &index.words[first.word];
    let bare = stem(&token.folded, &tongue.words.endings);
    let ending = &token.folded[bare.len()..];
    let inflected =
        (!ending.is_empty() && !word.folded.ends_with(ending)).then(|| format!("{}{ending}", word.text));
    std::iter::once(word.text.clone()).chain(inflected).collect()
}

/// Whether the matcher took neither more nor less than the speaker's own words for an entry, a message or a title.
pub(crate) fn keeps_to_words(text: &str, strict: &StrictMatch, context: &Context<'_>) -> bool {
    passes_on(text, strict, context.language) && !swallows(strict, context)
}

/// Whether the words that somebody wants to hear hold a place or a thing of the home, or ask for something by
/// themselves: then the matcher took in more than a title ("Queen on the TV in the kitchn", "the next song").
fn swallows(strict: &StrictMatch, context: &Context<'_>) -> bool {
    let own = |slot: &str| strict.slots.get(slot).and_then(serde_json::Value::as_str);
    let Some(tongue) = Tongue::of(context.language) else { return false };
    let index = Index::of(context.registry, tongue);
    if let Some(item) = own("item") {
        return swallows_list(item, &index, tongue);
    }
    let Some(query) = own("search_query") else { return false };
    let said = tokens(query, &tongue.words.elisions);
    let heavy: Vec<&Token> = said.iter().filter(|token| !tongue.lexicon.is_small(token)).collect();
    let asks = |token: &Token| {
        tongue.lexicon.is(token, |meaning| {
            matches!(meaning, Meaning::Sense(Sense::Next | Sense::Previous | Sense::Resume | Sense::Pause))
                || matches!(meaning, Meaning::Kind(Kind::Music | Kind::Media | Kind::Tv | Kind::Vacuum, _))
        })
    };
    let hit = |token: &Token| {
        let known = tongue.lexicon.is_known(token);
        let mut hits = index.hits(&token.text, &token.folded, &tongue.words, known);
        if let Some(meant) = tongue.words.misheard.get(&token.text) {
            let meant = index.hits(meant, &fold(meant), &tongue.words, true);
            hits.extend(meant.into_iter().map(|hit| Hit { cost: hit.cost + MISHEARD_COST, ..hit }));
        }
        let told = |hit: &Hit| index.is_telling(hit.word) || hit.cost >= SLIP_MIN && index.is_noun(hit.word);
        hits.into_iter().find(|hit| hit.cost <= SLIP_MAX && told(hit))
    };
    let hits: Vec<Option<Hit>> = heavy.iter().map(|token| hit(token)).collect();
    let is_title = hits.iter().all(|hit| hit.is_some_and(|hit| hit.cost <= 0.0));
    // "Mets de la lumière" plays nothing.
    let kinds = !heavy.is_empty()
        && heavy.iter().all(|token| tongue.lexicon.is(token, |meaning| matches!(meaning, Meaning::Kind(..))));
    kinds || heavy.iter().any(|token| asks(token)) || (!is_title && hits.iter().any(Option::is_some))
}

/// Whether the words of an entry hold a list, or its name misheard, or a lost preposition at either end ("check
/// of take out the trash"): then the matcher took in more than the entry.
fn swallows_list(item: &str, index: &Index, tongue: &Tongue) -> bool {
    let said = tokens(item, &tongue.words.elisions);
    let of_list = |hit: &Hit| hit.cost > 0.0 && hit.cost <= SLIP_MAX && index.is_list(hit.word);
    let is_list = |token: &Token| tongue.words.lists.contains(&token.text);
    let holds = |token: &Token| {
        let known = tongue.lexicon.is_known(token);
        index.hits(&token.text, &token.folded, &tongue.words, known).iter().any(of_list)
    };
    let loose = |token: Option<&Token>| {
        token.is_some_and(|token| {
            tongue.words.misheard.contains_key(&token.text)
                && tongue
                    .lexicon
                    .is(token, |meaning| matches!(meaning, Meaning::Preposition | Meaning::Article))
        })
    };
    said.iter().any(|token| is_list(token) || holds(token)) || loose(said.first()) || loose(said.last())
}

/// Whether a mended sentence may act: the matcher explains every word of it, and what it takes for the speaker's own
/// words was said so.
fn is_sound(text: &str, strict: &StrictMatch, context: &Context<'_>) -> bool {
    kind_of(&strict.intent).is_some()
        && !strict.slots.contains_key("conversation_command")
        && strict.source == MatchSource::Builtin
        && !strict.touches_nothing()
        && keeps_to_words(text, strict, context)
}

/// The mended sentence that the matcher takes and that is sound; `None` if there are several that mean different things.
pub(crate) fn sound(
    text: &str,
    mended: &[String],
    answers: &[Match],
    context: &Context<'_>,
) -> Option<(String, StrictMatch)> {
    let mut found: Option<(String, StrictMatch)> = None;
    for (sentence, answer) in mended.iter().zip(answers) {
        let Match::Strict(strict) = answer else { continue };
        if !speech_act(sentence, context.language).permits(&strict.intent) || !is_sound(text, strict, context)
        {
            continue;
        }
        match &found {
            None => found = Some((sentence.clone(), strict.clone())),
            Some((_, other)) if same(other, strict) => {}
            Some(_) => return None,
        }
    }
    found
}

fn same(one: &StrictMatch, other: &StrictMatch) -> bool {
    let touched = |strict: &StrictMatch| strict.targets.iter().cloned().collect::<BTreeSet<_>>();
    let values = |strict: &StrictMatch| {
        let places = ["name", "area", "floor", "preferred_area_id", "preferred_floor_id"];
        let told = |(slot, _): &(&String, &serde_json::Value)| !places.contains(&slot.as_str());
        strict.slots.clone().iter().filter(told).map(|(slot, value)| (slot.clone(), value.clone())).collect()
    };
    let (a, b): (BTreeMap<_, _>, BTreeMap<_, _>) = (values(one), values(other));
    one.intent == other.intent && touched(one) == touched(other) && a == b
}

/// The first of these sentences that the matcher takes for a question, or for something that only it keeps.
pub(crate) fn harmless(
    text: &str,
    sentences: Vec<String>,
    answers: Vec<Match>,
    language: &Language,
) -> Option<(String, StrictMatch)> {
    sentences.into_iter().zip(answers).find_map(|(sentence, answer)| match answer {
        Match::Strict(strict) if is_harmless(&strict) && passes_on(text, &strict, language) => {
            Some((sentence, strict))
        }
        Match::Strict(_) | Match::None | Match::Unmatched { .. } => None,
    })
}

/// Whether this is a question, or kept by the matcher alone, and holds none of the speaker's own words.
pub(crate) fn moves_nothing(strict: &StrictMatch) -> bool {
    is_harmless(strict) && !FREE_SLOTS.iter().any(|slot| strict.slots.contains_key(*slot))
}

fn is_harmless(strict: &StrictMatch) -> bool {
    let harmless = match kind_of(&strict.intent) {
        Some(IntentKind::Query) => true,
        Some(IntentKind::Inner) => !strict.slots.contains_key("conversation_command"),
        Some(IntentKind::Act) | None => false,
    };
    harmless && strict.source == MatchSource::Builtin
}

/// Whether the speaker's own words in it are words that were said, none of them cut: the matcher keeps "leche a l" of
/// "añade leche a la lista de la compra".
fn passes_on(text: &str, strict: &StrictMatch, language: &Language) -> bool {
    let elisions = Tongue::of(language).map_or(&[][..], |tongue| &tongue.words.elisions);
    let words = |text: &str| tokens(text, elisions).into_iter().map(|token| token.text).collect::<Vec<_>>();
    let said = words(text);
    let own = |slot: &&str| strict.slots.get(*slot).and_then(serde_json::Value::as_str).map(words);
    FREE_SLOTS.iter().filter_map(own).all(|own| own.is_empty() || said.windows(own.len()).any(|at| at == own))
}

/// What a word is a slip of, if nothing knows the word itself.
fn meant(token: &Token, index: &Index, tongue: &Tongue) -> Option<Token> {
    let words = &tongue.words;
    let known = tongue.lexicon.is_known(token)
        || words.topics.contains(&token.text)
        || token.text.starts_with(|c: char| c.is_ascii_digit())
        || !values_at(std::slice::from_ref(token), words).is_empty();
    if known {
        return None;
    }
    let hits = index.hits(&token.text, &token.folded, words, false);
    let is_form = |hit: &Hit| {
        let word = &index.words[hit.word];
        let accents = !word.names.is_empty()
            && token.folded.starts_with(&word.folded)
            && !token.text.starts_with(&word.text);
        hit.cost < super::index::STEM_COST + 0.01 && !accents
    };
    if hits.first().is_some_and(is_form) {
        return None;
    }
    let name =
        hits.first().filter(|hit| hit.cost <= SLIP_MAX).map(|hit: &Hit| index.words[hit.word].text.clone());
    let listed = tongue.lexicon.respelt(token).first().map(|word| (*word).to_owned());
    name.or(listed).map(|text| Token { folded: fold(&text), text })
}

/// Each word that sounds like another one, written as that; first all of them at once.
fn misheard(mended: &[Token], tongue: &Tongue) -> Vec<Vec<Token>> {
    let meant = |token: &Token| {
        let text = tongue.words.misheard.get(&token.text)?.clone();
        Some(Token { folded: fold(&text), text })
    };
    let places: Vec<usize> = (0..mended.len()).filter(|at| meant(&mended[*at]).is_some()).collect();
    let write = |at: &[usize]| {
        let token = |(place, token): (usize, &Token)| {
            if at.contains(&place) { meant(token).unwrap_or_else(|| token.clone()) } else { token.clone() }
        };
        mended.iter().enumerate().map(token).collect::<Vec<_>>()
    };
    let one_by_one = places.iter().map(|at| write(std::slice::from_ref(at)));
    let all = (places.len() > 1).then(|| write(&places));
    all.into_iter().chain(one_by_one).collect()
}

/// The sentence with a lost small word put back.
fn with_small_words(mended: &[Token], index: &Index, tongue: &Tongue) -> Vec<Vec<Token>> {
    let whole = |(at, small): (usize, &str)| {
        let mut whole = mended[..at].to_vec();
        whole.extend(tokens(small, &[]));
        whole.extend_from_slice(&mended[at..]);
        whole
    };
    gaps(mended, index, tongue).into_iter().map(whole).collect()
}

/// Where a small word usually stands and none does: in front of which token, and which one.
fn gaps<'a>(said: &[Token], index: &Index, tongue: &'a Tongue) -> Vec<(usize, &'a str)> {
    let words = &tongue.words;
    let mut found = Vec::new();
    for (at, token) in said.iter().enumerate() {
        let is_digits = |token: &Token| token.text.starts_with(|c: char| c.is_ascii_digit());
        let number = is_digits(token) || words.numbers.contains_key(token.text.as_str());
        let after_number = at > 0 && is_digits(&said[at - 1]);
        let hits = index.hits(&token.text, &token.folded, words, true);
        let exact = || hits.iter().filter(|hit| hit.cost <= 0.0).map(|hit| hit.word);
        let key = if words.before.contains_key(&token.text) {
            token.text.as_str()
        } else if number {
            "{number}"
        } else if !after_number && exact().any(|word| index.is_place(word)) {
            "{area}"
        } else if !after_number && exact().any(|word| !index.words[word].names.is_empty()) {
            "{name}"
        } else {
            continue;
        };
        let first = if key.starts_with('{') { at } else { first_of(said, at, tongue) };
        for small in words.before.get(key).into_iter().flatten() {
            let places = [Some(at), Some(first).filter(|first| *first != at)];
            let gaps = places.into_iter().flatten().filter_map(|at| gap(said, at, small, tongue));
            found.extend(gaps.map(|at| (at, small.as_str())));
        }
    }
    found
}

/// The first of the words that say more about a noun: "the | pizza timer", "the | 5 minute timer".
fn first_of(said: &[Token], noun: usize, tongue: &Tongue) -> usize {
    let tells = |token: &Token| {
        !tongue.lexicon.is_known(token) && !tongue.words.topics.contains(&token.text)
            || !values_at(std::slice::from_ref(token), &tongue.words).is_empty()
            || tongue.words.units.contains(&token.text)
    };
    (1..noun).rev().take_while(|at| tells(&said[*at])).last().unwrap_or(noun)
}

/// Where this small word may be lost in front of the word at `at`: a preposition also in front of its article, an
/// article also behind its preposition.
fn gap(said: &[Token], at: usize, small: &str, tongue: &Tongue) -> Option<usize> {
    let is = |token: &Token, wanted: fn(&Meaning) -> bool| tongue.lexicon.is(token, wanted);
    let article: fn(&Meaning) -> bool = |meaning| matches!(meaning, Meaning::Article);
    let preposition: fn(&Meaning) -> bool = |meaning| matches!(meaning, Meaning::Preposition);
    let Some(before) = at.checked_sub(1).map(|before| &said[before]) else { return Some(at) };
    let lost = tokens(small, &[]);
    let [lost] = &lost[..] else {
        return (!tongue.lexicon.is_small(before)).then_some(at);
    };
    if !tongue.lexicon.is_small(before) {
        return Some(at);
    }
    if is(before, article) && is(lost, preposition) {
        let stands = at > 1 && tongue.lexicon.is_small(&said[at - 2]);
        return (!stands).then_some(at - 1);
    }
    (is(before, preposition) && is(lost, article)).then_some(at)
}

fn written(tokens: &[Token]) -> String {
    let mut text = String::new();
    for token in tokens {
        let joined = text.is_empty() || text.ends_with('\'') || matches!(token.text.as_str(), "%" | "°");
        if !joined {
            text.push(' ');
        }
        text.push_str(&token.text);
    }
    text
}
