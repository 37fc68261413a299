//! A web server as a test wants it: it notes which paths it was asked for, and answers all of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::model_server::{request, respond};

/// The server; ends when it is dropped.
#[derive(Debug)]
pub struct WebServer {
    /// Where it is, on loopback.
    pub address: SocketAddr,
    paths: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl WebServer {
    /// Starts it: `answer` makes a type and a body of a path.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start(
        answer: impl Fn(&str) -> (&'static str, String) + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let paths = Arc::new(Mutex::new(Vec::new()));
        let (seen, mut tasks) = (Arc::clone(&paths), JoinSet::new());
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let Ok((path, _)) = request(&mut stream).await else { continue };
                let (kind, body) = answer(&path);
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(path);
                // Whoever asked may have given up.
                let _ = respond(&mut stream, kind, &body).await;
            }
        });
        Ok(Self { address, paths, _tasks: tasks })
    }

    /// Such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The paths that it was asked for since the last call of this.
    pub fn take_paths(&self) -> Vec<String> {
        std::mem::take(&mut *self.paths.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
