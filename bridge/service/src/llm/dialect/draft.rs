//! An answer in the making: pieces in, what may be heard out; silent thoughts are left out.

use helix_core::Pii;
use helix_core::llm::{Answer, Ended, ToolCall, Usage};

use super::Garbled;

const OPENS: &str = "<think>";
const CLOSES: &str = "</think>";
/// Calls that one answer may hold.
const CALLS_MAX: usize = 32;

#[derive(Debug, Default)]
enum Inner {
    /// It may still begin with a silent thought.
    #[default]
    Start,
    Thinking,
    Speaking,
}

/// What has come so far.
#[derive(Debug, Default)]
pub(in crate::llm) struct Draft {
    inner: Inner,
    /// What is not yet decided about.
    pending: String,
    text: Pii<String>,
    calls: Vec<ToolCall>,
    pub(super) unfinished: super::openai::Unfinished,
    pub(super) usage: Usage,
    pub(super) ended: Option<Ended>,
    pub(super) model: Option<String>,
}

impl Draft {
    /// Adds a piece of text.
    pub(super) fn say(&mut self, piece: &str, heard: &mut dyn FnMut(&str)) {
        self.pending.push_str(piece);
        if matches!(self.inner, Inner::Start) {
            let begun = self.pending.trim_start();
            if begun.starts_with(OPENS) {
                self.inner = Inner::Thinking;
            } else if !OPENS.starts_with(begun) {
                self.inner = Inner::Speaking;
            }
        }
        if matches!(self.inner, Inner::Thinking) {
            if let Some(at) = self.pending.find(CLOSES) {
                self.pending = self.pending[at + CLOSES.len()..].to_owned();
                self.inner = Inner::Speaking;
            } else {
                let keep = self.pending.floor_char_boundary(self.pending.len().saturating_sub(CLOSES.len()));
                self.pending.drain(..keep);
            }
        }
        if matches!(self.inner, Inner::Speaking) {
            self.speak(heard);
        }
    }

    fn speak(&mut self, heard: &mut dyn FnMut(&str)) {
        let pending = std::mem::take(&mut self.pending);
        let mut text = std::mem::take(&mut self.text).into_inner();
        let piece = if text.is_empty() { pending.trim_start() } else { &pending };
        if !piece.is_empty() {
            heard(piece);
            text.push_str(piece);
        }
        self.text = Pii::new(text);
    }

    /// Adds a call.
    pub(super) fn call(&mut self, call: ToolCall) -> Result<(), Garbled> {
        if call.name.is_empty() || self.calls.len() >= CALLS_MAX {
            return Err(Garbled::Nonsense("calls that are none, or too many"));
        }
        self.calls.push(call);
        Ok(())
    }

    /// The answer, if it came to its end.
    pub(in crate::llm) fn finish(
        mut self,
        model: &str,
        heard: &mut dyn FnMut(&str),
    ) -> Result<Answer, Garbled> {
        let Some(ended) = self.ended else {
            return Err(Garbled::Nonsense("its answer broke off"));
        };
        if matches!(self.inner, Inner::Start) {
            self.speak(heard);
        }
        let ended = if self.calls.is_empty() || ended != Ended::Stop { ended } else { Ended::Calls };
        let model = self.model.unwrap_or_else(|| model.to_owned());
        Ok(Answer { text: self.text, calls: self.calls, usage: self.usage, ended, model })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(text: &str, cut: usize) -> (String, String) {
        let (mut draft, mut heard) = (Draft::default(), String::new());
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(cut) {
            draft.say(&piece.iter().collect::<String>(), &mut |piece| heard.push_str(piece));
        }
        draft.ended = Some(Ended::Stop);
        let answer = draft.finish("m", &mut |piece| heard.push_str(piece)).expect("whole");
        (answer.text.into_inner(), heard)
    }

    #[test]
    fn silent_thoughts_are_never_heard_however_they_are_cut() {
        for cut in 1..40 {
            for (text, wanted) in [
                ("<think>\nünsure about <b> </b>\n</think>\n\nThe lamp is on.", "The lamp is on."),
                ("The lamp <think> is on.", "The lamp <think> is on."),
                ("<th", "<th"),
                ("<think>never ends", ""),
            ] {
                let (text, heard) = (spoken(text, cut), wanted.to_owned());
                assert_eq!(text, (heard.clone(), heard), "cut {cut}");
            }
        }
    }

    #[test]
    fn an_answer_without_its_end_is_none() {
        let mut draft = Draft::default();
        draft.say("half of", &mut |_| ());
        assert_eq!(draft.finish("m", &mut |_| ()), Err(Garbled::Nonsense("its answer broke off")));
    }
}
