//! `helix run`: the bridge, until a signal ends it.

use std::process::ExitCode;

use helix::app;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Session;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Validate the configuration and exit
    #[arg(long)]
    check: bool,
}

pub(crate) async fn run(session: Session, args: Args) -> anyhow::Result<ExitCode> {
    session.home()?;
    if args.check {
        session.out.line("the configuration is valid");
        session.out.object(&serde_json::json!({ "valid": true, "warnings": session.config.warnings }));
        return Ok(ExitCode::SUCCESS);
    }
    let cancel = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let bridge = async {
        app::App::start(session.config, cancel.clone()).await?.run().await;
        anyhow::Ok(())
    };
    tokio::pin!(bridge);
    tokio::select! {
        ended = &mut bridge => ended?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    if !cancel.is_cancelled() {
        tracing::info!("stopping");
        cancel.cancel();
        bridge.await?;
    }
    Ok(ExitCode::SUCCESS)
}
