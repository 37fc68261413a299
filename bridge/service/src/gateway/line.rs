//! One connection: whoever does not read is given up, and what was handed over is told once it has left.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::handed::Handed;

/// What a connection owes its client: a lease that has not left yet. It is given back if it never does.
#[derive(Debug, Default)]
pub(super) struct Owed(Mutex<Option<Handed>>);

impl Owed {
    pub(super) fn hand_over(&self, lease: Handed) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
    }

    fn has_left(&self) {
        if let Some(lease) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            lease.was_received();
        }
    }
}

/// The bytes of a connection.
pub(super) struct Line<S> {
    stream: S,
    owed: Arc<Owed>,
    write_limit: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> Line<S> {
    pub(super) fn new(stream: S, owed: Arc<Owed>, write_limit: Duration) -> Self {
        Self { stream, owed, write_limit, stuck: None }
    }

    /// An error once nothing could be written for as long as the limit.
    fn in_time<T>(&mut self, wrote: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.stuck = None;
            return wrote;
        }
        let limit = self.write_limit;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(limit)));
        stuck.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(wrote, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        // hyper flushes once it has written a whole answer.
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.owed.has_left();
        }
        self.in_time(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
