//! `helix healthcheck`: asks the running bridge by a real `describe`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use helix::control::{Answer, Ask, ControlError, ask};
use helix_wyoming::describe::Describe;
use helix_wyoming::{Decoder, Event, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Session;

const LIMIT: Duration = Duration::from_secs(5);

pub(crate) async fn run(session: Session) -> anyhow::Result<ExitCode> {
    let configured = session.config.listen;
    let address = match listening_at(&session).await {
        Err(error) if configured.port() == 0 => return Err(error.into()),
        told => told.ok().flatten().unwrap_or(configured),
    };
    let programs = offered(address).await?;
    session.out.line(format!("healthy: {}", programs.join(", ")));
    session.out.object(&serde_json::json!({ "healthy": true, "address": address, "programs": programs }));
    Ok(ExitCode::SUCCESS)
}

/// Where the running bridge listens; nothing if it is of another version.
pub(super) async fn listening_at(session: &Session) -> Result<Option<SocketAddr>, ControlError> {
    Ok(match ask(&session.config.data_dir, &Ask::Address).await? {
        Answer::Address(address) => Some(address),
        Answer::Runs(_)
        | Answer::Status(_)
        | Answer::Models(_)
        | Answer::Task(_)
        | Answer::Done(_)
        | Answer::Failed(_) => None,
    })
}

/// What the bridge at this address offers now.
pub(super) async fn offered(mut address: SocketAddr) -> anyhow::Result<Vec<&'static str>> {
    if address.ip().is_unspecified() {
        let ip = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        address.set_ip(ip);
    }
    tokio::time::timeout(LIMIT, describe(address))
        .await
        .unwrap_or_else(|_| bail!("no answer in 5 s"))
        .with_context(|| format!("the bridge does not answer at {address}; is `helix run` running?"))
}

async fn describe(address: SocketAddr) -> anyhow::Result<Vec<&'static str>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&Event::from(Describe {}).encode()).await?;
    let mut decoder = Decoder::new(Limits::default());
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            bail!("it closed the connection");
        }
        decoder.push(&buffer[..read]);
        while let Some(frame) = decoder.next_frame()? {
            if let Event::Info(info) = Event::parse(frame)? {
                let offered = [
                    ("asr", info.asr.is_empty()),
                    ("handle", info.handle.is_empty()),
                    ("tts", info.tts.is_empty()),
                ];
                return Ok(offered.into_iter().filter(|(_, empty)| !empty).map(|(name, _)| name).collect());
            }
        }
    }
}
