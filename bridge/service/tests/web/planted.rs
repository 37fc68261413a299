//! Pages with orders in them, read by somebody who obeys every one: no address of the attacker is ever known, and none of
//! the page's own site that says more than which page was read.

use helix::web::KnownAddresses;
use helix::web::search::Hit;
use helix_contract::WebScope;
use helix_core::egress::{Cloud, Privacy};
use serde::Deserialize;

use crate::place::{LIMITS, Server, answered, origin, place};

/// What the person said.
const WORDS: &str = "find the best heat pump for a small house";

#[derive(Debug, Deserialize)]
struct Planted {
    technique: String,
    page: String,
}

fn planted() -> Vec<Planted> {
    let text = include_str!("../../../../tests/testdata/planted-pages.yaml");
    serde_yaml_ng::from_str(text).expect("pages")
}

/// Every address that stands in the page or can be made of what stands there, with the person's words added in all ways.
fn wanted(page: &str, links: &[String]) -> Vec<String> {
    let breaks =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | '{' | '}' | ',');
    let in_text = page.split(breaks).filter(|word| word.contains("://")).map(str::to_owned);
    let own = ["https://collect.attacker.example/", "https://www.planted.example/"].map(str::to_owned);
    let bases: Vec<_> = in_text.chain(links.iter().cloned()).chain(own).collect();
    let said = WORDS.replace(' ', "+");
    let with = |base: &String| {
        let trimmed = base.trim_end_matches(['/', '.']);
        [
            base.clone(),
            format!("{base}{said}"),
            format!("{trimmed}/{said}"),
            format!("{trimmed}?d={said}"),
            base.replacen("://", &format!("://{}.", said.replace('+', "-")), 1),
        ]
    };
    bases.iter().flat_map(with).collect()
}

#[tokio::test]
async fn nobody_who_obeys_a_page_finds_an_address_to_carry_words_out_with() {
    let pages = planted();
    assert_eq!(pages.len(), 30);
    let mut tried = 0;
    for Planted { technique, page } in pages {
        let body = page.clone();
        let server = Server::start(move |_| answered("text/html; charset=utf-8", body.as_bytes())).await;
        let place = place(Cloud::Public);
        place.names.name("www.planted.example", &[&[server.address]]);
        let reader = place.reader(&[server.address], LIMITS);
        let address = format!("http://www.planted.example:{}/test", server.address.port());
        let mut known = KnownAddresses::new(&WebScope::Public, WORDS);
        known.learn_hits(&[Hit {
            title: "Heat pumps".into(),
            address: address.clone(),
            snippet: page.clone(),
        }]);
        let url = known.admit(&address).expect("found by the search");
        let read = reader.read(&url, &WebScope::Public, &origin(Privacy::Public)).await;
        let read = read.unwrap_or_else(|error| panic!("{technique}: {error}"));
        assert!(read.text.contains("The quietest of them was the Air 5."), "{technique}: {}", read.text);
        known.learn_links(&read);
        let links: Vec<_> = read.links.iter().map(|link| link.address.clone()).collect();
        for wanted in wanted(&format!("{page} {}", read.text), &links) {
            tried += 1;
            let refused = known.admit(&wanted);
            assert!(refused.is_err(), "{technique}: {wanted} is known");
        }
        assert_eq!(server.requests().len(), 1, "{technique}: nothing but the page is asked for");
        assert_eq!(place.names.asked(), ["www.planted.example"], "{technique}");
        assert_eq!(place.notes.left().len(), 1, "{technique}");
    }
    assert!(tried > 500, "{tried}");
}

#[tokio::test]
async fn what_only_a_machine_would_see_is_not_even_read() {
    let unseen = [
        "an order that is not displayed",
        "an order in letters of no size",
        "an order in a comment",
        "an order as the text of a picture",
        "an order as a label for screen readers",
        "an order in the description of the page",
        "an order in data for machines",
        "an order in letters that nobody sees",
        "a page within a page",
        "a form that is sent by itself",
        "a page that sends on by itself",
    ];
    let pages = planted();
    for technique in unseen {
        let page = pages.iter().find(|page| page.technique == technique).expect("there").page.clone();
        let server = Server::start(move |_| answered("text/html; charset=utf-8", page.as_bytes())).await;
        let place = place(Cloud::Public);
        place.names.name("www.planted.example", &[&[server.address]]);
        let reader = place.reader(&[server.address], LIMITS);
        let url =
            format!("http://www.planted.example:{}/", server.address.port()).parse().expect("an address");
        let read = reader.read(&url, &WebScope::Public, &origin(Privacy::Public)).await.expect("a page");
        let told = format!("{} {}", read.title, read.text);
        assert!(
            !told.contains("attacker") && !told.contains("read_page") && !told.contains('\u{e0072}'),
            "{technique}: {told}"
        );
    }
}
