//! Secrets of the gateway: files in the data folder that are made once, whole or not at all, readable by their owner alone.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::random::random_hex;

/// 256 bits.
const SECRET_LEN: usize = 32;
/// A secret of somebody's own may be so long, characters.
const OWN_LEN: std::ops::RangeInclusive<usize> = 32..=256;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or made.
    #[error(
        "the secret {path} cannot be read or made: {source}; see that the file and its folder belong to Helix"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds none.
    #[error(
        "{path} holds no secret: one line of 32 to 256 letters and digits; remove the file, and a new one is made"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// The secret that `path` holds; made, 64 hexadecimal digits, if there is no such file.
pub(super) fn kept_in(path: &Path) -> Result<SecretString, SecretError> {
    let failed = |source| SecretError::File { path: path.to_owned(), source };
    match std::fs::read_to_string(path) {
        Ok(text) if is_secret(text.trim()) => return Ok(text.trim().into()),
        Ok(_) => return Err(SecretError::Damaged { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            return Err(SecretError::Damaged { path: path.to_owned() });
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let secret = random_hex::<SECRET_LEN>().map_err(failed)?;
    make(path, &secret).map_err(failed)?;
    Ok(secret.into())
}

/// Whoever looks finds the whole file or none, also after a power cut.
fn make(path: &Path, text: &str) -> std::io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    match std::fs::remove_file(part) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(part, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn is_secret(text: &str) -> bool {
    OWN_LEN.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("helix-gateway-secret-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("made");
        path
    }

    #[test]
    fn a_secret_is_made_once_and_only_its_owner_can_read_it() {
        let folder = folder("once");
        let file = folder.join("a.token");
        // What a power cut left of an earlier try is no secret.
        std::fs::write(folder.join("a.token.part"), "12").expect("written");
        let secret = kept_in(&file).expect("made");
        assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(kept_in(&file).expect("read").expose_secret(), secret.expose_secret());
        let other = kept_in(&folder.join("b.token")).expect("made");
        assert_ne!(other.expose_secret(), secret.expose_secret());
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 2, "nothing else is left");
    }

    #[test]
    fn what_is_no_secret_is_neither_used_nor_overwritten() {
        let file = folder("damaged").join("a.token");
        for damaged in [&b""[..], b"short", &[b'a'; 257], b"0123456789012345 678901234567890123", &[0xff; 64]]
        {
            std::fs::write(&file, damaged).expect("written");
            assert!(matches!(kept_in(&file), Err(SecretError::Damaged { .. })));
            assert_eq!(std::fs::read(&file).expect("there"), damaged);
        }
        std::fs::write(&file, "my-own-token-of-32-characters-or-more\n").expect("written");
        assert_eq!(kept_in(&file).expect("read").expose_secret(), "my-own-token-of-32-characters-or-more");
    }
}
