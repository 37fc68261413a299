//! Names of hosts: a name in, its addresses out. A port, so that tests can answer differently each time.

use core::fmt;
use core::net::SocketAddr;
use std::io;

use futures_util::future::BoxFuture;

/// More addresses of one name are not looked at.
const ADDRESSES_MAX: usize = 16;

/// Who knows the addresses of names.
pub trait Names: fmt::Debug + Send + Sync + 'static {
    /// The addresses of a host, with `port`.
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// The resolver of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

impl Names for SystemNames {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            // The last dot keeps the resolver from adding the domains of this network to the name.
            let whole = format!("{}.", host.trim_end_matches('.'));
            let found = tokio::net::lookup_host((whole.as_str(), port)).await?;
            Ok(found.take(ADDRESSES_MAX).collect())
        })
    }
}
