//! How a registry is reached: what a person wrote in, where it is and who one is there out.

use std::fmt;
use std::time::Duration;

use helix_core::egress::is_local;
use helix_image::{ImageError, Reference, Registry, RegistryAuth, Scheme};
use secrecy::{ExposeSecret, SecretString};

/// A registry of images.
#[derive(Debug, Clone)]
pub struct RegistrySettings {
    /// Its host, with the port.
    pub host: String,
    /// What the names of its images begin with; empty or with a `/` at its end.
    pub prefix: String,
    /// Without TLS.
    pub plain: bool,
    /// Its host as runners know it, where that is another name.
    pub pull: Option<String>,
    /// Who one is there.
    pub user: Option<(String, SecretString)>,
}

/// Why an address of a registry is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a registry such as 192.168.1.10:5000 or registry.example.org/helix is needed")]
pub struct NoRegistry;

impl RegistrySettings {
    /// The registry at `[http://|https://]host[:port][/prefix]`. Without TLS if `http://` says so, or if nothing does and it
    /// is in the local network.
    ///
    /// # Errors
    /// [`NoRegistry`]
    pub fn parse(address: &str) -> Result<Self, NoRegistry> {
        let address = address.trim().trim_end_matches('/');
        let (said, rest) = match (address.strip_prefix("http://"), address.strip_prefix("https://")) {
            (Some(rest), _) => (Some(true), rest),
            (None, Some(rest)) => (Some(false), rest),
            (None, None) => (None, address),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = said.unwrap_or_else(|| is_local(name_of(host)));
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let names = format!("{host}/{prefix}agent-name").parse::<Reference>();
        let fits = is_host(host) && names.is_ok_and(|name| name.registry() == host);
        fits.then(|| Self { host: host.to_owned(), prefix, plain, pull: None, user: None }).ok_or(NoRegistry)
    }

    /// The registry; nobody is asked yet.
    ///
    /// # Errors
    /// [`ImageError::Name`] if no image could be named so.
    pub fn open(&self) -> Result<Registry, ImageError> {
        let scheme = if self.plain { Scheme::Http } else { Scheme::Https };
        let auth = match &self.user {
            Some((user, password)) => {
                RegistryAuth::Basic(user.clone(), password.expose_secret().trim().to_owned())
            }
            None => RegistryAuth::Anonymous,
        };
        Registry::new(&self.host, &self.prefix, scheme, auth)
    }

    /// The host that runners pull from.
    pub(super) fn pull(&self) -> &str {
        self.pull.as_deref().unwrap_or(&self.host)
    }
}

impl fmt::Display for RegistrySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.prefix)
    }
}

/// Whether this is a host, with a port or without.
pub fn is_host(host: &str) -> bool {
    let port = host.rsplit_once(':').filter(|_| !host.ends_with(']')).map(|(_, port)| port);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    !name_of(host).is_empty()
        && host.chars().all(plain)
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, _)) if !host.ends_with(']') => name,
        Some(_) | None => host,
    }
}

/// How often what is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From an end of a task until it is counted, together with those that ended meanwhile.
    pub count: Duration,
    /// Between two tries while the registry does not do what it should: from the first to the longest.
    pub retry: [Duration; 2],
    /// Between two collections.
    pub collect: Duration,
    /// From the start to the first one.
    pub collect_first: Duration,
    /// How long an image is not offered that the registry did not give to a runner.
    pub refused: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            count: Duration::from_mins(1),
            retry: [Duration::from_secs(10), Duration::from_mins(30)],
            collect: Duration::from_hours(24),
            collect_first: Duration::from_hours(1),
            refused: Duration::from_mins(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(address: &str) -> Option<(String, String, bool)> {
        let RegistrySettings { host, prefix, plain, .. } = RegistrySettings::parse(address).ok()?;
        Some((host, prefix, plain))
    }

    fn at(host: &str, prefix: &str, plain: bool) -> (String, String, bool) {
        (host.to_owned(), prefix.to_owned(), plain)
    }

    #[test]
    fn only_a_registry_of_the_home_is_asked_without_tls_unless_one_says_so() {
        assert_eq!(parsed("127.0.0.1:5000"), Some(at("127.0.0.1:5000", "", true)));
        assert_eq!(parsed("192.168.1.10:5000/helix/"), Some(at("192.168.1.10:5000", "helix/", true)));
        assert_eq!(parsed("registry:5000"), Some(at("registry:5000", "", true)));
        assert_eq!(parsed("registry.example.org/a/b"), Some(at("registry.example.org", "a/b/", false)));
        assert_eq!(parsed("http://registry.example.org"), Some(at("registry.example.org", "", true)));
        assert_eq!(parsed("https://192.168.1.10"), Some(at("192.168.1.10", "", false)));
    }

    #[test]
    fn what_is_no_registry_is_refused() {
        for address in ["", "/", "http://", "ftp://x", "a b", "host:port", "user@host", "host/UPPER"] {
            assert_eq!(parsed(address), None, "{address}");
        }
    }
}
