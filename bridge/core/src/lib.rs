//! What happens to one utterance: listen, transcribe, route, act, reply.
//!
//! Pure: no socket, file, environment or wall clock. The world comes in through ports
//! ([`Home`], [`Recognizer`], [`VoiceActivity`], [`Clock`]) that the service implements.

pub mod clock;
pub mod home;
pub mod id;
pub mod language;
pub mod pii;
pub mod transcribe;

pub use clock::Clock;
pub use home::Home;
pub use id::{AreaId, DeviceId, EntityId, UtteranceId};
pub use language::Language;
pub use pii::Pii;
pub use transcribe::{Recognizer, VoiceActivity};
