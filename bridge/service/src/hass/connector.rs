//! Keeps the connection up: connects, lets [`Upkeep`] read the home, and begins again when it ends.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use helix_core::Clock;
use helix_core::home::HomeError;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::client::{HomeAssistant, LinkStatus, Shared};
use super::link::{ASKS_MAX, Link};
use super::upkeep::Upkeep;
use super::{HassConfig, OLDEST_VERSION};
use crate::clock::SystemClock;

/// A restart of Home Assistant is noticed within this time, less a quarter at most for jitter.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// A connection that worked for less is not replaced at once.
const STABLE_AFTER: Duration = Duration::from_secs(2);
/// What only a person can repair is not tried more often: Home Assistant reports each failed login.
const RETRY_REFUSED_EVERY: Duration = Duration::from_mins(1);

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// There is no Home Assistant at the address.
    Unreachable(String),
    /// It was there.
    Lost(String),
    /// Trying again will not help before somebody has changed something.
    Refused(HomeError),
    /// All handles and the connector are going away.
    Stopped,
}

/// Owns the connection; run it as one task.
#[derive(Debug)]
pub struct Connector {
    config: HassConfig,
    clock: SystemClock,
    shared: Arc<Shared>,
    home: HomeAssistant,
    /// What was logged last, so that the same trouble is told once.
    told: Option<String>,
}

impl Connector {
    /// A connector and the handle to what it keeps connected; nothing happens before [`Connector::run`].
    pub fn new(config: HassConfig, clock: SystemClock) -> (Self, HomeAssistant) {
        let shared = Arc::new(Shared::new(config.shown_url().to_owned()));
        let home = HomeAssistant::new(Arc::clone(&shared));
        let connector = Self { config, clock, shared, home: home.clone(), told: None };
        (connector, home)
    }

    /// Keeps the connection up until it is cancelled.
    pub async fn run(mut self, cancel: CancellationToken) {
        // A connection that worked is replaced at once; after that there is a pause before each try.
        let mut pause = Duration::ZERO;
        loop {
            let began = self.clock.now() + pause;
            let once = async {
                self.clock.sleep(pause).await;
                Box::pin(self.connect_once()).await
            };
            let ended = tokio::select! {
                ended = once => ended,
                () = cancel.cancelled() => Ended::Stopped,
            };
            let was_up = matches!(*self.shared.status.borrow(), LinkStatus::Up { .. });
            if was_up {
                self.told = None;
            }
            self.shared.open(None);
            let Some(error) = self.explain(ended) else { return };
            let was_stable = was_up && self.clock.now() >= began + STABLE_AFTER;
            pause = match (&error, was_stable) {
                (_, true) => Duration::ZERO,
                (error, false) if error.is_retryable() => jittered(RETRY_EVERY),
                (_, false) => jittered(RETRY_REFUSED_EVERY),
            };
            self.shared.status.send_replace(LinkStatus::Down(error));
        }
    }

    /// One connection from its beginning to its end.
    async fn connect_once(&self) -> Ended {
        let stale = Arc::new(Notify::new());
        let url = self.config.socket_url();
        let token = self.config.access_token().clone();
        let opening =
            Link::open(&url, token, self.clock.clone(), Arc::clone(&self.shared), Arc::clone(&stale));
        let (link, version) = match Box::pin(opening).await {
            Ok(opened) => opened,
            Err(ended) => return ended,
        };
        if older(&version, OLDEST_VERSION) {
            let needed = OLDEST_VERSION.to_owned();
            return Ended::Refused(HomeError::TooOld { found: version, needed });
        }
        self.shared.status.send_replace(LinkStatus::Down(HomeError::Starting));
        let (asks, queue) = mpsc::channel(ASKS_MAX);
        self.shared.open(Some(asks));
        let upkeep = Upkeep::new(self.home.clone(), Arc::clone(&self.shared), self.clock.clone(), stale);
        tokio::select! {
            ended = link.serve(queue) => ended,
            error = upkeep.run() => {
                if error == HomeError::NotAdmin { Ended::Refused(error) } else { Ended::Lost(error.to_string()) }
            }
        }
    }

    /// What the end means to everybody else; says it once in the log. `None`: the end of everything.
    fn explain(&mut self, ended: Ended) -> Option<HomeError> {
        let url = self.shared.url.clone();
        let (error, line) = match ended {
            Ended::Stopped => return None,
            Ended::Unreachable(why) => {
                let line = format!("No Home Assistant answers at {url} ({why}). Trying again every second.");
                (HomeError::NotConnected { url }, line)
            }
            Ended::Lost(why) => {
                let line =
                    format!("The connection to Home Assistant at {url} was lost ({why}). Reconnecting.");
                (HomeError::NotConnected { url }, line)
            }
            Ended::Refused(error) => {
                let line =
                    format!("{} Trying again every {} s.", advice(&error), RETRY_REFUSED_EVERY.as_secs());
                (error, line)
            }
        };
        if self.told.as_ref() != Some(&line) {
            tracing::warn!(code = error.code(), "{line}");
            self.told = Some(line);
        }
        Some(error)
    }
}

/// What happened, then what to do.
pub(crate) fn advice(error: &HomeError) -> String {
    match error {
        HomeError::TokenRefused => {
            "Home Assistant refused the access token: it is wrong or was deleted. Create a \
            long-lived access token in the security tab of an administrator's profile and set it."
                .into()
        }
        HomeError::NotAdmin => {
            "The access token belongs to a user who is not an administrator, so what is exposed to \
            voice cannot be read. Make the user an administrator or use another token."
                .into()
        }
        HomeError::TooOld { found, needed } => {
            format!("Home Assistant {found} is too old. Update it to {needed} or later.")
        }
        HomeError::NotConnected { url } => {
            format!("No Home Assistant answers at {url}. Check ha_url, and that Home Assistant is running.")
        }
        HomeError::Starting
        | HomeError::MatcherChanged(_)
        | HomeError::Timeout { .. }
        | HomeError::Rejected { .. } => format!("{error}."),
    }
}

/// Three quarters to the whole of `period`, so that many clients do not come back at once.
fn jittered(period: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    period.mul_f64(0.75) + period.mul_f64(0.25 * (random % 1024) as f64 / 1024.0)
}

/// Compares the leading numbers of versions such as `2026.11.0b3`; what cannot be read is not older.
fn older(found: &str, needed: &str) -> bool {
    let numbers = |version: &str| -> Vec<u32> {
        let digits =
            |part: &str| part.split(|c: char| !c.is_ascii_digit()).next().and_then(|d| d.parse().ok());
        version.split('.').map_while(digits).collect()
    };
    let found = numbers(found);
    !found.is_empty() && found < numbers(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(
            older("2026.5.4", "2026.6.0") && older("2024.1", "2026.6.0") && older("2025.12.0", "2026.6.0")
        );
        assert!(
            !older("2026.6.0b1", "2026.6.0") && !older("2026.11.0", "2026.6.0") && !older("dev", "2026.6.0")
        );
    }

    #[test]
    fn jitter_never_waits_longer_than_the_period() {
        for _ in 0..100 {
            let pause = jittered(RETRY_EVERY);
            assert!((Duration::from_millis(750)..=RETRY_EVERY).contains(&pause), "{pause:?}");
        }
    }
}
