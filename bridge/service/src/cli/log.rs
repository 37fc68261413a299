//! The log goes to standard error; the bridge logs at `log_level`, other commands only say what they have to say, unless
//! another level is set.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

pub(crate) fn start(level: &str, is_bridge: bool) -> anyhow::Result<()> {
    let level = if is_bridge || level != "info" { level } else { "off" };
    // HTTP and WebSocket libraries log bodies and headers at debug: they stay quiet unless asked for by name.
    let quiet = ["hyper", "hyper_util", "reqwest", "rustls", "tungstenite", "tokio_tungstenite"];
    let filter = match level {
        "trace" | "debug" | "info" | "warn" | "error" | "off" => {
            quiet.iter().fold(level.to_owned(), |filter, name| format!("{filter},{name}=warn"))
        }
        other => other.to_owned(),
    };
    let filter = EnvFilter::builder().parse(&filter).with_context(|| {
        format!("log_level `{level}` is not valid: use trace, debug, info, warn or error")
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    Ok(())
}
