//! Builds the program that plays an agent: static, as an agent is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program `agent.rs` beside this file.
pub(crate) fn agent() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/agent.rs");
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        // Kept for the other tests of this process; that of the next one takes its place.
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("agent");
        let built = folder.path().join("agent");
        let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args(["--edition", "2024", "-O", "-C", "target-feature=+crt-static", "-C", "panic=abort", "-o"])
            .args([&built, &source])
            .output()
            .expect("rustc runs");
        assert!(rustc.status.success(), "{}", String::from_utf8_lossy(&rustc.stderr));
        std::fs::rename(&built, &program).expect("moved");
        program
    })
}
