//! The path that only Home Assistant knows: made once, kept in the data folder, compared in constant time.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::random::random_hex;

/// The file's name in the data folder.
const FILE_NAME: &str = "agent.secret";
/// 256 bits.
const SECRET_LEN: usize = 32;

/// Why there is no secret path.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or made.
    #[error(
        "the secret of the second agent ({path}) cannot be read or made: {source}; see that the folder belongs to Helix"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The first part of every path that is answered, 64 hexadecimal digits.
#[derive(Debug, Clone)]
pub struct SecretPath(SecretString);

impl SecretPath {
    /// The one of this data folder; made, readable by its owner alone, if there is none.
    ///
    /// # Errors
    /// [`SecretError::File`].
    pub fn kept_in(data_dir: &Path) -> Result<Self, SecretError> {
        let path = data_dir.join(FILE_NAME);
        let failed = |source| SecretError::File { path: path.clone(), source };
        match std::fs::read_to_string(&path) {
            Ok(text) if is_secret(text.trim()) => {
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
                return Ok(Self(text.trim().to_owned().into()));
            }
            // Cut off or overwritten: a new one is made, and Home Assistant is told.
            Ok(_) => std::fs::remove_file(&path).map_err(failed)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let secret = random_hex::<SECRET_LEN>().map_err(failed)?;
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(secret.as_bytes())).map_err(failed)?;
        Ok(Self(secret.into()))
    }

    /// Whether this is it; takes as long for every wrong one.
    pub(super) fn is(&self, given: &str) -> bool {
        self.0.expose_secret().as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// For the address that Home Assistant is given.
    pub fn text(&self) -> &SecretString {
        &self.0
    }
}

fn is_secret(text: &str) -> bool {
    text.len() == 2 * SECRET_LEN && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("helix-secret-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("made");
        path
    }

    #[test]
    fn a_secret_is_made_once_and_only_its_owner_can_read_it() {
        let folder = folder("once");
        let secret = SecretPath::kept_in(&folder).expect("made");
        let text = secret.text().expose_secret().to_owned();
        assert!(is_secret(&text) && secret.is(&text));
        let file = folder.join(FILE_NAME);
        let mode = || std::fs::metadata(&file).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("set");
        assert!(SecretPath::kept_in(&folder).expect("read").is(&text), "the same again");
        assert_eq!(mode(), 0o600);
        assert!(!format!("{secret:?}").contains(&text));
        let other = self::folder("other");
        assert!(!SecretPath::kept_in(&other).expect("made").is(&text), "another folder, another secret");
    }

    #[test]
    fn a_damaged_secret_is_replaced() {
        let folder = folder("damaged");
        for damaged in ["", "abc", &"g".repeat(64), &"a".repeat(65)] {
            std::fs::write(folder.join(FILE_NAME), damaged).expect("written");
            let secret = SecretPath::kept_in(&folder).expect("made");
            assert!(!secret.is(damaged));
            let kept = std::fs::read_to_string(folder.join(FILE_NAME)).expect("kept");
            assert!(is_secret(&kept) && secret.is(&kept));
        }
    }
}
