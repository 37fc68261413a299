//! What happens to one utterance: listen, transcribe, route, act, reply.
//!
//! Pure: no socket, file, environment or wall clock. The world comes in through ports
//! ([`Home`], [`Recognizer`], [`VoiceActivity`], [`Clock`], [`listen::AudioSource`]) that the service implements.

pub mod act;
pub mod clock;
pub mod converse;
pub mod delay;
pub mod delegate;
pub mod dialogue;
pub mod draft;
pub mod egress;
pub mod home;
pub mod id;
mod inquire;
pub mod language;
pub mod listen;
pub mod llm;
pub mod pii;
pub mod pipeline;
pub mod repair;
pub mod reply;
pub mod request;
mod resolve;
pub mod route;
pub mod runs;
pub mod shortcut;
pub mod transcribe;

pub use clock::{Calendar, Clock};
pub use home::Home;
pub use id::{AreaId, DeviceId, EntityId, FloorId, UtteranceId};
pub use language::Language;
pub use pii::Pii;
pub use transcribe::{Recognizer, VoiceActivity};
