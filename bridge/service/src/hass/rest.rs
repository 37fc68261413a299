//! The few calls that Home Assistant offers by REST only: configuration flows and entries.

use std::time::Duration;

use helix_hass::entries::Entry;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::HassConfig;

/// A flow asks our port to describe itself up to 4 times, 5 s each, with pauses of 2 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(40);

/// Why a REST call failed.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The HTTP client could not be set up.
    #[error("HTTP cannot be used")]
    Client(#[source] reqwest::Error),
    /// No answer.
    #[error("{url} did not answer")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// An answer other than success.
    #[error("{url} refused the request with status {status}: {message}")]
    Refused {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The answer's own words.
        message: String,
    },
}

/// A JSON API with a bearer token.
#[derive(Debug, Clone)]
pub(super) struct JsonApi {
    client: reqwest::Client,
    base: String,
    token: SecretString,
}

impl JsonApi {
    /// `base` ends without a slash.
    pub(super) fn new(base: String, token: SecretString) -> Result<Self, RestError> {
        // Idempotent: `main` has installed it already, but the client must not depend on that.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build().map_err(RestError::Client)?;
        Ok(Self { client, base, token })
    }

    /// One request; an empty answer reads as `null`.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, RestError> {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method, &url).bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = |source: reqwest::Error| RestError::Unreachable {
            url: url.clone(),
            source: source.without_url(),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let answer = response.text().await.map_err(unreachable)?;
        let refused =
            |message: String| RestError::Refused { url: url.clone(), status: status.as_u16(), message };
        if !status.is_success() {
            return Err(refused(shortened(&answer)));
        }
        let answer = if answer.trim().is_empty() { "null" } else { &answer };
        serde_json::from_str(answer).map_err(|error| refused(format!("unexpected answer: {error}")))
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}

/// What a configuration flow wants next.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FlowStep {
    /// Something has to be filled in.
    Form {
        /// The flow.
        flow_id: String,
        /// The step.
        #[serde(default)]
        step_id: String,
        /// What was wrong with the last answer: field -> code.
        #[serde(default)]
        errors: Option<std::collections::BTreeMap<String, String>>,
    },
    /// Done.
    CreateEntry {
        /// The new entry.
        result: Entry,
    },
    /// Ended without an entry.
    Abort {
        /// Home Assistant's code, such as `already_configured`.
        #[serde(default)]
        reason: String,
    },
}

/// What the flow of a part of an entry wants next.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SubentryStep {
    /// Something has to be filled in.
    Form {
        /// The flow.
        flow_id: String,
    },
    /// Done.
    CreateEntry {},
    /// Ended without a part.
    Abort {
        /// Home Assistant's code, such as `cannot_connect`.
        #[serde(default)]
        reason: String,
    },
    /// Home Assistant is fetching something first.
    Progress {
        /// The flow.
        flow_id: String,
    },
}

/// Home Assistant's REST API.
#[derive(Debug, Clone)]
pub struct Rest(JsonApi);

impl Rest {
    /// A client; connects to nothing yet.
    ///
    /// # Errors
    /// [`RestError::Client`].
    pub fn new(config: &HassConfig) -> Result<Self, RestError> {
        JsonApi::new(config.rest_url(), config.access_token().clone()).map(Self)
    }

    /// Starts the flow of an integration.
    ///
    /// # Errors
    /// [`RestError::Unreachable`] and [`RestError::Refused`], as all calls here.
    pub async fn start_flow(&self, handler: &str) -> Result<FlowStep, RestError> {
        let body = json!({"handler": handler});
        self.0.call(reqwest::Method::POST, "/config/config_entries/flow", Some(&body)).await
    }

    /// Answers a step of a flow.
    ///
    /// # Errors
    /// As [`Rest::start_flow`].
    pub async fn answer_flow(&self, flow_id: &str, answer: &Value) -> Result<FlowStep, RestError> {
        let path = format!("/config/config_entries/flow/{flow_id}");
        self.0.call(reqwest::Method::POST, &path, Some(answer)).await
    }

    /// Gives up a flow.
    ///
    /// # Errors
    /// As [`Rest::start_flow`].
    pub async fn abandon_flow(&self, flow_id: &str) -> Result<(), RestError> {
        let path = format!("/config/config_entries/flow/{flow_id}");
        self.0.call::<Value>(reqwest::Method::DELETE, &path, None).await.map(drop)
    }

    /// Starts the flow that adds a part to an entry.
    ///
    /// # Errors
    /// As [`Rest::start_flow`].
    pub async fn start_subentry_flow(&self, entry_id: &str, kind: &str) -> Result<SubentryStep, RestError> {
        let body = json!({"handler": [entry_id, kind]});
        self.0.call(reqwest::Method::POST, "/config/config_entries/subentries/flow", Some(&body)).await
    }

    /// Answers a step of such a flow.
    ///
    /// # Errors
    /// As [`Rest::start_flow`].
    pub async fn answer_subentry_flow(
        &self,
        flow_id: &str,
        answer: &Value,
    ) -> Result<SubentryStep, RestError> {
        let path = format!("/config/config_entries/subentries/flow/{flow_id}");
        self.0.call(reqwest::Method::POST, &path, Some(answer)).await
    }

    /// Removes a configuration entry; one that is gone already is fine.
    ///
    /// # Errors
    /// As [`Rest::start_flow`].
    pub async fn remove_entry(&self, entry_id: &str) -> Result<(), RestError> {
        let path = format!("/config/config_entries/entry/{entry_id}");
        match self.0.call::<Value>(reqwest::Method::DELETE, &path, None).await {
            Ok(_) | Err(RestError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Loads a configuration entry anew; returns when it is loaded or has failed.
    ///
    /// # Errors
    /// As [`Rest::start_flow`].
    pub async fn reload_entry(&self, entry_id: &str) -> Result<(), RestError> {
        let path = format!("/config/config_entries/entry/{entry_id}/reload");
        self.0.call::<Value>(reqwest::Method::POST, &path, None).await.map(drop)
    }
}
