//! The body of a page: packed or not, in any encoding, of any length in; bounded text of a known kind out.

use std::io::Read;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use reqwest::{Response, Url};

use super::cause;
use super::readable::{self, Readable};
use crate::clock::SystemClock;
use crate::web::WebError;

/// So far into a page its own word on its encoding is looked for, bytes (the standard says 1024; many are later).
const META_LEN: usize = 4096;

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Html,
    Plain,
}

/// A body that was read.
#[derive(Debug)]
pub(super) struct Body {
    kind: Kind,
    text: String,
    cut: bool,
}

/// Reads at most `max` bytes, and unpacks no more than that.
pub(super) async fn read(mut response: Response, host: &str, max: usize) -> Result<Body, WebError> {
    let headers = std::mem::take(response.headers_mut());
    let kind = kind(&headers, host)?;
    let packing = packing(&headers, host)?;
    let mut raw = Vec::new();
    let mut cut = false;
    let broke =
        |error: &reqwest::Error| WebError::Unreachable { host: host.to_owned(), reason: cause(error) };
    while let Some(chunk) = response.chunk().await.map_err(|error| broke(&error))? {
        let room = max - raw.len();
        cut = chunk.len() > room;
        raw.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if cut {
            break;
        }
    }
    let (bytes, cut_inside) = packing.unpack(raw, max, cut, host)?;
    let kind = kind.or_else(|| sniff(&bytes)).ok_or_else(|| not_text(host, "something without a type"))?;
    let text = decode(&headers, kind, &bytes);
    Ok(Body { kind, text, cut: cut || cut_inside })
}

impl Body {
    /// What can be read of it, at most `limit` bytes.
    pub(super) fn readable(self, address: &Url, limit: usize, clock: &SystemClock) -> Readable {
        let mut read = match self.kind {
            Kind::Html => readable::html(&self.text, address, limit, clock),
            Kind::Plain => readable::plain(&self.text, limit),
        };
        read.cut |= self.cut;
        read
    }
}

fn not_text(host: &str, kind: &str) -> WebError {
    WebError::NotText { host: host.to_owned(), kind: kind.chars().take(64).collect() }
}

/// What the server says that it is; `None` if it says nothing.
fn kind(headers: &HeaderMap, host: &str) -> Result<Option<Kind>, WebError> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    let value = value.to_str().unwrap_or_default().to_ascii_lowercase();
    match value.split(';').next().unwrap_or_default().trim() {
        "text/html" | "application/xhtml+xml" => Ok(Some(Kind::Html)),
        "text/plain" | "text/markdown" => Ok(Some(Kind::Plain)),
        "application/pdf" => Err(not_text(host, "a PDF")),
        "" => Ok(None),
        other => Err(not_text(host, other)),
    }
}

/// Without a word of the server: text that begins with a tag is a page, other text is itself.
fn sniff(bytes: &[u8]) -> Option<Kind> {
    let head = &bytes[..bytes.len().min(META_LEN)];
    if head.contains(&0) || head.starts_with(b"%PDF") {
        return None;
    }
    let begins = head.iter().find(|byte| !byte.is_ascii_whitespace());
    Some(if begins == Some(&b'<') { Kind::Html } else { Kind::Plain })
}

#[derive(Debug, Clone, Copy)]
enum Packing {
    None,
    Gzip,
    Deflate,
}

fn packing(headers: &HeaderMap, host: &str) -> Result<Packing, WebError> {
    let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(Packing::None) };
    match value.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Packing::None),
        "gzip" | "x-gzip" => Ok(Packing::Gzip),
        "deflate" => Ok(Packing::Deflate),
        _ => Err(WebError::Nonsense {
            host: host.to_owned(),
            reason: "it is packed in a way that was not asked for",
        }),
    }
}

impl Packing {
    /// At most `max` bytes of what was packed, and whether there would be more. What was cut off ends early.
    fn unpack(self, raw: Vec<u8>, max: usize, is_cut: bool, host: &str) -> Result<(Vec<u8>, bool), WebError> {
        let mut reader: Box<dyn Read> = match self {
            Self::None => return Ok((raw, false)),
            Self::Gzip => Box::new(MultiGzDecoder::new(raw.as_slice())),
            Self::Deflate => Box::new(ZlibDecoder::new(raw.as_slice())),
        };
        let mut bytes = Vec::new();
        let read = reader.by_ref().take(max as u64 + 1).read_to_end(&mut bytes);
        if read.is_err() && !is_cut {
            return Err(WebError::Nonsense { host: host.to_owned(), reason: "it is packed wrongly" });
        }
        let is_long = bytes.len() > max;
        bytes.truncate(max);
        Ok((bytes, is_long))
    }
}

