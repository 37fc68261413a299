//! Speech: samples brought into shape, and the supervisor of the child process that transcribes them.

pub mod ggml;
pub mod protocol;
#[cfg(feature = "supervisor")]
pub mod supervisor;
