//! Home Assistant's WebSocket protocol without a socket: text frames go in, text frames and events come out.
//!
//! # Contract of [`Session`]
//!
//! One [`Session`] is one connection. It owns no socket, no clock and no task. Whoever owns the
//! socket hands it every text frame and the time, and after each call takes everything out again:
//!
//! ```
//! use std::time::Duration;
//! use helix_hass::{Event, Session, config::GetConfig};
//!
//! # fn main() -> Result<(), helix_hass::SessionError> {
//! // Stands for the socket: what Home Assistant sends, and what was sent to it.
//! let mut frames = vec![
//!     r#"{"type":"auth_required","ha_version":"2026.11.0"}"#,
//!     r#"{"type":"auth_ok","ha_version":"2026.11.0"}"#,
//!     r#"[{"id":1,"type":"result","success":true,"result":null}]"#,
//!     r#"{"id":2,"type":"result","success":true,"result":{"version":"2026.11.0","language":"en",
//!         "location_name":"Home","time_zone":"UTC","state":"RUNNING","components":[]}}"#,
//! ].into_iter();
//! let mut now = Duration::ZERO;
//!
//! let mut session = Session::new("token".into(), now);
//! let mut state = None;
//! while state.is_none() {
//!     // 1. One input: a frame, or the time that `poll_timeout` named.
//!     match frames.next() {
//!         Some(frame) => session.handle_text(frame, now)?,
//!         None => {
//!             now = session.poll_timeout();
//!             session.handle_timeout(now)?;
//!         }
//!     }
//!     // 2. Everything that happened.
//!     while let Some(event) = session.poll_event() {
//!         match event {
//!             Event::Authenticated { .. } => {
//!                 session.request(GetConfig {}.into(), Duration::from_secs(5), now)?;
//!             }
//!             Event::Answered { outcome, .. } => {
//!                 state = Some(GetConfig::read(&outcome.expect("accepted")).expect("readable").state);
//!             }
//!             Event::Refused { message } => panic!("{message}"),
//!             Event::Notified { .. } => {}
//!         }
//!     }
//!     // 3. Everything that has to be sent, in order.
//!     while let Some(frame) = session.poll_transmit() {
//!         println!("-> {frame}");
//!     }
//! }
//! assert_eq!(state.as_deref(), Some("RUNNING"));
//! # Ok(())
//! # }
//! # use helix_hass::Command;
//! ```
//!
//! * An `Err` of `handle_text` or `handle_timeout` ends the connection: close the socket and begin with a new
//!   session. An `Err` of `request` and its kin concerns that request alone.
//! * At most [`PENDING_MAX`] requests wait for an answer; the next one is refused.
//! * Every request is answered exactly once: by Home Assistant, or by its own time limit.
//! * The length of a frame is bounded by the socket (64 MiB is what Home Assistant may send), the
//!   depth of JSON by `serde_json` (128 levels). No input makes a session panic.
//!
//! # Commands
//!
//! A [`Command`] is a typed request with a typed answer; they are grouped by topic. Answers ignore
//! fields that they do not know, so that a newer Home Assistant can be read.

#![warn(missing_docs)]

mod command;
mod session;
mod wire;

pub mod config;
pub mod conversation;
pub mod entries;
pub mod exposure;
pub mod fuzzing;
pub mod pipeline;
pub mod registry;
pub mod service;
pub mod states;

pub use command::{Command, Request, RequestShapeError};
pub use session::{Event, PENDING_MAX, RequestError, RequestId, Session, SessionError};
pub use states::{State, States};
