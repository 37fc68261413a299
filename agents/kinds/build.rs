//! Each folder beside this file that has an `agent.toml` is a kind: its files become part of the program.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    println!("cargo::rerun-if-changed={}", here.display());
    let mut kinds: Vec<_> = fs::read_dir(&here)?.collect::<Result<_, _>>()?;
    kinds.retain(|kind| kind.path().join("agent.toml").is_file());
    kinds.sort_by_key(fs::DirEntry::file_name);
    let mut list = "[\n".to_owned();
    for kind in kinds {
        let name = kind.file_name();
        let _ = writeln!(list, "({:?}, {}),", name.to_string_lossy(), files(&kind.path()));
    }
    list.push_str("]\n");
    fs::write(out.join("kinds.rs"), list)
}

fn files(folder: &Path) -> String {
    let file = |name: &str| {
        let path = folder.join(name);
        let text = path.to_string_lossy();
        if path.is_file() { format!("include_str!({text:?})") } else { "\"\"".to_owned() }
    };
    format!(
        "Files {{ agent: {}, prompt: {}, examples: {}, accept: {} }}",
        file("agent.toml"),
        file("prompt.md"),
        file("examples.jsonl"),
        file("accept.jsonl")
    )
}
