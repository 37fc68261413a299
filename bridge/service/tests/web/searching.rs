//! Searching: who is asked, what leaves with it, and what comes of what they answer.

use helix::web::WebError;
use helix::web::search::{Found, Query, Search, SearchSettings, Searching};
use helix_contract::{Place as Where, WebScope};
use helix_core::Language;
use helix_core::egress::{Cloud, Privacy};
use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::matchers::{body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::place::{Place, origin, place};

/// The key that no text may ever hold.
const KEY: &str = "tvly-very-secret-80614";

async fn search(
    place: &Place,
    settings: &SearchSettings,
    words: &str,
    privacy: Privacy,
    knows_home: bool,
) -> Result<Found, WebError> {
    let search = Search::new(settings, Some(&place.ledger)).expect("settings");
    let searching = Searching {
        query: &Query::parse(words)?,
        language: &Language::english(),
        origin: &origin(privacy),
        knows_home,
        scope: &WebScope::Public,
        place: Where::Cloud,
    };
    search.search(searching).await
}

async fn answers(at: &str, status: u16, body: Value) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_json(body);
    Mock::given(method("POST")).and(path(at)).respond_with(answer).mount(&server).await;
    server
}

fn searxng(server: &MockServer) -> SearchSettings {
    SearchSettings { searxng_url: Some(server.uri()), ..SearchSettings::default() }
}

fn tavily(server: &MockServer) -> SearchSettings {
    SearchSettings {
        tavily_url: server.uri(),
        tavily_key: Some(SecretString::from(KEY)),
        ..SearchSettings::default()
    }
}

#[tokio::test]
async fn a_searxng_is_asked_in_a_body_and_its_hits_are_typed() {
    let body = json!({ "query": "x", "results": [
        { "url": "https://www.example.com/pumps", "title": "Pumps", "content": "Quiet ones", "engine": "a", "score": 1.0 },
        { "url": "http://example.com/pumps/", "title": "The same", "content": null },
        { "url": "https://other.example/", "title": null },
    ], "answers": [], "unresponsive_engines": [["b", "timeout"]] });
    let server = answers("/search", 200, body).await;
    let place = place(Cloud::Public);
    let found =
        search(&place, &searxng(&server), "quiet heat pump", Privacy::Public, false).await.expect("found");
    assert_eq!((found.by, found.hits.len()), ("searxng", 2));
    assert_eq!((found.hits[0].title.as_str(), found.hits[0].snippet.as_str()), ("Pumps", "Quiet ones"));
    assert_eq!(found.hits[1].title, "other.example");
    let requests = server.received_requests().await.expect("recorded");
    assert_eq!(requests[0].url.query(), None, "no words in an address");
    let left = place.notes.left();
    let sent = "q=quiet+heat+pump&format=json&language=en";
    assert_eq!(left, [["127.0.0.1", "search", "P0", sent, "answered"].map(str::to_owned)]);
    assert_eq!(requests[0].body, sent.as_bytes(), "the very text");
}

#[tokio::test]
async fn also_a_query_to_a_searxng_at_home_leaves_only_if_it_may() {
    let server = answers("/search", 200, json!({ "results": [] })).await;
    for (cloud, privacy, knows_home, words) in [
        (Cloud::Off, Privacy::Public, false, "heat pump"),
        (Cloud::Public, Privacy::Public, true, "heat pump"),
        (Cloud::Public, Privacy::Public, false, "is my heating too old"),
        (Cloud::Personal, Privacy::Others, false, "heat pump"),
        (Cloud::Personal, Privacy::Public, false, "my daughter has fever"),
        (Cloud::Personal, Privacy::Public, false, "anna@example.org"),
    ] {
        let place = place(cloud);
        let error = search(&place, &searxng(&server), words, privacy, knows_home).await.expect_err(words);
        assert!(matches!(error, WebError::Denied(_)), "{words}: {error}");
        assert!(place.notes.left().is_empty());
    }
    let home = place(Cloud::Home);
    search(&home, &searxng(&server), "heat pump", Privacy::Public, true).await.expect("allowed");
    assert_eq!(home.notes.left()[0][2], "P1");
    assert_eq!(server.received_requests().await.expect("recorded").len(), 1);
}

