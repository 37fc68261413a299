//! Requests that nobody should send.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use helix::gateway::{GatewayError, GatewayServer, SOCKET_NAME, Settings};
use helix::tasks::State;
use helix_contract::api::path;

use crate::house::{House, done, of};

#[tokio::test]
async fn without_the_right_token_nothing_is_answered() {
    let house = House::new("tokens").await;
    let told = house.under_way("one").await;
    let right = told.token.clone().unwrap();
    let mut changed = right.clone();
    changed.replace_range(5..6, if &right[5..6] == "0" { "1" } else { "0" });
    let wrong = ["x", &right[..right.len() - 1], &changed, &format!("{right}0"), "sesame\u{e9}", "1.2.3.4.5"];
    for token in wrong {
        let mut client = house.tcp(token).await;
        for (method, path) in [
            ("POST", path::LEASE),
            ("POST", path::KEEP),
            ("POST", path::RETURN),
            ("GET", path::TASK),
            ("POST", path::EVENTS),
            ("PUT", path::RESULT),
        ] {
            let back = client.ask(method, path, b"").await;
            assert_eq!(back.refused(), (401, "token-wrong".into()), "{token:?} {path}");
            assert!(token.len() < 2 || !String::from_utf8_lossy(&back.body).contains(token));
        }
    }
    let mut nobody = house.tcp("").await;
    nobody.write(b"GET /v1/task HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(nobody.answer().await.expect("an answer").refused(), (401, "token-missing".into()));
    assert_eq!(house.book.get(&told.spec.id).await.unwrap().unwrap().state, State::Leased);
    house.stop().await;
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_the_next_one_is_served() {
    let house = House::new("messages").await;
    let told = house.under_way("one").await;
    let mut agent = house.agent(&told).await;
    let deep = "[".repeat(50_000);
    for (body, code) in [
        ("", "contract-malformed"),
        ("null", "contract-malformed"),
        ("\u{0}\u{1}", "contract-malformed"),
        (deep.as_str(), "contract-malformed"),
        (r#"{"version": 2}"#, "contract-version"),
        (r#"{"version": 1}"#, "contract-malformed"),
    ] {
        let back = agent.ask("PUT", path::RESULT, body.as_bytes()).await;
        assert_eq!(back.refused(), (422, code.into()), "{:?}", &body[..body.len().min(20)]);
    }
    for (method, path) in
        [("GET", "/"), ("POST", "/v1/task"), ("GET", "/v1/lease"), ("PUT", "/v1/task/result/")]
    {
        assert_eq!(agent.ask(method, path, b"").await.refused(), (404, "gateway-path".into()), "{path}");
    }
    assert_eq!(agent.result(&done(&of(&told))).await.status, 204);
    house.stop().await;
}

#[tokio::test]
async fn a_result_of_100_megabytes_is_refused_before_it_is_read() {
    let house = House::new("large").await;
    let told = house.under_way("one").await;
    let mut agent = house.agent(&told).await;
    let head = |length: &str| {
        let token = told.token.as_deref().unwrap();
        format!(
            "PUT {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{length}\r\n\r\n",
            path::RESULT
        )
    };
    agent.write(head("Content-Length: 104857600").as_bytes()).await;
    let back = agent.answer().await.expect("an answer before a byte of it");
    assert_eq!(back.refused(), (413, "contract-too-large".into()));
    // Without a length the pieces are counted. The answer may be lost while the rest is still being sent.
    let mut agent = house.agent(&told).await;
    agent.write(head("Transfer-Encoding: chunked").as_bytes()).await;
    let piece = [b"100000\r\n".as_slice(), &vec![b'x'; 1 << 20], b"\r\n"].concat();
    for _ in 0..100 {
        agent.write(&piece).await;
    }
    assert!(agent.answer().await.is_none_or(|back| back.status == 413));
    assert_eq!(house.agent(&told).await.result(&done(&of(&told))).await.status, 204);
    house.stop().await;
}

#[tokio::test]
async fn who_is_slow_or_one_too_many_keeps_nobody_else_out() {
    let settings = Settings {
        connections_max: 2,
        idle_limit: Duration::from_millis(300),
        read_limit: Duration::from_millis(100),
        ..Settings::default()
    };
    let house = House::with("slow", settings).await;
    let token = house.runner_token();
    let mut slow = house.tcp(&token).await;
    let head = format!(
        "POST {} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Length: 9\r\n\r\n{{",
        path::LEASE
    );
    slow.write(head.as_bytes()).await;
    assert_eq!(slow.answer().await.expect("an answer").refused(), (408, "gateway-slow".into()));
    drop(slow);
    let mut silent = Vec::new();
    for _ in 0..2 {
        let mut client = house.tcp("").await;
        client.write(b"POST /v1/le").await;
        silent.push(client);
    }
    assert_eq!(
        house.runner().await.lease("box", 0).await,
        None,
        "the socket of this machine has places of its own"
    );
    for client in &mut silent {
        // hyper tells why it ends, or just does.
        assert!(client.answer().await.is_none_or(|back| back.status == 408));
    }
    assert_eq!(house.tcp(&token).await.lease("box", 0).await, None);
    house.stop().await;
}

#[tokio::test]
async fn only_owner_and_group_reach_the_socket_and_only_the_owner_reads_the_secrets() {
    let house = House::new("modes").await;
    let mode = |name: &str| house.folder.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!([mode(SOCKET_NAME), mode("runner.token"), mode("attempt.key")], [0o660, 0o600, 0o600]);
    house.stop().await;
}

#[tokio::test]
async fn a_damaged_secret_and_a_port_that_is_taken_are_told_in_words() {
    let house = House::new("words").await;
    let mut listen = house.listen();
    listen.data_dir = house.folder.join("other");
    std::fs::create_dir_all(&listen.data_dir).unwrap();
    let bind = || {
        GatewayServer::bind(&listen, house.parts(), Settings::default(), helix::metrics::Metrics::default())
    };
    let error = bind().await.expect_err("the port is taken");
    assert!(
        matches!(error, GatewayError::Address { .. }) && error.to_string().contains("tasks_listen"),
        "{error}"
    );
    std::fs::write(listen.data_dir.join("attempt.key"), "").unwrap();
    let error = bind().await.expect_err("damaged");
    assert_eq!(error.code(), "gateway-secret");
    assert!(error.to_string().contains("remove the file"), "{error}");
    house.stop().await;
}
