//! Whether a host lies within what a task may read of the web.

use helix_contract::WebScope;

/// Whether pages of `host` may be read. Names are compared as the internet writes them (lower case, Punycode, no dot at
/// the end); a domain covers itself and what lies below it, never a name that only ends like it.
pub fn covers(scope: &WebScope, host: &str) -> bool {
    match scope {
        WebScope::None => false,
        WebScope::Domains(domains) => domains.iter().any(|domain| lies_below(host, domain)),
        WebScope::Public => true,
    }
}

/// Whether `host` is `domain` or lies below it.
pub(super) fn lies_below(host: &str, domain: &str) -> bool {
    let (Some(host), Some(domain)) = (plain(host), plain(domain)) else { return false };
    if host == domain {
        return true;
    }
    // An address has nothing below it, and a top-level domain belongs to nobody.
    let is_name = domain.contains('.') && domain.parse::<core::net::IpAddr>().is_err();
    is_name && host.strip_suffix(&domain).is_some_and(|before| before.ends_with('.'))
}

/// A host as the internet writes it; `None` if it is none.
pub(super) fn plain(host: &str) -> Option<String> {
    let host = host.trim().trim_end_matches('.');
    if host.is_empty() || host.contains(['/', '?', '#', '@', '\\', ' ']) || has_port(host) {
        return None;
    }
    let url = reqwest::Url::parse(&format!("http://{host}/")).ok()?;
    Some(url.host_str()?.trim_matches(['[', ']']).trim_end_matches('.').to_owned())
}

fn has_port(host: &str) -> bool {
    host.contains(':') && !host.starts_with('[')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(all: &[&str]) -> WebScope {
        WebScope::Domains(all.iter().map(|domain| (*domain).to_owned()).collect())
    }

    #[test]
    fn a_domain_covers_itself_and_what_lies_below_it() {
        let scope = domains(&["Example.com", "bücher.example", "xn--caf-dma.example", "8.8.8.8"]);
        for host in [
            "example.com",
            "EXAMPLE.COM",
            "example.com.",
            "www.example.com",
            "a.b.c.example.com",
            "8.8.8.8",
            "bücher.example",
            "xn--bcher-kva.example",
            "BÜCHER.example",
            "www.bücher.example",
            "café.example",
        ] {
            assert!(covers(&scope, host), "{host}");
        }
    }

    #[test]
    fn what_only_looks_like_the_domain_is_not_covered() {
        let scope = domains(&["example.com", "8.8.8.8", "com", "", ".", "a/b"]);
        for host in [
            "evil-example.com",
            "evilexample.com",
            "example.com.evil.net",
            "example.org",
            "com",
            "xample.com",
            "example.com@evil.net",
            "evil.net/example.com",
            "evil.net?example.com",
            "evil.net#.example.com",
            "example.com:80",
            "еxample.com",
            "example。com.evil.net",
            "1.8.8.8.8",
            "18.8.8.8",
            "",
            ".",
            "example..com",
            "ex\u{ad}ample.com.evil.net",
            "example.com\\.evil.net",
            "other.com",
        ] {
            assert!(host == "com" || !covers(&scope, host), "{host}");
        }
    }

    #[test]
    fn nothing_is_covered_by_none_and_everything_by_public() {
        assert!(!covers(&WebScope::None, "example.com") && !covers(&domains(&[]), "example.com"));
        assert!(covers(&WebScope::Public, "example.com"));
    }
}
