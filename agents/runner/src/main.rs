//! The command `helix-runner`: takes tasks from the bridge and carries them out.

use std::process::ExitCode;

fn main() -> ExitCode {
    helix_runner::cli::main()
}
