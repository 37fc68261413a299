//! Talking about tasks: "how is the research going?", "cancel it", "what did you find about heat pumps?".

use super::Ticket;
use super::words::{Words, best};
use crate::route::plain_words;
use crate::{EntityId, Language};

/// What a person wants to know or end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TalkKind {
    /// What is under way?
    List,
    /// How far is it?
    Status,
    /// What came of it?
    Find,
    /// End it.
    Cancel,
}

/// A sentence about tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    /// What is wanted.
    pub kind: TalkKind,
    /// Words that name the task; none means the one that was talked about.
    pub about: Vec<String>,
    /// Whether the sentence can be about nothing but a task; else it is about one only if it names one that is there.
    pub names_a_task: bool,
}

/// Reads a sentence about tasks. `lately` tells whether this satellite talked about one just now, so that "it" means
/// that one.
pub fn talk(text: &str, language: &Language, lately: bool) -> Option<Talk> {
    let words = Words::of(language)?;
    let text = plain_words(text);
    let said: Vec<_> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let said = words.core(&said);
    let kinds = [
        (TalkKind::List, &words.list),
        (TalkKind::Find, &words.find),
        (TalkKind::Status, &words.status),
        (TalkKind::Cancel, &words.cancel),
    ];
    let (kind, rest) = kinds.into_iter().find_map(|(kind, patterns)| Some((kind, best(said, patterns)?)))?;
    let content = words.content(rest);
    let names_a_task = content.iter().any(|word| words.is_task(word));
    let about: Vec<_> = content.into_iter().filter(|word| !words.is_task(word)).map(str::to_owned).collect();
    let points = !names_a_task && words.only_points(rest);
    let fits = match kind {
        TalkKind::List => true,
        TalkKind::Find => !points || lately,
        TalkKind::Status => names_a_task || !about.is_empty() && !points || points && lately,
        // "Stop the music" is about music, whatever is looked up about it.
        TalkKind::Cancel => names_a_task || points && lately,
    };
    let names_a_task = names_a_task || kind == TalkKind::Find;
    let about = if points { Vec::new() } else { about };
    fits.then_some(Talk { kind, about, names_a_task })
}

/// The tasks that a sentence means. Where it names none, it is the newest that was asked for at this satellite, else
/// the only one.
pub fn meant<'a>(talk: &Talk, among: &[&'a Ticket], satellite: Option<&EntityId>) -> Vec<&'a Ticket> {
    if !talk.about.is_empty() {
        let named = |ticket: &&&Ticket| {
            let title = plain_words(ticket.title.expose());
            talk.about.iter().all(|word| title.split(' ').any(|of| is_like(word, of)))
        };
        return among.iter().filter(named).copied().collect();
    }
    let here = |ticket: &&&Ticket| satellite.is_some() && ticket.satellite.as_ref() == satellite;
    match (among.iter().find(here), talk.kind) {
        (Some(ticket), _) => vec![*ticket],
        (None, TalkKind::Status | TalkKind::Find) => among.iter().take(1).copied().collect(),
        (None, TalkKind::Cancel | TalkKind::List) => among.to_vec(),
    }
}

/// The same word in another form: the shorter one without its last two letters begins the longer one.
fn is_like(one: &str, other: &str) -> bool {
    let (short, long) =
        if one.chars().count() <= other.chars().count() { (one, other) } else { (other, one) };
    let len = short.chars().count();
    let stem: String = short.chars().take(len.saturating_sub(2).max(3)).collect();
    one == other || len >= 4 && long.starts_with(&stem) && long.chars().count() <= len + 3
}
