//! What is in the model folder, in which state, and how it is removed.

use helix::model::{FileState, RemoveError, verify};

use crate::bench::Bench;
use crate::ggml_file;
use crate::hub_server::{Answer, HubServer};

fn put(bench: &Bench, name: &str, bytes: &[u8]) {
    std::fs::create_dir_all(bench.folder.path()).expect("a writable folder");
    std::fs::write(bench.folder.path().join(name), bytes).expect("a writable folder");
}

fn state(bench: &Bench) -> FileState {
    let listing = bench.folder.list(&bench.catalogue, None).expect("readable");
    assert_eq!(listing.installed.len(), 1);
    listing.installed[0].state.clone()
}

#[test]
fn a_folder_that_is_not_there_lists_as_empty() {
    let bench = Bench::new();
    let listing = bench.folder.list(&bench.catalogue, Some("test.en")).expect("nothing to read");
    assert!(listing.installed.is_empty() && listing.unfinished.is_empty());
    assert_eq!(listing.available[0].name, "test.en");
}

#[tokio::test]
async fn a_file_that_was_copied_there_by_hand_is_compared_instead_of_downloaded() {
    let mut bench = Bench::new();
    put(&bench, "ggml-test.en.bin", &bench.file);
    assert!(matches!(state(&bench), FileState::Unverified(_)));
    let server = HubServer::start([Answer::Plain(500, String::new(), String::new())]).await;
    assert_eq!(bench.pull(&server).await.expect("there").downloaded, 0);
    assert!(server.asked().is_empty());
    assert!(matches!(state(&bench), FileState::Verified(_)));
}

#[tokio::test]
async fn a_damaged_file_is_replaced_by_a_download() {
    let mut bench = Bench::new();
    let mut damaged = bench.file.to_vec();
    damaged[1_000_000] ^= 1;
    put(&bench, "ggml-test.en.bin", &damaged);
    let server = HubServer::start([Answer::File(bench.serve())]).await;
    bench.pull(&server).await.expect("downloaded");
    bench.assert_installed();
}

#[test]
fn a_truncated_file_lists_as_damaged_with_what_to_do() {
    let bench = Bench::new();
    put(&bench, "ggml-test.en.bin", &bench.file[..900_000]);
    let FileState::Damaged(why) = state(&bench) else { panic!("a truncated file is no model") };
    assert!(why.contains("incomplete") && why.contains("helix model pull"), "{why}");
    assert!(verify(&bench.installed()).is_err());
}

#[tokio::test]
async fn a_file_that_was_written_after_its_checksum_was_noted_is_no_longer_verified() {
    let mut bench = Bench::new();
    let server = HubServer::start([Answer::File(bench.serve())]).await;
    bench.pull(&server).await.expect("downloaded");
    let note = std::fs::metadata(bench.folder.path().join("ggml-test.en.bin.sha256")).expect("noted");
    let later = note.modified().expect("a time") + std::time::Duration::from_secs(1);
    let file = std::fs::File::options().write(true).open(bench.installed()).expect("installed");
    file.set_modified(later).expect("a time can be set");
    assert!(matches!(state(&bench), FileState::Unverified(_)));
    bench.folder.verify_checksum(bench.model()).expect("the same bytes");
    file.set_modified(note.modified().expect("a time")).expect("a time can be set");
    assert!(matches!(state(&bench), FileState::Verified(_)));
}

#[test]
fn a_model_that_is_not_in_the_catalogue_is_listed_and_used_but_not_called_verified() {
    let bench = Bench::new();
    put(&bench, "ggml-mine.bin", &ggml_file::model(51_865));
    let listing = bench.folder.list(&bench.catalogue, Some("mine")).expect("readable");
    assert!(listing.installed[0].in_use);
    assert!(matches!(&listing.installed[0].state, FileState::Unverified(shape) if !shape.english_only()));
}

#[test]
fn the_model_in_use_is_removed_only_by_force() {
    let bench = Bench::new();
    put(&bench, "ggml-test.en.bin", &bench.file);
    let by_path = bench.installed().display().to_string();
    for configured in ["test.en", "ggml-test.en.bin", &by_path] {
        let error = bench.folder.remove("test.en", Some(configured), false).expect_err("in use");
        assert!(matches!(error, RemoveError::InUse { .. }), "{configured}: {error}");
    }
    let removed = bench.folder.remove("test.en", Some("test.en"), true).expect("by force");
    assert_eq!(removed.bytes, bench.file.len() as u64);
    assert!(!bench.installed().exists());
}

#[test]
fn removing_takes_everything_that_belongs_to_the_model_and_nothing_else() {
    let bench = Bench::new();
    for name in
        ["ggml-test.en.bin", "ggml-test.en.bin.sha256", "ggml-test.en.bin.part", "ggml-test.en.bin.part.etag"]
    {
        put(&bench, name, b"12345");
    }
    put(&bench, "ggml-other.bin", b"other");
    assert_eq!(bench.folder.remove("test.en", Some("other"), false).expect("not in use").bytes, 20);
    let left = bench.folder.list(&bench.catalogue, None).expect("readable");
    assert_eq!((left.installed.len(), left.unfinished.len()), (1, 0));
    assert_eq!(left.installed[0].name, "other");
}

#[test]
fn a_model_that_is_not_installed_is_answered_with_those_that_are() {
    let bench = Bench::new();
    put(&bench, "ggml-other.bin", b"other");
    for name in ["test.en", "../models/other", ""] {
        match bench.folder.remove(name, None, true) {
            Err(RemoveError::NotInstalled { installed, .. }) => assert_eq!(installed, ["other"]),
            other => panic!("{name:?}: {other:?}"),
        }
    }
}
