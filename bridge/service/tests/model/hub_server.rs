//! A real HTTP server on loopback that behaves as told, answer by answer, and notes what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How the file is served.
#[derive(Debug, Clone)]
pub(crate) struct Serve {
    /// The file.
    pub(crate) file: Arc<[u8]>,
    /// Its entity tag, with quotes.
    pub(crate) etag: &'static str,
    /// Whether `Range` is understood.
    pub(crate) ranges: bool,
    /// Bytes of the body after which the connection is cut.
    pub(crate) cut_after: Option<usize>,
    /// Bytes of the body after which nothing comes any more, while the connection stays.
    pub(crate) stall_after: Option<usize>,
    /// Whether the length is left out and the end of the connection ends the body.
    pub(crate) no_length: bool,
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// The file or a part of it.
    File(Serve),
    /// Any status with headers (each line with its end) and a body.
    Plain(u16, String, String),
    /// Nothing at all, while the connection stays.
    Silence,
}

/// What one request asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) if_range: Option<String>,
}

/// A running server; it ends when dropped.
#[derive(Debug)]
pub(crate) struct HubServer {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl HubServer {
    /// Starts with these answers, in order; the last one repeats.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, answers.into_iter().collect(), Arc::clone(&asked)));
        Self { address, asked, _tasks: tasks }
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic while locked").clone()
    }
}

async fn serve(listener: TcpListener, mut answers: VecDeque<Answer>, asked: Arc<Mutex<Vec<Asked>>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { return };
        let Some(request) = read_request(&mut stream).await else { continue };
        asked.lock().expect("no panic while locked").push(request.clone());
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        let answer = answer.expect("at least one answer");
        connections.spawn(async move {
            // A client that went away is a part of the tests.
            let _ = send(stream, &request, answer).await;
        });
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Asked> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(text).ok()?;
    let header = |name: &str| {
        text.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    };
    Some(Asked {
        path: text.split(' ').nth(1)?.to_owned(),
        range: header("range"),
        if_range: header("if-range"),
    })
}

async fn send(mut stream: TcpStream, asked: &Asked, answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Plain(status, headers, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
                body.len()
            );
            stream.write_all(head.as_bytes()).await?;
            stream.shutdown().await
        }
        Answer::File(serve) => send_file(stream, asked, &serve).await,
        Answer::Silence => stream.read_to_end(&mut Vec::new()).await.map(drop),
    }
}

async fn send_file(mut stream: TcpStream, asked: &Asked, serve: &Serve) -> std::io::Result<()> {
    let start = asked
        .range
        .as_ref()
        .filter(|_| serve.ranges && asked.if_range.as_ref().is_none_or(|tag| tag == serve.etag))
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let total = serve.file.len();
    let (status, range) = match start {
        Some(start) if start >= total => {
            let head = format!(
                "HTTP/1.1 416 X\r\nContent-Length: 0\r\nContent-Range: bytes */{total}\r\nConnection: close\r\n\r\n"
            );
            return stream.write_all(head.as_bytes()).await;
        }
        Some(start) => (206, format!("Content-Range: bytes {start}-{}/{total}\r\n", total - 1)),
        None => (200, String::new()),
    };
    let body = &serve.file[start.unwrap_or(0)..];
    let length = if serve.no_length { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let etag = serve.etag;
    let head = format!("HTTP/1.1 {status} X\r\n{length}ETag: {etag}\r\n{range}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let until = serve.cut_after.or(serve.stall_after).unwrap_or(body.len()).min(body.len());
    stream.write_all(&body[..until]).await?;
    stream.flush().await?;
    if serve.stall_after.is_some() {
        // Until the client gives up.
        stream.read_to_end(&mut Vec::new()).await?;
    }
    stream.shutdown().await
}
