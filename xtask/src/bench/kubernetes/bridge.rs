//! As much of a bridge as an agent of the test bed asks for; it notes when which token first came.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use helix_tests::time::now;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

type Came = BTreeMap<String, Duration>;

/// A bridge; it ends when it is dropped.
pub(super) struct Bridge {
    pub(super) port: u16,
    came: watch::Receiver<Came>,
    _server: JoinSet<()>,
}

impl Bridge {
    pub(super) async fn start(host: &str) -> Result<Self> {
        let listener = TcpListener::bind((host, 0)).await?;
        let port = listener.local_addr()?.port();
        let (told, came) = watch::channel(Came::new());
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::new(told)));
        Ok(Self { port, came, _server: server })
    }

    /// Waits until the agent with this token has come for the first time; when that was.
    pub(super) async fn came(&self, token: &str) -> Result<Duration> {
        let mut came = self.came.clone();
        let here = came.wait_for(|came| came.contains_key(token));
        let here =
            tokio::time::timeout(Duration::from_mins(1), here).await.context("the agent does not come")??;
        here.get(token).copied().context("it came")
    }
}

async fn serve(listener: TcpListener, told: Arc<watch::Sender<Came>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let told = Arc::clone(&told);
        connections.spawn(async move {
            if let Err(error) = answer(stream, &told).await {
                eprintln!("an agent's call: {error}");
            }
        });
    }
}

async fn answer(mut stream: TcpStream, told: &watch::Sender<Came>) -> Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        stream.read_buf(&mut request).await?;
    }
    let at = now();
    let request = String::from_utf8_lossy(&request);
    let token =
        request.lines().find_map(|line| line.strip_prefix("Authorization: Bearer ")).context("a token")?;
    told.send_modify(|came| {
        came.entry(token.to_owned()).or_insert(at);
    });
    let body = if request.starts_with("GET") {
        format!(r#"{{"id":"{token}","attempt":1,"instruction":"answer"}}"#)
    } else {
        String::new()
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    Ok(stream.shutdown().await?)
}
