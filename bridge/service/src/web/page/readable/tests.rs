//! Pages as they are written: what is read of them, what is skipped, and what they cannot do to the reader.

use std::fmt::Write as _;

use super::*;

const LIMIT: usize = 64 * 1024;

fn read(source: &str) -> Readable {
    let address = Url::parse("https://www.example.com/news/page.html").expect("an address");
    html(source, &address, LIMIT, &SystemClock::start())
}

/// A paragraph that is long enough to be one.
fn paragraph(about: &str) -> String {
    format!("<p>{about}. {}</p>", "A heat pump moves heat from outside to inside the house. ".repeat(3))
}

#[test]
fn an_article_is_read_without_what_is_around_it() {
    let page = read(&format!(
        "<!doctype html><html><head><title>Heat pumps &amp; houses – Example</title><style>p {{}}</style>\
         <script>var a = '<p>not text</p>';</script></head><body>\
         <header><a href=/>Home</a> <a href=/news>News</a></header>\
         <nav><ul><li><a href=/a>Menu entry</a></ul></nav>\
         <main><h1>Heat pumps</h1>{}<h2>Prices</h2>{}\
         <table><tr><th>Model<th>Price<tr><td>Air 5<td>9000 €</table>\
         <ul><li>quiet<li>small</ul>{}</main>\
         <div class=cookies><button>Accept</button></div>\
         <aside>Advertisement: buy now</aside><footer>Imprint</footer></body></html>",
        paragraph("First"),
        paragraph("Second"),
        paragraph("Third"),
    ));
    assert_eq!(page.title, "Heat pumps & houses – Example");
    for there in [
        "## Heat pumps\n\nFirst.",
        "## Prices",
        "Model | Price\nAir 5 | 9000 €",
        "- quiet\n- small",
        "Third.",
    ] {
        assert!(page.text.contains(there), "{there}: {}", page.text);
    }
    for gone in ["Menu", "News", "Accept", "Advertisement", "Imprint", "not text"] {
        assert!(!page.text.contains(gone), "{gone}: {}", page.text);
    }
    assert!(!page.cut);
}

#[test]
fn a_page_without_an_article_is_read_by_its_long_paragraphs() {
    let mut menu = String::new();
    for n in 0..30 {
        let _ = write!(menu, "<div><a href=/{n}>Topic {n}</a></div>");
    }
    let page = read(&format!(
        "<div>{menu}</div><div>{}<div>A short line</div>{}</div><div>{menu}</div>",
        paragraph("First"),
        paragraph("Second")
    ));
    assert!(page.text.starts_with("First.") && page.text.contains("A short line"), "{}", page.text);
    assert!(!page.text.contains("Topic"), "{}", page.text);
    assert_eq!(page.links.len(), 30);
    assert_eq!(page.links[3].address, "https://www.example.com/3");
}

#[test]
fn a_short_page_is_read_whole() {
    assert_eq!(read("<title>T</title><body>Closed on Mondays.").text, "Closed on Mondays.");
    assert_eq!(read("<p>One<p>Two<br>lines").text, "One\n\nTwo lines");
    assert_eq!(read("just words").text, "just words");
    assert_eq!(read("").text, "");
}

#[test]
fn what_its_author_hides_is_not_read() {
    let page = read(&format!(
        "{}<p hidden>hidden one</p><p aria-hidden=true>hidden two<div style='display : NONE'>hidden <div>three</div></div>\
         <span style=\"font-size:0\">hidden four</span><p style='position:absolute;left:-9999px'>hidden five</p>\
         <template>hidden six</template><noscript>hidden seven</noscript><!-- hidden eight -->\
         <textarea>hidden nine</textarea><svg><text>hidden ten</text></svg>{}",
        paragraph("First"),
        paragraph("Last")
    ));
    assert!(!page.text.contains("hidden"), "{}", page.text);
    assert!(page.text.contains("First") && page.text.contains("Last"), "{}", page.text);
}

#[test]
fn a_part_that_is_never_closed_does_not_swallow_the_page() {
    for open in ["<nav>", "<aside>", "<footer>"] {
        let page = read(&format!("{open}<div>{}</div>", paragraph("First")));
        assert!(page.text.starts_with("First."), "{open}: {}", page.text);
    }
    let page = read(&format!("<ul><li hidden>no<li>yes</ul><svg/>{}", paragraph("First")));
    assert!(page.text.contains("yes") && page.text.contains("First"), "{}", page.text);
}

#[test]
fn links_are_whole_addresses_of_pages_each_once() {
    let page = read(
        "<base href='/docs/'><p><a href='a.html#part'>One</a> <a href=a.html>again</a> <a href='?q=1'>Two</a> \
         <a href='//other.example/x'>Three</a> <a href='javascript:alert(1)'>no</a> <a href='mailto:a@b.c'>no</a> \
         <a href='data:text/html,x'>no</a> <a href=nothing></a> <a>no</a>",
    );
    let found: Vec<_> = page.links.iter().map(|link| (link.address.as_str(), link.text.as_str())).collect();
    assert_eq!(
        found,
        [
            ("https://www.example.com/docs/a.html", "One"),
            ("https://www.example.com/docs/?q=1", "Two"),
            ("https://other.example/x", "Three"),
        ]
    );
}

#[test]
fn what_is_told_is_bounded() {
    let mut source = format!("<title>{}</title>", "title ".repeat(1000));
    for n in 0..5000 {
        let _ = write!(source, "<a href=/{n}>link {n}</a>{}", paragraph("Ähnlich"));
    }
    let page = read(&source);
    assert!(page.cut && page.text.len() <= LIMIT && page.text.len() > LIMIT - 8);
    assert!(page.title.len() <= TITLE_MAX && page.links.len() == LINKS_MAX);
    let plain = plain(&"word\n\n\n\n".repeat(100_000), 1000);
    assert!(plain.cut && plain.text.len() <= 1000 && !plain.text.contains("\n\n\n"));
}

#[test]
fn pages_made_to_hurt_a_reader_are_read_within_its_limits() {
    let len = 1 << 18;
    for piece in [
        "<div>",
        "<b><i>",
        "<a href=x>",
        "<table><tr><td>",
        "<p hidden>",
        "<",
        "&",
        "<!--",
        "<svg><svg>",
        "<a b=",
        "</p>",
    ] {
        let page = read(&piece.repeat(len / piece.len()));
        assert!(page.text.len() <= LIMIT, "{piece}");
    }
    let mut attributes = "<div ".to_owned();
    let mut n = 0;
    while attributes.len() < len {
        let _ = write!(attributes, "a{n} ");
        n += 1;
    }
    let clock = SystemClock::start();
    let address = Url::parse("https://www.example.com/").expect("an address");
    let page = html(&attributes, &address, LIMIT, &clock);
    assert!(page.text.is_empty());
}

#[test]
fn random_bytes_break_nothing() {
    let mut seed = 1_u32;
    let pieces = [
        "<", ">", "</", "/>", "div", "p", " a='", "\"", "title", "script", "li", "&#x", "x;", "-->", "<!",
        "é", "\0", "\u{202e}", "table", "svg", "=", "hidden",
    ];
    for _ in 0..300 {
        let mut source = String::new();
        for _ in 0..200 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            source.push_str(pieces[(seed >> 16) as usize % pieces.len()]);
        }
        let page = read(&source);
        assert!(!page.text.contains(['\0', '\u{202e}']));
    }
}
