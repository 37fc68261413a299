//! Which build of `helix-stt` this processor can run, and where it lies.

use std::path::{Path, PathBuf};

use super::Failure;

/// The names to look for, best first.
fn names() -> &'static [&'static str] {
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("fma")
            && std::arch::is_x86_feature_detected!("f16c")
            && std::arch::is_x86_feature_detected!("bmi2");
        if avx2 {
            return &["helix-stt-avx2", "helix-stt-sse42", "helix-stt-baseline", "helix-stt"];
        }
        let sse42 =
            std::arch::is_x86_feature_detected!("sse4.2") && std::arch::is_x86_feature_detected!("popcnt");
        if sse42 {
            return &["helix-stt-sse42", "helix-stt-baseline", "helix-stt"];
        }
        &["helix-stt-baseline", "helix-stt"]
    }
    #[cfg(not(target_arch = "x86_64"))]
    &["helix-stt"]
}

/// Every build that is there, best first: in `stt_dir`, then beside this executable.
///
/// # Errors
/// None is there.
pub(super) fn candidates(stt_dir: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
    let beside = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_path_buf));
    let folders: Vec<PathBuf> = stt_dir.map(Path::to_path_buf).into_iter().chain(beside).collect();
    let found: Vec<PathBuf> = names()
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .filter(|path| path.is_file())
        .collect();
    if found.is_empty() { Err(missing(&folders)) } else { Ok(found) }
}

fn missing(folders: &[PathBuf]) -> Failure {
    let looked =
        folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" and in ");
    Failure {
        why: format!("The speech engine {} was not found in {looked}.", names().join(" or ")),
        what_to_do: "Build it with `bridge/stt/build`, or set `stt_dir` to the folder that holds it.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_engine_is_named_with_the_places_where_it_was_looked_for() {
        let failure = candidates(Some(Path::new("/nowhere/at-all"))).expect_err("nothing lies there");
        assert!(failure.why.contains("helix-stt") && failure.why.contains("/nowhere/at-all"), "{failure:?}");
        assert!(failure.what_to_do.contains("bridge/stt/build"));
    }
}
