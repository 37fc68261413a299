//! Reading a page: where it may lie, how it gets there, and what it may weigh.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use helix::web::{Page, PageLimits, PageReader, WebError};
use helix_contract::WebScope;
use helix_core::egress::{Cloud, Privacy};
use reqwest::Url;

use crate::place::{LIMITS, Server, answered, elsewhere, origin, place};

const PUBLIC: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(93, 184, 215, 14)), 0);

fn url(text: &str) -> Url {
    Url::parse(text).expect("an address")
}

async fn read(reader: &PageReader, address: &str) -> Result<Page, WebError> {
    reader.read(&url(address), &WebScope::Public, &origin(Privacy::Public)).await
}

fn page(words: &str) -> Vec<u8> {
    answered("text/html", format!("<title>A page</title><p>{words}").as_bytes())
}

#[tokio::test]
async fn a_page_is_read_from_the_checked_address_and_written_down() {
    let server = Server::start(|_| page("Hello")).await;
    let place = place(Cloud::Public);
    place.names.name("www.example.com", &[&[server.address]]);
    let reader = place.reader(&[server.address], LIMITS);
    let address = format!("http://www.example.com:{}/a?b=c#part", server.address.port());
    let page = read(&reader, &address).await.expect("a page");
    assert_eq!((page.title.as_str(), page.text.as_str(), page.cut), ("A page", "Hello", false));
    let head = &server.requests()[0].to_lowercase();
    assert!(head.starts_with("get /a?b=c http/1.1") && head.contains("user-agent: helix/"), "{head}");
    assert!(!head.contains("cookie") && !head.contains("referer"), "{head}");
    let left = place.notes.left();
    let sent = format!("GET http://www.example.com:{}/a?b=c", server.address.port());
    assert_eq!(left, [["www.example.com", "page", "P0", &sent, "answered"].map(str::to_owned)]);
}

#[tokio::test]
async fn by_default_nothing_at_home_is_connected_to_whatever_its_name_or_form() {
    let server = Server::start(|_| page("secret")).await;
    let place = place(Cloud::Personal);
    let port = server.address.port();
    for name in ["rebound.example", "router.example"] {
        place.names.name(name, &[&[server.address]]);
    }
    place.names.name("metadata.example", &[&["169.254.169.254:80".parse().expect("an address")]]);
    place.names.name("mixed.example", &[&[PUBLIC, "10.0.0.1:80".parse().expect("an address")]]);
    let mapped: SocketAddr = "[::ffff:127.0.0.1]:80".parse().expect("an address");
    place.names.name("mapped.example", &[&[mapped]]);
    let reader = place.reader(&[], LIMITS);
    for address in [
        format!("http://rebound.example:{port}/"),
        format!("http://127.0.0.1:{port}/"),
        "http://router.example/".into(),
        "http://metadata.example/".into(),
        "http://mixed.example/".into(),
        "http://mapped.example/".into(),
        "http://127.0.0.1/".into(),
        "http://[::1]/".into(),
        "http://0x7f.1/".into(),
        "https://192.168.1.1/".into(),
        "http://100.64.0.1/".into(),
        "http://169.254.169.254/latest/meta-data/".into(),
        "http://[fd00:ec2::254]/".into(),
        "http://[64:ff9b::a00:1]/".into(),
    ] {
        let error = read(&reader, &address).await.expect_err("refused");
        assert!(matches!(error, WebError::NotPublic { .. }), "{address}: {error}");
    }
    let before = place.names.asked().len();
    for local in [
        "http://localhost/",
        "http://nas/",
        "http://printer.local/",
        "http://homeassistant.lan:8123/",
        "http://fritz.box.home.arpa/",
    ] {
        let error = read(&reader, local).await.expect_err("refused");
        assert!(
            matches!(error, WebError::NoSuchHost { .. } | WebError::NotPublic { .. }),
            "{local}: {error}"
        );
    }
    assert_eq!(place.names.asked().len(), before, "nobody is asked about names of the home");
    assert!(server.requests().is_empty() && place.notes.left().is_empty());
}

