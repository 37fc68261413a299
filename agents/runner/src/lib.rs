//! Takes tasks from the bridge and carries them out by agents, on a backend: processes, Docker, Kubernetes.
//!
//! A [`Runner`] leases tasks, starts an agent for each, hands its requests on to the bridge, keeps its tasks every second,
//! stops what the bridge no longer wants, and gives back what died without a result. It knows the contract and nothing
//! else of Helix. The truth is the bridge's: a runner that is killed loses no task.

mod backend;
mod bridge;
mod carry;
pub mod cli;
mod clock;
mod confine;
mod counts;
mod docker;
mod finding;
pub mod kubernetes;
mod pool;
mod process;
mod runner;

pub use backend::{
    AgentKey, AgentStream, Backend, BackendError, Capabilities, Ended, ExitReport, Found, Started, Tail,
    Turn, Work,
};
pub use bridge::{AddressError, Bridge, BridgeAddress, BridgeError, Channel, Dialer, Lease};
pub use docker::{Containers, DockerSettings};
pub use finding::Finding;
pub use pool::{Demand, Warm, size as pool_size};
pub use process::{ProcessSettings, Processes};
pub use runner::{Runner, Settings};
