//! The command `helix`: the bridge itself and everything that people, scripts and tests do with it.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("helix: another TLS provider was installed first; this is a bug, please report it");
        return ExitCode::FAILURE;
    }
    cli::main()
}
