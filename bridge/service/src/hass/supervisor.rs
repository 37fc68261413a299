//! The Supervisor of Home Assistant OS: who we are to it, and the message by which Home Assistant finds us.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::SupervisorConfig;
use super::rest::{JsonApi, RestError};

/// The Supervisor's API.
#[derive(Debug, Clone)]
pub struct Supervisor(JsonApi);

/// Who we are to the Supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct App {
    /// The name shown to people.
    pub name: String,
    /// Names the app in addresses of the frontend.
    pub slug: String,
    /// Under which Home Assistant reaches us.
    pub hostname: String,
    /// Our version.
    #[serde(default)]
    pub version: String,
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
struct Discovered {
    uuid: String,
}

impl Supervisor {
    /// A client; connects to nothing yet.
    ///
    /// # Errors
    /// [`RestError::Client`].
    pub fn new(config: &SupervisorConfig) -> Result<Self, RestError> {
        let base = config.url.trim_end_matches('/').to_owned();
        JsonApi::new(base, config.token.clone()).map(Self)
    }

    /// Who we are.
    ///
    /// # Errors
    /// [`RestError::Unreachable`] and [`RestError::Refused`], as all calls here.
    pub async fn app(&self) -> Result<App, RestError> {
        self.call(reqwest::Method::GET, "/addons/self/info", None).await
    }

    /// Tells Home Assistant about our Wyoming port; the Supervisor keeps one such message per app, and the
    /// same message again changes nothing. Gives its id, 32 hexadecimal digits.
    ///
    /// # Errors
    /// As [`Supervisor::app`].
    pub async fn discover_wyoming(&self, host: &str, port: u16) -> Result<String, RestError> {
        let message = json!({"service": "wyoming", "config": {"uri": format!("tcp://{host}:{port}")}});
        let sent: Discovered = self.call(reqwest::Method::POST, "/discovery", Some(&message)).await?;
        Ok(sent.uuid.replace('-', ""))
    }

    /// Takes a message back; Home Assistant then removes the entry that came from it.
    ///
    /// # Errors
    /// As [`Supervisor::app`]; a message that is gone already is fine.
    pub async fn forget(&self, uuid: &str) -> Result<(), RestError> {
        match self.call::<Value>(reqwest::Method::DELETE, &format!("/discovery/{uuid}"), None).await {
            Ok(_) | Err(RestError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, RestError> {
        self.0.call::<Envelope<T>>(method, path, body).await.map(|envelope| envelope.data)
    }
}
