//! From words to an order: which agent, about what. Rules do it alone; a small model, if there is one, only chooses among
//! the same kinds and may ask one question. What the agent is told are always the person's own words.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::words::{Words, best};
use crate::egress::Purpose;
use crate::home::Caller;
use crate::llm::{Chat, LanguageModel, Origin};
use crate::route::dimension::{Knowledge, Privacy};
use crate::route::{plain_words, topic};
use crate::{Language, Pii};

/// How long a model may take to choose a kind: the order has to be acknowledged within a second.
pub const DRAFT_LIMIT: Duration = Duration::from_millis(700);
/// How much of that comparing vectors may take.
pub const MEANING_LIMIT: Duration = Duration::from_millis(250);
/// The kind that takes what no other one does.
const GENERAL: &str = "research";
/// The longest title, words.
const TITLE_WORDS_MAX: usize = 10;
/// The longest title or question of a model, characters.
const DRAFTED_LEN_MAX: usize = 160;

/// A kind of agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: String,
    /// What it is good for, one sentence.
    pub description: String,
}

/// What an agent is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The kind of agent.
    pub kind: String,
    /// Whether the words themselves say so; else nobody knew a better one.
    pub named: bool,
    /// What the person said.
    pub words: Pii<String>,
    /// What it is about, as one says it.
    pub title: Pii<String>,
    /// The language of the answer.
    pub language: Language,
    /// Where it was said; the answer goes back there.
    pub caller: Caller,
    /// The conversation that it was said in, if it was typed.
    pub conversation: Option<String>,
    /// How private the words are.
    pub privacy: Privacy,
    /// Whether the world of today has to be looked up.
    pub web: bool,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Draft {
    /// It can be ordered.
    Order(Order),
    /// It cannot be carried out as it was said; a question in words, or Helix's own.
    Ask(Option<String>),
}

/// Makes an order by rules. `completed` tells that it was asked about before: then it is taken as it is.
pub fn draft(text: &str, language: &Language, caller: &Caller, kinds: &[Kind], completed: bool) -> Draft {
    let plain = plain_words(text);
    let said: Vec<_> = plain.split(' ').filter(|word| !word.is_empty()).collect();
    let (kind, about) = Words::of(language).map_or((None, said.clone()), |words| {
        let core = words.core(&said);
        match kind_of(core, words, kinds) {
            Some((kind, rest)) => (Some(kind), rest.to_vec()),
            None => (None, core.to_vec()),
        }
    });
    let is_vague = Words::of(language).is_some_and(|words| words.content(&about).is_empty());
    // A report about the home needs no more words.
    if is_vague && !completed && kind.is_none_or(|kind| kind != "home-report") {
        return Draft::Ask(None);
    }
    let about = if about.is_empty() { &said } else { &about };
    let title = about.iter().take(TITLE_WORDS_MAX).copied().collect::<Vec<_>>().join(" ");
    let general = || kinds.iter().find(|kind| kind.name == GENERAL).or(kinds.first());
    let named = kind.is_some();
    let kind = kind.map(str::to_owned).or_else(|| general().map(|kind| kind.name.clone()));
    Draft::Order(Order {
        named,
        kind: kind.unwrap_or_else(|| GENERAL.to_owned()),
        words: Pii::new(text.trim().to_owned()),
        title: Pii::new(title),
        language: language.clone(),
        caller: caller.clone(),
        conversation: None,
        privacy: topic::privacy(text, language),
        web: topic::knowledge(text, language) != Knowledge::Home,
    })
}

/// The kind whose pattern takes the most of the sentence, and what is left for what it is about.
fn kind_of<'k, 't>(
    core: &'t [&'t str],
    words: &'k Words,
    kinds: &[Kind],
) -> Option<(&'k str, &'t [&'t str])> {
    let there = |name: &&String| kinds.iter().any(|kind| kind.name == **name);
    let fitting = words.kinds.iter().filter(|(name, _)| there(name));
    let fitting = fitting.filter_map(|(name, patterns)| Some((name.as_str(), best(core, patterns)?)));
    fitting.min_by_key(|(_, rest)| rest.len())
}

#[derive(Deserialize)]
struct Choice {
    kind: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    question: String,
}

/// Lets a model improve a draft: choose among the kinds, name what it is about, or ask. What it has no good answer to
/// stays as the rules made it. The future may be dropped; [`DRAFT_LIMIT`] is the caller's to keep.
pub async fn drafted_by(model: &dyn LanguageModel, order: Order, kinds: &[Kind], completed: bool) -> Draft {
    let Some(choice) = choose(model, &order, kinds).await else { return Draft::Order(order) };
    let question = choice.question.trim();
    let is_question = question.ends_with('?') && question.chars().count() <= DRAFTED_LEN_MAX;
    if is_question && !completed {
        return Draft::Ask(Some(question.to_owned()));
    }
    let mut order = order;
    if kinds.iter().any(|kind| kind.name == choice.kind) {
        order.kind = choice.kind;
    }
    let title = choice.title.trim();
    if is_about(title, order.words.expose()) {
        order.title = Pii::new(title.to_owned());
    }
    Draft::Order(order)
}

async fn choose(model: &dyn LanguageModel, order: &Order, kinds: &[Kind]) -> Option<Choice> {
    model.ready().ok()?;
    let names: Vec<_> = kinds.iter().map(|kind| kind.name.as_str()).collect();
    let offered: Vec<_> = kinds.iter().map(|kind| format!("- {}: {}", kind.name, kind.description)).collect();
    let system = format!("{}\n{}", include_str!("prompt.txt").trim_end(), offered.join("\n"));
    let origin = Origin::addressed(Purpose::Task, order.privacy, None);
    let chat = Chat {
        schema: Some(json!({
            "type": "object",
            "properties": {
                "kind": { "type": "string", "enum": names },
                "title": { "type": "string", "maxLength": 80 },
                "question": { "type": "string", "maxLength": DRAFTED_LEN_MAX },
            },
            "required": ["kind", "title", "question"],
            "additionalProperties": false,
        })),
        output_max: 120,
        ..Chat::new(system, order.words.expose().clone(), origin)
    };
    let answer = model
        .chat(&chat)
        .await
        .inspect_err(|error| tracing::debug!(code = error.code(), "no kind was drafted"));
    serde_json::from_str(answer.ok()?.text.expose()).ok()
}

/// Whether a title only says what was said: each of its longer words stands in the sentence, in some form.
fn is_about(title: &str, words: &str) -> bool {
    let (title, words) = (plain_words(title), plain_words(words));
    let known = |word: &str| {
        let stem: String = word.chars().take(word.chars().count().saturating_sub(2).max(3)).collect();
        word.chars().count() <= 3 || words.split(' ').any(|said| said.starts_with(&stem))
    };
    !title.is_empty() && title.split(' ').count() <= TITLE_WORDS_MAX && title.split(' ').all(known)
}
