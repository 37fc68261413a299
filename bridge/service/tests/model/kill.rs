//! A process that is killed outright in the middle of a download leaves a part that the next one continues.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use helix::model::{ModelFolder, pull};

use crate::bench::{Bench, Scratch};
use crate::hub_server::{Answer, HubServer, Serve};

const HUB: &str = "HELIX_TEST_HUB";
const DATA: &str = "HELIX_TEST_DATA";

/// Downloads from the hub that the environment names, else from one of its own: so it is a test by itself, and
/// the process that the other test kills.
#[tokio::test]
async fn a_process_downloads_a_model() {
    let scratch = Scratch::new();
    let data = std::env::var_os(DATA).map_or(scratch.path().to_owned(), Into::into);
    let bench = Bench::with_folder(scratch, ModelFolder::new(&data));
    let server = HubServer::start([Answer::File(bench.serve())]).await;
    let hub = bench.hub(&std::env::var(HUB).unwrap_or_else(|_| server.address.clone()));
    pull(bench.model(), &bench.folder, &hub, &bench.clock, &mut |_| {}).await.expect("downloaded");
    bench.assert_installed();
}

#[tokio::test]
async fn a_download_whose_process_is_killed_is_continued_by_the_next() {
    let mut bench = Bench::new();
    let stalled = Serve { stall_after: Some(1_000_000), ..bench.serve() };
    let server = HubServer::start([Answer::File(stalled), Answer::File(bench.serve())]).await;
    let mut child = start(&bench, &server);
    tokio::time::timeout(Duration::from_secs(30), written(&bench, &mut child))
        .await
        .expect("something is written");
    child.kill().expect("it runs");
    child.wait().expect("killed");
    let kept = bench.part_len();
    assert!((512 * 1024..=1_000_000).contains(&kept), "{kept}");

    let pulled = bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    assert_eq!(pulled.downloaded, bench.file.len() as u64 - kept);
    assert_eq!(server.asked()[1].range, Some(format!("bytes={kept}-")));
}

fn start(bench: &Bench, server: &HubServer) -> Child {
    let data = bench.folder.path().parent().expect("below the data folder").to_owned();
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "kill::a_process_downloads_a_model"])
        .env(HUB, &server.address)
        .env(DATA, data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this test can be started")
}

async fn written(bench: &Bench, child: &mut Child) {
    while bench.part_len() < 512 * 1024 {
        assert!(child.try_wait().expect("it can be asked").is_none(), "ended before it was killed");
        tokio::task::yield_now().await;
    }
}
