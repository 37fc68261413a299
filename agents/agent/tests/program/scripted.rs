//! The real program at the other end of a connection, and a bridge that a test speaks for, byte by byte if it wants to.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use helix_contract::api::AssignmentV1;
use helix_contract::{TaskResultV1, decode};
use serde_json::{Value, json};

/// How long anything may take: only a broken agent reaches it.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) const TOKEN: &str = "token-of-this-attempt";

/// What the agent asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) token: String,
    pub(crate) body: Value,
}

/// The bridge's end of a connection.
pub(crate) struct Line<S>(pub(crate) BufReader<S>);

impl Line<UnixStream> {
    pub(crate) fn unix(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        Self(BufReader::new(stream))
    }
}

impl Line<TcpStream> {
    pub(crate) fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().expect("the agent connects");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        Self(BufReader::new(stream))
    }
}

impl<S: Read> Line<S>
where
    for<'a> &'a S: Write,
{
    /// What the agent asks next; nothing if it has hung up.
    pub(crate) fn next(&mut self) -> Option<Asked> {
        let (mut line, mut len, mut token) = (String::new(), 0, String::new());
        match self.0.read_line(&mut line) {
            Ok(0) => return None,
            // It hung up before it had read everything.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            read => assert!(read.is_ok(), "a request within the limit: {read:?}"),
        }
        loop {
            let mut header = String::new();
            self.0.read_line(&mut header).expect("a header");
            match header.trim().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    len = value.parse().expect("a length");
                }
                Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                    value.trim_start_matches("Bearer ").clone_into(&mut token);
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; len];
        self.0.read_exact(&mut body).expect("a body");
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };
        Some(Asked { line: line.trim().trim_end_matches(" HTTP/1.1").to_owned(), token, body })
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        // An agent that has had enough hangs up.
        let _ = self.0.get_ref().write_all(bytes);
    }

    pub(crate) fn answer(&mut self, status: u16, headers: &str, body: &str) {
        let len = body.len();
        self.raw(format!("HTTP/1.1 {status} x\r\n{headers}content-length: {len}\r\n\r\n{body}").as_bytes());
    }

    pub(crate) fn say(&mut self, body: &Value) {
        self.answer(200, "", &body.to_string());
    }

    pub(crate) fn refuse(&mut self, status: u16, headers: &str, code: &str) {
        let body = json!({ "version": 1, "code": code, "message": "No, and this is why." });
        self.answer(status, headers, &body.to_string());
    }

    /// Serves whole requests until the agent hangs up; `mind` answers chats and tools in their order, everything else is as
    /// it should be.
    pub(crate) fn serve(&mut self, assignment: &Value, mut mind: impl FnMut(&Asked) -> Value) -> Served {
        let mut served = Served::default();
        while let Some(asked) = self.next() {
            assert_eq!(asked.token, TOKEN, "{}", asked.line);
            match asked.line.as_str() {
                "GET /v1/task" => self.say(assignment),
                "POST /v1/task/events" => {
                    served.events.push(asked.body["what"].clone());
                    self.answer(204, "", "");
                }
                "POST /v1/task/chat" | "POST /v1/task/tool" => {
                    let answer = mind(&asked);
                    served.calls.push(asked);
                    self.say(&answer);
                }
                "PUT /v1/task/result" => {
                    served.result = Some(decode(asked.body.to_string().as_bytes()).expect("a result"));
                    self.answer(204, "", "");
                }
                other => panic!("{other} was asked"),
            }
        }
        served
    }
}

/// What was asked of a bridge that serves.
#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) events: Vec<Value>,
    pub(crate) calls: Vec<Asked>,
    pub(crate) result: Option<TaskResultV1>,
}

/// The program.
pub(crate) struct Agent(Child);

impl Agent {
    pub(crate) fn command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_helix-agent"));
        command.env_clear().stderr(Stdio::piped());
        command
    }

    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("the program starts"))
    }

    /// Over one socket, which is its standard input and output.
    pub(crate) fn over_a_socket() -> (Self, Line<UnixStream>) {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let input = OwnedFd::from(theirs.try_clone().expect("a second one"));
        let agent = Self::start(Self::command().stdin(input).stdout(OwnedFd::from(theirs)));
        (agent, Line::unix(ours))
    }

    /// Over a socket, with its token and its task.
    pub(crate) fn at_work() -> (Self, Line<UnixStream>) {
        let (agent, mut line) = Self::over_a_socket();
        line.raw(format!("{TOKEN}\n").as_bytes());
        (agent, line)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// What it exits with, and what it logged. It must not have panicked.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        self.0.stderr.take().expect("its log").read_to_string(&mut log).expect("text");
        let status = self.0.wait().expect("it ends");
        assert!(!log.contains("panicked"), "{log}");
        (status.code(), log)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An assignment with these tools of the bridge; `change` makes it a special one.
pub(crate) fn assignment(tools: &[(&str, Value)], change: impl FnOnce(&mut Value)) -> Value {
    let names: Vec<_> = tools.iter().map(|(name, _)| *name).collect();
    let specs: Vec<_> = tools
        .iter()
        .map(|(name, input)| json!({ "name": name, "description": format!("The tool {name}."), "input": input }))
        .collect();
    let mut assignment = json!({
        "version": 1, "attempt": 1, "time_zone": "Europe/Berlin", "until": "2099-01-01T00:00:00Z", "tools": specs,
        "spec": {
            "version": 1, "id": "t-0123456789abcdef0123", "language": "en", "tools": names,
            "agent": { "name": "research", "definition": format!("sha256:{}", "0".repeat(64)) },
            "instruction": "Which heat pump fits a small house?",
            "limits": { "deadline": "2099-01-01T00:00:00Z", "attempts": 2, "tokens": 100_000, "money_micros": 0, "tool_calls": 8 },
        },
        "definition": { "version": 1, "name": "research", "description": "Finds things out.", "prompt": "Look it up." },
    });
    change(&mut assignment);
    decode::<AssignmentV1>(assignment.to_string().as_bytes()).expect("an assignment");
    assignment
}

/// What a model answers.
pub(crate) fn thought(words: &Value, tokens: u64) -> Value {
    json!({ "version": 1, "text": words.to_string(), "usage": { "tokens_in": tokens, "tokens_out": 10 } })
}

/// What a tool answers, from these pages.
pub(crate) fn found(output: &Value, urls: &[&str]) -> Value {
    let page = |url: &&str| json!({ "title": format!("About {url}"), "url": url, "read_at": "2026-11-21T10:00:00Z" });
    let sources: Vec<_> = urls.iter().map(page).collect();
    json!({ "version": 1, "outcome": { "kind": "answered", "output": output, "sources": sources } })
}
