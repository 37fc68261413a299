//! The program in every image of an agent: carries out one task and ends.
#![allow(clippy::print_stdout, reason = "its version is asked for on the command line")]

use std::env;
use std::process::ExitCode;

use helix_agent::{End, Setup, serve};
use tokio::signal::unix::{SignalKind, signal};

/// Ended by SIGTERM, as a shell tells it. The first process of a container has to listen for it.
const TERMINATED: u8 = 128 + 15;

fn main() -> ExitCode {
    if env::args().nth(1).is_some() {
        println!("helix-agent {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let setup = match Setup::of(|name| env::var(name).ok()) {
        Ok(setup) => setup,
        Err(error) => {
            eprintln!("helix-agent: {error}");
            return End::Usage.code().into();
        }
    };
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(until_told(setup)),
        Err(error) => {
            eprintln!("helix-agent: there is no runtime: {error}");
            End::Lost.code().into()
        }
    }
}

async fn until_told(setup: Setup) -> ExitCode {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        end = serve(setup) => end.code().into(),
        () = terminated => TERMINATED.into(),
    }
}
