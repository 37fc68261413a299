//! Reads standard input on a thread of its own, so that a cancellation is seen in mid-decode.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use helix_speech::protocol::{Decode, DecodeId, FailureCode, Load, MessageError, Order, Reader};

use crate::engine::Fatal;

/// Decodes that may wait here. The bridge sends one at a time, and the next one at once after a cancellation.
const WAITING_MAX: usize = 2;

/// Time that a decode gets to end after standard input did: well above one node of the largest model's graph.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Which decodes are no longer wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancellation {
    /// Every decode below this number.
    wanted_from: Arc<AtomicU64>,
}

impl Cancellation {
    /// Whether this decode is to be stopped.
    pub(crate) fn covers(&self, id: DecodeId) -> bool {
        id.0 < self.wanted_from.load(Ordering::Relaxed)
    }

    fn cancel(&self, id: DecodeId) {
        self.wanted_from.fetch_max(id.0.saturating_add(1), Ordering::Relaxed);
    }

    fn cancel_all(&self) {
        self.wanted_from.store(u64::MAX, Ordering::Relaxed);
    }
}

/// The orders in the order in which they came, but for cancellations, which take effect at once.
#[derive(Debug)]
pub(crate) struct Orders {
    waiting: Receiver<Result<Order, MessageError>>,
}

impl Orders {
    /// Starts to read.
    pub(crate) fn listen() -> (Self, Cancellation) {
        let (sender, waiting) = sync_channel(WAITING_MAX);
        let cancellation = Cancellation::default();
        let seen = cancellation.clone();
        std::thread::spawn(move || {
            read(&sender, &seen);
            drop(sender);
            seen.cancel_all();
            // Not even a decode that hangs outlives the bridge.
            std::thread::sleep(LAST_WORDS);
            std::process::exit(1);
        });
        (Self { waiting }, cancellation)
    }

    /// The first message, which must be a load; `None` if the input ended.
    pub(crate) fn first_load(&self) -> Result<Option<Load>, Fatal> {
        match self.next()? {
            Some(Order::Load(load)) => Ok(Some(load)),
            Some(Order::Decode(_) | Order::Cancel(_)) => Err(broken("the first message must be load")),
            None => Ok(None),
        }
    }

    /// The next decode; `None` if the input ended.
    pub(crate) fn next_decode(&self) -> Result<Option<Decode>, Fatal> {
        match self.next()? {
            Some(Order::Decode(decode)) => Ok(Some(decode)),
            Some(Order::Load(_) | Order::Cancel(_)) => Err(broken("a model is loaded already")),
            None => Ok(None),
        }
    }

    fn next(&self) -> Result<Option<Order>, Fatal> {
        match self.waiting.recv() {
            Ok(Ok(order)) => Ok(Some(order)),
            Ok(Err(error)) => Err(broken(&error.to_string())),
            Err(_ended) => Ok(None),
        }
    }
}

fn broken(why: &str) -> Fatal {
    Fatal {
        code: FailureCode::ProtocolBroken,
        what: format!("Standard input holds no orders of the bridge: {why}."),
        remedy: "helix-stt is not started by hand: use `helix transcribe FILE`.".into(),
    }
}

fn read(sender: &SyncSender<Result<Order, MessageError>>, cancellation: &Cancellation) {
    let mut input = std::io::stdin().lock();
    let mut reader = Reader::default();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        match reader.next_message() {
            Ok(Some(Order::Cancel(cancel))) => cancellation.cancel(cancel.id),
            Ok(Some(order)) => {
                if sender.send(Ok(order)).is_err() {
                    return;
                }
            }
            Ok(None) => match input.read(&mut bytes) {
                Ok(0) | Err(_) => return,
                Ok(len) => reader.push(&bytes[..len]),
            },
            Err(error) => {
                // The other side may be gone already; then there is nobody to tell.
                let _ = sender.send(Err(error));
                return;
            }
        }
    }
}
