//! One connection, from its first event to its end.

use std::sync::Arc;

use helix_core::Language;
use helix_wyoming::Event;
use helix_wyoming::describe::Info;
use helix_wyoming::ping::Pong;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::counters::{Counters, count};
use super::peer::{Gone, Incoming, Peer};
use super::server::Settings;
use super::voice::Voice;
use super::{listening, responding, speaking};

/// What all connections of a server share.
pub(super) struct Shared<V> {
    pub(super) voice: Arc<V>,
    pub(super) info: watch::Receiver<Arc<Info>>,
    pub(super) settings: Settings,
    pub(super) counters: Arc<Counters>,
    /// One permit for each utterance that may be listened to at once.
    pub(super) listens: Semaphore,
    /// No new runs.
    pub(super) stopping: CancellationToken,
    /// The grace period is over: open runs are ended.
    pub(super) ending: CancellationToken,
}

/// Serves one client until it goes away, sends garbage, or asks nothing for too long.
pub(super) async fn serve<V: Voice>(shared: &Shared<V>, mut peer: Peer) {
    let gone = requests(shared, &mut peer).await;
    let Some(gone) = gone else { return };
    tracing::debug!(reason = %gone, "connection over");
    if let Some(farewell) = gone.farewell() {
        count(&shared.counters.malformed_streams);
        peer.close_with(farewell).await;
    }
}

/// `None` if the server ended the connection.
async fn requests<V: Voice>(shared: &Shared<V>, peer: &mut Peer) -> Option<Gone> {
    loop {
        let request = tokio::select! {
            biased;
            () = shared.stopping.cancelled() => return None,
            request = timeout(shared.settings.idle_limit, next_request(peer)) => request.ok()?,
        };
        let served = match request {
            Ok(request) => serve_request(shared, peer, request).await,
            Err(gone) => Err(gone),
        };
        if let Err(gone) = served {
            return Some(gone);
        }
    }
}

/// The next event that asks for something. Audio after the end of an utterance asks for nothing: a client that
/// sends it for ever still counts as idle.
async fn next_request(peer: &mut Peer) -> Result<Incoming, Gone> {
    loop {
        let incoming = peer.next().await?;
        if incoming.is_run() || matches!(incoming, Incoming::Describe | Incoming::Ping(_)) {
            return Ok(incoming);
        }
    }
}

async fn serve_request<V: Voice>(shared: &Shared<V>, peer: &mut Peer, request: Incoming) -> Result<(), Gone> {
    match request {
        Incoming::Describe => describe(shared, peer).await,
        Incoming::Ping(ping) => peer.send(Pong { text: ping.text }).await,
        Incoming::Listen(request) => listening::listen(shared, peer, request).await,
        Incoming::Respond(request) => responding::respond(shared, peer, request).await,
        Incoming::Speak(request) => speaking::speak(shared, peer, request).await,
        Incoming::SpeakStart(request) => speaking::speak_pieces(shared, peer, request).await,
        Incoming::Audio(_)
        | Incoming::AudioEnd
        | Incoming::SpeakPiece(_)
        | Incoming::SpeakEnd
        | Incoming::Other => Ok(()),
    }
}

pub(super) async fn describe<V: Voice>(shared: &Shared<V>, peer: &mut Peer) -> Result<(), Gone> {
    let info = Info::clone(&shared.info.borrow());
    peer.send(Event::Info(info)).await
}

/// Why a run was given up.
pub(super) enum Ended {
    Gone(Gone),
    /// The server is being stopped.
    Stopped,
}

/// The result of `run`, unless the client or the server ends first. `watch` reads on from the client meanwhile,
/// and never completes while all is well.
pub(super) async fn unless_ended<V, T, E: From<Ended>>(
    shared: &Shared<V>,
    run: impl Future<Output = T>,
    watch: impl Future<Output = E>,
) -> Result<T, E> {
    let result = tokio::select! {
        biased;
        value = run => Ok(value),
        ended = watch => Err(ended),
        () = shared.ending.cancelled() => Err(Ended::Stopped.into()),
    };
    if result.is_err() {
        count(&shared.counters.cancelled_runs);
    }
    result
}

/// A language tag that came over the wire, if it is one.
pub(super) fn language(tag: Option<&str>) -> Option<Language> {
    tag.and_then(Language::parse)
}
