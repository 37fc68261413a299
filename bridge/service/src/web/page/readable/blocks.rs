//! Blocks of text, and which of them are what a page is about. A block that is mostly links is a menu; a short one is
//! kept if it stands between long ones, or is the heading of one (after Kohlschütter, Fankhauser and Nejdl,
//! "Boilerplate detection using shallow text features", 2010).

use std::collections::BTreeSet;

use reqwest::Url;

use super::{ADDRESS_MAX, LINKS_MAX, Link, TITLE_MAX};
use crate::web::sight::{beginning, seen};

/// A block of more characters is running text, not a button or a caption.
const LONG: usize = 80;
/// More than this share of characters in links makes a menu, per cent.
const LINKED_MAX: usize = 50;
/// The article of a page is believed to be all of it if it has so many characters.
const ARTICLE_MIN: usize = 400;
/// So many neighbours in a row may be short and are kept between long ones.
const GAP_MAX: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Paragraph,
    Heading,
    Item,
    Row,
}

#[derive(Debug)]
struct Block {
    kind: Kind,
    text: String,
    /// Characters of it that lie in links.
    linked: usize,
    /// Whether it lies in an article or in the main part.
    in_main: bool,
}

impl Block {
    fn len(&self) -> usize {
        self.text.chars().count()
    }

    fn is_menu(&self) -> bool {
        self.linked * 100 > self.len() * LINKED_MAX
    }
}

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    done: Vec<Block>,
    open: Option<Block>,
    /// Text of the open block, as it stands in the source.
    raw: String,
    link: Option<(String, usize)>,
    links: Vec<(String, String)>,
    main_depth: usize,
    title: String,
    pub(super) base: Option<String>,
}

impl Blocks {
    /// Ends the block that is open and begins one of this kind.
    pub(super) fn begin(&mut self, kind: Kind) {
        self.end();
        let in_main = self.main_depth > 0;
        self.open = Some(Block { kind, text: String::new(), linked: 0, in_main });
    }

    /// Ends the block that is open.
    pub(super) fn end(&mut self) {
        let link = self.link.take();
        self.close_link(link.as_ref());
        // A link may hold several blocks.
        self.link = link.map(|(href, _)| (href, 0));
        let raw = std::mem::take(&mut self.raw);
        let Some(mut block) = self.open.take() else { return };
        block.text = seen(&raw);
        if block.text.chars().any(char::is_alphanumeric) {
            self.done.push(block);
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.open.is_none() && !text.trim().is_empty() {
            self.begin(Kind::Paragraph);
        }
        if self.open.is_some() {
            self.raw.push_str(text);
        }
    }

    pub(super) fn next_cell(&mut self) {
        if !self.raw.trim().is_empty() {
            self.raw.push_str(" | ");
        }
    }

    pub(super) fn main(&mut self, begins: bool) {
        self.end();
        self.main_depth = if begins { self.main_depth + 1 } else { self.main_depth.saturating_sub(1) };
    }

    pub(super) fn begin_link(&mut self, href: Option<&str>) {
        self.end_link();
        self.link = href.map(|href| (beginning(href, ADDRESS_MAX + 1).0.to_owned(), self.raw.len()));
    }

    pub(super) fn end_link(&mut self) {
        let link = self.link.take();
        self.close_link(link.as_ref());
    }

    fn close_link(&mut self, link: Option<&(String, usize)>) {
        let Some((href, start)) = link else { return };
        let words = seen(&self.raw[*start..]);
        if let Some(block) = &mut self.open {
            block.linked += words.chars().count();
        }
        if !words.is_empty() && self.links.len() < LINKS_MAX * 4 {
            self.links.push((href.clone(), words));
        }
    }

    pub(super) fn wants_title(&self) -> bool {
        self.title.is_empty()
    }

    pub(super) fn title_text(&mut self, text: &str) {
        if self.title.len() < TITLE_MAX * 4 {
            self.title.push_str(text);
        }
    }

    pub(super) fn set_base(&mut self, href: Option<&str>) {
        self.base = self.base.take().or_else(|| href.map(|href| beginning(href, ADDRESS_MAX).0.to_owned()));
    }

    pub(super) fn is_empty(&mut self) -> bool {
        self.end();
        self.done.is_empty()
    }

    /// The title, or the first heading.
    pub(super) fn title(&self) -> String {
        let own = seen(&self.title);
        let heading =
            || self.done.iter().find(|block| block.kind == Kind::Heading).map(|block| block.text.clone());
        let title = if own.is_empty() { heading().unwrap_or_default() } else { own };
        beginning(&title, TITLE_MAX).0.to_owned()
    }

    /// Where the page leads to, each address once.
    pub(super) fn links(&mut self, base: &Url) -> Vec<Link> {
        let mut told = BTreeSet::new();
        let mut links = Vec::new();
        for (href, text) in std::mem::take(&mut self.links) {
            let Ok(mut url) = base.join(href.trim()) else { continue };
            url.set_fragment(None);
            let fits = matches!(url.scheme(), "http" | "https") && url.as_str().len() <= ADDRESS_MAX;
            if fits && links.len() < LINKS_MAX && told.insert(url.to_string()) {
                let text = beginning(&text, 100).0.to_owned();
                links.push(Link { address: url.into(), text });
            }
        }
        links
    }

    /// The text of what the page is about; all of it if that is nothing.
    pub(super) fn main_text(&self) -> String {
        let article: usize =
            self.done.iter().filter(|block| block.in_main && !block.is_menu()).map(Block::len).sum();
        let has_article = article >= ARTICLE_MIN;
        let of_page: Vec<_> = self.done.iter().filter(|block| !has_article || block.in_main).collect();
        let kept = kept(&of_page, has_article);
        if kept.is_empty() { written(&of_page) } else { written(&kept) }
    }
}

/// The blocks that are running text, and those that belong to them.
fn kept<'a>(blocks: &[&'a Block], in_article: bool) -> Vec<&'a Block> {
    let is_good = |block: &&Block| !block.is_menu() && (in_article || block.len() >= LONG);
    let good: Vec<_> = blocks.iter().map(is_good).collect();
    let near_good = |at: usize| {
        let before = good[at.saturating_sub(GAP_MAX)..at].contains(&true);
        let after = good[at + 1..].iter().take(GAP_MAX).any(|good| *good);
        let leads = blocks[at].kind == Kind::Heading && after;
        let belongs = matches!(blocks[at].kind, Kind::Item | Kind::Row) && (before || after);
        leads || belongs || (before && after)
    };
    let is_kept = |at: &usize| good[*at] || (!blocks[*at].is_menu() && near_good(*at));
    (0..blocks.len()).filter(is_kept).map(|at| blocks[at]).collect()
}

fn written(blocks: &[&Block]) -> String {
    let mut text = String::new();
    let mut before = Kind::Paragraph;
    for block in blocks {
        let tight = block.kind == before && matches!(block.kind, Kind::Item | Kind::Row);
        if !text.is_empty() {
            text.push_str(if tight { "\n" } else { "\n\n" });
        }
        text.push_str(match block.kind {
            Kind::Paragraph | Kind::Row => "",
            Kind::Heading => "## ",
            Kind::Item => "- ",
        });
        text.push_str(&block.text);
        before = block.kind;
    }
    text
}
