//! What carries out one task: an assignment of the bridge in, a result out.
//!
//! An agent has no network, no file and no thread of its own. Everything that it knows and says goes over one
//! connection to the bridge ([`Setup`]); what it can do by itself are tools that need nothing ([`TOOLS`]):
//!
//! ```
//! use helix_agent::{Setting, tool};
//! use serde_json::json;
//!
//! let now = "2026-11-21T12:00[Europe/Berlin]".parse()?;
//! let setting = Setting { now, stop: &|| false };
//! let convert = tool("convert").ok_or("no such tool")?;
//! let input = json!({ "value": 20, "from": "°C", "to": "°F" });
//! assert_eq!(convert.call(&input, &setting)?, json!({ "result": "68 °F", "exact": true }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alone;
mod arithmetic;
mod bridge;
mod calculate;
mod clock;
mod convert;
mod dates;
mod pipe;
mod plan;
mod run;
mod talk;
mod text;
mod tool;
mod words;
mod worker;
mod zone;

pub use calculate::Calculate;
pub use convert::Convert;
pub use dates::Dates;
pub use tool::{Setting, Tool, ToolError};
pub use worker::{End, Setup, SetupError, serve};

/// Every tool that an agent has by itself.
pub const TOOLS: [&dyn Tool; 3] = [&Calculate, &Convert, &Dates];

/// The tool of this name.
pub fn tool(name: &str) -> Option<&'static dyn Tool> {
    TOOLS.into_iter().find(|tool| tool.name() == name)
}
