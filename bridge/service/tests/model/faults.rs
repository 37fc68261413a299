//! What goes wrong is told in words that say what to do, and costs nothing that was downloaded.

use std::time::Duration;

use futures_util::FutureExt;
use helix::model::{FileState, ModelFolder, Progress, PullError, pull};
use tokio::net::TcpListener;

use crate::bench::{Bench, Scratch, catalogue, checksum};
use crate::hub_server::{Answer, HubServer, Serve};

fn status(status: u16) -> Answer {
    Answer::Plain(status, String::new(), String::new())
}

#[tokio::test]
async fn a_wrong_checksum_removes_the_file_and_the_next_call_begins_anew() {
    let mut bench = Bench::new();
    let mut other = bench.file.to_vec();
    let last = other.len() - 1;
    other[last] ^= 1;
    let wrong = Serve { file: other.into(), ..bench.serve() };
    let server = HubServer::start([Answer::File(wrong), Answer::File(bench.serve())]).await;
    let error = bench.pull(&server).await.expect_err("one bit differs");
    assert!(matches!(error, PullError::WrongChecksum { .. }), "{error}");
    assert!(error.to_string().contains("has been removed"), "{error}");
    assert!(!bench.installed().exists() && !bench.part().exists());
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    assert_eq!(server.asked()[1].range, None);
}

#[tokio::test]
async fn a_part_that_was_damaged_on_disk_is_found_by_the_checksum() {
    let mut bench = Bench::new();
    let server = HubServer::start([Answer::File(bench.serve())]).await;
    let mut damaged = bench.file[..500_000].to_vec();
    damaged[400_000] ^= 0x10;
    bench.leave_part(&damaged, &server.address, "\"one\"");
    let error = bench.pull(&server).await.expect_err("one bit differs");
    assert!(matches!(error, PullError::WrongChecksum { .. }), "{error}");
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
}

#[tokio::test]
async fn a_file_of_another_length_is_refused_before_it_is_downloaded() {
    let mut bench = Bench::new();
    let longer = Serve { file: [&bench.file[..], b"more"].concat().into(), ..bench.serve() };
    let server = HubServer::start([Answer::File(longer)]).await;
    let error = bench.pull(&server).await.expect_err("four bytes more");
    assert!(matches!(error, PullError::Changed { what: "length", .. }), "{error}");
    assert_eq!((bench.part_len(), server.asked().len()), (0, 1));
}

#[tokio::test]
async fn a_body_that_does_not_end_is_cut_off_at_the_length_of_the_model() {
    let mut bench = Bench::new();
    let endless = Serve { file: bench.file.repeat(3).into(), no_length: true, ..bench.serve() };
    let server = HubServer::start([Answer::File(endless)]).await;
    let error = bench.pull(&server).await.expect_err("too long");
    assert!(matches!(error, PullError::Changed { what: "length", .. }), "{error}");
    assert!(bench.part_len() <= bench.file.len() as u64);
}

#[tokio::test]
async fn a_redirect_to_the_storage_behind_the_hub_is_followed() {
    let mut bench = Bench::new();
    let storage = HubServer::start([Answer::File(bench.serve())]).await;
    let redirect = Answer::Plain(
        302,
        format!(
            "Location: {}/signed?x=1\r\nX-Linked-ETag: \"{}\"\r\nX-Linked-Size: {}\r\n",
            storage.address,
            bench.model().sha256,
            bench.file.len()
        ),
        String::new(),
    );
    let server = HubServer::start([redirect]).await;
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    assert_eq!(storage.asked()[0].path, "/signed?x=1");
}