#[tokio::test]
async fn a_name_that_changes_its_answer_is_asked_once_and_connected_as_it_was_checked() {
    let allowed = Server::start(|_| page("public")).await;
    let inner = Server::start(|_| page("secret")).await;
    let place = place(Cloud::Public);
    let inner_at = SocketAddr::new(inner.address.ip(), inner.address.port());
    place.names.name("rebind.example", &[&[allowed.address], &[inner_at], &[inner_at]]);
    let reader = place.reader(&[allowed.address], LIMITS);
    let address = format!("http://rebind.example:{}/", allowed.address.port());
    assert_eq!(read(&reader, &address).await.expect("a page").text, "public");
    assert_eq!(place.names.asked(), ["rebind.example"]);
    let error = read(&reader, &address).await.expect_err("its second answer is refused");
    assert!(matches!(error, WebError::NotPublic { .. }), "{error}");
    assert!(inner.requests().is_empty());
}

#[tokio::test]
async fn every_hop_is_checked_anew_and_written_down() {
    let inner = Server::start(|_| page("secret")).await;
    let to = [
        format!("http://inner.example:{}/", inner.address.port()),
        format!("http://{}/", inner.address),
        "http://169.254.169.254/latest".to_owned(),
        "http://user:pass@www.example.com/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "javascript:alert(1)".to_owned(),
        "//localhost/".to_owned(),
    ];
    let targets = to.clone();
    let server = Server::start(move |path| {
        let at: usize = path.trim_start_matches('/').parse().expect("a number");
        elsewhere(&targets[at])
    })
    .await;
    let place = place(Cloud::Public);
    place.names.name("www.example.com", &[&[server.address]]);
    place.names.name("inner.example", &[&[inner.address]]);
    let reader = place.reader(&[server.address], LIMITS);
    for (at, to) in to.iter().enumerate() {
        let address = format!("http://www.example.com:{}/{at}", server.address.port());
        read(&reader, &address).await.expect_err(to);
    }
    assert!(inner.requests().is_empty());
    let left = place.notes.left();
    assert_eq!(left.len(), to.len(), "only what was sent is written down: {left:?}");
    assert!(
        left.iter().all(|entry| entry[0] == "www.example.com" && entry[4].starts_with("web-")),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_site_may_send_elsewhere_five_times_within_the_scope() {
    let server = Server::start(|path| {
        let hops: u32 = path.trim_start_matches('/').parse().expect("a number");
        if hops == 0 { page("arrived") } else { elsewhere(&format!("/{}", hops - 1)) }
    })
    .await;
    let port = server.address.port();
    let place = place(Cloud::Public);
    place.names.name("www.example.com", &[&[server.address]]);
    let reader = place.reader(&[server.address], LIMITS);
    let at = |hops: u32| format!("http://www.example.com:{port}/{hops}");
    let page = read(&reader, &at(5)).await.expect("a page");
    assert_eq!((page.text.as_str(), page.address), ("arrived", at(0)));
    assert_eq!(place.notes.left().len(), 6);
    assert!(matches!(read(&reader, &at(6)).await, Err(WebError::Redirects { limit: 5, .. })));
}

#[tokio::test]
async fn nobody_is_led_out_of_the_scope() {
    let server = Server::start(|_| elsewhere("http://evil-example.com/")).await;
    let place = place(Cloud::Public);
    for name in ["docs.example.com", "evil-example.com"] {
        place.names.name(name, &[&[server.address]]);
    }
    let reader = place.reader(&[server.address], LIMITS);
    let scope = WebScope::Domains(vec!["example.com".into()]);
    let address = url(&format!("http://docs.example.com:{}/", server.address.port()));
    let error = reader.read(&address, &scope, &origin(Privacy::Public)).await.expect_err("refused");
    assert_eq!(error, WebError::OutOfScope { host: "evil-example.com".into() });
    assert_eq!((server.requests().len(), place.names.asked().len()), (1, 1));
}

#[tokio::test]
async fn nothing_is_read_that_the_ledger_does_not_permit() {
    let server = Server::start(|_| page("Hello")).await;
    let address = format!("http://www.example.com:{}/", server.address.port());
    for (cloud, privacy, passive) in [
        (Cloud::Off, Privacy::Public, false),
        (Cloud::Personal, Privacy::Others, false),
        (Cloud::Personal, Privacy::Public, true),
    ] {
        let place = place(cloud);
        place.names.name("www.example.com", &[&[server.address]]);
        let reader = place.reader(&[server.address], LIMITS);
        let origin = helix_core::llm::Origin { passive, ..origin(privacy) };
        let error = reader.read(&url(&address), &WebScope::Public, &origin).await.expect_err("refused");
        assert!(matches!(error, WebError::Denied(_)), "{error}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn what_is_large_or_packed_to_burst_is_read_as_far_as_the_limit() {
    let bomb = {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(b"<p>").expect("memory");
        for _ in 0..32 {
            encoder.write_all("word ".repeat(1 << 18).as_bytes()).expect("memory");
        }
        encoder.finish().expect("memory")
    };
    let server = Server::start(move |path| match path {
        "/large" => {
            answered("text/html; charset=utf-8", format!("<p>{}", "word ".repeat(1 << 18)).as_bytes())
        }
        "/endless" => {
            let mut head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n".to_vec();
            head.extend_from_slice("word ".repeat(1 << 18).as_bytes());
            head
        }
        _ => {
            let mut answer =
                b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-encoding: gzip\r\n\r\n".to_vec();
            answer.extend_from_slice(&bomb);
            answer
        }
    })
    .await;
    let place = place(Cloud::Public);
    place.names.name("www.example.com", &[&[server.address]]);
    let reader = place.reader(&[server.address], LIMITS);
    for path in ["large", "endless", "bomb"] {
        let address = format!("http://www.example.com:{}/{path}", server.address.port());
        let page = read(&reader, &address).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(
            page.cut && page.text.len() <= LIMITS.text_max && page.text.starts_with("word word"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_words() {
    let server = Server::start(|path| match path {
        "/pdf" => answered("application/pdf", b"%PDF-1.7"),
        "/image" => answered("image/png", b"\x89PNG"),
        "/brotli" => b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-encoding: br\r\n\r\nx".to_vec(),
        "/missing" => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        "/empty" => answered("text/html", b"<script>app()</script><div id=root></div>"),
        "/nonsense" => b"\x16\x03\x01 what".to_vec(),
        "/nowhere" => b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        _ => Vec::new(),
    })
    .await;
    let place = place(Cloud::Public);
    place.names.name("www.example.com", &[&[server.address]]);
    let reader = place.reader(&[server.address], LIMITS);
    for (path, code) in [
        ("pdf", "web-not-text"),
        ("image", "web-not-text"),
        ("brotli", "web-nonsense"),
        ("missing", "web-status"),
        ("empty", "web-empty"),
        ("nonsense", "web-unreachable"),
        ("nowhere", "web-nonsense"),
        ("hangs-up", "web-unreachable"),
    ] {
        let address = format!("http://www.example.com:{}/{path}", server.address.port());
        let error = read(&reader, &address).await.expect_err(path);
        assert_eq!(error.code(), code, "{path}: {error}");
        assert_eq!(place.notes.left().last().expect("an entry")[4], code, "{path}");
    }
    let error = read(&reader, "http://nowhere.example/").await.expect_err("no such name");
    assert_eq!(error, WebError::NoSuchHost { host: "nowhere.example".into() });
    let error = read(&reader, "http://a:b@www.example.com/").await.expect_err("credentials");
    assert_eq!(error, WebError::Credentials);
}

#[tokio::test]
async fn a_page_that_never_comes_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = silent.local_addr().expect("an address");
    let place = place(Cloud::Public);
    place.names.name("www.example.com", &[&[at]]);
    let limits = PageLimits { whole: Duration::from_millis(200), ..LIMITS };
    let reader = place.reader(&[at], limits);
    let error = read(&reader, &format!("http://www.example.com:{}/", at.port())).await.expect_err("late");
    assert!(matches!(error, WebError::Timeout { .. }), "{error}");
    assert_eq!(place.notes.left()[0][4], "web-timeout");
}
