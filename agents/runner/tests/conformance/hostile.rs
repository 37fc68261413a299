//! Agents that try what they may not.

use std::collections::BTreeMap;

use helix_runner::{Backend as _, Ended};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::timeout;

use super::{Bed, LONG, answers, begun, heard};

pub(crate) async fn an_agent_reaches_nobody_reads_nothing_and_is_nobody(bed: &impl Bed) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("its address");
    let datagrams = UdpSocket::bind(address).await.expect("the same port");
    let backend = bed.backend().await;
    let work = bed.work(1, &format!("report {address}"));
    let mut stream = begun(&backend, &work).await.expect("a line");
    let said = heard(&mut stream).await;
    let mut answers = answers(&said);
    let uid = answers.remove("uid").expect("a user");
    let env = answers.remove("env").expect("an environment");
    assert!(answers.len() >= 14, "{said}");
    let done: BTreeMap<_, _> = answers.iter().filter(|(_, how)| *how != "refused").collect();
    assert!(done.is_empty(), "it could: {done:?}");
    assert!(datagrams.try_recv(&mut [0; 8]).is_err(), "a datagram arrived");
    assert_ne!(uid, "0");
    let known = ["HELIX_BRIDGE", "PATH", "HOME", "HOSTNAME"];
    assert!(env.split(',').all(|name| known.contains(&name)), "{env}");
    assert_eq!(backend.wait(&work.key).await.expect("ended").ended, Ended::Code(0));
    backend.remove(&work.key).await.expect("removed");
}

pub(crate) async fn too_much_memory_is_told_as_out_of_memory(bed: &impl Bed) {
    let report = ended(bed, "memory").await;
    assert_eq!(report, Ended::OutOfMemory);
}

pub(crate) async fn endless_errors_end_the_agent(bed: &impl Bed) {
    let report = ended(bed, "stderr").await;
    assert_eq!(report, Ended::Output);
}

pub(crate) async fn a_fork_bomb_stays_one_agent(bed: &impl Bed) {
    let backend = bed.backend().await;
    let bomb = bed.work(1, "forks");
    let line = begun(&backend, &bomb).await;
    // Somebody else is served meanwhile.
    let other = bed.work(2, "exit 0");
    let _beside = begun(&backend, &other).await;
    let report = timeout(LONG, backend.wait(&other.key)).await.expect("in time").expect("ended");
    assert_eq!(report.ended, Ended::Code(0));
    backend.remove(&bomb.key).await.expect("removed");
    backend.remove(&other.key).await.expect("removed");
    if let Some(mut line) = line {
        // Whoever it begot would hold its line.
        let read = timeout(LONG, line.stdout.read(&mut [0; 1])).await.expect("nobody is left");
        assert_eq!(read.unwrap_or(0), 0);
    }
    bed.is_gone(&bomb.key).await;
}

async fn ended(bed: &impl Bed, order: &str) -> Ended {
    let backend = bed.backend().await;
    let work = bed.work(1, order);
    let _line = begun(&backend, &work).await;
    let report = timeout(LONG, backend.wait(&work.key)).await.expect("in time").expect("ended");
    assert!(report.stderr.len() <= helix_runner::Tail::LEN_MAX);
    backend.remove(&work.key).await.expect("removed");
    report.ended
}
