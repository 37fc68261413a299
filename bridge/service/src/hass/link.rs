//! One connection: the socket on one side, requests of handles on the other, a [`Session`] between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use helix_core::Clock;
use helix_core::clock::within;
use helix_core::home::HomeError;
use helix_hass::{Event, Request, RequestError, RequestId, Session, SessionError};
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::client::Shared;
use super::connector::Ended;
use crate::clock::SystemClock;

/// How many requests may wait for the socket's owner; the next one waits with its sender.
pub(super) const ASKS_MAX: usize = 64;
/// What Home Assistant may send in one frame, by its Supervisor's limit.
const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// A socket that takes no bytes for this long is dead.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// A request on its way to the socket's owner.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) request: Request,
    pub(super) limit: Duration,
    /// For a subscription: who reads its events.
    pub(super) topic: Option<Topic>,
    pub(super) reply: Reply,
}

/// Who reads the events of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// The mirror of all states.
    States,
    /// An event after which the home has to be read again.
    Stale,
}

type Reply = oneshot::Sender<Result<Box<RawValue>, RequestError>>;
type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An open connection, owned by one task.
pub(super) struct Link {
    socket: Socket,
    session: Session,
    clock: SystemClock,
    shared: Arc<Shared>,
    /// Rung when the home has to be read again.
    stale: Arc<Notify>,
    waiting: BTreeMap<RequestId, (Option<Topic>, Reply)>,
    topics: BTreeMap<RequestId, Topic>,
    states_known: bool,
}

impl Link {
    /// Opens the socket and authenticates; gives the version of Home Assistant.
    pub(super) async fn open(
        url: &str,
        token: secrecy::SecretString,
        clock: SystemClock,
        shared: Arc<Shared>,
        stale: Arc<Notify>,
    ) -> Result<(Self, String), Ended> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(FRAME_BYTES_MAX))
            .max_frame_size(Some(FRAME_BYTES_MAX));
        let connecting = tokio_tungstenite::connect_async_with_config(url, Some(config), true);
        let (socket, _) = within(&clock, CONNECT_WITHIN, Box::pin(connecting))
            .await
            .ok_or(Ended::Unreachable("it did not answer within 10 s".into()))?
            .map_err(|error| Ended::Unreachable(error.to_string()))?;
        let session = Session::new(token, clock.now());
        let waiting = BTreeMap::new();
        let topics = BTreeMap::new();
        let mut link = Self { socket, session, clock, shared, stale, waiting, topics, states_known: false };
        let version = link.authenticate().await?;
        Ok((link, version))
    }

    async fn authenticate(&mut self) -> Result<String, Ended> {
        loop {
            while let Some(event) = self.session.poll_event() {
                match event {
                    Event::Authenticated { version } => return Ok(version),
                    Event::Refused { .. } => return Err(Ended::Refused(HomeError::TokenRefused)),
                    Event::Answered { .. } | Event::Notified { .. } => {}
                }
            }
            self.send_all().await?;
            self.step(None).await?;
        }
    }

    /// Serves requests until the connection ends; never returns `Ok`.
    pub(super) async fn serve(mut self, mut asks: mpsc::Receiver<Ask>) -> Ended {
        loop {
            self.deliver();
            if let Err(ended) = self.send_all().await {
                return ended;
            }
            if let Err(ended) = self.step(Some(&mut asks)).await {
                return ended;
            }
        }
    }

    /// One input: a frame, a request, or time.
    async fn step(&mut self, asks: Option<&mut mpsc::Receiver<Ask>>) -> Result<(), Ended> {
        let wait = self.session.poll_timeout().saturating_sub(self.clock.now());
        let next_ask = async {
            match asks {
                Some(asks) => asks.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            frame = self.socket.next() => self.take_frame(frame),
            ask = next_ask => ask.map_or(Err(Ended::Stopped), |ask| { self.take_ask(ask); Ok(()) }),
            () = self.clock.sleep(wait) => Ok(self.session.handle_timeout(self.clock.now())?),
        }
    }

    fn take_frame(&mut self, frame: Option<Result<Message, SocketError>>) -> Result<(), Ended> {
        match frame {
            Some(Ok(Message::Text(text))) => Ok(self.session.handle_text(text.as_str(), self.clock.now())?),
            // Pings are answered by the socket itself; Home Assistant sends no binary frames to us.
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(()),
            Some(Ok(Message::Close(_))) | None => Err(Ended::Lost("Home Assistant closed it".into())),
            Some(Err(error)) => Err(Ended::Lost(error.to_string())),
        }
    }

    fn take_ask(&mut self, ask: Ask) {
        let now = self.clock.now();
        let Ask { request, limit, topic, reply } = ask;
        let id = match topic {
            Some(_) => self.session.subscribe(request, limit, now),
            None => self.session.request(request, limit, now),
        };
        match id {
            Ok(id) => _ = self.waiting.insert(id, (topic, reply)),
            Err(error) => {
                let refused =
                    RequestError::Rejected { code: "overloaded".into(), message: error.to_string() };
                // Whoever asked may have given up.
                let _ = reply.send(Err(refused));
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Answered { id, outcome } => {
                    let Some((topic, reply)) = self.waiting.remove(&id) else { continue };
                    if let (Some(topic), Ok(_)) = (topic, &outcome) {
                        self.topics.insert(id, topic);
                    }
                    // Whoever asked may have given up.
                    let _ = reply.send(outcome);
                }
                Event::Notified { subscription, event } => match self.topics.get(&subscription) {
                    Some(Topic::States) => self.apply_states(&event),
                    Some(Topic::Stale) => self.stale.notify_one(),
                    None => {}
                },
                Event::Authenticated { .. } | Event::Refused { .. } => {}
            }
        }
    }

    fn apply_states(&mut self, event: &RawValue) {
        match self.shared.apply_states(event.get(), !self.states_known) {
            Ok(renamed) => {
                if renamed && self.states_known {
                    self.stale.notify_one();
                }
                self.states_known = true;
            }
            Err(error) => {
                tracing::warn!(%error, "Home Assistant sent states in an unknown shape; they are left out");
            }
        }
    }

    async fn send_all(&mut self) -> Result<(), Ended> {
        while let Some(frame) = self.session.poll_transmit() {
            within(&self.clock, SEND_WITHIN, self.socket.send(Message::text(frame)))
                .await
                .ok_or_else(|| Ended::Lost("it takes no bytes any more".into()))?
                .map_err(|error| Ended::Lost(error.to_string()))?;
        }
        Ok(())
    }
}

impl From<SessionError> for Ended {
    fn from(error: SessionError) -> Self {
        Self::Lost(error.to_string())
    }
}
