//! The state of one connection: authentication, ids, requests that wait, subscriptions, liveness.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

use crate::command::{Command, Request};
use crate::wire::{self, Message};

/// How many requests may wait for an answer at once.
pub const PENDING_MAX: usize = 256;
/// Home Assistant gives a client 10 s to authenticate; it gets the same.
const AUTHENTICATE_WITHIN: Duration = Duration::from_secs(10);
/// The same rhythm as the Supervisor's proxy.
const PING_EVERY: Duration = Duration::from_secs(30);
const PONG_WITHIN: Duration = Duration::from_secs(10);

/// Names one request of a session; a subscription is named by the request that opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

/// What happened in a session.
#[derive(Debug)]
pub enum Event {
    /// The token was accepted; from now on requests may be made.
    Authenticated {
        /// Home Assistant's version, such as `2026.11.0`.
        version: String,
    },
    /// The token was refused; Home Assistant closes the connection.
    Refused {
        /// Home Assistant's words.
        message: String,
    },
    /// A request is answered; happens exactly once for each.
    Answered {
        /// The request.
        id: RequestId,
        /// The result as JSON, or why there is none.
        outcome: Result<Box<RawValue>, RequestError>,
    },
    /// A subscription has news.
    Notified {
        /// The request that subscribed.
        subscription: RequestId,
        /// The event as JSON.
        event: Box<RawValue>,
    },
}

/// Why a request has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Home Assistant said no.
    #[error("refused ({code}): {message}")]
    Rejected {
        /// Home Assistant's code, such as `unauthorized` or `invalid_format`.
        code: String,
        /// Home Assistant's words.
        message: String,
    },
    /// There was no answer within the request's limit.
    #[error("no answer within {limit_ms} ms")]
    Timeout {
        /// The limit, milliseconds.
        limit_ms: u32,
    },
}

/// Why a session cannot go on, or a request cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The frame is not a message of Home Assistant.
    #[error("Home Assistant sent a frame that is no message")]
    Malformed(#[source] serde_json::Error),
    /// Home Assistant did not finish authentication in time.
    #[error("Home Assistant did not authenticate within 10 s")]
    AuthenticationTimeout,
    /// Home Assistant did not answer a ping in time.
    #[error("Home Assistant went silent")]
    Silent,
    /// A request before authentication has finished.
    #[error("the connection is not authenticated yet")]
    NotAuthenticated,
    /// [`PENDING_MAX`] requests are waiting.
    #[error("{PENDING_MAX} requests are already waiting for Home Assistant")]
    TooManyPending,
}

#[derive(Serialize)]
struct Ping {}

impl Command for Ping {
    const TYPE: &'static str = "ping";
    type Answer = Value;
}

#[derive(Serialize)]
struct SupportedFeatures {
    features: Features,
}

#[derive(Serialize)]
struct Features {
    coalesce_messages: u8,
}

impl Command for SupportedFeatures {
    const TYPE: &'static str = "supported_features";
    type Answer = Value;
}

#[derive(Serialize)]
struct Unsubscribe {
    subscription: u64,
}

impl Command for Unsubscribe {
    const TYPE: &'static str = "unsubscribe_events";
    type Answer = Value;
}

#[derive(Debug, PartialEq)]
enum Phase {
    Authenticating { until: Duration },
    Ready { ping_at: Duration },
    Refused,
}

#[derive(Debug)]
struct Pending {
    deadline: Duration,
    limit: Duration,
    purpose: Purpose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Answer,
    Subscribe,
    Features,
    Ping,
}

