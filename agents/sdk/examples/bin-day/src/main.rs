//! `bin-day CALENDAR.ics`: a plugin for Helix, over standard input and output.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(calendar) = std::env::args_os().nth(1) else {
        eprintln!("bin-day needs the path of a calendar: bin-day CALENDAR.ics");
        return ExitCode::from(2);
    };
    let today = || chrono::Local::now().date_naive();
    match bin_day::plugin(calendar.into(), today).serve_stdio().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bin-day: {error}");
            ExitCode::FAILURE
        }
    }
}
