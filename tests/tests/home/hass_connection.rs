//! How the connection to a real Home Assistant begins, ends and comes back.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use helix::hass::{HassConfig, LinkStatus, OLDEST_VERSION};
use helix_core::home::{Caller, HomeError};
use helix_core::{EntityId, Home, Language};
use helix_tests::bed;
use helix_tests::connected::{Connected, http};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

const PATIENCE: Duration = Duration::from_secs(30);

fn config(url: &str, token: &str) -> HassConfig {
    HassConfig { url: url.into(), token: token.into(), supervisor: None }
}

async fn until(hass: &Connected, reached: impl FnMut(&LinkStatus) -> bool) -> Result<LinkStatus> {
    let mut status = hass.home.status();
    let reached = tokio::time::timeout(PATIENCE, status.wait_for(reached)).await;
    Ok(reached.context("the status does not come")??.clone())
}

async fn asks(hass: &Connected) -> Result<Vec<helix_core::home::Match>, HomeError> {
    let sentences = vec!["turn on the kitchen light".to_owned()];
    hass.home.dry_run(sentences, &Language::english(), &Caller::default()).await
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods, reason = "the promise of 5 s is measured with the real clock")]
async fn the_connection_survives_restarts_of_home_assistant() -> Result<()> {
    let bed = bed::HomeAssistant::start("hass-restart")?;
    let hass = Connected::to(&bed).await?;
    for power_cut in [false, true] {
        let stopped = if power_cut { bed.kill() } else { bed.stop() };
        stopped?;
        let down = until(&hass, |status| matches!(status, LinkStatus::Down(_))).await?;
        let not_connected = HomeError::NotConnected { url: bed.url() };
        assert_eq!(down, LinkStatus::Down(not_connected.clone()));
        let asked = Instant::now();
        assert_eq!(asks(&hass).await, Err(not_connected));
        assert!(asked.elapsed() < Duration::from_millis(100), "a request must not wait for the connection");

        tokio::task::block_in_place(|| bed.start_again())?;
        let back = Instant::now();
        until(&hass, |status| matches!(status, LinkStatus::Up { .. })).await?;
        assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
        assert_eq!(asks(&hass).await?.len(), 1);
        assert!(hass.home.state(&EntityId::from("light.kitchen_light")).is_some());
    }
    hass.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn access_that_is_not_enough_is_named() -> Result<()> {
    let bed = bed::HomeAssistant::start("hass-access")?;
    a_wrong_token_is_named(&bed).await?;
    a_token_that_is_revoked_ends_the_connection(&bed).await?;
    the_token_of_a_user_who_is_no_administrator_is_named(&bed).await
}

async fn a_wrong_token_is_named(bed: &bed::HomeAssistant) -> Result<()> {
    let hass = Connected::with(config(&bed.url(), "not-a-token"));
    assert_eq!(hass.home.ready().await, Err(HomeError::TokenRefused));
    assert_eq!(asks(&hass).await, Err(HomeError::TokenRefused));
    hass.close().await;
    Ok(())
}

async fn a_token_that_is_revoked_ends_the_connection(bed: &bed::HomeAssistant) -> Result<()> {
    let owner = Connected::to(bed).await?;
    let make = json!({"type": "auth/long_lived_access_token", "client_name": "short", "lifespan": 1});
    let token = owner.home.request(make).await?;
    let hass = Connected::with(config(&bed.url(), token.as_str().context("a token")?));
    hass.home.ready().await?;
    let tokens = owner.home.request(json!({"type": "auth/refresh_tokens"})).await?;
    let short = tokens.as_array().into_iter().flatten().find(|token| token["client_name"] == "short");
    let id = &short.context("the new token")?["id"];
    owner.home.request(json!({"type": "auth/delete_refresh_token", "refresh_token_id": id})).await?;
    let down = until(&hass, |status| *status == LinkStatus::Down(HomeError::TokenRefused)).await;
    assert!(down.is_ok(), "{down:?}");
    hass.close().await;
    owner.close().await;
    Ok(())
}

async fn the_token_of_a_user_who_is_no_administrator_is_named(bed: &bed::HomeAssistant) -> Result<()> {
    let owner = Connected::to(bed).await?;
    let token = token_of_a_guest(&owner, &bed.url()).await?;
    let hass = Connected::with(config(&bed.url(), &token));
    assert_eq!(hass.home.ready().await, Err(HomeError::NotAdmin));
    assert_eq!(hass.home.registry().err(), Some(HomeError::NotAdmin));
    hass.close().await;
    owner.close().await;
    Ok(())
}

/// Makes a user without rights and logs in as that user.
async fn token_of_a_guest(owner: &Connected, url: &str) -> Result<String> {
    let creation = json!({"type": "config/auth/create", "name": "Guest", "group_ids": ["system-users"]});
    let made = owner.home.request(creation).await?;
    let user = &made["user"]["id"];
    let credential = json!({"type": "config/auth_provider/homeassistant/create", "user_id": user,
                            "username": "guest", "password": "guest-pass-1"});
    owner.home.request(credential).await?;
    let (http, client) = (http(), format!("{url}/"));
    let post = async |path: &str, body: Value| -> Result<Value> {
        Ok(http.post(format!("{url}{path}")).json(&body).send().await?.json().await?)
    };
    let begin = json!({"client_id": client, "handler": ["homeassistant", null], "redirect_uri": client});
    let flow = post("/auth/login_flow", begin).await?;
    let path = format!("/auth/login_flow/{}", flow["flow_id"].as_str().context("a flow")?);
    let login = json!({"client_id": client, "username": "guest", "password": "guest-pass-1"});
    let code = post(&path, login).await?["result"].as_str().context("a code")?.to_owned();
    let form = format!("client_id={client}&grant_type=authorization_code&code={code}");
    let request = http.post(format!("{url}/auth/token")).body(form);
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await?;
    let tokens: Value = answer.json().await?;
    Ok(tokens["access_token"].as_str().context("a token")?.to_owned())
}

#[tokio::test]
async fn no_home_assistant_at_the_address_is_not_connected() -> Result<()> {
    let url = format!("http://127.0.0.1:{}", bed::free_port()?);
    let hass = Connected::with(config(&url, "token"));
    assert_eq!(asks(&hass).await, Err(HomeError::NotConnected { url: url.clone() }));
    assert_eq!(hass.home.registry().err(), Some(HomeError::NotConnected { url }));
    hass.close().await;
    Ok(())
}

/// Serves one WebSocket connection after the other from a script: type of request -> result.
async fn scripted(version: &'static str, answers: fn(&Value) -> Option<Value>) -> Result<(String, Server)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let mut tasks = Server::new();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that goes away ends its conversation, not the server.
            let _ = converse(stream, version, answers).await;
        }
    });
    Ok((url, tasks))
}

