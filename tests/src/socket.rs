//! A client of Home Assistant's WebSocket that shares no code with the bridge: requests, subscriptions, sound.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::time::now;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;
/// What a subscription tells, and when it came in.
pub type Events = mpsc::Receiver<(Duration, Value)>;

/// A test looks at its events long before there are so many.
const EVENTS_MAX: usize = 16 << 10;
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

enum Order {
    Ask {
        body: Value,
        answer: oneshot::Sender<Result<Value>>,
        events: Option<mpsc::Sender<(Duration, Value)>>,
    },
    Sound(Vec<u8>),
}

/// A connection as the owner of the home; it ends when dropped.
#[derive(Debug)]
pub struct Socket {
    orders: mpsc::Sender<Order>,
    _tasks: JoinSet<()>,
}

impl Socket {
    /// Connects and authenticates.
    ///
    /// # Errors
    /// Nobody is there, or the token is not accepted.
    pub async fn open(url: &str, token: &str) -> Result<Self> {
        let (mut stream, _) =
            connect_async(format!("{}/api/websocket", url.replacen("http", "ws", 1))).await?;
        stream.next().await.context("auth_required")??;
        stream.send(text(&json!({"type": "auth", "access_token": token}))).await?;
        let answer = stream.next().await.context("the answer to auth")??.into_text()?;
        if !answer.contains("auth_ok") {
            bail!("Home Assistant refuses the token: {answer}");
        }
        let (orders, inbox) = mpsc::channel(64);
        let mut tasks = JoinSet::new();
        tasks.spawn(Actor { stream, inbox, id: 0, asked: BTreeMap::new(), told: BTreeMap::new() }.run());
        Ok(Self { orders, _tasks: tasks })
    }

    /// Asks and waits for the result.
    ///
    /// # Errors
    /// Home Assistant refuses, or the connection is gone.
    pub async fn ask(&self, body: Value) -> Result<Value> {
        self.order(body, None).await
    }

    /// Subscribes.
    ///
    /// # Errors
    /// As [`Socket::ask`].
    pub async fn subscribe(&self, body: Value) -> Result<Events> {
        let (events, receiver) = mpsc::channel(EVENTS_MAX);
        self.order(body, Some(events)).await?;
        Ok(receiver)
    }

    /// Sends one binary frame.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn sound(&self, frame: Vec<u8>) -> Result<()> {
        self.orders.send(Order::Sound(frame)).await.map_err(|_| anyhow!("the connection is gone"))
    }

    async fn order(&self, body: Value, events: Option<mpsc::Sender<(Duration, Value)>>) -> Result<Value> {
        let (answer, answered) = oneshot::channel();
        let kind = body["type"].to_string();
        self.orders
            .send(Order::Ask { body, answer, events })
            .await
            .map_err(|_| anyhow!("the connection is gone"))?;
        tokio::time::timeout(ANSWER_LIMIT, answered)
            .await
            .with_context(|| format!("no answer to {kind}"))?
            .context("the connection is gone")?
            .with_context(|| format!("{kind} failed"))
    }
}

struct Actor {
    stream: Stream,
    inbox: mpsc::Receiver<Order>,
    id: u64,
    asked: BTreeMap<u64, oneshot::Sender<Result<Value>>>,
    told: BTreeMap<u64, mpsc::Sender<(Duration, Value)>>,
}

impl Actor {
    async fn run(mut self) {
        loop {
            let goes_on = tokio::select! {
                order = self.inbox.recv() => match order {
                    Some(order) => self.send(order).await,
                    None => return,
                },
                message = self.stream.next() => match message {
                    Some(Ok(Message::Text(text))) => self.take(&text),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => Ok(()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                },
            };
            if goes_on.is_err() {
                return;
            }
        }
    }

    async fn send(&mut self, order: Order) -> Result<()> {
        let message = match order {
            Order::Sound(frame) => Message::binary(frame),
            Order::Ask { mut body, answer, events } => {
                self.id += 1;
                body["id"] = self.id.into();
                self.asked.insert(self.id, answer);
                if let Some(events) = events {
                    self.told.insert(self.id, events);
                }
                text(&body)
            }
        };
        Ok(self.stream.send(message).await?)
    }

    fn take(&mut self, text: &str) -> Result<()> {
        let message: Value = serde_json::from_str(text)?;
        let id = message["id"].as_u64().unwrap_or_default();
        if message["type"] == "event" {
            // A receiver that was dropped, or that nobody empties, loses events and nothing else.
            if let Some(events) = self.told.get(&id) {
                let _ = events.try_send((now(), message["event"].clone()));
            }
        } else if let Some(answer) = self.asked.remove(&id) {
            let result = if message["success"] == true || message["type"] == "pong" {
                Ok(message["result"].clone())
            } else {
                Err(anyhow!("{}", message["error"]))
            };
            let _ = answer.send(result);
        }
        Ok(())
    }
}

fn text(body: &Value) -> Message {
    Message::text(body.to_string())
}
