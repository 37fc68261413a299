//! The Wyoming protocol, sans-IO: bytes in, typed events out, and back.
//!
//! [`frame`] cuts a byte stream into [`Frame`]s and bounds every length; it knows nothing of voice and serves
//! as the framing of other streams too. [`event`] gives the frames of the protocol types, one file per service.
//!
//! ```
//! use helix_wyoming::{Decoder, Event, Limits, ping::Pong};
//!
//! let mut decoder = Decoder::new(Limits::default());
//! decoder.push(b"{\"type\":\"ping\",\"version\":\"1.10.2\",\"data_length\":14}\n{\"text\":\"one\"}");
//! while let Some(frame) = decoder.next_frame()? {
//!     if let Event::Ping(ping) = Event::parse(frame)? {
//!         let answer: Vec<u8> = Event::from(Pong { text: ping.text }).encode();
//!         assert!(answer.starts_with(b"{\"type\":\"pong\""));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs)]

pub mod asr;
pub mod audio;
pub mod describe;
pub mod error;
pub mod event;
pub mod frame;
pub mod handle;
pub mod ping;
pub mod satellite;
pub mod tts;

pub use event::{Event, EventError};
pub use frame::{DecodeError, Decoder, Frame, Limits, encode, encode_into};
