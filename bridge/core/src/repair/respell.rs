//! Near sentences of one that is no command of the home: for questions, timers and lists, where a wrong guess moves
//! nothing. Misspelt words are written as the names and words that they are a slip of; a lost small word is put back.

use super::index::{Hit, Index};
use super::kinds::{Kind, Sense};
use super::lexicon::Meaning;
use super::mention::MISHEARD_COST;
use super::numbers::values_at;
use super::read::Context;
use super::tokens::{Token, fold, tokens};
use super::words::Tongue;
use crate::act::{IntentKind, kind_of};
use crate::home::{Match, MatchSource, StrictMatch};

/// A sentence with more words than this is no short question.
const TOKENS_MAX: usize = 16;
/// Most near sentences that the matcher is asked about.
const NEAR_MAX: usize = 10;
/// How far a word may be from what it is written as.
const SLIP_MAX: f32 = 1.3;
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
    // Only sentences about such things lose a small word that the matcher wants.
    if mended
        .iter()
        .any(|token| tongue.words.before.contains_key(&token.text) && !tongue.lexicon.is_small(token))
    {
        near.extend(with_small_words(&mended, &index, tongue));
    }
    let mut sentences: Vec<String> = near.iter().map(|tokens| written(tokens)).collect();
    sentences.truncate(NEAR_MAX);
    sentences
}

/// The sentence with its one misspelt word written as the name of the home that it is a slip of; `None` if there is
/// no such word, or more than one, or more than one name that it may be. All else stays as it was said.
pub(crate) fn renamed(text: &str, context: &Context<'_>) -> Option<String> {
    let tongue = Tongue::of(context.language)?;
    let said = tokens(text, &tongue.words.elisions);
    if said.len() > TOKENS_MAX {
        return None;
    }
    let index = Index::of(context.registry, tongue);
    let mut slips = said.iter().filter_map(|token| Some((token, name_of(token, &index, tongue)?)));
    let (token, name) = slips.next().filter(|_| slips.next().is_none())?;
    // Lower case may be of another length; then nothing is replaced.
    let lower = text.to_lowercase();
    let at = lower.find(&token.text).filter(|_| lower.len() == text.len())?;
    let end = at + token.text.len();
    (text.is_char_boundary(at) && text.is_char_boundary(end))
        .then(|| format!("{}{name}{}", &text[..at], &text[end..]))
}

/// The name that a word is a slip of, if it is one of exactly one.
fn name_of(token: &Token, index: &Index, tongue: &Tongue) -> Option<String> {
    meant(token, index, tongue)?;
    let hits = index.hits(&token.text, &token.folded, &tongue.words, false);
    let names: Vec<&Hit> = hits.iter().filter(|hit| !index.words[hit.word].names.is_empty()).collect();
    let (first, rest) = names.split_first().filter(|(first, _)| first.cost <= SLIP_MAX)?;
    let rival = rest.iter().any(|hit| hit.cost < first.cost + RIVAL_COST);
    (!rival).then(|| index.words[first.word].text.clone())
}

/// Whether the words that somebody wants to hear hold a place or a thing of the home, or ask for something by
/// themselves: then the matcher took in more than a title ("Queen on the TV in the kitchn", "the next song").
pub(crate) fn swallows(strict: &StrictMatch, context: &Context<'_>) -> bool {
    let query = strict.slots.get("search_query").and_then(serde_json::Value::as_str);
    let Some((query, tongue)) = query.zip(Tongue::of(context.language)) else { return false };
    let index = Index::of(context.registry, tongue);
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
        hits.into_iter().find(|hit| hit.cost <= SLIP_MAX && index.is_telling(hit.word))
    };
    let hits: Vec<Option<Hit>> = heavy.iter().map(|token| hit(token)).collect();
    let is_title = hits.iter().all(|hit| hit.is_some_and(|hit| hit.cost <= 0.0));
    heavy.iter().any(|token| asks(token)) || (!is_title && hits.iter().any(Option::is_some))
}

/// Whether a sentence with a name written right may act: the matcher explains every word of it, and what it takes
/// for the speaker's own words was said so.
fn is_sound(text: &str, strict: &StrictMatch, context: &Context<'_>) -> bool {
    let own = |slot: &str| strict.slots.get(slot).and_then(serde_json::Value::as_str);
    let said = text.to_lowercase();
    kind_of(&strict.intent).is_some()
        && !strict.slots.contains_key("conversation_command")
        && strict.source == MatchSource::Builtin
        && !strict.touches_nothing()
        && FREE_SLOTS.iter().filter_map(|slot| own(slot)).all(|own| said.contains(&own.to_lowercase()))
        && !swallows(strict, context)
}

/// The sentence with its name written right, if the matcher takes it and it is sound.
pub(crate) fn sound(
    text: &str,
    renamed: String,
    answer: Option<Match>,
    context: &Context<'_>,
) -> Option<(String, StrictMatch)> {
    match answer {
        Some(Match::Strict(strict)) if is_sound(text, &strict, context) => Some((renamed, strict)),
        Some(Match::Strict(_) | Match::None | Match::Unmatched { .. }) | None => None,
    }
}

/// The first of these sentences that the matcher takes for a question, or for something that only it keeps.
pub(crate) fn harmless(sentences: Vec<String>, answers: Vec<Match>) -> Option<(String, StrictMatch)> {
    sentences.into_iter().zip(answers).find_map(|(sentence, answer)| match answer {
        Match::Strict(strict) if moves_nothing(&strict) => Some((sentence, strict)),
        Match::Strict(_) | Match::None | Match::Unmatched { .. } => None,
    })
}

pub(crate) fn moves_nothing(strict: &StrictMatch) -> bool {
    let harmless = match kind_of(&strict.intent) {
        Some(IntentKind::Query) => true,
        Some(IntentKind::Inner) => !strict.slots.contains_key("conversation_command"),
        Some(IntentKind::Act) | None => false,
    };
    harmless
        && strict.source == MatchSource::Builtin
        && !FREE_SLOTS.iter().any(|slot| strict.slots.contains_key(*slot))
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
    if hits.first().is_some_and(|hit| hit.cost < super::index::STEM_COST + 0.01) {
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

/// A lost small word, put back where one usually stands.
fn with_small_words(mended: &[Token], index: &Index, tongue: &Tongue) -> Vec<Vec<Token>> {
    let words = &tongue.words;
    let mut found = Vec::new();
    for (at, token) in mended.iter().enumerate() {
        let number = token.text.starts_with(|c: char| c.is_ascii_digit())
            || words.numbers.contains_key(token.text.as_str());
        let after_number = at > 0 && mended[at - 1].text.starts_with(|c: char| c.is_ascii_digit());
        let named = index.hits(&token.text, &token.folded, words, true).iter().any(|hit| hit.cost <= 0.0);
        let key = if number {
            "{number}"
        } else if words.before.contains_key(&token.text) {
            token.text.as_str()
        } else if named && !after_number {
            "{name}"
        } else {
            continue;
        };
        let stands = at > 0 && tongue.lexicon.is_small(&mended[at - 1]);
        for small in words.before.get(key).into_iter().flatten().filter(|_| !stands) {
            let mut whole = mended[..at].to_vec();
            whole.extend(tokens(small, &[]));
            whole.extend_from_slice(&mended[at..]);
            found.push(whole);
        }
    }
    found
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
