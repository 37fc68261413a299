//! Where the bridge is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the bridge is.
///
/// ```
/// use helix_runner::BridgeAddress;
///
/// assert!("unix:/data/agents.sock".parse::<BridgeAddress>().is_ok());
/// let remote: BridgeAddress = "https://helix.tail.example:8462".parse().unwrap();
/// assert_eq!(remote.to_string(), "https://helix.tail.example:8462");
/// assert!("https://helix.example/below".parse::<BridgeAddress>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BridgeAddress {
    /// A socket on this machine.
    Unix(PathBuf),
    /// A machine in the network.
    Tcp {
        /// Its name or address, an IPv6 one without brackets.
        host: String,
        /// Its port.
        port: u16,
        /// Whether by TLS.
        tls: bool,
    },
}

/// A text that is no address of a bridge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address of a bridge: it has to be unix:/path, http://host:port or https://host:port")]
pub struct AddressError(String);

impl FromStr for BridgeAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.chars().take(100).collect());
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') { Ok(Self::Unix(path.into())) } else { Err(wrong()) };
        }
        let uri: hyper::Uri = text.parse().map_err(|_| wrong())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong()),
        };
        let bare = uri.path() == "/" && uri.query().is_none() && !text.contains('@');
        let host = uri.host().filter(|host| bare && !host.is_empty()).ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = match uri.port() {
            Some(port) => port.as_u16(),
            None if tls => 443,
            None => 80,
        };
        Ok(Self::Tcp { host, port, tls })
    }
}

impl fmt::Display for BridgeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp { tls, .. } => {
                write!(f, "{}://{}", if *tls { "https" } else { "http" }, self.host())
            }
        }
    }
}

impl BridgeAddress {
    /// What stands in the header `Host`.
    pub(crate) fn host(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".to_owned(),
            Self::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port, .. } => format!("{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_the_same() {
        for text in [
            "unix:/run/helix/agents.sock",
            "http://10.0.0.2:8462",
            "http://[fd00::1]:8462",
            "https://a.example:443",
        ] {
            assert_eq!(text.parse::<BridgeAddress>().map(|a| a.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        for bad in [
            "",
            "unix:relative",
            "ftp://a",
            "10.0.0.2:8462",
            "http://a/b",
            "http://a?x",
            "http://u:p@a",
            "http://",
        ] {
            assert!(bad.parse::<BridgeAddress>().is_err(), "{bad}");
        }
    }
}
