//! An Ollama in trouble: it lists its model, and answers a chat far too late or with nonsense; or it is not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The model that it lists.
pub const MODEL: &str = "qwen3:4b-instruct";
/// How late it is with a chat.
const LATE: Duration = Duration::from_secs(30);

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody listens there.
    Down,
    /// A chat takes it 30 s.
    Slow,
    /// It answers a chat at once, with half a line of JSON or with words that nobody asked for.
    Nonsense,
}

/// The server; ends when it is dropped.
#[derive(Debug)]
pub struct ModelServer {
    url: String,
    trouble: Trouble,
    chats: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl ModelServer {
    /// Starts it on loopback.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start(trouble: Trouble) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let chats = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        match trouble {
            Trouble::Down => drop(listener),
            Trouble::Slow | Trouble::Nonsense => {
                tasks.spawn(serve(listener, trouble, Arc::clone(&chats)));
            }
        }
        Ok(Self { url, trouble, chats, _tasks: tasks })
    }

    /// Such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What is wrong with it.
    pub fn trouble(&self) -> Trouble {
        self.trouble
    }

    /// How many chats it was asked for so far.
    pub fn chats(&self) -> usize {
        self.chats.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, trouble: Trouble, chats: Arc<AtomicUsize>) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while open.try_join_next().is_some() {}
        let chats = Arc::clone(&chats);
        open.spawn(async move {
            // Whoever asked may have given up.
            let _ = answer(stream, trouble, &chats).await;
        });
    }
}

/// Answers one request and closes the connection.
async fn answer(stream: TcpStream, trouble: Trouble, chats: &AtomicUsize) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let path = request(&mut stream).await?;
    let body = match path.as_str() {
        "/api/tags" => json!({ "models": [{ "name": MODEL, "model": MODEL }] }).to_string(),
        "/api/chat" => {
            let nth = chats.fetch_add(1, Ordering::Relaxed);
            if trouble == Trouble::Slow {
                tokio::time::sleep(LATE).await;
            }
            nonsense(nth)
        }
        _ => "{}".to_owned(),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    Ok(stream.shutdown().await?)
}

fn nonsense(nth: usize) -> String {
    if nth.is_multiple_of(2) {
        return "{\"message\": {\"role\": \"assistant\", \"content\": \"{\\\"acts".to_owned();
    }
    let message = json!({ "role": "assistant", "content": "purple monkey dishwasher" });
    json!({ "model": MODEL, "message": message, "done": true, "done_reason": "stop" }).to_string()
}

/// Reads a request to its end; its path.
async fn request(stream: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let path = line.split(' ').nth(1).context("a request line")?.to_owned();
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{ModelServer, Trouble};

    async fn chat(server: &ModelServer) -> reqwest::Result<String> {
        crate::connected::http()
            .post(format!("{}/api/chat", server.url()))
            .body("{}")
            .send()
            .await?
            .text()
            .await
    }

    #[tokio::test]
    async fn nonsense_is_no_draft_and_a_server_that_is_down_says_nothing() {
        let server = ModelServer::start(Trouble::Nonsense).await.expect("a server");
        let (half, words) = (chat(&server).await.expect("text"), chat(&server).await.expect("text"));
        assert!(serde_json::from_str::<Value>(&half).is_err(), "{half}");
        assert!(words.contains("monkey"), "{words}");
        assert_eq!(server.chats(), 2);
        let down = ModelServer::start(Trouble::Down).await.expect("an address");
        assert!(chat(&down).await.is_err());
    }
}
