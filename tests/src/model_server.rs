//! An Ollama as a test wants it: it lists its model, makes vectors of words, and answers a chat with words of the test, far too late or with
//! nonsense; or it is not there.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
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

/// What a model says to the body of its n-th chat, and how long it takes.
type Mind = Box<dyn Fn(&Value, usize) -> (String, Duration) + Send + Sync>;

/// The server; ends when it is dropped.
#[derive(Debug)]
pub struct ModelServer {
    url: String,
    is_there: bool,
    asked: Arc<Asked>,
    tasks: JoinSet<()>,
}

/// Who answers, and what it was asked.
struct Asked {
    mind: Mind,
    chats: Mutex<Vec<Value>>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} chats", self.chats().len())
    }
}

impl Asked {
    fn chats(&self) -> MutexGuard<'_, Vec<Value>> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ModelServer {
    /// Starts it on loopback.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start(trouble: Trouble) -> Result<Self> {
        let late = match trouble {
            Trouble::Down | Trouble::Nonsense => Duration::ZERO,
            Trouble::Slow => LATE,
        };
        Self::open(trouble != Trouble::Down, Box::new(move |_, nth| (nonsense(nth), late))).await
    }

    /// Starts it on loopback: `mind` says what it answers the body of a chat with, and after how long.
    ///
    /// # Errors
    /// There is no port.
    pub async fn thinking(
        mind: impl Fn(&Value) -> (String, Duration) + Send + Sync + 'static,
    ) -> Result<Self> {
        let answer = move |body: &Value, _: usize| {
            let (words, takes) = mind(body);
            (said(&words), takes)
        };
        Self::open(true, Box::new(answer)).await
    }

    async fn open(is_there: bool, mind: Mind) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let asked = Arc::new(Asked { mind, chats: Mutex::default() });
        let mut tasks = JoinSet::new();
        if is_there {
            tasks.spawn(serve(listener, Arc::clone(&asked)));
        }
        Ok(Self { url, is_there, asked, tasks })
    }

    /// Such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Nobody listens there any more, and who is being answered is cut off.
    pub async fn goes_away(&mut self) {
        self.tasks.shutdown().await;
        self.is_there = false;
    }

    /// The same server listens there again.
    ///
    /// # Errors
    /// Somebody else took its port.
    pub async fn comes_back(&mut self) -> Result<()> {
        let at = self.url.strip_prefix("http://").context("an address")?;
        self.tasks.spawn(serve(TcpListener::bind(at).await?, Arc::clone(&self.asked)));
        self.is_there = true;
        Ok(())
    }

    /// Whether anybody listens there.
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// How many chats it was asked for so far.
    pub fn chats(&self) -> usize {
        self.asked.chats().len()
    }

    /// Everything that it was told so far.
    pub fn told(&self) -> String {
        Value::from(self.asked.chats().clone()).to_string()
    }
}

async fn serve(listener: TcpListener, asked: Arc<Asked>) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while open.try_join_next().is_some() {}
        let asked = Arc::clone(&asked);
        open.spawn(async move {
            // Whoever asked may have given up.
            let _ = answer(stream, &asked).await;
        });
    }
}

/// Vectors in which each word counts, wherever it stands.
fn embedded(body: &Value) -> String {
    let vector = |text: &Value| {
        let mut vector = vec![0.0_f32; 256];
        let text = text.as_str().unwrap_or_default().to_lowercase();
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let place = word.bytes().fold(7_usize, |sum, byte| (sum * 31 + usize::from(byte)) % 251);
            vector[place] += 1.0;
        }
        vector
    };
    let texts = body["input"].as_array().cloned().unwrap_or_else(|| vec![body["input"].clone()]);
    let vectors: Vec<_> = texts.iter().map(vector).collect();
    json!({ "model": MODEL, "embeddings": vectors }).to_string()
}

/// Answers one request and closes the connection.
async fn answer(stream: TcpStream, asked: &Asked) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let (path, body) = request(&mut stream).await?;
    let body = match path.as_str() {
        "/api/tags" => json!({ "models": [{ "name": MODEL, "model": MODEL }] }).to_string(),
        "/api/chat" => {
            let body = serde_json::from_slice(&body)?;
            let (answer, takes) = (asked.mind)(&body, asked.chats().len());
            asked.chats().push(body);
            tokio::time::sleep(takes).await;
            answer
        }
        "/api/embed" => embedded(&serde_json::from_slice(&body)?),
        _ => "{}".to_owned(),
    };
    respond(&mut stream, "application/json", &body).await
}

/// Answers a request and closes the connection.
pub(crate) async fn respond(stream: &mut BufReader<TcpStream>, kind: &str, body: &str) -> Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    Ok(stream.shutdown().await?)
}

fn nonsense(nth: usize) -> String {
    if nth.is_multiple_of(2) {
        return "{\"message\": {\"role\": \"assistant\", \"content\": \"{\\\"acts".to_owned();
    }
    said("purple monkey dishwasher")
}

/// Words as the answer to a chat.
fn said(words: &str) -> String {
    let message = json!({ "role": "assistant", "content": words });
    json!({ "model": MODEL, "message": message, "done": true, "done_reason": "stop" }).to_string()
}

/// Reads a request to its end; its path and body.
pub(crate) async fn request(stream: &mut BufReader<TcpStream>) -> Result<(String, Vec<u8>)> {
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
    Ok((path, body))
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