#[tokio::test]
async fn a_checksum_that_the_hub_states_differently_is_refused_before_the_download() {
    let mut bench = Bench::new();
    let storage = HubServer::start([Answer::File(bench.serve())]).await;
    for (header, what) in [
        (format!("X-Linked-ETag: \"{}\"", checksum(b"another file")), "checksum"),
        ("X-Linked-Size: 5".to_owned(), "length"),
    ] {
        let headers = format!("Location: {}/file\r\n{header}\r\n", storage.address);
        let server = HubServer::start([Answer::Plain(302, headers, String::new())]).await;
        match bench.pull(&server).await {
            Err(PullError::Changed { what: found, .. }) => assert_eq!(found, what),
            other => panic!("{other:?}"),
        }
    }
    assert!(storage.asked().is_empty());
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let mut bench = Bench::new();
    let server = HubServer::start([Answer::Plain(302, "Location: /f/t.bin\r\n".into(), String::new())]).await;
    let error = bench.pull(&server).await.expect_err("a circle");
    assert!(matches!(error, PullError::Redirect { .. }), "{error}");
    assert_eq!(server.asked().len(), 11);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_asked_for_twice() {
    let mut bench = Bench::new();
    let server = HubServer::start([status(404)]).await;
    let error = bench.pull(&server).await.expect_err("not there");
    assert!(matches!(error, PullError::NotThere { status: 404, .. }), "{error}");
    assert_eq!(server.asked().len(), 1);
    assert!(error.to_string().contains("helix model list"), "{error}");
}

#[tokio::test]
async fn a_hub_that_refuses_is_not_asked_twice() {
    for code in [401, 403, 451] {
        let mut bench = Bench::new();
        let server = HubServer::start([status(code)]).await;
        let error = bench.pull(&server).await.expect_err("refused");
        assert!(matches!(error, PullError::Refused { status, .. } if status == code), "{error}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_hub_in_trouble_is_asked_again_three_times() {
    let mut bench = Bench::new();
    let server = HubServer::start([status(500), status(503), status(502), Answer::File(bench.serve())]).await;
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    assert_eq!(bench.clock.waits(), [1, 2, 4].map(Duration::from_secs));

    let mut bench = Bench::new();
    let server = HubServer::start([status(500)]).await;
    bench.leave_part(&bench.file[..500_000], &server.address, "\"one\"");
    let error = bench.pull(&server).await.expect_err("always in trouble");
    assert!(matches!(error, PullError::HubFailed { status: 500, kept: 500_000, .. }), "{error}");
    assert!(error.is_retryable());
    assert_eq!((server.asked().len(), bench.part_len()), (4, 500_000));
}

#[tokio::test]
async fn a_hub_that_names_a_time_is_given_that_time() {
    let mut bench = Bench::new();
    let busy = |after: &str| Answer::Plain(429, format!("Retry-After: {after}\r\n"), String::new());
    let server = HubServer::start([busy("7"), busy("86400"), Answer::File(bench.serve())]).await;
    bench.pull(&server).await.expect("downloaded");
    assert_eq!(bench.clock.waits(), [7, 60].map(Duration::from_secs));
}

#[tokio::test]
async fn a_hub_that_cannot_be_reached_is_named_with_what_to_do() {
    let mut bench = Bench::new();
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("bound");
    let hub = bench.hub(&format!("http://{free}"));
    let mut ignore = |_| {};
    let error =
        pull(bench.model(), &bench.folder, &hub, &bench.clock, &mut ignore).await.expect_err("nobody there");
    assert!(matches!(&error, PullError::Unreachable { host, .. } if *host == free.to_string()), "{error}");
    assert!(error.to_string().contains("HELIX_MODEL_HUB"), "{error}");
    assert_eq!(bench.clock.waits().len(), 3);
    bench.progress.clear();
}

#[tokio::test]
async fn a_hub_that_takes_the_call_and_says_nothing_is_given_up() {
    let mut bench = Bench::new();
    bench.stall = Duration::from_millis(200);
    let server = HubServer::start([Answer::Silence]).await;
    let error = bench.pull(&server).await.expect_err("silence");
    assert!(matches!(&error, PullError::Unreachable { why, .. } if why.contains("no data")), "{error}");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_log_in_page_is_called_one_and_costs_nothing_that_was_there() {
    let mut bench = Bench::new();
    let page = "<!DOCTYPE html><html><body>Please log in to the hotel's network</body></html>";
    let server =
        HubServer::start([Answer::Plain(200, "Content-Type: text/html\r\n".into(), page.into())]).await;
    bench.leave_part(&bench.file[..500_000], &server.address, "\"one\"");
    let error = bench.pull(&server).await.expect_err("no model");
    assert!(error.to_string().contains("a web page"), "{error}");
    assert_eq!((error.code(), bench.part_len()), ("model-not-a-model", 500_000));
}

#[tokio::test]
async fn two_downloads_of_one_model_at_once_are_one() {
    let mut bench = Bench::new();
    let server = HubServer::start([Answer::File(bench.serve())]).await;
    let (hub, mut second) = (bench.hub(&server.address), None);
    let (model, folder, clock) = (bench.model().clone(), bench.folder.clone(), bench.clock.clone());
    let mut try_again = |step: Progress| {
        if matches!(step, Progress::Downloading { .. }) && second.is_none() {
            let again = pull(&model, &folder, &hub, &clock, &mut |_| {}).now_or_never();
            second = Some(again.expect("answered without waiting"));
        }
    };
    pull(&model, &folder, &hub, &clock, &mut try_again).await.expect("downloaded");
    let error = second.expect("tried in the middle").expect_err("busy");
    assert!(matches!(error, PullError::Busy { .. }), "{error}");
    bench.assert_installed();
    assert_eq!(bench.pull(&server).await.expect("there").downloaded, 0);
}

#[tokio::test]
async fn a_model_that_does_not_fit_is_refused_before_the_download() {
    let mut bench = Bench::new();
    bench.catalogue = catalogue(1 << 60, checksum(b""));
    let server = HubServer::start([Answer::File(bench.serve())]).await;
    let error = bench.pull(&server).await.expect_err("no such disk");
    assert!(matches!(error, PullError::NoSpace { .. }), "{error}");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path().join("models"), b"a file, no folder").expect("a writable folder");
    let folder = ModelFolder::new(scratch.path());
    let mut bench = Bench::with_folder(scratch, folder);
    let server = HubServer::start([Answer::File(bench.serve())]).await;
    let error = bench.pull(&server).await.expect_err("not a folder");
    assert!(matches!(error, PullError::Folder { .. }), "{error}");
}

/// `/dev/full` refuses every write as a full disk does, and needs no privilege.
#[tokio::test]
async fn a_disk_that_is_full_from_the_first_byte_is_told() {
    let mut bench = Bench::new();
    let server = HubServer::start([Answer::File(bench.serve())]).await;
    std::fs::create_dir_all(bench.folder.path()).expect("a writable folder");
    std::os::unix::fs::symlink("/dev/full", bench.part()).expect("a writable folder");
    let error = bench.pull(&server).await.expect_err("full");
    assert!(matches!(error, PullError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("make room"), "{error}");
}

#[tokio::test]
async fn a_disk_that_fills_up_in_the_middle_keeps_the_part_and_the_next_call_goes_on() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("no right to mount a small disk here: the test above covers the error alone");
        return;
    };
    let mut bench = Bench::with_folder(Scratch::new(), ModelFolder::new(disk.0.path()));
    bench.stall = Duration::from_secs(1);
    let stalled = Serve { stall_after: Some(1_000_000), ..bench.serve() };
    let server = HubServer::start([Answer::File(stalled), Answer::File(bench.serve())]).await;
    let filler = disk.0.path().join("filler");
    let hub = bench.hub(&server.address);
    let mut fill = |step: Progress| {
        if matches!(step, Progress::Retrying { .. }) {
            // Ends with "no space left", which is what it is for.
            let _ = std::fs::write(&filler, vec![1; SmallDisk::BYTES]);
        }
    };
    let error = pull(bench.model(), &bench.folder, &hub, &bench.clock, &mut fill).await.expect_err("full");
    assert!(matches!(error, PullError::DiskFull { .. }), "{error}");
    assert!(bench.part_len() >= 900_000, "{}", bench.part_len());

    std::fs::remove_file(&filler).expect("written before");
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    let listing = bench.folder.list(&bench.catalogue, None).expect("readable");
    assert!(matches!(listing.installed[0].state, FileState::Verified(_)));
}

struct SmallDisk(Scratch);

impl SmallDisk {
    const BYTES: usize = 24 * 1024 * 1024;

    fn mount() -> Option<Self> {
        let scratch = Scratch::new();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={}", Self::BYTES), "helix-test"])
            .arg(scratch.path())
            .output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(scratch))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).output();
    }
}
