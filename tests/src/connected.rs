//! The bridge's own connection to a Home Assistant of the test bed.

use std::time::Duration;

use anyhow::{Context, Result};
use helix::clock::SystemClock;
use helix::hass::{Connector, HassConfig, HomeAssistant};
use helix_core::Home;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bed;

/// A handle and the task that keeps it connected.
#[derive(Debug)]
pub struct Connected {
    /// The handle.
    pub home: HomeAssistant,
    /// How it was made.
    pub config: HassConfig,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Connected {
    /// Connects as the owner and waits until the home is known.
    ///
    /// # Errors
    /// As `HomeAssistant::ready`.
    pub async fn to(bed: &bed::HomeAssistant) -> Result<Self> {
        let hass = Self::with(HassConfig { url: bed.url(), token: bed.token().into(), supervisor: None });
        hass.home.ready().await?;
        Ok(hass)
    }

    /// Begins to connect.
    pub fn with(config: HassConfig) -> Self {
        let (connector, home) = Connector::new(config.clone(), SystemClock::start());
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(connector.run(cancel.clone()));
        Self { home, config, cancel, tasks }
    }

    /// Waits until `reached` finds what it looks for in the home, at most `limit`.
    ///
    /// # Errors
    /// It was not found in time.
    pub async fn until<T>(
        &self,
        limit: Duration,
        mut reached: impl FnMut(&HomeAssistant) -> Option<T>,
    ) -> Result<T> {
        let look = async {
            loop {
                let seen = self.home.revision();
                if let Some(found) = reached(&self.home) {
                    return found;
                }
                self.home.changed(seen).await;
            }
        };
        tokio::time::timeout(limit, look).await.context("the home does not become what it should")
    }

    /// Ends the connection.
    pub async fn close(self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// An HTTP client. The provider of TLS is installed first, as the bridge's `main` does.
pub fn http() -> reqwest::Client {
    // Another test of this process may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
