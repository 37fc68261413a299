//! A runner or an agent, as bytes on a connection.

use std::time::Duration;

use helix_contract::api::{
    AssignmentV1, GaveBackV1, ImageTrouble, KeepAnswerV1, KeepRequestV1, LeaseRequestV1, RefusalV1,
    ReturnRequestV1, TaskAttempt, path,
};
use helix_contract::{Failure, TaskResultV1, V1, Wire, decode, encode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Longer than anything here takes.
const SOON: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Back {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Vec<u8>,
}

impl Back {
    pub(crate) fn message<T: Wire>(&self) -> T {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        decode(&self.body).expect("a message of the contract")
    }

    /// The code of a refusal.
    pub(crate) fn code(&self) -> String {
        decode::<RefusalV1>(&self.body).expect("a refusal").code
    }

    /// Status and code of a refusal.
    pub(crate) fn refused(&self) -> (u16, String) {
        (self.status, self.code())
    }
}

/// A connection and the token that is shown on it.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    pub(crate) token: String,
}

impl Client {
    pub(crate) fn new(stream: impl Stream + 'static, token: impl Into<String>) -> Self {
        Self { stream: Box::new(stream), token: token.into() }
    }

    /// Sends a request and waits for nothing.
    pub(crate) async fn send(&mut self, method: &str, path: &str, body: &[u8]) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: bridge\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        self.write(head.as_bytes()).await;
        self.write(body).await;
    }

    /// A bridge that has heard enough reads no more.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = timeout(SOON, self.stream.write_all(bytes)).await.expect("in time");
    }

    /// The next answer; `None` if the connection ends without one.
    pub(crate) async fn answer(&mut self) -> Option<Back> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(SOON, self.stream.read_u8()).await.expect("an answer in time").ok()?);
        }
        let head = String::from_utf8(head).expect("text").to_lowercase();
        let status = head.strip_prefix("http/1.1 ").and_then(|rest| rest.get(..3)).expect("a status");
        let field =
            |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        let mut body = vec![0; usize::try_from(field("content-length:").unwrap_or(0)).expect("a length")];
        timeout(SOON, self.stream.read_exact(&mut body)).await.expect("in time").expect("a body");
        Some(Back { status: status.parse().expect("a number"), retry_after: field("retry-after:"), body })
    }

    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Back {
        self.send(method, path, body).await;
        self.answer().await.expect("an answer")
    }

    pub(crate) async fn post<T: Wire>(&mut self, path: &str, message: &T) -> Back {
        self.ask("POST", path, &encode(message).expect("within its limits")).await
    }

    /// A task for the runner `name`; waits for one so long.
    pub(crate) async fn lease(&mut self, name: &str, wait_ms: u32) -> Option<AssignmentV1> {
        let back = self.post(path::LEASE, &wants(name, wait_ms)).await;
        if back.status == 204 { None } else { Some(back.message()) }
    }

    /// Which of these the runner has to stop.
    pub(crate) async fn keep(&mut self, name: &str, tasks: &[TaskAttempt]) -> Vec<TaskAttempt> {
        let request =
            KeepRequestV1 { version: V1, runner: name.parse().expect("a name"), tasks: tasks.to_vec() };
        self.post(path::KEEP, &request).await.message::<KeepAnswerV1>().stop
    }

    /// Whether the task that is given back will be begun anew.
    pub(crate) async fn give_back(&mut self, of: TaskAttempt, failure: Option<Failure>) -> bool {
        let request = ReturnRequestV1 { version: V1, of, failure, image: None, reason: "a test".into() };
        self.post(path::RETURN, &request).await.message::<GaveBackV1>().again
    }

    /// The same because of the agent's image.
    pub(crate) async fn give_back_image(&mut self, of: TaskAttempt, image: ImageTrouble) -> bool {
        let (failure, image) = (Some(Failure::Unavailable), Some(image));
        let request = ReturnRequestV1 { version: V1, of, failure, image, reason: "a test".into() };
        self.post(path::RETURN, &request).await.message::<GaveBackV1>().again
    }

    pub(crate) async fn task(&mut self) -> Back {
        self.ask("GET", path::TASK, b"").await
    }

    pub(crate) async fn result(&mut self, result: &TaskResultV1) -> Back {
        self.ask("PUT", path::RESULT, &encode(result).expect("within its limits")).await
    }
}

/// The request of a runner that takes every task.
pub(crate) fn wants(name: &str, wait_ms: u32) -> LeaseRequestV1 {
    LeaseRequestV1 { version: V1, runner: name.parse().expect("a name"), agents: Vec::new(), wait_ms }
}
