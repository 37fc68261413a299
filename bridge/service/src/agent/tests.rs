//! Requests over a real socket, most of them hostile; what is answered, and what is not.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::metrics::Metrics;

const SENTENCE: &str = "turn on the light";

/// Answers after a while, and keeps what it was asked.
#[derive(Default)]
struct Parrot {
    takes: Duration,
    asked: Mutex<Vec<Asked>>,
}

impl Answers for Parrot {
    async fn answer(&self, asked: Asked, aside: &Words) -> String {
        let text = format!("You said: {}", asked.text.expose());
        self.asked.lock().expect("whole").push(asked);
        if !self.takes.is_zero() {
            sleep(self.takes / 2).await;
            aside.say("One moment.");
            aside.say("One moment.");
            sleep(self.takes / 2).await;
        }
        text
    }

    fn rescue_text(&self, _: Option<&Language>) -> String {
        "too slow".into()
    }

    fn busy_text(&self, _: Option<&Language>) -> String {
        "busy".into()
    }

    fn stopping_text(&self, _: Option<&Language>) -> String {
        "stopping".into()
    }
}

struct Scene {
    parrot: Arc<Parrot>,
    address: SocketAddr,
    secret: String,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

/// What came back: the status, and the body.
type Back = (u16, String);

impl Scene {
    async fn with(takes: Duration, peers: Peers, settings: Settings) -> Self {
        let parrot = Arc::new(Parrot { takes, asked: Mutex::default() });
        let secret = SecretPath::kept_in(&folder()).expect("made");
        let text = secret.text().expose_secret().to_owned();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let both = (secret, peers);
        let server = Server::bind(at, Arc::clone(&parrot), both, settings, Metrics::default()).await;
        let server = server.expect("bound");
        let (address, cancel, tasks) = (server.address(), CancellationToken::new(), TaskTracker::new());
        tasks.spawn(server.run(cancel.clone()));
        tasks.close();
        Self { parrot, address, secret: text, cancel, tasks }
    }

    async fn new() -> Self {
        Self::with(Duration::ZERO, Peers::of_this_machine(), Settings::default()).await
    }

    async fn stop(self) {
        self.cancel.cancel();
        timeout(Duration::from_secs(5), self.tasks.wait()).await.expect("ends");
    }

    /// Sends bytes and reads to the end; `None` if the connection was closed without an answer.
    async fn send(&self, bytes: &[u8]) -> Option<Back> {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
        let _ = read.expect("it ends");
        let answer = String::from_utf8(answer).expect("text");
        let status = answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().expect("a status");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        Some((status, body.to_owned()))
    }

    async fn get(&self, path: &str) -> Back {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        self.send(request.as_bytes()).await.expect("an answer")
    }

    async fn post(&self, path: &str, body: &str) -> Back {
        let len = body.len();
        let head =
            format!("POST /{}/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n", self.secret);
        self.send((head + body).as_bytes()).await.expect("an answer")
    }

    async fn chat(&self, body: &Value) -> Back {
        self.post("api/chat", &body.to_string()).await
    }

