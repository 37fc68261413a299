//! One utterance: audio of the client in, a transcript out, as soon as the utterance is over.

use helix_speech::convert::Unsupported;
use helix_wyoming::Event;
use helix_wyoming::asr::{Transcribe, Transcript};
use helix_wyoming::error::Error;
use helix_wyoming::ping::Pong;
use tokio::time::sleep;

use super::audio::{AudioSender, audio_channel};
use super::connection::{Ended, Shared, describe, language, unless_ended};
use super::counters::count;
use super::peer::{Gone, Incoming, Peer};
use super::voice::{ListenReply, Voice};

enum FeedEnd {
    Ended(Ended),
    Unsupported(Unsupported),
}

impl From<Ended> for FeedEnd {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

/// Answers `transcribe`.
pub(super) async fn listen<V: Voice>(
    shared: &Shared<V>,
    peer: &mut Peer,
    request: Transcribe,
) -> Result<(), Gone> {
    let spoken = language(request.language.as_deref());
    let Ok(_permit) = shared.listens.try_acquire() else {
        count(&shared.counters.busy_listens);
        return peer.send(error("busy", shared.voice.busy_text(spoken.as_ref()))).await;
    };
    count(&shared.counters.listens);
    let (sender, receiver) = audio_channel();
    let run = shared.voice.listen(receiver, spoken.clone());
    let answer = match unless_ended(shared, run, feed(shared, peer, sender)).await {
        Ok(ListenReply::Text(text)) => Transcript { text, language: request.language, context: None }.into(),
        Ok(ListenReply::Failed { code, text }) => error(code, text),
        Err(FeedEnd::Unsupported(format)) => error(format.code(), format.to_string()),
        Err(FeedEnd::Ended(Ended::Stopped)) => error("stopping", shared.voice.stopping_text(spoken.as_ref())),
        Err(FeedEnd::Ended(Ended::Gone(gone))) => return Err(gone),
    };
    peer.send(answer).await
}

/// Passes audio on until the client, or silence on the line, ends it; then watches the client.
async fn feed<V: Voice>(shared: &Shared<V>, peer: &mut Peer, mut sender: AudioSender) -> FeedEnd {
    let limit = shared.settings.silence_limit;
    let mut silence = std::pin::pin!(sleep(limit));
    loop {
        let incoming = tokio::select! {
            incoming = peer.next() => incoming,
            () = &mut silence => break,
        };
        let passed = match incoming {
            Ok(Incoming::Audio(chunk)) => {
                if let Err(unsupported) = sender.send(chunk.format, &chunk.audio).await {
                    return FeedEnd::Unsupported(unsupported);
                }
                silence.set(sleep(limit));
                Ok(())
            }
            Ok(Incoming::AudioEnd) => break,
            Ok(request) if request.is_run() => {
                peer.hold(request);
                break;
            }
            Ok(incoming) => aside(shared, peer, incoming).await,
            Err(gone) => Err(gone),
        };
        if let Err(gone) = passed {
            return Ended::Gone(gone).into();
        }
    }
    sender.finish().await;
    watch(shared, peer).await.into()
}

/// Watches a client that waits for its answer. Another request waits until it is its turn.
pub(super) async fn watch<V: Voice>(shared: &Shared<V>, peer: &mut Peer) -> Ended {
    loop {
        let passed = match peer.next().await {
            Ok(request) if request.is_run() => {
                peer.hold(request);
                std::future::pending().await
            }
            Ok(incoming) => aside(shared, peer, incoming).await,
            Err(gone) => Err(gone),
        };
        if let Err(gone) = passed {
            return Ended::Gone(gone);
        }
    }
}

/// What is answered at once while a run is open.
async fn aside<V: Voice>(shared: &Shared<V>, peer: &mut Peer, incoming: Incoming) -> Result<(), Gone> {
    match incoming {
        Incoming::Describe => describe(shared, peer).await,
        Incoming::Ping(ping) => peer.send(Pong { text: ping.text }).await,
        Incoming::Listen(_)
        | Incoming::Respond(_)
        | Incoming::Speak(_)
        | Incoming::SpeakStart(_)
        | Incoming::Audio(_)
        | Incoming::AudioEnd
        | Incoming::SpeakPiece(_)
        | Incoming::SpeakEnd
        | Incoming::Other => Ok(()),
    }
}

fn error(code: &str, text: String) -> Event {
    Error { text, code: Some(code.into()) }.into()
}
