//! Random bytes as text: secrets, marks, tokens.

use std::io::{Error, ErrorKind, Result};

use rustix::rand::{GetRandomFlags, getrandom};

/// `N` random bytes, at most 256, as hexadecimal digits.
///
/// # Errors
/// The system has no random numbers.
pub(crate) fn random_hex<const N: usize>() -> Result<String> {
    let mut bytes = [0; N];
    // Up to 256 bytes always come at once.
    if getrandom(&mut bytes, GetRandomFlags::empty())? < N {
        return Err(Error::new(ErrorKind::UnexpectedEof, "too few random bytes"));
    }
    Ok(hex(&bytes))
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
