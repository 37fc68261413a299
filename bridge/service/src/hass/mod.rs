//! Home Assistant: one WebSocket connection that is kept up, its REST API, and our registration there.

mod client;
mod connector;
mod link;
mod matcher;
pub mod register;
mod registry;
pub mod rest;
pub mod supervisor;
mod tell;
mod upkeep;

use secrecy::SecretString;

pub use client::{HomeAssistant, HomeFacts, LinkStatus, ListeningSatellite};
pub use connector::Connector;
pub(crate) use connector::advice;

/// The oldest Home Assistant that works. Before 2026.8 the targets of the dry run
/// (`conversation/agent/homeassistant/debug`) ignored exposure and the area of the satellite, so that they were
/// not what the run would act on; before 2026.6 Wyoming agents were not told the satellite.
pub const OLDEST_VERSION: &str = "2026.8.0";

/// Where Home Assistant is and how we prove who we are.
#[derive(Debug, Clone)]
pub struct HassConfig {
    /// The address that a browser would open, such as `http://homeassistant.local:8123`; unused under Supervisor.
    pub url: String,
    /// A long-lived access token of an administrator; unused under Supervisor.
    pub token: SecretString,
    /// Present when running as an app of Home Assistant OS.
    pub supervisor: Option<SupervisorConfig>,
}

/// The Supervisor, which also stands in front of Home Assistant's own API.
#[derive(Debug, Clone)]
pub struct SupervisorConfig {
    /// `http://supervisor`.
    pub url: String,
    /// `SUPERVISOR_TOKEN`.
    pub token: SecretString,
}

impl HassConfig {
    /// The address that is shown in messages.
    pub fn shown_url(&self) -> &str {
        self.supervisor.as_ref().map_or(&self.url, |supervisor| &supervisor.url).trim_end_matches('/')
    }

    /// The WebSocket's address.
    pub fn socket_url(&self) -> String {
        let path = if self.supervisor.is_some() { "/core/websocket" } else { "/api/websocket" };
        let base = self.shown_url();
        let base = match base.split_once("://") {
            Some(("https", rest)) => format!("wss://{rest}"),
            Some((_, rest)) => format!("ws://{rest}"),
            None => format!("ws://{base}"),
        };
        base + path
    }

    /// The REST API's address, ending in `/api`.
    pub fn rest_url(&self) -> String {
        let path = if self.supervisor.is_some() { "/core/api" } else { "/api" };
        let base = self.shown_url();
        if base.contains("://") { format!("{base}{path}") } else { format!("http://{base}{path}") }
    }

    /// The token for both.
    pub fn access_token(&self) -> &SecretString {
        self.supervisor.as_ref().map_or(&self.token, |supervisor| &supervisor.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_from_what_a_person_enters() {
        let at = |url: &str| HassConfig { url: url.into(), token: "t".into(), supervisor: None };
        assert_eq!(at("http://hass:8123/").socket_url(), "ws://hass:8123/api/websocket");
        assert_eq!(at("https://hass.example").socket_url(), "wss://hass.example/api/websocket");
        assert_eq!(at("hass:8123").rest_url(), "http://hass:8123/api");
    }

    #[test]
    fn under_supervisor_its_proxy_and_its_token_are_used() {
        use secrecy::ExposeSecret;
        let supervisor = SupervisorConfig { url: "http://supervisor".into(), token: "s".into() };
        let config = HassConfig { url: String::new(), token: "t".into(), supervisor: Some(supervisor) };
        assert_eq!(config.socket_url(), "ws://supervisor/core/websocket");
        assert_eq!(config.rest_url(), "http://supervisor/core/api");
        assert_eq!(config.access_token().expose_secret(), "s");
    }
}
