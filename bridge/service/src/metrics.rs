//! `/metrics` in Prometheus' text form; off unless an address is configured.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A request is answered within this time or dropped; one at a time.
const REQUEST_LIMIT: Duration = Duration::from_secs(2);

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be served at {address}: {source}; choose another `metrics_listen`")]
pub struct MetricsError {
    address: SocketAddr,
    source: std::io::Error,
}

type Labels = Vec<(&'static str, &'static str)>;

/// Counters since the start. Labels are stages, routes and codes, never what people say. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    counters: Arc<Mutex<BTreeMap<(&'static str, Labels), u64>>>,
}

impl Metrics {
    /// Adds one to `bridge_<noun>_total`.
    pub fn count(&self, name: &'static str, labels: &[(&'static str, &'static str)]) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        *counters.entry((name, labels.to_vec())).or_default() += 1;
    }

    /// All counters in Prometheus' text form 0.0.4.
    pub fn render(&self) -> String {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut text, mut last) = (String::new(), "");
        for ((name, labels), value) in counters.iter() {
            if *name != last {
                let _ = writeln!(text, "# TYPE {name} counter");
                last = name;
            }
            let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
            let _ = writeln!(text, "{name}{{{}}} {value}", labels.join(","));
        }
        text
    }

    /// Opens the address.
    ///
    /// # Errors
    /// The address is taken.
    pub async fn bind(address: SocketAddr) -> Result<TcpListener, MetricsError> {
        TcpListener::bind(address).await.map_err(|source| MetricsError { address, source })
    }

    /// Answers every request with the counters until it is cancelled.
    pub async fn serve(self, listener: TcpListener, cancel: CancellationToken) {
        while let Some(accepted) = cancel.run_until_cancelled(listener.accept()).await {
            if let Ok((stream, _)) = accepted {
                let _ = tokio::time::timeout(REQUEST_LIMIT, answer(stream, self.render())).await;
            }
        }
    }
}

async fn answer(mut stream: TcpStream, body: String) -> std::io::Result<()> {
    let mut head = [0; 4096];
    let mut len = 0;
    while !head[..len].ends_with(b"\r\n\r\n") && len < head.len() {
        match stream.read(&mut head[len..]).await? {
            0 => break,
            read => len += read,
        }
    }
    let (status, body) =
        if head.starts_with(b"GET /metrics ") { ("200 OK", body) } else { ("404 Not Found", String::new()) };
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn counters_are_served_as_text() {
        let metrics = Metrics::default();
        metrics.count("bridge_runs_total", &[("route", "act"), ("code", "done")]);
        metrics.count("bridge_runs_total", &[("route", "act"), ("code", "done")]);
        let listener = Metrics::bind(([127, 0, 0, 1], 0).into()).await.expect("bound");
        let address = listener.local_addr().expect("an address");
        let (cancel, tasks) = (CancellationToken::new(), tokio_util::task::TaskTracker::new());
        tasks.spawn(metrics.serve(listener, cancel.clone()));
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("answered");
        assert!(text.contains("bridge_runs_total{route=\"act\",code=\"done\"} 2\n"), "{text}");
        cancel.cancel();
        tasks.close();
        tasks.wait().await;
    }
}
