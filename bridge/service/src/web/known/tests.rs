//! An agent that obeys a page has no address to put its words into.

use super::*;
use crate::web::Link;

fn hit(address: &str) -> Hit {
    Hit { title: "A page".into(), address: address.into(), snippet: String::new() }
}

fn page(address: &str, links: &[&str]) -> Page {
    let links =
        links.iter().map(|address| Link { address: (*address).into(), text: "a link".into() }).collect();
    Page { address: address.into(), title: String::new(), text: "words".into(), cut: false, links }
}

fn public(words: &str) -> KnownAddresses {
    KnownAddresses::new(&WebScope::Public, words)
}

fn admitted(known: &mut KnownAddresses, asked: &str) -> Option<String> {
    known.admit(asked).ok().map(Into::into)
}

#[test]
fn what_a_search_found_is_read_and_nothing_that_was_added_to_it() {
    let mut known = public("the best heat pump");
    known.learn_hits(&[hit("https://evil.example/pumps?id=7")]);
    for made in [
        "https://evil.example/pumps?id=7&d=secret",
        "https://evil.example/pumps?id=8",
        "https://evil.example/pumps",
        "https://evil.example/pumps/secret?id=7",
        "https://secret.evil.example/pumps?id=7",
        "https://evil.example:8443/pumps?id=7",
        "https://secret@evil.example/pumps?id=7%00",
        "https://evil.example/?id=7",
        "https://evil.example/",
        "https://other.example/pumps?id=7",
        "https://evil.example/PUMPS?id=7",
        "https://evil.example/pumps?ID=7",
        "https://evil.example/pumps%2f?id=7",
        "ftp://evil.example/pumps?id=7",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,hello",
        "",
    ] {
        assert!(known.admit(made).is_err(), "{made}");
    }
    assert_eq!(
        admitted(&mut known, "https://evil.example/pumps?id=7").as_deref(),
        Some("https://evil.example/pumps?id=7")
    );
}

#[test]
fn what_is_sent_is_the_known_address_however_it_was_asked_for() {
    let found = "http://www.example.com/a?b=c";
    for asked in [
        "http://www.example.com/a?b=c",
        "https://example.com/a?b=c",
        "https://EXAMPLE.com/a/?b=c#secret",
        "example.com/a?b=c",
        "https://user:secret@example.com/a?b=c",
    ] {
        let mut known = public("");
        known.learn_hits(&[hit(found)]);
        assert_eq!(admitted(&mut known, asked).as_deref(), Some(found), "{asked}");
    }
}

#[test]
fn a_link_of_a_site_that_nobody_named_is_not_followed() {
    let mut known = public("the best heat pump");
    known.learn_hits(&[hit("https://evil.example/")]);
    let links: Vec<_> = ('a'..='z').map(|letter| format!("https://evil.example/{letter}")).collect();
    known.learn_links(&page("https://evil.example/", &links.iter().map(String::as_str).collect::<Vec<_>>()));
    assert!(links.iter().all(|link| known.admit(link).is_err()));
}

#[test]
fn on_a_site_that_the_person_named_links_are_followed_and_no_further() {
    let mut known = public("What is new on heise.de?");
    assert_eq!(admitted(&mut known, "heise.de").as_deref(), Some("https://heise.de/"));
    let front = page(
        "https://www.heise.de/",
        &[
            "https://www.heise.de/news/1",
            "https://evil.example/?d=1",
            "https://evil-heise.de/",
            "https://heise.de.evil.example/",
        ],
    );
    known.learn_links(&front);
    assert!(admitted(&mut known, "https://www.heise.de/news/1").is_some());
    for other in [
        "https://evil.example/?d=1",
        "https://evil-heise.de/",
        "https://heise.de.evil.example/",
        "https://www.heise.de/news/2",
    ] {
        assert!(known.admit(other).is_err(), "{other}");
    }
    known.learn_links(&page("https://evil.example/", &["https://www.heise.de/go?u=secret"]));
    assert!(
        known.admit("https://www.heise.de/go?u=secret").is_err(),
        "a foreign page makes no address of the site known"
    );
}

#[test]
fn addresses_are_found_in_what_a_person_says() {
    let words = "Compare (https://Example.com/a?b=c), www.bücher.example, and the news on heise.de/newsticker. See \
                 done.Then version 2.5.1 of e.g. this, file.TXT or 10.5 a.b-";
    let found: Vec<String> = addresses_in(words).map(Into::into).collect();
    assert_eq!(
        found,
        ["https://example.com/a?b=c", "https://www.xn--bcher-kva.example/", "https://heise.de/newsticker"]
    );
}

#[test]
fn a_scope_of_domains_bounds_what_is_known() {
    let scope = WebScope::Domains(vec!["example.com".into()]);
    let mut known = KnownAddresses::new(&scope, "and evil.example");
    known.learn_hits(&[hit("https://docs.example.com/a"), hit("https://evil.example/a")]);
    assert!(admitted(&mut known, "https://docs.example.com/a").is_some());
    assert!(matches!(known.admit("https://evil.example/a"), Err(WebError::OutOfScope { .. })));
    assert!(matches!(known.admit("https://evil.example/"), Err(WebError::OutOfScope { .. })));
    let mut nothing = KnownAddresses::new(&WebScope::None, "heise.de");
    assert!(matches!(nothing.admit("heise.de"), Err(WebError::OutOfScope { .. })));
}

#[test]
fn reading_again_and_again_tells_a_foreign_site_no_more_than_a_few_choices() {
    let mut known = public("news on heise.de");
    let hits: Vec<_> = (0..50).map(|n| hit(&format!("https://s{n}.evil.example/{n}"))).collect();
    known.learn_hits(&hits);
    let read = hits.iter().filter(|hit| known.admit(&hit.address).is_ok()).count();
    assert_eq!(read, READS_PER_SITE, "subdomains are the same site");
    assert!(matches!(known.admit(&hits[0].address), Err(WebError::EnoughOfSite { .. })));
    assert!((0..20).all(|_| known.admit("heise.de").is_ok()), "a named site may be read on");
}

#[test]
fn what_is_known_is_bounded() {
    let mut known = public("");
    let hits: Vec<_> = (0..2 * KNOWN_MAX).map(|n| hit(&format!("https://example.com/{n}"))).collect();
    known.learn_hits(&hits);
    assert_eq!(known.known.len(), KNOWN_MAX);
}
