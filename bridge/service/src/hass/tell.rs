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
/// A message completes when it is kept.
const MESSAGE_WITHIN: Duration = Duration::from_secs(10);

impl HomeAssistant {
    /// Lets a satellite say something; completes once it was played.
    ///
    /// # Errors
    /// Home Assistant's refusal: it has no voice, the satellite is busy or away. After a timeout it may have been heard.
    pub async fn announce(&self, satellite: &EntityId, words: &str) -> Result<(), HomeError> {
        let data = json!({ "message": words });
        self.serve("assist_satellite", "announce", data, Some(satellite), ANNOUNCE_WITHIN).await
    }

    /// Shows a message in Home Assistant; one of the same id takes its place.
    ///
    /// # Errors
    /// As [`HomeAssistant::request`].
    pub async fn show_message(&self, id: &str, title: &str, text: &str) -> Result<(), HomeError> {
        let data = json!({ "notification_id": id, "title": title, "message": text });
        self.serve("persistent_notification", "create", data, None, MESSAGE_WITHIN).await
    }

    /// Sends a message by one of the home's notify actions, such as `mobile_app_pixel` of `notify.mobile_app_pixel`; on a
    /// phone one of the same id takes its place.
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
        let data = json!({ "title": title, "message": text, "data": { "tag": id } });
        self.serve("notify", service, data, None, MESSAGE_WITHIN).await
    }

    async fn serve(
        &self,
        domain: &str,
        service: &str,
        data: Value,
        target: Option<&EntityId>,
        limit: Duration,
    ) -> Result<(), HomeError> {
        self.config()?;
        let data: BTreeMap<String, Value> = match data {
            Value::Object(fields) => fields.into_iter().collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                BTreeMap::new()
            }
        };
        let command = CallService {
            domain: domain.to_owned(),
            service: service.to_owned(),
            service_data: data,
            target: ServiceTarget { entity_id: target.iter().map(ToString::to_string).collect() },
        };
        self.command_within(command, limit).await.map(drop)
    }
}
