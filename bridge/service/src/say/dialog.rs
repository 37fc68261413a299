//! A short-lived dialogue over Home Assistant's WebSocket: ask, subscribe, send sound.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use helix_core::Clock;
use helix_hass::{Command, Event, Request, RequestError, RequestId, Session, SessionError};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::clock::SystemClock;
use crate::hass::HassConfig;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Why a dialogue ended.
#[derive(Debug, thiserror::Error)]
pub enum DialogError {
    /// Nobody answers there.
    #[error("Home Assistant does not answer at {url} ({reason}); check ha_url and that it is running")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// The token is not accepted.
    #[error("Home Assistant refuses the access token ({0}); make a new one in your Home Assistant profile")]
    TokenRefused(String),
    /// The connection broke.
    #[error("the connection to Home Assistant broke ({0}); say it again once Home Assistant is running")]
    Broken(String),
    /// A request was refused.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The protocol was violated.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// What comes in besides answers.
pub(super) enum News {
    /// A pipeline event.
    Event(Value),
    /// Something else.
    Other,
}

/// An authenticated connection that one caller uses.
pub(super) struct Dialog {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Session,
    clock: SystemClock,
    subscription: Option<RequestId>,
}

impl Dialog {
    pub(super) async fn open(home: &HassConfig, clock: SystemClock) -> Result<Self, DialogError> {
        let url = home.socket_url();
        let unreachable =
            |reason: String| DialogError::Unreachable { url: home.shown_url().to_owned(), reason };
        let (socket, _) = timeout(CONNECT_LIMIT, connect_async(&url))
            .await
            .map_err(|_| unreachable("no answer in 10 s".into()))?
            .map_err(|error| unreachable(error.to_string()))?;
        let session = Session::new(home.access_token().clone(), clock.now());
        let mut dialog = Self { socket, session, clock, subscription: None };
        loop {
            match dialog.event().await? {
                Event::Authenticated { .. } => return Ok(dialog),
                Event::Refused { message } => return Err(DialogError::TokenRefused(message)),
                Event::Answered { .. } | Event::Notified { .. } => {}
            }
        }
    }

    pub(super) async fn ask<C: Command>(&mut self, command: C) -> Result<C::Answer, DialogError> {
        let id = self.session.request(command.into(), ANSWER_LIMIT, self.clock.now())?;
        let answer = self.answer(id).await?;
        C::read(&answer)
            .map_err(|error| DialogError::Broken(format!("an unknown answer to {}: {error}", C::TYPE)))
    }

    pub(super) async fn subscribe(&mut self, request: Request) -> Result<(), DialogError> {
        let id = self.session.subscribe(request, ANSWER_LIMIT, self.clock.now())?;
        self.subscription = Some(id);
        self.answer(id).await.map(|_| ())
    }

    pub(super) async fn send_binary(&mut self, frame: Vec<u8>) -> Result<(), DialogError> {
        self.socket.send(Message::Binary(frame.into())).await.map_err(|e| DialogError::Broken(e.to_string()))
    }

    /// The next pipeline event. Cancel-safe.
    pub(super) async fn news(&mut self) -> Result<News, DialogError> {
        match self.event().await? {
            Event::Notified { subscription, event } if Some(subscription) == self.subscription => {
                let event = serde_json::from_str(event.get());
                event.map(News::Event).map_err(|error| DialogError::Broken(error.to_string()))
            }
            Event::Notified { .. }
            | Event::Answered { .. }
            | Event::Authenticated { .. }
            | Event::Refused { .. } => Ok(News::Other),
        }
    }

    async fn answer(&mut self, wanted: RequestId) -> Result<Box<RawValue>, DialogError> {
        loop {
            if let Event::Answered { id, outcome } = self.event().await?
                && id == wanted
            {
                return Ok(outcome?);
            }
        }
    }

    async fn event(&mut self) -> Result<Event, DialogError> {
        let broken = |reason: String| DialogError::Broken(reason);
        loop {
            while let Some(frame) = self.session.poll_transmit() {
                self.socket.send(Message::text(frame)).await.map_err(|e| broken(e.to_string()))?;
            }
            if let Some(event) = self.session.poll_event() {
                return Ok(event);
            }
            let left = self.session.poll_timeout().saturating_sub(self.clock.now());
            match timeout(left, self.socket.next()).await {
                Err(_elapsed) => self.session.handle_timeout(self.clock.now())?,
                Ok(Some(Ok(Message::Text(text)))) => self.session.handle_text(&text, self.clock.now())?,
                Ok(Some(Ok(Message::Close(_))) | None) => {
                    return Err(broken("Home Assistant closed it".into()));
                }
                Ok(Some(Ok(
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
                ))) => {}
                Ok(Some(Err(error))) => return Err(broken(error.to_string())),
            }
        }
    }
}
