//! The keys that are about the registry with the images of agents.

use super::llm::key;
use super::{ConfigError, Layer, value};
use crate::images::{RegistrySettings, is_host};

impl Layer {
    pub(super) fn registry(&self) -> Result<Option<RegistrySettings>, ConfigError> {
        let password = key(
            "registry_password_file",
            self.registry_password.as_ref(),
            self.registry_password_file.as_deref(),
        )?;
        let user = match (self.registry_user.clone(), password) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            (Some(_), None) => {
                return Err(value("registry_password", "registry_user is set, but no password"));
            }
            (None, Some(_)) => return Err(value("registry_user", "registry_password is set, but no user")),
        };
        let Some(address) = &self.registry else {
            let alone = user.is_some() || self.registry_pull.is_some();
            return if alone {
                Err(value("registry", "it is not set, but something about it is"))
            } else {
                Ok(None)
            };
        };
        let settings =
            RegistrySettings::parse(address).map_err(|error| value("registry", &error.to_string()))?;
        let pull = self.registry_pull.clone();
        if pull.as_deref().is_some_and(|host| !is_host(host)) {
            return Err(value(
                "registry_pull",
                "a host such as 192.168.1.10:5000 is needed, nothing before or after it",
            ));
        }
        Ok(Some(RegistrySettings { pull, user, ..settings }))
    }
}
