//! Downloads that end early go on where they ended and bring the same bytes.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use helix::model::{FileState, Progress, PullError, pull};

use crate::bench::Bench;
use crate::hub_server::{Answer, HubServer, Serve};

#[tokio::test]
async fn a_download_brings_the_file_and_notes_its_checksum() {
    let mut bench = Bench::new();
    let server = HubServer::start([Answer::File(bench.serve())]).await;
    let pulled = bench.pull(&server).await.expect("downloaded");
    assert_eq!(pulled.downloaded, bench.file.len() as u64);
    bench.assert_installed();
    let listing = bench.folder.list(&bench.catalogue, None).expect("readable");
    assert!(matches!(&listing.installed[0].state, FileState::Verified(shape) if shape.english_only()));
    assert!(listing.available.is_empty() && listing.unfinished.is_empty());
    let note = std::fs::read_to_string(bench.folder.path().join("ggml-test.en.bin.sha256")).expect("noted");
    assert_eq!(note, format!("{}  ggml-test.en.bin\n", bench.model().sha256));
    assert_eq!(server.asked()[0].path, "/f/t.bin");
}

#[tokio::test]
async fn progress_only_ever_grows_to_the_whole_file() {
    let mut bench = Bench::new();
    let cut = Serve { cut_after: Some(700_000), ..bench.serve() };
    let server = HubServer::start([Answer::File(cut), Answer::File(bench.serve())]).await;
    bench.pull(&server).await.expect("downloaded");
    let mut last = 0;
    for step in &bench.progress {
        if let Progress::Downloading { done, total, bytes_per_second } = step {
            assert!(
                *done >= last && *total == bench.file.len() as u64 && *bytes_per_second >= 0.0,
                "{step:?}"
            );
            last = *done;
        }
    }
    assert_eq!(last, bench.file.len() as u64);
    assert_eq!(bench.progress.last(), Some(&Progress::Checking));
}

#[tokio::test]
async fn a_cut_connection_is_continued_where_it_was_cut() {
    let mut bench = Bench::new();
    let cut = Serve { cut_after: Some(400_000), ..bench.serve() };
    let server =
        HubServer::start([Answer::File(cut.clone()), Answer::File(cut), Answer::File(bench.serve())]).await;
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    let asked = server.asked();
    assert_eq!(asked[1].range.as_deref(), Some("bytes=400000-"));
    assert_eq!(asked[1].if_range.as_deref(), Some("\"one\""));
    assert_eq!(asked[2].range.as_deref(), Some("bytes=800000-"));
    let waits = bench.clock.waits();
    assert_eq!(waits, [Duration::from_secs(1), Duration::from_secs(2)]);
}

#[tokio::test]
async fn a_body_without_a_length_that_ends_early_is_continued_too() {
    let mut bench = Bench::new();
    let cut = Serve { cut_after: Some(500_000), no_length: true, ..bench.serve() };
    let server = HubServer::start([Answer::File(cut), Answer::File(bench.serve())]).await;
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    assert_eq!(server.asked()[1].range.as_deref(), Some("bytes=500000-"));
}

#[tokio::test]
async fn a_connection_that_brings_nothing_any_more_is_given_up_and_continued() {
    let mut bench = Bench::new();
    bench.stall = Duration::from_secs(1);
    let stalled = Serve { stall_after: Some(600_000), ..bench.serve() };
    let server = HubServer::start([Answer::File(stalled), Answer::File(bench.serve())]).await;
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    assert_eq!(server.asked()[1].range.as_deref(), Some("bytes=600000-"));
    let told = bench
        .progress
        .iter()
        .any(|step| matches!(step, Progress::Retrying { attempt: 1, why, .. } if why.contains("no data")));
    assert!(told, "{:?}", bench.progress);
}

#[tokio::test]
async fn a_download_that_is_dropped_keeps_its_part_and_the_next_call_goes_on() {
    let mut bench = Bench::new();
    let stalled = Serve { stall_after: Some(900_000), ..bench.serve() };
    let server = HubServer::start([Answer::File(stalled), Answer::File(bench.serve())]).await;
    drop_once(&bench, &server, |bench| bench.part_len() >= 512 * 1024).await;
    let kept = bench.part_len();
    assert!((512 * 1024..=900_000).contains(&kept), "{kept}");
    let listing = bench.folder.list(&bench.catalogue, None).expect("readable");
    assert_eq!((listing.unfinished[0].name.as_str(), listing.unfinished[0].bytes), ("test.en", kept));

    let pulled = bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    assert_eq!(pulled.downloaded, bench.file.len() as u64 - kept);
    assert_eq!(bench.progress[0], Progress::Resuming { done: kept, total: bench.file.len() as u64 });
    assert_eq!(server.asked()[1].range, Some(format!("bytes={kept}-")));
}

