//! Standard output: lines for people, or JSON lines for programs.
#![allow(clippy::print_stdout, reason = "the command line's one way out")]

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
            println!("{}", text.as_ref());
        }
    }

    /// A result for programs. A reader that went away ends the process quietly, as for every Unix tool.
    pub(crate) fn object(self, value: &impl Serialize) {
        if self.json {
            Self::always(value);
        }
    }

    /// A JSON line whatever was asked for.
    pub(crate) fn always(value: &impl Serialize) {
        let text = serde_json::to_string(value).unwrap_or_default();
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
            std::process::exit(0);
        }
    }
}