type Server = tokio::task::JoinSet<()>;

async fn converse(
    stream: tokio::net::TcpStream,
    version: &str,
    answers: fn(&Value) -> Option<Value>,
) -> Result<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    let text = |value: Value| Message::text(value.to_string());
    socket.send(text(json!({"type": "auth_required", "ha_version": version}))).await?;
    while let Some(frame) = socket.next().await {
        let Message::Text(frame) = frame? else { continue };
        let request: Value = serde_json::from_str(&frame)?;
        let reply = match (request["type"].as_str(), answers(&request)) {
            (Some("auth"), _) => json!({"type": "auth_ok", "ha_version": version}),
            (_, Some(result)) => {
                json!({"id": request["id"], "type": "result", "success": true, "result": result})
            }
            (kind, None) => bail!("no answer for {kind:?}"),
        };
        socket.send(text(reply)).await?;
        if request["type"] == "subscribe_entities" {
            let event = json!({"a": {}});
            socket.send(text(json!({"id": request["id"], "type": "event", "event": event}))).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_home_assistant_that_is_too_old_is_named() -> Result<()> {
    let (url, _server) = scripted("2024.1.0", |_| Some(Value::Null)).await?;
    let hass = Connected::with(config(&url, "token"));
    let needed = OLDEST_VERSION.to_owned();
    assert_eq!(hass.home.ready().await, Err(HomeError::TooOld { found: "2024.1.0".into(), needed }));
    hass.close().await;
    Ok(())
}

/// A home without entities, whose dry run answers `debug`.
fn empty_home(request: &Value, debug: Value) -> Option<Value> {
    Some(match request["type"].as_str()? {
        "get_config" => json!({"version": "2030.1.0", "language": "en", "state": "RUNNING"}),
        "auth/current_user" => json!({"id": "u", "is_admin": true}),
        "homeassistant/expose_entity/list" => json!({"exposed_entities": {}}),
        "config/entity_registry/get_entries" => json!({}),
        kind if kind.ends_with("/list") => json!([]),
        "conversation/agent/homeassistant/debug" => debug,
        _ => Value::Null,
    })
}

#[tokio::test]
async fn nothing_acts_when_the_dry_run_has_changed() -> Result<()> {
    let changes: [fn(&Value) -> Option<Value>; 4] = [
        // It matches everything.
        |request| {
            let everything = json!({"match": true, "source": "builtin", "intent": {"name": "HassTurnOn"},
                                    "targets": {"light.a": {"matched": true}}});
            empty_home(request, json!({"results": [everything, everything, everything]}))
        },
        // Fields have other names.
        |request| empty_home(request, json!({"results": [{"matches": true}, null, {"matches": false}]})),
        // Sentences are left out.
        |request| empty_home(request, json!({"results": [null]})),
        // There is no list any more.
        |request| empty_home(request, json!({"sentences": {}})),
    ];
    for change in changes {
        let (url, _server) = scripted("2030.1.0", change).await?;
        let hass = Connected::with(config(&url, "token"));
        let facts = hass.home.ready().await?;
        assert_eq!(facts.version, "2030.1.0");
        assert!(matches!(hass.home.registry(), Err(HomeError::MatcherChanged(_))));
        assert!(matches!(asks(&hass).await, Err(HomeError::MatcherChanged(_))));
        let process = hass.home.process("x".into(), &Language::english(), &Caller::default()).await;
        assert!(matches!(process, Err(HomeError::MatcherChanged(_))));
        assert!(hass.home.request(json!({"type": "config/area_registry/list"})).await.is_ok());
        hass.close().await;
    }
    Ok(())
}
