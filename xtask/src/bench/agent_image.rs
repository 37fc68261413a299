//! What has to be pulled to run an agent, for each architecture: the program, compressed, and what describes it.

use anyhow::Result;

use crate::agent_image::base;
use crate::figure::{Figure, rounded};

/// Of a compressed image, bytes.
const LEN_MAX: f64 = 5e6;

pub(super) fn run() -> Result<Vec<Figure>> {
    let base = base()?;
    let figure = |(architecture, len): (&str, u64)| {
        let name = format!("agent-image.{architecture}.compressed");
        Figure::reported(name, rounded(len as f64 / 1e6, 2), "MB", 1).at_most(LEN_MAX / 1e6, "<= 5 MB")
    };
    Ok(base.sizes().into_iter().map(figure).collect())
}