/// The protocol state of one connection; see the crate's documentation for the contract.
pub struct Session {
    token: SecretString,
    phase: Phase,
    last_id: u64,
    pending: BTreeMap<u64, Pending>,
    subscriptions: BTreeSet<u64>,
    transmits: VecDeque<String>,
    events: VecDeque<Event>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("phase", &self.phase)
            .field("last_id", &self.last_id)
            .field("pending", &self.pending.len())
            .field("subscriptions", &self.subscriptions)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A session whose socket was opened at `now`.
    pub fn new(token: SecretString, now: Duration) -> Self {
        Self {
            token,
            phase: Phase::Authenticating { until: now + AUTHENTICATE_WITHIN },
            last_id: 0,
            pending: BTreeMap::new(),
            subscriptions: BTreeSet::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Makes a request that must be answered within `limit`.
    ///
    /// # Errors
    /// [`SessionError::NotAuthenticated`] and [`SessionError::TooManyPending`]; the session stays usable.
    pub fn request(
        &mut self,
        request: Request,
        limit: Duration,
        now: Duration,
    ) -> Result<RequestId, SessionError> {
        self.send(request, Purpose::Answer, limit, now)
    }

    /// Like [`Session::request`]; after a successful answer there are [`Event::Notified`] with the same id.
    ///
    /// # Errors
    /// As [`Session::request`].
    pub fn subscribe(
        &mut self,
        request: Request,
        limit: Duration,
        now: Duration,
    ) -> Result<RequestId, SessionError> {
        self.send(request, Purpose::Subscribe, limit, now)
    }

    /// Ends a subscription; events that are already on their way are dropped.
    ///
    /// # Errors
    /// As [`Session::request`].
    pub fn unsubscribe(
        &mut self,
        subscription: RequestId,
        limit: Duration,
        now: Duration,
    ) -> Result<RequestId, SessionError> {
        self.subscriptions.remove(&subscription.0);
        self.send(Unsubscribe { subscription: subscription.0 }.into(), Purpose::Answer, limit, now)
    }

    /// Takes a text frame of the socket.
    ///
    /// # Errors
    /// [`SessionError::Malformed`]: the connection is of no use any more.
    pub fn handle_text(&mut self, frame: &str, now: Duration) -> Result<(), SessionError> {
        for message in wire::messages(frame).map_err(SessionError::Malformed)? {
            match message.kind.as_str() {
                "auth_required" => self.authenticate(),
                "auth_ok" => self.accept(message.ha_version.unwrap_or_default(), now)?,
                "auth_invalid" => self.refuse(message.reason.unwrap_or_default()),
                "result" | "pong" => self.answer(message),
                "event" => self.notify(&message),
                // Newer message types are none of our business until we ask for them.
                _ => {}
            }
        }
        Ok(())
    }

    /// Lets time pass: requests run out, pings are sent.
    ///
    /// # Errors
    /// [`SessionError::AuthenticationTimeout`] and [`SessionError::Silent`]: the connection is dead.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), SessionError> {
        self.expire(now)?;
        match self.phase {
            Phase::Authenticating { until } if now >= until => Err(SessionError::AuthenticationTimeout),
            Phase::Ready { ping_at } if now >= ping_at => {
                self.phase = Phase::Ready { ping_at: now + PING_EVERY };
                self.send(Ping {}.into(), Purpose::Ping, PONG_WITHIN, now).map(|_| ())
            }
            Phase::Authenticating { .. } | Phase::Ready { .. } | Phase::Refused => Ok(()),
        }
    }

    /// The next frame to send.
    pub fn poll_transmit(&mut self) -> Option<String> {
        self.transmits.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Session::handle_timeout`] wants to be called; may lie in the past.
    pub fn poll_timeout(&self) -> Duration {
        let own = match self.phase {
            Phase::Authenticating { until } => until,
            Phase::Ready { ping_at } => ping_at,
            Phase::Refused => Duration::MAX,
        };
        self.pending.values().map(|p| p.deadline).fold(own, Duration::min)
    }

    fn authenticate(&mut self) {
        if matches!(self.phase, Phase::Authenticating { .. }) {
            let frame = json!({"type": "auth", "access_token": self.token.expose_secret()});
            self.transmits.push_back(frame.to_string());
        }
    }

    fn accept(&mut self, version: String, now: Duration) -> Result<(), SessionError> {
        if !matches!(self.phase, Phase::Authenticating { .. }) {
            return Ok(());
        }
        self.phase = Phase::Ready { ping_at: now + PING_EVERY };
        let features = SupportedFeatures { features: Features { coalesce_messages: 1 } };
        self.send(features.into(), Purpose::Features, AUTHENTICATE_WITHIN, now)?;
        self.events.push_back(Event::Authenticated { version });
        Ok(())
    }

    fn refuse(&mut self, message: String) {
        self.phase = Phase::Refused;
        self.events.push_back(Event::Refused { message });
    }

    fn send(
        &mut self,
        request: Request,
        purpose: Purpose,
        limit: Duration,
        now: Duration,
    ) -> Result<RequestId, SessionError> {
        if !matches!(self.phase, Phase::Ready { .. }) {
            return Err(SessionError::NotAuthenticated);
        }
        // The session's own pings must go out even when the caller has used every place.
        if self.pending.len() >= PENDING_MAX && matches!(purpose, Purpose::Answer | Purpose::Subscribe) {
            return Err(SessionError::TooManyPending);
        }
        self.last_id += 1;
        self.transmits.push_back(request.into_frame(self.last_id));
        self.pending.insert(self.last_id, Pending { deadline: now.saturating_add(limit), limit, purpose });
        Ok(RequestId(self.last_id))
    }

    fn answer(&mut self, message: Message<'_>) {
        let Some((id, pending)) = message.id.and_then(|id| self.pending.remove_entry(&id)) else {
            return; // The answer to a request whose time has run out.
        };
        let succeeded = message.success || message.kind == "pong";
        match pending.purpose {
            Purpose::Features | Purpose::Ping => return,
            Purpose::Subscribe if succeeded => _ = self.subscriptions.insert(id),
            Purpose::Subscribe | Purpose::Answer => {}
        }
        let outcome = if succeeded {
            Ok(message.result.map_or_else(|| RawValue::NULL.to_owned(), ToOwned::to_owned))
        } else {
            let (code, message) = message.error.map_or(("unknown_error".into(), String::new()), |e| {
                (e.code.into(), without_request(e.message))
            });
            Err(RequestError::Rejected { code, message })
        };
        self.events.push_back(Event::Answered { id: RequestId(id), outcome });
    }

    fn notify(&mut self, message: &Message<'_>) {
        let (Some(id), Some(event)) = (message.id, message.event) else { return };
        if self.subscriptions.contains(&id) {
            let event = event.to_owned();
            self.events.push_back(Event::Notified { subscription: RequestId(id), event });
        }
    }

    fn expire(&mut self, now: Duration) -> Result<(), SessionError> {
        let due: Vec<u64> =
            self.pending.iter().filter(|(_, p)| p.deadline <= now).map(|(id, _)| *id).collect();
        for id in due {
            let Some(pending) = self.pending.remove(&id) else { continue };
            match pending.purpose {
                Purpose::Ping | Purpose::Features => return Err(SessionError::Silent),
                Purpose::Answer | Purpose::Subscribe => {
                    let limit_ms = u32::try_from(pending.limit.as_millis()).unwrap_or(u32::MAX);
                    let outcome = Err(RequestError::Timeout { limit_ms });
                    self.events.push_back(Event::Answered { id: RequestId(id), outcome });
                }
            }
        }
        Ok(())
    }
}

/// Home Assistant repeats a request that it cannot read (`… Got {'text': …}`); what people say must not come
/// back in an error.
fn without_request(mut message: String) -> String {
    if let Some(at) = message.find(" Got ") {
        message.truncate(at);
    }
    message
}
