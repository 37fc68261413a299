//! Names, a ledger and servers that a test can look into.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use futures_util::future::BoxFuture;
use helix::clock::SystemClock;
use helix::web::{AddressPolicy, Names, PageLimits, PageReader};
use helix_core::egress::{Cloud, Egress, EgressLog, EgressOutcome, Ledger, Privacy, Purpose};
use helix_core::llm::Origin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// What left: host, purpose, class, text, and how it ended.
#[derive(Debug, Default)]
pub(crate) struct Notes(pub(crate) Mutex<Vec<[String; 5]>>);

impl Notes {
    pub(crate) fn left(&self) -> Vec<[String; 5]> {
        self.0.lock().expect("no panic").clone()
    }
}

impl EgressLog for Notes {
    fn commit<'a>(&'a self, egress: &'a Egress) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            let mut left = self.0.lock().expect("no panic");
            let (purpose, privacy) = (egress.purpose.as_str().to_owned(), egress.privacy.as_str().to_owned());
            left.push([egress.host.clone(), purpose, privacy, egress.body.expose().clone(), String::new()]);
            Ok((left.len() - 1).to_string())
        })
    }

    fn close<'a>(&'a self, id: &'a str, outcome: &'a EgressOutcome) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let at: usize = id.parse().expect("a number");
            outcome.as_str().clone_into(&mut self.0.lock().expect("no panic")[at][4]);
            Ok(())
        })
    }
}

/// Answers of names, one list after the other; the last one stays.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    of: Mutex<BTreeMap<String, Vec<Vec<SocketAddr>>>>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Answers {
    pub(crate) fn name(&self, host: &str, answers: &[&[SocketAddr]]) {
        let answers = answers.iter().rev().map(|answer| answer.to_vec()).collect();
        self.of.lock().expect("no panic").insert(host.to_owned(), answers);
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

impl Names for Answers {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            self.asked.lock().expect("no panic").push(host.to_owned());
            let mut of = self.of.lock().expect("no panic");
            let answers = of.get_mut(host).ok_or_else(|| io::Error::other("no such name"))?;
            let answer = if answers.len() > 1 { answers.pop() } else { answers.last().cloned() };
            let with_port = |mut address: SocketAddr| {
                if address.port() == 0 {
                    address.set_port(port);
                }
                address
            };
            Ok(answer.unwrap_or_default().into_iter().map(with_port).collect())
        })
    }
}

/// Short enough for tests, long enough for a busy machine.
pub(crate) const LIMITS: PageLimits =
    PageLimits { whole: Duration::from_secs(10), redirects: 5, body_max: 256 * 1024, text_max: 16 * 1024 };

/// What a reader needs, and what can be seen of it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) names: Arc<Answers>,
    pub(crate) notes: Arc<Notes>,
    pub(crate) ledger: Ledger,
}

pub(crate) fn place(cloud: Cloud) -> Place {
    static TLS: Once = Once::new();
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let notes = Arc::new(Notes::default());
    Place { names: Arc::default(), ledger: Ledger::new(notes.clone(), cloud), notes }
}

impl Place {
    /// A reader that reaches the internet and, by way of exception, these servers of the test.
    pub(crate) fn reader(&self, exceptions: &[SocketAddr], limits: PageLimits) -> PageReader {
        let policy = exceptions.iter().fold(AddressPolicy::default(), |policy, at| policy.with_exactly(*at));
        let ledger = Some(self.ledger.clone());
        PageReader::new(self.names.clone(), policy, ledger, limits, SystemClock::start())
    }
}

pub(crate) fn origin(privacy: Privacy) -> Origin {
    Origin::addressed(Purpose::Task, privacy, None)
}

/// A server that answers each request with what `answer` makes of its path, byte by byte as it is.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    _tasks: TaskTracker,
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (tasks, seen, answer) = (TaskTracker::new(), Arc::clone(&requests), Arc::new(answer));
        let serving = tasks.clone();
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                serving.spawn(async move {
                    let mut head = Vec::new();
                    let mut buffer = [0; 4096];
                    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
                        match stream.read(&mut buffer).await {
                            Ok(read) if read > 0 => head.extend_from_slice(&buffer[..read]),
                            _ => return,
                        }
                    }
                    let head = String::from_utf8_lossy(&head).into_owned();
                    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    seen.lock().expect("no panic").push(head);
                    // Who asked may have gone away.
                    let _ = stream.write_all(&answer(&path)).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { address, requests, _tasks: tasks }
    }

    /// The heads of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

/// An answer with a type and a body.
pub(crate) fn answered(content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// An answer that sends elsewhere.
pub(crate) fn elsewhere(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .into_bytes()
}
