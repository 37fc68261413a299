//! The listener: accepts a bounded number of connections, and ends them in order when the server is stopped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use helix_wyoming::Limits;
use helix_wyoming::describe::Info;
use helix_wyoming::error::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::{Shared, serve};
use super::counters::{Counters, count};
use super::peer::Peer;
use super::voice::Voice;

/// Refused clients that are told why at once; over that, they are only closed.
const REFUSALS_MAX: usize = 16;
/// Pause after a failed accept: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long clients may take to read that the server is being stopped.
const FAREWELL: Duration = Duration::from_millis(500);

/// Bounds of a [`Server`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Connections at once; Home Assistant opens one for each request, and one to describe every 30 s.
    pub connections_max: usize,
    /// Utterances listened to at once.
    pub listens_max: usize,
    /// Longest text to understand or to speak, bytes.
    pub text_len_max: usize,
    /// How long a connection may stay without a request.
    pub idle_limit: Duration,
    /// How long the line may be silent (no audio event) before the audio counts as ended.
    pub silence_limit: Duration,
    /// How long an answer may take; Home Assistant itself would wait for ever.
    pub respond_limit: Duration,
    /// How long a client may take to accept an answer.
    pub write_limit: Duration,
    /// How long open runs may go on once the server is being stopped.
    pub grace: Duration,
    /// Lengths on the wire.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections_max: 64,
            listens_max: 8,
            text_len_max: 64_000,
            idle_limit: Duration::from_secs(30),
            silence_limit: Duration::from_secs(10),
            respond_limit: Duration::from_secs(10),
            write_limit: Duration::from_secs(10),
            grace: Duration::from_secs(2),
            limits: Limits::default(),
        }
    }
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something else listens there.
    #[error(
        "port {} is already used by another program: stop it (`ss -ltnp` shows which), or set another port \
         with `listen`, such as `listen = \"{}:{}\"`",
        address.port(), address.ip(), address.port().wrapping_add(1)
    )]
    PortTaken {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The port is below 1024, and the user is not root.
    #[error("port {} may not be used by this user: set a port from 1024 up with `listen`", address.port())]
    NotAllowed {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address is not one of this machine.
    #[error("{} is not an address of this machine: set `listen` to 0.0.0.0:{}", address.ip(), address.port())]
    NotOurs {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Failed {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        #[allow(clippy::wildcard_enum_match_arm, reason = "the kinds of I/O errors grow")]
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortTaken { address },
            io::ErrorKind::PermissionDenied => Self::NotAllowed { address },
            io::ErrorKind::AddrNotAvailable => Self::NotOurs { address },
            _ => Self::Failed { address, source },
        }
    }
}

/// A bound Wyoming server; [`Server::run`] serves.
pub struct Server<V> {
    listener: TcpListener,
    address: SocketAddr,
    voice: Arc<V>,
    info: watch::Receiver<Arc<Info>>,
    settings: Settings,
    counters: Arc<Counters>,
}

impl<V: Voice> Server<V> {
    /// Takes the port. `describe` is answered with the newest `info`.
    pub async fn bind(
        address: SocketAddr,
        voice: Arc<V>,
        info: watch::Receiver<Arc<Info>>,
        settings: Settings,
    ) -> Result<Self, BindError> {
        let failed = |source| BindError::new(address, source);
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, voice, info, settings, counters: Arc::default() })
    }

    /// The address that is listened on; tells the port when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is counted while the server runs.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Serves until `stop` is cancelled. Then no connection and no run is accepted; open runs have
    /// [`Settings::grace`] to be answered and are told [`Voice::stopping_text`] after it. Returns at most half a
    /// second later, with every connection closed.
    pub async fn run(self, stop: CancellationToken) {
        let Self { listener, address: _, voice, info, settings, counters } = self;
        let shared = Arc::new(Shared {
            voice,
            info,
            settings,
            counters,
            listens: Semaphore::new(settings.listens_max),
            stopping: stop.clone(),
            ending: CancellationToken::new(),
        });
        let mut door = Door::new(Arc::clone(&shared));
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = door.connections.join_next() => report(ended),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => door.admit(stream),
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        door.close(&shared.ending, settings.grace).await;
    }
}

impl<V> std::fmt::Debug for Server<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

struct Door<V> {
    shared: Arc<Shared<V>>,
    connections: JoinSet<()>,
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
}

impl<V: Voice> Door<V> {
    fn new(shared: Arc<Shared<V>>) -> Self {
        let places = Arc::new(Semaphore::new(shared.settings.connections_max));
        Self { shared, connections: JoinSet::new(), places, refusals: Arc::new(Semaphore::new(REFUSALS_MAX)) }
    }

    fn admit(&mut self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "client left at once");
            return;
        }
        let shared = Arc::clone(&self.shared);
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            count(&shared.counters.connections);
            self.connections.spawn(async move {
                let peer = peer(&shared, stream);
                serve(&shared, peer).await;
                drop(place);
            });
            return;
        }
        count(&shared.counters.refused_connections);
        tracing::warn!(code = "busy", connections = shared.settings.connections_max, "connection refused");
        if let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() {
            self.connections.spawn(refuse(shared, stream, place));
        }
    }

    async fn close(mut self, ending: &CancellationToken, grace: Duration) {
        if timeout(grace, drain(&mut self.connections)).await.is_ok() {
            return;
        }
        tracing::info!(open = self.connections.len(), "ending what is still open");
        ending.cancel();
        if timeout(FAREWELL, drain(&mut self.connections)).await.is_err() {
            self.connections.shutdown().await;
        }
    }
}

fn peer<V: Voice>(shared: &Shared<V>, stream: TcpStream) -> Peer {
    Peer::new(stream, shared.settings.limits, shared.settings.write_limit)
}

async fn refuse<V: Voice>(shared: Arc<Shared<V>>, stream: TcpStream, place: OwnedSemaphorePermit) {
    let text = shared.voice.busy_text(None);
    peer(&shared, stream).close_with(Error { text, code: Some("busy".into()) }).await;
    drop(place);
}

async fn drain(connections: &mut JoinSet<()>) {
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection ended by a defect; please report it");
    }
}
