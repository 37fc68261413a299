//! Tags in, blocks of text out: where a paragraph begins, what is a link, and what is skipped.

use std::cell::RefCell;

use html5ever::Attribute;
use html5ever::tokenizer::states::{RawKind, Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult};

use super::blocks::{Blocks, Kind};

/// Nobody reads these.
const NEVER: [&str; 18] = [
    "script", "style", "noscript", "template", "svg", "math", "iframe", "noframes", "object", "canvas",
    "audio", "video", "select", "button", "textarea", "xmp", "noembed", "dialog",
];
/// Parts of a page that are not what it is about.
const ASIDE: [&str; 4] = ["nav", "footer", "aside", "menu"];
/// The same, as roles.
const ASIDE_ROLES: [&str; 7] =
    ["navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alertdialog"];
/// Elements without an end: whatever they say, nothing lies in them.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];
/// Elements that the next one of their kind ends, …
const OPEN_ENDED: [&str; 7] = ["p", "li", "dt", "dd", "tr", "td", "th"];
/// … or the end of what is around them.
const AROUND: [&str; 9] = ["ul", "ol", "dl", "table", "tbody", "div", "section", "article", "body"];
/// Styles of what nobody sees, without spaces.
const UNSEEN: [&str; 9] = [
    "display:none",
    "visibility:hidden",
    "visibility:collapse",
    "opacity:0;",
    "font-size:0",
    "font-size:1px",
    "text-indent:-9",
    "left:-9",
    "clip:rect(0",
];

/// An element whose content is skipped, and how deep in elements of its own name the tags are.
#[derive(Debug)]
struct Skipped {
    name: String,
    depth: usize,
}

impl Skipped {
    /// Whether it ends at this tag.
    fn sees(&mut self, tag: &Tag) -> bool {
        let begins = tag.kind == TagKind::StartTag;
        if *tag.name != *self.name {
            return !begins && OPEN_ENDED.contains(&self.name.as_str()) && AROUND.contains(&&*tag.name);
        }
        if begins && OPEN_ENDED.contains(&self.name.as_str()) {
            return true;
        }
        match (begins, has_content(tag)) {
            (true, true) => self.depth += 1,
            (true, false) => {}
            (false, _) => self.depth -= 1,
        }
        self.depth == 0
    }
}

#[derive(Debug)]
struct State {
    blocks: Blocks,
    skipped: Option<Skipped>,
    in_title: bool,
}

/// Receives tags and text.
#[derive(Debug)]
pub(super) struct Collector {
    state: RefCell<State>,
    skips_asides: bool,
}

impl Collector {
    /// One that leaves out what is not what a page is about, if `skips_asides`.
    pub(super) fn new(skips_asides: bool) -> Self {
        let state = State { blocks: Blocks::default(), skipped: None, in_title: false };
        Self { state: RefCell::new(state), skips_asides }
    }

    pub(super) fn into_blocks(self) -> Blocks {
        self.state.into_inner().blocks
    }
}

impl TokenSink for Collector {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.state.borrow_mut();
        match token {
            Token::TagToken(tag) => {
                let raw = raw(&tag);
                state.tag(&tag, self.skips_asides);
                return raw;
            }
            Token::CharacterTokens(text) => state.text(&text),
            Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::NullCharacterToken
            | Token::EOFToken
            | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

/// After these tags the tokenizer reads text instead of tags, as the standard has it.
fn raw(tag: &Tag) -> TokenSinkResult<()> {
    if tag.kind == TagKind::EndTag {
        return TokenSinkResult::Continue;
    }
    let kind: RawKind = match &*tag.name {
        "title" | "textarea" => Rcdata,
        "style" | "xmp" | "iframe" | "noembed" | "noframes" | "noscript" => Rawtext,
        "script" => ScriptData,
        "plaintext" => return TokenSinkResult::Plaintext,
        _ => return TokenSinkResult::Continue,
    };
    TokenSinkResult::RawData(kind)
}

impl State {
    fn tag(&mut self, tag: &Tag, skips_asides: bool) {
        let name = &*tag.name;
        let begins = tag.kind == TagKind::StartTag;
        if let Some(skipped) = &mut self.skipped {
            let ends = skipped.sees(tag);
            if ends {
                self.skipped = None;
            }
            if !(ends && begins) {
                return;
            }
        }
        if begins && has_content(tag) && is_skipped(tag, skips_asides) {
            self.blocks.end();
            self.skipped = Some(Skipped { name: name.to_owned(), depth: 1 });
            return;
        }
        self.place(tag, begins);
    }

    fn place(&mut self, tag: &Tag, begins: bool) {
        let name = &*tag.name;
        match name {
            "title" => self.in_title = begins && self.blocks.wants_title(),
            "base" if begins => self.blocks.set_base(attribute(tag, "href")),
            "a" if begins => self.blocks.begin_link(attribute(tag, "href")),
            "a" => self.blocks.end_link(),
            "article" | "main" => self.blocks.main(begins),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" if begins => self.blocks.begin(Kind::Heading),
            "li" | "dt" | "dd" if begins => self.blocks.begin(Kind::Item),
            "tr" if begins => self.blocks.begin(Kind::Row),
            "td" | "th" if begins => self.blocks.next_cell(),
            "br" => self.blocks.text(" "),
            "p" | "div" | "section" | "header" | "blockquote" | "pre" | "ul" | "ol" | "dl" | "table"
            | "tbody" | "thead" | "caption" | "figure" | "figcaption" | "form" | "fieldset" | "details"
            | "summary" | "hr" | "address" | "body" | "html" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6"
            | "li" | "dt" | "dd" | "tr" | "center" | "option" | "legend" => {
                self.blocks.begin(Kind::Paragraph);
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_title {
            self.blocks.title_text(text);
        } else if self.skipped.is_none() {
            self.blocks.text(text);
        }
    }
}

/// Whether something can lie in it.
fn has_content(tag: &Tag) -> bool {
    let is_foreign = matches!(&*tag.name, "svg" | "math");
    !(VOID.contains(&&*tag.name) || is_foreign && tag.self_closing)
}

fn is_skipped(tag: &Tag, skips_asides: bool) -> bool {
    let name = &*tag.name;
    NEVER.contains(&name) || is_unseen(tag) || (skips_asides && is_aside(tag))
}

fn is_aside(tag: &Tag) -> bool {
    let role = attribute(tag, "role").unwrap_or_default();
    ASIDE.contains(&&*tag.name) || ASIDE_ROLES.contains(&role)
}

/// Whether its author hides an element from everybody who looks.
fn is_unseen(tag: &Tag) -> bool {
    // A page as a whole is sometimes hidden until its scripts have run.
    if matches!(&*tag.name, "html" | "body") {
        return false;
    }
    if attribute(tag, "hidden").is_some() || attribute(tag, "aria-hidden") == Some("true") {
        return true;
    }
    let Some(style) = attribute(tag, "style") else { return false };
    let mut style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
    style.make_ascii_lowercase();
    style.push(';');
    UNSEEN.iter().any(|unseen| style.contains(unseen))
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    let found = |attribute: &&Attribute| &*attribute.name.local == name;
    tag.attrs.iter().find(found).map(|attribute| &*attribute.value)
}