    fn asked(&self) -> Vec<Asked> {
        self.parrot.asked.lock().expect("whole").clone()
    }
}

fn folder() -> PathBuf {
    let path = std::env::temp_dir().join(format!("helix-agent-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&path).expect("made");
    path
}

fn user(text: &str) -> Value {
    json!({"model": MODEL, "messages": [{"role": "user", "content": text}]})
}

/// The lines of a streamed body.
fn lines(body: &str) -> Vec<Value> {
    body.lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn words(body: &str) -> String {
    lines(body).iter().map(|line| line["message"]["content"].as_str().expect("content").to_owned()).collect()
}

#[tokio::test]
async fn what_home_assistant_asks_is_answered() {
    let scene = Scene::new().await;
    let secret = &scene.secret;
    let (status, tags) = scene.get(&format!("/{secret}/api/tags")).await;
    let tags: Value = serde_json::from_str(&tags).expect("JSON");
    assert_eq!((status, &tags["models"][0]["model"]), (200, &json!(MODEL)));
    assert_eq!(scene.get(&format!("/{secret}/api/version")).await.0, 200);
    for named in [json!({"model": MODEL}), json!({"name": "helix"})] {
        let (status, shown) = scene.post("api/show", &named.to_string()).await;
        assert!(status == 200 && shown.contains("completion") && !shown.contains("tools"), "{shown}");
    }
    let (status, body) = scene.chat(&user(SENTENCE)).await;
    assert_eq!((status, words(&body).as_str()), (200, "You said: turn on the light"));
    let lines = lines(&body);
    assert_eq!(lines.last().map(|line| &line["done"]), Some(&json!(true)));
    assert!(lines.iter().all(|line| line.get("error").is_none() && line["message"]["tool_calls"].is_null()));
    let whole =
        json!({"model": "helix", "stream": false, "messages": [{"role": "user", "content": "hello"}]});
    let (status, whole) = scene.chat(&whole).await;
    let whole: Value = serde_json::from_str(&whole).expect("JSON");
    assert_eq!((status, &whole["message"]["content"]), (200, &json!("You said: hello")));
    scene.stop().await;
}

#[tokio::test]
async fn without_the_secret_there_is_nothing() {
    let scene = Scene::new().await;
    let secret = scene.secret.clone();
    let wrong = "0".repeat(secret.len());
    for path in [
        "/".to_owned(),
        "/api/tags".to_owned(),
        format!("/{secret}"),
        format!("/{secret}/"),
        format!("/{wrong}/api/tags"),
        format!("/{}/api/tags", &secret[..secret.len() - 1]),
        format!("/{secret}0/api/tags"),
        format!("//{secret}/api/tags"),
        format!("/x/{secret}/api/tags"),
        format!("/{secret}/api/tags/"),
        format!("/{secret}/../{secret}/api/tags"),
        format!("/{}/api/tags", secret.to_uppercase()),
    ] {
        assert_eq!(scene.get(&path).await, (404, r#"{"error":"not found"}"#.to_owned()), "{path}");
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let request = format!("{method} /{secret}/api/chat HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(scene.send(request.as_bytes()).await.expect("an answer").0, 404, "{method}");
    }
    for call in ["api/pull", "api/generate", "api/delete", "api/embed", "v1/chat/completions"] {
        assert_eq!(scene.post(call, "{}").await.0, 404, "{call}");
    }
    assert_eq!(scene.asked().len(), 0);
    scene.stop().await;
}

#[tokio::test]
async fn hostile_bodies_are_refused_without_being_repeated() {
    let scene = Scene::new().await;
    let deep = |open: &str, close: &str| open.repeat(50_000) + &close.repeat(50_000);
    let with = |messages: &str| format!(r#"{{"model":"{MODEL}","messages":{messages}}}"#);
    let many: Vec<_> = (0..1001).map(|_| json!({"role": "user", "content": "hello"})).collect();
    for (body, status) in [
        (String::new(), 400),
        ("geheim".to_owned(), 400),
        ("[]".to_owned(), 400),
        ("{}".to_owned(), 400),
        (r#"{"messages":[{"role":"user","content":"geheim"}]}"#.to_owned(), 400),
        (with("null"), 400),
        (with("[]"), 400),
        (with(r#"["geheim"]"#), 400),
        (with(r#"[{"role":"user","content":{"geheim":1}}]"#), 400),
        (with(r#"[{"role":"user"}]"#), 400),
        (with(r#"[{"content":"geheim"}]"#), 400),
        (with(r#"[{"role":"assistant","content":"geheim"}]"#), 400),
        (with(r#"[{"role":"user","content":"\ud800 geheim"}]"#), 400),
        (with(&deep("[", "]")), 400),
        (deep(r#"{"geheim":"#, "}"), 400),
        (with(&json!(many).to_string()), 400),
        (r#"{"model":"geheim","messages":[{"role":"user","content":"x"}]}"#.to_owned(), 404),
    ] {
        let (got, answer) = scene.post("api/chat", &body).await;
        assert_eq!(got, status, "{}", body.chars().take(80).collect::<String>());
        assert!(answer.starts_with(r#"{"error":"#) && !answer.contains("geheim"), "{answer}");
    }
    let head = format!("POST /{}/api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n", scene.secret);
    // No UTF-8.
    let bytes = [head.as_bytes(), &[0xff, 0xfe, 0x00, 0x80]].concat();
    assert_eq!(scene.send(&bytes).await.expect("an answer").0, 400);
    assert_eq!(scene.send(b"\x16\x03\x01\x02\x00\x01\x00\x01").await.map_or(400, |(status, _)| status), 400);
    assert_eq!(scene.asked().len(), 0);
    // Deep inside of what is not read, it does not matter.
    let tools = format!(
        r#"{{"model":"{MODEL}","tools":{},"messages":[{{"role":"user","content":"{SENTENCE}"}}]}}"#,
        deep("[", "]")
    );
    assert!(matches!(scene.post("api/chat", &tools).await.0, 200 | 400));
    assert_eq!(scene.chat(&user(SENTENCE)).await.0, 200, "and it still serves");
    scene.stop().await;
}

#[tokio::test]
async fn ten_megabytes_are_not_taken() {
    let scene = Scene::new().await;
    let head = format!("POST /{}/api/chat HTTP/1.1\r\nHost: x\r\n", scene.secret);
    let announced = format!("{head}Content-Length: 10485760\r\n\r\n");
    assert_eq!(scene.send(announced.as_bytes()).await.expect("an answer").0, 413);
    // Without a length: the pieces are counted. An answer may be lost while the rest is still being sent.
    let mut pieces = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..10 {
        pieces.extend(b"100000\r\n");
        pieces.extend(vec![b'x'; 1 << 20]);
        pieces.extend(b"\r\n");
    }
    assert!(scene.send(&pieces).await.is_none_or(|(status, _)| status == 413));
    assert_eq!(scene.chat(&user(SENTENCE)).await.0, 200, "and it still serves");
    assert_eq!(scene.asked().len(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn a_peer_of_another_network_gets_no_answer() {
    let network = Network::new(IpAddr::from([172, 30, 32, 0]), 24);
    let scene = Scene::with(Duration::ZERO, Peers::of(vec![network]), Settings::default()).await;
    let request = format!("GET /{}/api/tags HTTP/1.1\r\nHost: x\r\n\r\n", scene.secret);
    assert_eq!(scene.send(request.as_bytes()).await, None);
    assert_eq!(scene.asked().len(), 0);
    scene.stop().await;
}

#[tokio::test]
async fn who_is_slow_or_one_too_many_keeps_nobody_else_waiting() {
    let settings = Settings {
        connections_max: 2,
        read_limit: Duration::from_millis(200),
        stay_limit: Duration::from_millis(600),
        ..Settings::default()
    };
    let scene = Scene::with(Duration::ZERO, Peers::of_this_machine(), settings).await;
    let head =
        format!("POST /{}/api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{", scene.secret);
    assert_eq!(scene.send(head.as_bytes()).await.expect("an answer").0, 408);
    let mut silent = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(scene.address).await.expect("connected");
        stream.write_all(b"POST / HT").await.expect("sent");
        silent.push(stream);
    }
    sleep(Duration::from_millis(50)).await;
    let request = format!("GET /{}/api/tags HTTP/1.1\r\nHost: x\r\n\r\n", scene.secret);
    assert_eq!(scene.send(request.as_bytes()).await, None, "no place is free");
    for stream in &mut silent {
        let mut rest = Vec::new();
        let _ = timeout(Duration::from_secs(3), stream.read_to_end(&mut rest)).await.expect("it is ended");
    }
    assert_eq!(scene.get(&format!("/{}/api/tags", scene.secret)).await.0, 200);
    scene.stop().await;
}

#[tokio::test]
async fn words_come_as_they_are_said_and_an_answer_that_takes_too_long_is_given_up() {
    let settings = Settings { respond_limit: Duration::from_secs(1), ..Settings::default() };
    for (takes_ms, said) in [(400, "One moment. You said: hello"), (1600, "One moment. too slow")] {
        let scene = Scene::with(Duration::from_millis(takes_ms), Peers::of_this_machine(), settings).await;
        assert_eq!(words(&scene.chat(&user("hello")).await.1), said);
        scene.stop().await;
    }
    let scene = Scene::with(Duration::from_millis(800), Peers::of_this_machine(), settings).await;
    let mut stream = TcpStream::connect(scene.address).await.expect("connected");
    let body = user("hello").to_string();
    let head = format!(
        "POST /{}/api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        scene.secret,
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.expect("sent");
    let mut early = String::new();
    while !early.contains("One moment.") {
        let mut bytes = [0; 1024];
        let read = timeout(Duration::from_secs(5), stream.read(&mut bytes)).await.expect("it comes");
        early.push_str(std::str::from_utf8(&bytes[..read.expect("it is read")]).expect("text"));
    }
    assert!(!early.contains("You said"), "the first words come before the last ones: {early}");
    scene.stop().await;
}

#[tokio::test]
async fn no_bytes_in_a_request_make_it_fall_over() {
    let body = json!({"model": MODEL, "stream": true, "tools": [{"a": [1.5, null]}], "messages": [
        {"role": "system", "content": "helix device=abc language=de"},
        {"role": "assistant", "content": "b", "thinking": "helix 00000000000000000000000000000000"},
        {"role": "user", "content": "grün"},
    ]})
    .to_string()
    .into_bytes();
    for at in 0..body.len() {
        let _ = super::chat::read(&body[..at]);
        for other in [0, b'"', b'\\', b'{', b'}', b'0', 0xff] {
            let mut changed = body.clone();
            changed[at] = other;
            let _ = super::chat::read(&changed);
        }
    }
    assert!(super::chat::read(&body).is_ok());
}

#[tokio::test]
async fn more_sentences_than_can_be_answered_are_told_so_and_the_end_is_announced() {
    let settings = Settings { runs_max: 1, grace: Duration::from_millis(100), ..Settings::default() };
    let scene = Scene::with(Duration::from_secs(1), Peers::of_this_machine(), settings).await;
    let (one, two) = (user("one"), user("two"));
    let (first, second) = tokio::join!(scene.chat(&one), async {
        sleep(Duration::from_millis(100)).await;
        scene.chat(&two).await
    });
    let (first, second) = (words(&first.1), words(&second.1));
    assert_eq!((first.as_str(), second.as_str()), ("One moment. You said: one", "busy"));
    let late = async {
        sleep(Duration::from_millis(100)).await;
        scene.cancel.cancel();
    };
    let (told, ()) = tokio::join!(scene.chat(&one), late);
    assert_eq!(words(&told.1), "stopping");
    scene.stop().await;
}
