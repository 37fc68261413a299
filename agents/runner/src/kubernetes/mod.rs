//! Kubernetes: the backend that hands attempts in as `AgentTask`s, and the operator that makes Jobs of them.

pub mod api;
mod attempts;
mod backend;
mod cluster;
mod definitions;
mod error;
mod leader;
pub mod network;
pub mod operator;
mod pace;
mod window;

pub use backend::Kubernetes;
pub use cluster::Cluster;
pub use definitions::check as check_definitions;
pub use error::KubernetesError;
pub use leader::lead;
pub use window::window;
