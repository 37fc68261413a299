//! The port itself: describe, strangers, crowds, the end.

use std::sync::Arc;
use std::time::Duration;

use helix::satellite::{Server, Settings};
use helix_wyoming::Event;
use helix_wyoming::asr::Transcript;
use helix_wyoming::describe::Describe;
use tokio::sync::watch;

use crate::client::Client;
use crate::home::{Home, Parrot, info};

async fn described(client: &mut Client) -> String {
    client.send(Describe {}).await;
    match client.next().await {
        Event::Info(info) => info.asr[0].artifact.name.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn describe_is_answered_at_any_time_with_the_newest_offer() {
    let home = Home::start(Settings::default()).await;
    let (mut speaker, mut other) = (home.client().await, home.client().await);
    assert_eq!(described(&mut other).await, "whisper");
    speaker.transcribe().await;
    speaker.audio(160).await;
    home.voice.open_runs(1).await;
    home.info.send_replace(Arc::new(info("base.en")));
    assert_eq!(described(&mut speaker).await, "base.en");
    assert_eq!(described(&mut other).await, "base.en");
    speaker.audio_stop().await;
    assert_eq!(speaker.transcript().await, "160 en");
    speaker.send(Transcript { text: "hang".into(), ..Transcript::default() }).await;
    home.voice.open_runs(1).await;
    assert_eq!(described(&mut speaker).await, "base.en");
}

#[tokio::test]
async fn garbage_is_told_off_and_counted() {
    let home = Home::start(Settings::default()).await;
    let endless_line = vec![b'x'; 100_000];
    let strangers: [(&[u8], &str); 4] = [
        (b"GET / HTTP/1.1\r\nHost: helix\r\n\r\n", "header-malformed"),
        (&endless_line, "header-too-long"),
        (b"{\"type\":\"transcript\",\"data_length\":99999999999}\n", "data-too-long"),
        (b"{\"type\":\"audio-chunk\",\"payload_length\":2}\nab", "event-malformed"),
    ];
    for (bytes, code) in strangers {
        let mut client = home.client().await;
        client.send_bytes(bytes).await;
        let (told, text) = client.error().await;
        assert_eq!(told, code);
        assert!(text.contains("Wyoming"), "{text}");
        client.end().await;
    }
    let mut in_mid_run = home.client().await;
    in_mid_run.transcribe().await;
    in_mid_run.send_bytes(b"\xff\xfe\n").await;
    assert_eq!(in_mid_run.error().await.0, "header-malformed");
    home.voice.open_runs(0).await;
    assert_eq!(home.counters.read().malformed_streams, 5);
    assert_eq!(described(&mut home.client().await).await, "whisper");
}

#[tokio::test]
async fn a_connection_too_many_is_told_busy_and_another_one_may_come_later() {
    let home = Home::start(Settings { connections_max: 2, ..Settings::default() }).await;
    let (mut first, mut second) = (home.client().await, home.client().await);
    first.settle().await;
    second.settle().await;
    let mut third = home.client().await;
    assert_eq!(third.error().await, ("busy".into(), "all ears are taken".into()));
    third.end().await;
    drop(second);
    let mut later = home.client().await;
    while let Event::Error(_) = {
        later.send(Describe {}).await;
        later.next().await
    } {
        later = home.client().await;
    }
    first.settle().await;
    assert!(home.counters.read().refused_connections >= 1);
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let home = Home::start(Settings { idle_limit: Duration::from_millis(50), ..Settings::default() }).await;
    home.client().await.end().await;
    let mut half = home.client().await;
    half.send_bytes(b"{\"type\":").await;
    half.end().await;
}

#[tokio::test]
async fn open_runs_are_answered_or_ended_when_the_server_is_stopped() {
    let mut home = Home::start(Settings { grace: Duration::from_millis(300), ..Settings::default() }).await;
    let (mut speaker, mut asker, mut finisher) =
        (home.client().await, home.client().await, home.client().await);
    let mut idle = home.client().await;
    idle.settle().await;
    for client in [&mut speaker, &mut finisher] {
        client.transcribe().await;
        client.audio(160).await;
    }
    asker.send(Transcript { text: "hang".into(), ..Transcript::default() }).await;
    home.voice.open_runs(3).await;
    home.stop.cancel();
    idle.end().await;
    finisher.audio_stop().await;
    assert_eq!(finisher.transcript().await, "160 en");
    assert_eq!(speaker.error().await, ("stopping".into(), "being stopped".into()));
    assert!(
        matches!(asker.next().await, Event::NotHandled(reply) if reply.text.as_deref() == Some("being stopped"))
    );
    speaker.end().await;
    asker.end().await;
    home.ended().await;
    assert!(tokio::net::TcpStream::connect(home.address()).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_what_to_do() {
    let home = Home::start(Settings::default()).await;
    let (_info, shown) = watch::channel(Arc::new(info("whisper")));
    let second = Server::bind(home.address(), Arc::new(Parrot::default()), shown, Settings::default()).await;
    let text = second.expect_err("the port is taken").to_string();
    let port = home.address().port().to_string();
    assert!(text.contains(&port) && text.contains("another program") && text.contains("listen ="), "{text}");
}
