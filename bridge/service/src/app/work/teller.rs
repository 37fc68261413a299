//! Tells people in their rooms, through Home Assistant.

use std::sync::Arc;

use helix_core::delegate::{Ear, ears};
use helix_core::home::HomeError;
use helix_core::{EntityId, Home, Language};
use jiff::civil::Time;

use super::super::bridge::Bridge;
use super::super::later::now_at;
use crate::clock::SystemCalendar;
use crate::deliver::Teller;
use crate::hass::HomeAssistant;

/// The rooms of the home, and a phone if one is named.
#[derive(Debug)]
pub(super) struct Rooms {
    pub(super) home: HomeAssistant,
    pub(super) bridge: Arc<Bridge>,
    /// A notify action that messages are sent by as well.
    pub(super) notify: Option<String>,
}

impl Teller for Rooms {
    fn ears(&self) -> Result<Vec<Ear>, HomeError> {
        let registry = self.home.registry()?;
        Ok(ears(&registry, |entity| self.home.state(entity).map(|state| state.state)))
    }

    fn local_time(&self) -> Option<Time> {
        now_at(&self.home, &SystemCalendar).map(|now| now.time())
    }

    fn language(&self) -> Language {
        self.bridge.language_or_own(None)
    }

    async fn speak(&self, satellite: &EntityId, words: &str) -> Result<(), HomeError> {
        self.home.announce(satellite, words).await?;
        self.bridge.said(satellite, words);
        Ok(())
    }

    async fn write(&self, id: &str, title: &str, text: &str) -> Result<(), HomeError> {
        self.home.show_message(id, title, text).await?;
        if let Some(action) = &self.notify
            && let Err(error) = self.home.send_message(action, id, title, text).await
        {
            // The message stands in Home Assistant already.
            tracing::warn!(action, code = error.code(), %error, "a message could not be sent to the phone; check `notify`");
        }
        Ok(())
    }
}
