//! The listener: lets in who may, as many as there are places, each for a bounded time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use helix_core::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use super::peers::Peers;
use crate::clock::SystemClock;
use crate::metrics::Metrics;

/// Pause after a failed accept: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Who is turned away is named in the log at most this often.
const NAME_EVERY: Duration = Duration::from_mins(1);

/// The door of the server.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) peers: Peers,
    pub(super) places: Arc<Semaphore>,
    /// How long a connection may last.
    pub(super) stay_limit: Duration,
    pub(super) clock: SystemClock,
    pub(super) metrics: Metrics,
    pub(super) named: Option<Duration>,
}

impl Door {
    fn turn_away(&mut self, peer: SocketAddr) {
        self.metrics.count("bridge_agent_refusals_total", &[("code", "peer")]);
        let now = self.clock.now();
        if self.named.is_none_or(|at| now.saturating_sub(at) >= NAME_EVERY) {
            self.named = Some(now);
            tracing::warn!(
                code = "agent-peer",
                peer = %peer.ip(),
                "the second agent turned away somebody who is not Home Assistant; if it was, set second_agent_from to that address"
            );
        }
    }
}

impl Listener for Door {
    type Io = Visitor;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, peer) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if !self.peers.admit(peer.ip()).await {
                self.turn_away(peer);
                continue;
            }
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                self.metrics.count("bridge_agent_refusals_total", &[("code", "busy")]);
                continue;
            };
            if stream.set_nodelay(true).is_ok() {
                return (Visitor::new(stream, place, self.stay_limit), peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that ends by itself: neither a slow request nor a slow reader keeps its place for long.
pub(super) struct Visitor {
    stream: TcpStream,
    leaves: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Visitor {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit, stay_limit: Duration) -> Self {
        Self { stream, leaves: Box::pin(sleep(stay_limit)), _place: place }
    }

    fn has_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.leaves.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Visitor {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.has_time(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Visitor {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.has_time(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
