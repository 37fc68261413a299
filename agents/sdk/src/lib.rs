//! What the author of a plugin needs. A plugin is a program that offers tools to Helix's agents over the Model Context Protocol:
//! [`Tool`]s go in, a server over standard input and output, or over HTTP, comes out. The protocol is that of `rmcp`; added is
//! what Helix asks for: each tool says what it may touch ([`Permissions`]), inputs, answers and time are bounded, a tool that
//! panics ends one call and not the plugin, and `testing` holds a plugin to the bounds of the bridge. The way from nothing to an
//! agent that uses a plugin is in `README.md` beside this crate.
//!
//! ```
//! use helix_sdk::{Permissions, Plugin, Tool};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! struct Greet;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Whom {
//!     /// Who is to be greeted.
//!     name: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Greeting {
//!     words: String,
//! }
//!
//! impl Tool for Greet {
//!     type Input = Whom;
//!     type Output = Greeting;
//!     type Error = std::convert::Infallible;
//!     const NAME: &'static str = "greet";
//!     const DESCRIPTION: &'static str = "Greets somebody by name.";
//!
//!     fn permissions(&self) -> Permissions {
//!         Permissions::reads()
//!     }
//!
//!     async fn call(&self, whom: Whom) -> Result<Greeting, Self::Error> {
//!         Ok(Greeting { words: format!("Good morning, {}!", whom.name) })
//!     }
//! }
//!
//! let plugin = Plugin::new("greeter", "0.1.0").with(Greet);
//! // In `main`: `plugin.serve_stdio().await`
//! # drop(plugin);
//! ```

#[cfg(feature = "http")]
mod http;
mod permissions;
mod plugin;
#[cfg(feature = "testing")]
pub mod testing;
mod tool;

pub use permissions::Permissions;
pub use plugin::{Plugin, PluginError};
pub use tool::Tool;
