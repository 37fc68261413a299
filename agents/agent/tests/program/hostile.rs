//! Whatever stands in the place of the bridge: the agent ends, in bounded time and memory, and never panics.

use std::os::unix::net::UnixStream;

use helix_contract::Wire as _;
use helix_contract::api::AssignmentV1;
use serde_json::json;

use crate::scripted::{Agent, Line, assignment, found, thought};

/// What the bridge says to the first call; then it hangs up.
fn end_after(first: impl FnOnce(&mut Line<UnixStream>)) -> (Option<i32>, String) {
    let (agent, mut line) = Agent::at_work();
    line.next();
    first(&mut line);
    let _ = line.0.get_ref().shutdown(std::net::Shutdown::Write);
    agent.end()
}

#[test]
fn an_answer_that_is_no_answer_ends_the_agent() {
    let head = "HTTP/1.1 200 OK\r\n";
    let deep = "[".repeat(100_000);
    let cases = [
        String::new(),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "HTTP/9.9 200 OK\r\n\r\n".to_owned(),
        "HTTP/1.1 99999 OK\r\n\r\n".to_owned(),
        format!("{head}content-length: -1\r\n\r\n"),
        format!("{head}content-length: 1\r\ncontent-length: 2\r\n\r\n{{}}"),
        format!("{head}content-length: 99999999999999999999\r\n\r\n"),
        format!("{head}content-length: 1000\r\n\r\n{{}}"),
        format!("{head}transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"),
        format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n"),
        format!("{head}content-length: 0\r\n\r\n"),
        format!("{head}content-length: 4\r\n\r\nnull"),
        format!("{head}content-length: {}\r\n\r\n{deep}", deep.len()),
        "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        "HTTP/1.1 301 Moved\r\nlocation: http://elsewhere.example/\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".to_owned(),
    ];
    for case in cases {
        let (code, log) = end_after(|line| line.raw(case.as_bytes()));
        assert!(matches!(code, Some(10 | 65)), "{:?}: {code:?} {log}", &case[..case.len().min(60)]);
        assert!(log.len() < 1000, "{log}");
    }
}

#[test]
fn what_never_ends_is_not_read_to_its_end() {
    let endless = |line: &mut Line<UnixStream>, begin: &str, again: &[u8]| {
        use std::io::Write as _;
        line.raw(begin.as_bytes());
        // 1 GiB, if nobody hangs up before.
        for sent in 0..1 << 14 {
            if line.0.get_ref().write_all(again).is_err() {
                return sent;
            }
        }
        panic!("it read a gibibyte");
    };
    let begins = [
        ("HTTP/1.1 200 OK\r\nx: ", vec![b'a'; 1 << 16]),
        ("HTTP/1.1 200 OK\r\n", b"x: y\r\n".repeat(1 << 13)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n", vec![b' '; 1 << 16]),
        ("HTTP/1.1 200 OK\r\n\r\n", vec![b' '; 1 << 16]),
    ];
    for (begin, again) in begins {
        let mut sent = 0;
        let (code, log) = end_after(|line| sent = endless(line, begin, &again));
        assert!(matches!(code, Some(10 | 65)), "{begin:?}: {code:?} {log}");
        assert!(sent * again.len() < AssignmentV1::LEN_MAX + (4 << 20), "{begin:?}: {sent} pieces");
    }
}

#[test]
fn a_token_that_is_none_is_not_shown_to_anybody() {
    for bad in
        ["\n", "a b\n", "a\r\nx: y\n", "\u{e9}\n", &format!("{}\n", "a".repeat(600)), "early\nHTTP/1.1 200"]
    {
        let (agent, mut line) = Agent::over_a_socket();
        line.raw(bad.as_bytes());
        let (code, log) = agent.end();
        assert_eq!(code, Some(77), "{bad:?} {log}");
    }
}

#[test]
fn what_a_model_or_a_tool_says_is_kept_within_what_the_bridge_takes() {
    let tool = ("web_search", json!({ "type": "object" }));
    let (agent, mut line) = Agent::at_work();
    let mut nth = 0;
    let served = line.serve(&assignment(&[tool], |_| {}), |asked| {
        nth += 1;
        let huge = "ä".repeat(30_000);
        match (asked.line.as_str(), nth) {
            ("POST /v1/task/tool", _) => found(&json!(huge), &["http://a.example/", "ftp://b.example/", &huge]),
            (_, 1) => thought(&json!({ "progress": huge, "tool": "web_search", "input": { "q": &huge[..9000] } }), 1),
            (_, 3) => thought(&json!({ "progress": "", "tool": huge, "input": {} }), 1),
            (_, 4) => thought(&json!({ "progress": "", "tool": "web_search", "input": [1] }), u64::MAX / 2),
            (_, 5) => thought(&json!({ "progress": "", "tool": "finish", "input": {} }), 1),
            _ => {
                let answer = json!({ "spoken": "Ja. ".repeat(9000), "text": "b".repeat(40_000), "not_found": vec!["ü".repeat(900); 90] });
                thought(&answer, 1)
            }
        }
    });
    let (code, log) = agent.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(served.result.is_some());
}
