//! One connection to the bridge that is dialled when it is needed, and anew when it broke.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{BridgeAddress, BridgeError};

/// How long it may take until a connection is there.
const DIAL: Duration = Duration::from_secs(5);
/// The longest answer that is read: one page as a tool's answer, with what JSON makes of it.
const ANSWER_LEN_MAX: usize = 4 * 1024 * 1024;
/// A bridge that is gone without a word is noticed after about half a minute.
const KEEPALIVE: Duration = Duration::from_secs(10);

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Knows how to reach the bridge.
#[derive(Clone)]
pub struct Dialer {
    address: BridgeAddress,
    tls: Option<TlsConnector>,
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dialer({})", self.address)
    }
}

impl Dialer {
    /// Reaches the bridge at `address`; by TLS, it trusts this machine's authorities, or only those of the file `ca`.
    ///
    /// # Errors
    /// The authorities cannot be read.
    pub fn new(address: BridgeAddress, ca: Option<&Path>) -> Result<Self, BridgeError> {
        let tls = match &address {
            BridgeAddress::Tcp { tls: true, .. } => Some(connector(ca)?),
            BridgeAddress::Tcp { tls: false, .. } | BridgeAddress::Unix(_) => None,
        };
        Ok(Self { address, tls })
    }

    pub(crate) fn host(&self) -> String {
        self.address.host()
    }

    async fn dial(&self) -> io::Result<Box<dyn Duplex>> {
        let (host, port) = match &self.address {
            BridgeAddress::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await?)),
            BridgeAddress::Tcp { host, port, .. } => (host.as_str(), *port),
        };
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 2);
        socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(tls.connect(name, stream).await?))
    }
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector, BridgeError> {
    let away = |error: &dyn std::fmt::Display| BridgeError::Away(format!("no trusted authorities: {error}"));
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| away(&error))? {
            roots.add(certificate.map_err(|error| away(&error))?).map_err(|error| away(&error))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| away(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// One connection to the bridge, one request at a time.
#[derive(Debug)]
pub struct Channel {
    dialer: Dialer,
    open: Option<SendRequest<Full<Bytes>>>,
    /// Whoever moves the bytes of `open`; ends with it.
    driver: JoinSet<()>,
}

impl Channel {
    /// A channel that is opened by its first request.
    pub fn new(dialer: Dialer) -> Self {
        Self { dialer, open: None, driver: JoinSet::new() }
    }

    /// What stands in the header `Host`.
    pub fn host(&self) -> String {
        self.dialer.host()
    }

    /// Sends a request and reads its whole answer. A connection that has broken since the last one is replaced.
    ///
    /// # Errors
    /// [`BridgeError::Away`]; the request may have been heard all the same.
    pub async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<Response<Bytes>, BridgeError> {
        // Taken out, so that a request that is given up takes its connection along.
        let mut open = match self.open.take() {
            Some(open) if open.is_ready() => open,
            Some(_) | None => self.connect().await?,
        };
        let exchange = async {
            let (head, body) =
                open.send_request(request).await.map_err(|error| error.to_string())?.into_parts();
            let body =
                Limited::new(body, ANSWER_LEN_MAX).collect().await.map_err(|error| error.to_string())?;
            Ok::<_, String>(Response::from_parts(head, body.to_bytes()))
        };
        let answer = timeout(limit, exchange).await.map_err(|_| away("no answer in time"))?;
        let answer = answer.map_err(BridgeError::Away)?;
        self.open = Some(open);
        Ok(answer)
    }

    async fn connect(&mut self) -> Result<SendRequest<Full<Bytes>>, BridgeError> {
        self.driver.abort_all();
        while self.driver.join_next().await.is_some() {}
        let opened = async {
            let stream = self.dialer.dial().await.map_err(|error| error.to_string())?;
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())
        };
        let opened = timeout(DIAL, opened).await.map_err(|_| away("no connection in time"))?;
        let (sender, connection) = opened.map_err(BridgeError::Away)?;
        self.driver.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the bridge ended");
            }
        });
        Ok(sender)
    }
}

fn away(what: &str) -> BridgeError {
    BridgeError::Away(what.to_owned())
}
