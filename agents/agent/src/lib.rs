//! What an agent can do by itself: tools that need no network, no file and no clock. What a model wrote goes in, what it
//! can be told goes out.
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

mod arithmetic;
mod calculate;
mod convert;
mod dates;
mod tool;

pub use calculate::Calculate;
pub use convert::Convert;
pub use dates::Dates;
pub use tool::{Setting, Tool, ToolError};

/// Every tool that an agent has by itself.
pub const TOOLS: [&dyn Tool; 3] = [&Calculate, &Convert, &Dates];

/// The tool of this name.
pub fn tool(name: &str) -> Option<&'static dyn Tool> {
    TOOLS.into_iter().find(|tool| tool.name() == name)
}
