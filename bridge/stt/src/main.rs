//! `helix-stt`: orders on standard input, transcripts on standard output, whisper.cpp in between.
//!
//! A process of its own, because whisper.cpp may abort, leak or meet an instruction that the processor lacks. It
//! loads one model, answers every decode and ends when its standard input ends. The messages are those of
//! [`helix_speech::protocol`].

mod engine;
mod orders;
mod outbox;
mod text;
mod threads;
mod window;

use std::process::ExitCode;

use helix_speech::protocol::{FailureCode, Report, VERSION};

use crate::engine::{Engine, Fatal};
use crate::orders::Orders;

const USAGE: &str = "helix-stt is started by the Helix bridge, which sends it orders on standard input.\n\
Options: --version prints the version and what the binary was built for; --help prints this.\n";

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--version") => {
            outbox::print(&format!("helix-stt {} ({})\n", env!("CARGO_PKG_VERSION"), engine::build()));
            return ExitCode::SUCCESS;
        }
        Some("--help" | "-h") => {
            outbox::print(USAGE);
            return ExitCode::SUCCESS;
        }
        Some(option) => {
            eprintln!("helix-stt: unknown option {option}\n{USAGE}");
            return ExitCode::from(2);
        }
    }
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fatal) => {
            eprintln!("helix-stt: {} {}", fatal.what, fatal.remedy);
            let status = fatal.code.exit_status().unwrap_or(1);
            outbox::send(fatal.into());
            ExitCode::from(status)
        }
    }
}

/// Loads the model, then decodes until standard input ends.
fn serve() -> Result<(), Fatal> {
    engine::check_processor()?;
    let (orders, cancellation) = Orders::listen();
    let Some(load) = orders.first_load()? else { return Ok(()) };
    if load.version != VERSION {
        return Err(Fatal {
            code: FailureCode::ProtocolBroken,
            what: format!("The bridge speaks version {} to a helix-stt of version {VERSION}.", load.version),
            remedy: "Build or install both from the same version of Helix.".into(),
        });
    }
    let mut engine = Engine::load(&load, cancellation)?;
    outbox::send(Report::Ready(engine.ready()));
    while let Some(decode) = orders.next_decode()? {
        outbox::send(engine.decode(&decode));
    }
    Ok(())
}
