//! `helix-runner doctor`.
#![allow(clippy::print_stdout, reason = "the result of a command")]

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::options::{AgentOptions, Place};
use crate::finding::Finding;
use crate::kubernetes::Cluster;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    agent: AgentOptions,
}

impl Doctor {
    pub(super) fn run(self) -> Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let findings = runtime.block_on(async {
            match self.agent.backend {
                Place::Process => Ok::<_, anyhow::Error>(self.agent.processes()?.examine().await),
                Place::Kubernetes => {
                    let (namespace, image) = (&self.agent.namespace, self.agent.probe_image.as_deref());
                    Ok(Cluster::examine(namespace, image).await)
                }
                Place::Docker => Ok(self.agent.containers().await?.examine().await),
            }
        })?;
        for finding in &findings {
            println!("{finding}");
        }
        let broken = findings.iter().any(|finding| matches!(finding, Finding::Broken { .. }));
        Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
