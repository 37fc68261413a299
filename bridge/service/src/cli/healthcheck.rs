//! `helix healthcheck`: asks the running bridge by a real `describe`.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use helix_wyoming::describe::Describe;
use helix_wyoming::{Decoder, Event, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Session;

const LIMIT: Duration = Duration::from_secs(5);

pub(crate) async fn run(session: Session) -> anyhow::Result<ExitCode> {
    let mut address = session.config.listen;
    if address.ip().is_unspecified() {
        address = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
    }
    let programs = tokio::time::timeout(LIMIT, describe(address))
        .await
        .unwrap_or_else(|_| bail!("no answer in 5 s"))
        .with_context(|| format!("the bridge does not answer at {address}; is `helix run` running?"))?;
    session.out.line(format!("healthy: {}", programs.join(", ")));
    session.out.object(&serde_json::json!({ "healthy": true, "programs": programs }));
    Ok(ExitCode::SUCCESS)
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
