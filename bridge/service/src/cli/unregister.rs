//! `helix unregister`: takes out of Home Assistant what Helix put in, through the running bridge or without one.

use std::process::ExitCode;

use anyhow::bail;
use helix::app;
use helix::control::{Answer, Ask, ControlError, ask};

use super::Session;

pub(crate) async fn run(session: Session) -> anyhow::Result<ExitCode> {
    let removed = match ask(&session.config.data_dir, &Ask::Unregister).await {
        Ok(Answer::Done(removed)) => removed,
        Ok(Answer::Failed(text)) => bail!("{text}"),
        Ok(
            Answer::Runs(_) | Answer::Status(_) | Answer::Models(_) | Answer::Address(_) | Answer::Task(_),
        ) => {
            bail!("the running Helix is of another version; restart it")
        }
        Err(ControlError::NotRunning { .. }) => {
            session.home()?;
            app::unregister(&session.config).await?
        }
        Err(error) => return Err(error.into()),
    };
    if removed.is_empty() {
        session.out.line("nothing of Helix is in Home Assistant");
    }
    for what in &removed {
        session.out.line(what);
    }
    session.out.object(&serde_json::json!({ "removed": removed }));
    Ok(ExitCode::SUCCESS)
}