/// Polls a download until `enough`, then drops it as Ctrl-C does.
async fn drop_once(bench: &Bench, server: &HubServer, enough: impl Fn(&Bench) -> bool) {
    let hub = bench.hub(&server.address);
    let mut ignore = |_| {};
    let mut download = pin!(pull(bench.model(), &bench.folder, &hub, &bench.clock, &mut ignore));
    poll_fn(|context| {
        if enough(bench) {
            return Poll::Ready(());
        }
        assert!(download.as_mut().poll(context).is_pending(), "not done before it is dropped");
        if enough(bench) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[tokio::test]
async fn a_server_without_ranges_is_asked_for_the_whole_file_again() {
    let mut bench = Bench::new();
    let cut = Serve { ranges: false, cut_after: Some(700_000), ..bench.serve() };
    let whole = Serve { ranges: false, ..bench.serve() };
    let server = HubServer::start([Answer::File(cut), Answer::File(whole)]).await;
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
}

#[tokio::test]
async fn a_server_without_ranges_that_always_cuts_is_given_up() {
    let mut bench = Bench::new();
    let cut = Serve { ranges: false, cut_after: Some(1_500_000), ..bench.serve() };
    let server = HubServer::start([Answer::File(cut)]).await;
    let error = bench.pull(&server).await.expect_err("never whole");
    assert!(matches!(error, PullError::Unreachable { kept: 1_500_000, .. }), "{error}");
    assert!(server.asked().len() <= 6, "{}", server.asked().len());
}

#[tokio::test]
async fn retries_begin_anew_after_real_headway() {
    let mut bench = Bench::new();
    let cut = Serve { cut_after: Some(1_200_000), ..bench.serve() };
    let dead = Serve { cut_after: Some(0), ..bench.serve() };
    let answers = [&dead, &dead, &dead, &cut, &dead, &dead].map(|serve| Answer::File(serve.clone()));
    let server = HubServer::start(answers.into_iter().chain([Answer::File(bench.serve())])).await;
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    assert_eq!(server.asked().len(), 7);
}

#[tokio::test]
async fn a_part_of_another_version_of_the_file_is_replaced() {
    let mut bench = Bench::new();
    let server = HubServer::start([Answer::File(Serve { etag: "\"two\"", ..bench.serve() })]).await;
    bench.leave_part(&vec![7; 500_000], &server.address, "\"one\"");
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    assert_eq!(server.asked()[0].if_range.as_deref(), Some("\"one\""));
}

#[tokio::test]
async fn a_part_from_another_hub_goes_on_at_the_mirror() {
    let mut bench = Bench::new();
    let server = HubServer::start([Answer::File(bench.serve())]).await;
    bench.leave_part(&bench.file[..500_000], "https://hub.invalid", "\"tag of the hub\"");
    let pulled = bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    assert_eq!(pulled.downloaded, bench.file.len() as u64 - 500_000);
    assert_eq!(server.asked()[0].if_range, None);
}

#[tokio::test]
async fn a_part_that_is_already_whole_needs_no_network() {
    let mut bench = Bench::new();
    let server = HubServer::start([Answer::Plain(500, String::new(), String::new())]).await;
    bench.leave_part(&bench.file, &server.address, "\"one\"");
    let pulled = bench.pull(&server).await.expect("finished");
    assert_eq!(pulled.downloaded, 0);
    bench.assert_installed();
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_part_that_is_longer_than_the_model_is_thrown_away() {
    let mut bench = Bench::new();
    let server = HubServer::start([Answer::File(bench.serve())]).await;
    bench.leave_part(&[&bench.file[..], b"more"].concat(), &server.address, "\"one\"");
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    assert_eq!(server.asked()[0].range, None);
}

#[tokio::test]
async fn a_hub_that_does_not_know_the_rest_is_asked_for_the_whole() {
    let mut bench = Bench::new();
    let refused = Answer::Plain(416, "Content-Range: bytes */5\r\n".into(), String::new());
    let server = HubServer::start([refused, Answer::File(bench.serve())]).await;
    bench.leave_part(&bench.file[..500_000], &server.address, "\"one\"");
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
    assert_eq!(server.asked()[1].range, None);
}
