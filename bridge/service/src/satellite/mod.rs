//! The Wyoming server: Home Assistant's requests in, transcripts, answers and speech out.
//!
//! One TCP port serves everything; each connection is one plain async function ([`connection`]). What a request
//! means is asked of a [`Voice`], which this module does not know.

mod audio;
mod connection;
mod counters;
mod espeak;
mod listening;
mod peer;
mod responding;
mod server;
mod speaking;
mod voice;

pub use audio::{AudioReceiver, AudioSender, audio_channel};
pub use counters::{Counters, Counts};
pub use espeak::{Espeak, EspeakError};
pub use server::{BindError, Server, Settings};
pub use voice::{HandleReply, HandleRequest, ListenReply, Pcm, SpeakError, SpeakRequest, Spoken, Voice};
