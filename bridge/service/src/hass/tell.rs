//! Telling people something that they did not ask for just now: aloud through a satellite, or as a message.

use std::collections::BTreeMap;
use std::time::Duration;

use helix_core::EntityId;
use helix_core::home::HomeError;
use helix_hass::service::{CallService, ServiceTarget};
use serde_json::{Value, json};

use super::HomeAssistant;

/// An announcement completes when it has been played: two sentences, and what a slow voice needs for them.
const ANNOUNCE_WITHIN: Duration = Duration::from_secs(75);

impl HomeAssistant {
    /// Lets a satellite say something; completes once it was played.
    ///
    /// # Errors
    /// Home Assistant's refusal: it has no voice, the satellite is busy or away. After a timeout it may have been heard.
    pub async fn announce(&self, satellite: &EntityId, words: &str) -> Result<(), HomeError> {
        self.config()?;
        let command = CallService {
            domain: "assist_satellite".to_owned(),
            service: "announce".to_owned(),
            service_data: BTreeMap::from([("message".to_owned(), words.into())]),
            target: ServiceTarget { entity_id: vec![satellite.to_string()] },
        };
        self.command_within(command, ANNOUNCE_WITHIN).await.map(drop)
    }

    /// Shows a message in Home Assistant; one of the same id takes its place.
    ///
    /// # Errors
    /// As [`HomeAssistant::request`].
    pub async fn show_message(&self, id: &str, title: &str, text: &str) -> Result<(), HomeError> {
        let message = json!({ "notification_id": id, "title": title, "message": text });
        self.serve("persistent_notification", "create", &message).await
    }

    /// Sends a message by one of the home's notify actions, such as `notify.mobile_app_pixel`; on a phone one of the same id
    /// takes its place.
    ///
    /// # Errors
    /// As [`HomeAssistant::request`].
    pub async fn send_message(
        &self,
        action: &str,
        id: &str,
        title: &str,
        text: &str,
    ) -> Result<(), HomeError> {
        let service = action.strip_prefix("notify.").unwrap_or(action);
        self.serve("notify", service, &json!({ "title": title, "message": text, "data": { "tag": id } }))
            .await
    }

    /// Calls an action that has no target: even an empty one is refused.
    async fn serve(&self, domain: &str, service: &str, message: &Value) -> Result<(), HomeError> {
        let request =
            json!({ "type": "call_service", "domain": domain, "service": service, "service_data": message });
        self.request(request).await.map(drop)
    }
}
