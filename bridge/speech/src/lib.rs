//! .

pub mod ggml;