#[tokio::test]
async fn tavily_gets_its_key_in_a_header_and_nowhere_else() {
    let server = MockServer::start().await;
    let body = json!({ "results": [{ "title": "Pumps", "url": "https://example.com/", "content": "Quiet", "score": 0.9 }] });
    Mock::given(path("/search"))
        .and(header("authorization", format!("Bearer {KEY}").as_str()))
        .and(body_string_contains("heat pump"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let place = place(Cloud::Public);
    let found = search(&place, &tavily(&server), "heat pump", Privacy::Public, false).await.expect("found");
    assert_eq!((found.by, found.hits[0].snippet.as_str()), ("tavily", "Quiet"));
    assert!(!format!("{:?} {:?}", place.notes.left(), tavily(&server)).contains(KEY));
}

#[tokio::test]
async fn gemini_searches_by_google_and_its_hits_have_their_own_addresses() {
    let server = MockServer::start().await;
    let redirect = format!("{}/grounding-api-redirect/abc", server.uri());
    let body = json!({
        "candidates": [{
            "content": { "parts": [{ "text": "thinking", "thought": true }, { "text": "Air 5 is quiet." }] },
            "groundingMetadata": {
                "groundingChunks": [{ "web": { "uri": redirect, "title": "example.com" } }, {}],
                "groundingSupports": [{ "segment": { "text": "Air 5 is quiet." }, "groundingChunkIndices": [0] }],
                "searchEntryPoint": { "renderedContent": "<div>" },
            },
        }],
        "usageMetadata": { "promptTokenCount": 12, "candidatesTokenCount": 5, "thoughtsTokenCount": 30 },
    });
    Mock::given(method("POST"))
        .and(path("/v1beta/models/gemini-3.5-flash-lite:generateContent"))
        .and(header("x-goog-api-key", KEY))
        .and(body_string_contains("google_search"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let leads = ResponseTemplate::new(302).insert_header("location", "https://example.com/pumps");
    Mock::given(method("GET"))
        .and(path("/grounding-api-redirect/abc"))
        .respond_with(leads)
        .mount(&server)
        .await;
    let settings = SearchSettings {
        gemini_url: server.uri(),
        gemini_key: Some(SecretString::from(KEY)),
        ..SearchSettings::default()
    };
    let place = place(Cloud::Public);
    let found = search(&place, &settings, "quiet heat pump", Privacy::Public, false).await.expect("found");
    assert_eq!(found.hits[0].address, "https://example.com/pumps");
    assert_eq!((found.hits[0].snippet.as_str(), found.tokens), ("Air 5 is quiet.", (12, 35)));
    assert_eq!(found.summary.as_deref(), Some("Air 5 is quiet."));
    let left = place.notes.left();
    assert_eq!((left.len(), left[1][3].as_str()), (2, format!("GET {redirect}").as_str()));
    let requests = server.received_requests().await.expect("recorded");
    assert!(!requests[1].headers.contains_key("x-goog-api-key"), "no key where an answer leads");
    let search = Search::new(&settings, Some(&place.ledger)).expect("settings");
    assert!(search.asked(Where::Local).is_empty(), "a task that stays at home asks no model outside");
}

#[tokio::test]
async fn whoever_fails_is_passed_over_and_the_last_error_is_told() {
    let place = place(Cloud::Public);
    let broken = answers("/search", 403, json!({})).await;
    let error = search(&place, &searxng(&broken), "pump", Privacy::Public, false).await.expect_err("no JSON");
    assert!(error.to_string().contains("settings.yml"), "{error}");
    let works = answers("/search", 200, json!({ "results": [{ "url": "https://example.com/" }] })).await;
    let both = SearchSettings { searxng_url: Some(broken.uri()), ..tavily(&works) };
    let found = search(&place, &both, "pump", Privacy::Public, false).await.expect("the second one");
    assert_eq!((found.by, found.hits.len()), ("tavily", 1));
    let wrong = answers("/search", 401, json!({})).await;
    let error =
        search(&place, &tavily(&wrong), "pump", Privacy::Public, false).await.expect_err("a wrong key");
    assert!(error.to_string().contains("`tavily_key`") && !error.to_string().contains(KEY), "{error}");
    let nobody = search(&place, &SearchSettings::default(), "pump", Privacy::Public, false).await;
    assert_eq!(nobody, Err(WebError::NoSearch));
}

#[tokio::test]
async fn an_answer_without_end_or_sense_is_an_error() {
    let long = answers("/search", 200, json!({ "results": [], "more": "x".repeat(2 << 20) })).await;
    let nonsense = answers("/search", 200, json!({ "results": "none" })).await;
    let elsewhere = MockServer::start().await;
    let sends = ResponseTemplate::new(302).insert_header("location", "http://evil.example/?q=pump");
    Mock::given(method("POST")).respond_with(sends).mount(&elsewhere).await;
    let place = place(Cloud::Public);
    for server in [&long, &nonsense, &elsewhere] {
        let error =
            search(&place, &searxng(server), "pump", Privacy::Public, false).await.expect_err("an error");
        assert!(matches!(error, WebError::Nonsense { .. } | WebError::Status { status: 302, .. }), "{error}");
    }
}
