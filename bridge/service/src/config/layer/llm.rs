//! The keys that are about language models: values in, checked settings out.

use std::path::Path;

use helix_core::llm::budget::Budget;
use secrecy::SecretString;

use super::{ConfigError, Layer, value};
use crate::llm::{Duty, LlmSettings, leads_outside, read_key};

/// What models outside may cost in a month unless somebody says otherwise, US dollars: a few thousand questions to the
/// default model, and no bill that hurts.
const USD_MONTH: f64 = 10.0;
/// More than this is a slip of the pen, US dollars.
const USD_MAX: f64 = 100_000.0;

impl Layer {
    pub(super) fn llm(&self) -> Result<LlmSettings, ConfigError> {
        let named = [
            (Duty::Router, &self.router_model),
            (Duty::LocalAgent, &self.local_model),
            (Duty::CloudAgent, &self.cloud_model),
            (Duty::Vectors, &self.embed_model),
        ];
        let settings = LlmSettings {
            ollama_url: address("ollama_url", self.ollama_url.as_deref())?,
            openai_url: address("openai_url", self.openai_url.as_deref())?,
            openai_key: key("openai_key_file", self.openai_key.as_ref(), self.openai_key_file.as_deref())?,
            gemini_key: key("gemini_key_file", self.gemini_key.as_ref(), self.gemini_key_file.as_deref())?,
            named: named.into_iter().filter_map(|(duty, model)| Some((duty, model.clone()?))).collect(),
            budget: self.budget()?,
            cloud: self.cloud.unwrap_or_default(),
            ..LlmSettings::default()
        };
        settings.check().map_err(|(key, error)| value(key, &error.to_string()))?;
        Ok(settings)
    }

    fn budget(&self) -> Result<Budget, ConfigError> {
        let micros = |key, usd: Option<f64>| match usd {
            Some(usd) if !(0.0..=USD_MAX).contains(&usd) => {
                Err(value(key, "an amount of US dollars from 0 to 100000 is needed"))
            }
            Some(usd) => Ok(Some((usd * 1e6) as u64)),
            None => Ok(None),
        };
        Ok(Budget {
            tokens_day: self.cloud_tokens_day,
            tokens_month: self.cloud_tokens_month,
            micros_day: micros("cloud_usd_day", self.cloud_usd_day)?,
            micros_month: micros("cloud_usd_month", Some(self.cloud_usd_month.unwrap_or(USD_MONTH)))?,
        })
    }
}

/// An address; one outside only where nobody on the way can read along.
pub(super) fn address(key: &'static str, address: Option<&str>) -> Result<Option<String>, ConfigError> {
    let Some(address) = address.map(str::trim) else { return Ok(None) };
    let outside = leads_outside(address).map_err(|error| value(key, &error.to_string()))?;
    if outside && !address.starts_with("https://") {
        return Err(value(key, "a server outside your network needs https://, so that nobody reads along"));
    }
    Ok(Some(address.to_owned()))
}

pub(super) fn key(
    key_file: &'static str,
    given: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, ConfigError> {
    match (given, file) {
        (Some(_), Some(_)) => Err(value(key_file, "a key and a file with a key are set; one is enough")),
        (Some(given), None) => Ok(Some(given.clone())),
        (None, Some(file)) => read_key(file).map(Some).map_err(|error| value(key_file, &error.to_string())),
        (None, None) => Ok(None),
    }
}
