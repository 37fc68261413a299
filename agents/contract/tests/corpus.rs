//! Replays what the fuzz target `task_messages` found interesting, without a fuzzer.

use std::path::Path;

#[path = "../../../fuzz/checks/task_messages.rs"]
mod check;

#[test]
fn the_corpus_of_the_fuzz_target_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/task_messages");
    let mut replayed = 0;
    for entry in corpus.read_dir().expect("the corpus") {
        let path = entry.expect("an entry").path();
        check::message(&std::fs::read(&path).expect("an input"));
        replayed += 1;
    }
    assert!(replayed >= 15, "only {replayed} inputs in {}", corpus.display());
}
