//! Kinds of agents. A kind is a folder of data: `agent.toml` (what it is for, its tools, scope, model, limits), `prompt.md`
//! (what its model is told first), `examples.jsonl` (requests and good answers) and `accept.jsonl` (what it has to be able
//! to do before it is kept). A folder goes in, a checked [`Kind`] comes out; [`accept`] tries the real agent on it.
//!
//! ```
//! let kinds = helix_kinds::built_in()?;
//! let research = kinds.iter().find(|kind| kind.definition.name.as_str() == "research").ok_or("no research")?;
//! assert!(!research.definition.tools.is_empty() && !research.cases.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accept;
mod kind;

pub use accept::{Case, Expected, Given, Mind, Said, Script, Unfit, Verdict, accept};
pub use kind::{Files, Kind, KindError, Limits, built_in, read_folder};
