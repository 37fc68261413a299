//! Speech: samples brought into shape, and the supervisor of the child process that transcribes them.

#[cfg(feature = "front-end")]
pub mod activity;
#[cfg(feature = "front-end")]
pub mod convert;
#[cfg(feature = "front-end")]
pub mod denoise;
pub mod ggml;
pub mod protocol;
#[cfg(feature = "front-end")]
mod resample;
#[cfg(feature = "supervisor")]
pub mod supervisor;