/// The mark at its beginning, the word of the server, the page's own word; else UTF-8 where it is valid.
fn decode(headers: &HeaderMap, kind: Kind, bytes: &[u8]) -> String {
    let told = || {
        let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        label(value.as_bytes())
    };
    let own = || (kind == Kind::Html).then(|| label(&bytes[..bytes.len().min(META_LEN)])).flatten();
    let likely = || if is_utf8(bytes) { UTF_8 } else { WINDOWS_1252 };
    let encoding = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let encoding = encoding.or_else(told).or_else(own).unwrap_or_else(likely);
    encoding.decode(bytes).0.into_owned()
}

/// Valid but for a character that was cut at the end.
fn is_utf8(bytes: &[u8]) -> bool {
    !std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_some())
}

/// The encoding that is named after `charset=`.
fn label(bytes: &[u8]) -> Option<&'static Encoding> {
    let lower = bytes.to_ascii_lowercase();
    let at = lower.windows(8).position(|window| window == b"charset=")? + 8;
    let rest = lower[at..].trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let is_end = |byte: &u8| matches!(byte, b'"' | b'\'' | b';' | b'>' | b'/') || byte.is_ascii_whitespace();
    let end = rest.iter().position(is_end).unwrap_or(rest.len());
    Encoding::for_label(&rest[..end])
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use reqwest::header::HeaderValue;
    use std::io::Write;

    use super::*;

    fn headers(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])
    }

    #[test]
    fn a_text_is_decoded_by_its_mark_its_server_its_own_word_or_what_is_likely() {
        let html = headers("text/html");
        for (headers, bytes, text) in [
            (&headers("text/html; charset=\"ISO-8859-1\""), &b"caf\xe9"[..], "café"),
            (&headers("text/html;charset=shift_jis"), b"\x93\xfa\x96{", "日本"),
            (&html, b"\xef\xbb\xbfcaf\xc3\xa9", "café"),
            (&html, b"\xff\xfec\x00a\x00f\x00\xe9\x00", "café"),
            (&html, b"<meta charset='windows-1250'>\xe8", "<meta charset='windows-1250'>č"),
            (&html, b"caf\xc3\xa9", "café"),
            (&html, b"caf\xe9 noir", "café noir"),
            (&headers("text/html; charset=nonsense"), b"caf\xc3\xa9", "café"),
            (&html, b"ends within \xc3", "ends within \u{fffd}"),
        ] {
            assert_eq!(decode(headers, Kind::Html, bytes), text);
        }
    }

    #[test]
    fn what_is_no_text_is_refused_by_its_name() {
        let error = kind(&headers("application/pdf"), "a.example").expect_err("refused");
        assert!(error.to_string().contains("a PDF"), "{error}");
        for other in ["image/png", "application/octet-stream", "video/mp4", "application/zip"] {
            assert!(kind(&headers(other), "a.example").is_err(), "{other}");
        }
        assert_eq!(sniff(b"%PDF-1.7"), None);
        assert_eq!(sniff(b"\0\0"), None);
        assert_eq!(sniff(b"  <!doctype html>"), Some(Kind::Html));
        assert_eq!(sniff(b"hello"), Some(Kind::Plain));
    }

    #[test]
    fn a_bomb_is_unpacked_no_further_than_the_limit() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..64 {
            encoder.write_all(&vec![b'x'; 1 << 20]).expect("memory");
        }
        let bomb = encoder.finish().expect("memory");
        assert!(bomb.len() < 100_000);
        let (bytes, cut) = Packing::Gzip.unpack(bomb, 1 << 20, false, "a.example").expect("unpacked");
        assert!(cut && bytes.len() == 1 << 20);
    }

    #[test]
    fn what_is_packed_wrongly_is_an_error_and_what_is_cut_off_is_not() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all("one two three ".repeat(500).as_bytes()).expect("memory");
        let mut packed = encoder.finish().expect("memory");
        packed.truncate(packed.len() / 2);
        assert!(Packing::Gzip.unpack(packed.clone(), 1 << 20, false, "a.example").is_err());
        let (bytes, _) = Packing::Gzip.unpack(packed, 1 << 20, true, "a.example").expect("what is there");
        assert!(bytes.starts_with(b"one two"));
        assert!(Packing::Gzip.unpack(b"no gzip".to_vec(), 100, false, "a.example").is_err());
    }
}
