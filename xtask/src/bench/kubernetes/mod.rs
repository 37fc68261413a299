//! Agents in a real cluster: how long a Job takes to call back, on a real node, and what thousands of tasks cost on nodes
//! that are made up (KWOK).

mod bridge;
mod cluster;
mod cold;
mod many;

use anyhow::Result;

use crate::figure::Figure;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Tasks on made-up nodes
    #[arg(long, default_value_t = 2_000)]
    tasks: usize,
    /// Made-up nodes
    #[arg(long, default_value_t = 200)]
    nodes: usize,
    /// Tasks at the same time
    #[arg(long, default_value_t = 64)]
    window: usize,
    /// Cold starts of each kind
    #[arg(long, default_value_t = 20)]
    starts: usize,
    /// 10,000 tasks on 1,000 nodes
    #[arg(long)]
    all: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    if arguments.starts > 0 {
        figures.extend(Box::pin(cold::run(arguments.starts)).await?);
    }
    let (tasks, nodes) = if arguments.all { (10_000, 1_000) } else { (arguments.tasks, arguments.nodes) };
    if tasks > 0 {
        figures.extend(many::run(tasks, nodes, arguments.window).await?);
    }
    Ok(figures)
}
