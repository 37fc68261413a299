//! Writes reports to standard output.

use std::io::{ErrorKind, Write};

use helix_speech::protocol::{Message, Report};

/// Writes a report. If nobody reads any more, the bridge is gone: the process ends.
pub(crate) fn send(report: Report) {
    write(&report.encode());
}

/// Writes text for a person.
pub(crate) fn print(text: &str) {
    write(text.as_bytes());
}

fn write(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
        if error.kind() != ErrorKind::BrokenPipe {
            eprintln!("helix-stt: cannot write to standard output: {error}");
        }
        std::process::exit(1);
    }
}
