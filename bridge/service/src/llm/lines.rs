//! Bytes of any cut in, whole lines out; a line is split off before it is taken for text, so that no character breaks.

/// A server sends one small object per line; this is more than any needs, bytes.
const LINE_LEN_MAX: usize = 1 << 20;

/// A line is longer than any that a server sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineTooLong;

/// Holds at most one unfinished line and what came with its end.
#[derive(Debug, Default)]
pub(super) struct Lines {
    held: Vec<u8>,
    /// Before it there is no end of a line.
    searched: usize,
}

impl Lines {
    /// Adds bytes. [`Self::next_line`] is to be called until it is `None`.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        self.held.extend_from_slice(bytes);
        let has_end = self.held[self.searched..].contains(&b'\n');
        if has_end || self.held.len() <= LINE_LEN_MAX { Ok(()) } else { Err(LineTooLong) }
    }

    /// The next whole line, without its end.
    pub(super) fn next_line(&mut self) -> Option<Vec<u8>> {
        let Some(at) = self.held[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.held.len();
            return None;
        };
        let rest = self.held.split_off(self.searched + at + 1);
        let mut line = std::mem::replace(&mut self.held, rest);
        self.searched = 0;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(line)
    }

    /// What came after the last end of a line.
    pub(super) fn rest(self) -> Vec<u8> {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_the_bytes_were_cut() {
        let text = "{\"a\":\"é日\"}\r\n\n{\"b\":1}\ntail";
        for cut in 1..text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for part in text.as_bytes().chunks(cut) {
                lines.push(part).expect("short");
                while let Some(line) = lines.next_line() {
                    found.push(String::from_utf8(line).expect("whole characters"));
                }
            }
            assert_eq!(found, ["{\"a\":\"é日\"}", "", "{\"b\":1}"], "cut {cut}");
            assert_eq!(lines.rest(), b"tail");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines = Lines::default();
        let mut refused = false;
        for _ in 0..2000 {
            refused |= lines.push(&[b'x'; 1024]).is_err();
            if refused {
                break;
            }
            assert!(lines.next_line().is_none());
        }
        assert!(refused && lines.rest().len() <= LINE_LEN_MAX + 1024);
    }
}
