//! What Home Assistant is (version, language, whether it has started) and who we are to it.

use serde::{Deserialize, Serialize};

use crate::Command;

/// `get_config`.
#[derive(Debug, Clone, Serialize)]
pub struct GetConfig {}

/// The answer to [`GetConfig`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// Such as `2026.11.0`.
    pub version: String,
    /// The language of the home, a BCP 47 tag.
    #[serde(default = "english")]
    pub language: String,
    /// The country, ISO 3166; not everybody sets it.
    #[serde(default)]
    pub country: Option<String>,
    /// What people call the home.
    #[serde(default)]
    pub location_name: String,
    /// An IANA name, such as `Europe/Amsterdam`.
    #[serde(default)]
    pub time_zone: String,
    /// The units of the home.
    #[serde(default)]
    pub unit_system: UnitSystem,
    /// `NOT_RUNNING`, `STARTING`, `RUNNING`, `STOPPING`, `FINAL_WRITE`.
    pub state: String,
    /// The names of the integrations that are loaded.
    #[serde(default)]
    pub components: Vec<String>,
}

/// The units of the home, as far as they matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct UnitSystem {
    /// `°C` or `°F`; all thermostats of the home are told in it.
    #[serde(default)]
    pub temperature: String,
}

impl UnitSystem {
    /// Whether temperatures are in degrees Fahrenheit.
    pub fn is_fahrenheit(&self) -> bool {
        self.temperature.ends_with('F')
    }
}

fn english() -> String {
    "en".into()
}

impl Command for GetConfig {
    const TYPE: &'static str = "get_config";
    type Answer = Config;
}

/// `auth/current_user`.
#[derive(Debug, Clone, Serialize)]
pub struct CurrentUser {}

/// The answer to [`CurrentUser`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// An id without meaning.
    pub id: String,
    /// Whether the user may read exposure and change the configuration.
    #[serde(default)]
    pub is_admin: bool,
}

impl Command for CurrentUser {
    const TYPE: &'static str = "auth/current_user";
    type Answer = User;
}
