//! Standard output: lines for people, or JSON lines for programs.

use std::io::Write;

use serde::Serialize;

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// A line for people.
    pub(crate) fn line(self, text: impl AsRef<str>) {
        if !self.json {
            Self::print(text.as_ref());
        }
    }

    /// A result for programs.
    pub(crate) fn object(self, value: &impl Serialize) {
        if self.json {
            Self::always(value);
        }
    }

    /// A JSON line whatever was asked for.
    pub(crate) fn always(value: &impl Serialize) {
        Self::print(&serde_json::to_string(value).unwrap_or_default());
    }

    /// A reader that went away ends the process quietly, as for every Unix tool.
    fn print(text: &str) {
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
            std::process::exit(0);
        }
    }
}
