//! Models with a server, a ledger and a book that a test can look into.

use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use futures_util::future::BoxFuture;
use helix::clock::SystemClock;
use helix::llm::{Limits, LlmSettings, Models, Parts};
use helix_core::Calendar;
use helix_core::egress::{Cloud, Egress, EgressLog, EgressOutcome, Ledger, Privacy, Purpose};
use helix_core::llm::budget::{Amount, Spend, UsageBook};
use helix_core::llm::{Chat, Origin};
use jiff::Timestamp;
use jiff::civil::Date;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// A day on which the preview of Gemini 2.5 is gone.
#[derive(Debug)]
struct Fixed;

impl Calendar for Fixed {
    fn now(&self) -> Timestamp {
        "2026-11-21T12:00:00Z".parse().expect("a time")
    }
}

/// What left, and what it cost.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Host, purpose, class, text, and how it ended.
    pub(crate) left: Mutex<Vec<[String; 5]>>,
    pub(crate) spent: Mutex<Vec<Spend>>,
    pub(crate) before: Mutex<Vec<(Date, Amount)>>,
}

impl EgressLog for Notes {
    fn commit<'a>(&'a self, egress: &'a Egress) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            let mut left = self.left.lock().expect("no panic");
            let (purpose, privacy) = (egress.purpose.as_str().to_owned(), egress.privacy.as_str().to_owned());
            left.push([egress.host.clone(), purpose, privacy, egress.body.expose().clone(), String::new()]);
            Ok((left.len() - 1).to_string())
        })
    }

    fn close<'a>(&'a self, id: &'a str, outcome: &'a EgressOutcome) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let at: usize = id.parse().expect("a number");
            outcome.as_str().clone_into(&mut self.left.lock().expect("no panic")[at][4]);
            Ok(())
        })
    }
}

impl UsageBook for Notes {
    fn add<'a>(&'a self, spend: &'a Spend) -> BoxFuture<'a, Result<(), String>> {
        self.spent.lock().expect("no panic").push(spend.clone());
        Box::pin(async { Ok(()) })
    }

    fn since(&self, _: Date) -> BoxFuture<'_, Result<Vec<(Date, Amount)>, String>> {
        let before = self.before.lock().expect("no panic").clone();
        Box::pin(async { Ok(before) })
    }
}

/// Short enough for tests, long enough for a busy machine.
pub(crate) const LIMITS: Limits =
    Limits { connect: Duration::from_secs(2), idle: Duration::from_secs(1), body_max: 256 * 1024 };

pub(crate) fn models(settings: &LlmSettings) -> (Arc<Models>, Arc<Notes>) {
    static TLS: Once = Once::new();
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let notes = Arc::new(Notes::default());
    let parts = Parts {
        ledger: Some(Ledger::new(notes.clone(), settings.cloud)),
        book: Some(notes.clone()),
        calendar: Arc::new(Fixed),
        clock: SystemClock::start(),
    };
    (Arc::new(Models::with_limits(settings, parts, LIMITS).expect("settings")), notes)
}

pub(crate) fn ollama(url: &str) -> LlmSettings {
    LlmSettings { ollama_url: Some(url.to_owned()), ..LlmSettings::default() }
}

/// The key that no text may ever hold.
pub(crate) const KEY: &str = "AIza-very-secret-80614";

/// Gemini at `url`, with a key, and with leave for public knowledge.
pub(crate) fn gemini(url: &str) -> LlmSettings {
    LlmSettings {
        gemini_url: url.to_owned(),
        gemini_key: Some(SecretString::from(KEY)),
        cloud: Cloud::Public,
        ..LlmSettings::default()
    }
}

/// Linux takes this address for its own loopback; to Helix it lies outside, because it is none of a local network.
pub(crate) fn outside(url: &str) -> String {
    url.replace("127.0.0.1", "0.0.0.0")
}

pub(crate) fn chat(privacy: Privacy) -> Chat {
    Chat::new("Be brief.", "Who won the match?", Origin::addressed(Purpose::Answer, privacy, None))
}

/// A server that answers every request with the same bytes, then goes on with `more` until nobody listens any more.
pub(crate) async fn raw(tasks: &TaskTracker, head: &'static str, more: Option<&'static [u8]>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let mut request = vec![0; 64 * 1024];
                let _ = stream.read(&mut request).await;
                let mut alive = stream.write_all(head.as_bytes()).await.is_ok();
                while let (true, Some(more)) = (alive, more) {
                    if more.is_empty() {
                        // It holds the line and says nothing more.
                        alive = stream.read(&mut request).await.is_ok_and(|len| len > 0);
                    } else {
                        alive = stream.write_all(more).await.is_ok();
                    }
                }
            });
        }
    });
    url
}
