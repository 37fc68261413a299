//! The readable part of a page: its source in, the words of its main text out. One pass over the tags, without a tree,
//! so that no nesting costs more than its bytes; what a person would not see or would skip is left out.

mod blocks;
mod tags;

use std::time::Duration;

use helix_core::Clock as _;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tokenizer, TokenizerOpts};
use reqwest::Url;

use crate::clock::SystemClock;
use crate::web::sight::{beginning, seen};
use blocks::Blocks;
use tags::Collector;

/// The longest title, bytes; the contract's sources have no longer one.
const TITLE_MAX: usize = 512;
/// The most links that are told.
const LINKS_MAX: usize = 64;
/// The longest address that is told, bytes.
const ADDRESS_MAX: usize = 2048;
/// A page is looked at in pieces of this length, bytes, …
const PIECE_LEN: usize = 16 * 1024;
/// … for so long; a page of the largest size takes a tenth of it.
const READING_LIMIT: Duration = Duration::from_secs(3);

/// Where words lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The address, without a fragment.
    pub address: String,
    /// The words.
    pub text: String,
}

/// What can be read of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Readable {
    pub(super) title: String,
    pub(super) text: String,
    pub(super) cut: bool,
    pub(super) links: Vec<Link>,
}

/// Reads a page's source, at most `limit` bytes of text.
pub(super) fn html(source: &str, address: &Url, limit: usize, clock: &SystemClock) -> Readable {
    let end = clock.now() + READING_LIMIT;
    let (mut blocks, mut complete) = collect(source, Collector::new(true), clock, end);
    if blocks.is_empty() {
        // A part to be skipped was never closed, or there is nothing else: then all of it is read.
        (blocks, complete) = collect(source, Collector::new(false), clock, end);
    }
    let title = blocks.title();
    let base = blocks.base.as_deref().and_then(|base| address.join(base).ok());
    let links = blocks.links(base.as_ref().unwrap_or(address));
    let whole = blocks.main_text();
    let (text, is_whole) = beginning(&whole, limit);
    Readable { title, text: text.to_owned(), cut: !is_whole || !complete, links }
}

/// Reads plain text, at most `limit` bytes of it.
pub(super) fn plain(source: &str, limit: usize) -> Readable {
    let mut whole = String::new();
    for line in source.lines().map(seen) {
        // One empty line between paragraphs is enough.
        if !line.is_empty() || !(whole.is_empty() || whole.ends_with("\n\n")) {
            whole.push_str(&line);
            whole.push('\n');
        }
    }
    let whole = whole.trim_end();
    let (text, is_whole) = beginning(whole, limit);
    let title = text.lines().next().unwrap_or_default();
    let title = beginning(title, TITLE_MAX).0.to_owned();
    Readable { title, text: text.to_owned(), cut: !is_whole, links: Vec::new() }
}

/// Runs the source through the tokenizer; whether all of it was read by `end`.
fn collect(source: &str, collector: Collector, clock: &SystemClock, end: Duration) -> (Blocks, bool) {
    let tokenizer = Tokenizer::new(collector, TokenizerOpts::default());
    let queue = BufferQueue::default();
    let mut rest = source;
    while !rest.is_empty() && clock.now() < end {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_LEN));
        rest = after;
        queue.push_back(StrTendril::from(piece));
        // The sink never holds it up, so it reads all that it was given.
        let _ = tokenizer.feed(&queue);
    }
    let complete = rest.is_empty();
    tokenizer.end();
    (tokenizer.sink.into_blocks(), complete)
}

#[cfg(test)]
mod tests;
