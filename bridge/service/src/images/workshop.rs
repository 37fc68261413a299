//! What agents are tried with and images are made of: the programs beside helix in, the base of all images out.

use std::path::{Path, PathBuf};

use helix_contract::Digest;
use helix_image::{Base, architecture};

/// The agent's program for this machine.
const AGENT: &str = "helix-agent";
/// The program for each architecture, where they lie there too.
const FOR_ALL: [&str; 2] = ["helix-agent-amd64", "helix-agent-arm64"];
/// No agent is larger, bytes.
const PROGRAM_LEN_MAX: u64 = 64 << 20;

/// What there is to work with.
#[derive(Debug)]
pub(super) struct Workshop {
    /// The program for this machine.
    pub(super) agent: PathBuf,
    /// Its digest.
    pub(super) program: Digest,
    /// The base of images; none if none was asked for, or the programs cannot be in one.
    pub(super) base: Option<Base>,
}

impl Workshop {
    /// The one of this folder; none if no agent lies there. Reads some megabytes, and compresses them for the base.
    pub(super) fn of(folder: &Path, with_base: bool) -> Option<Self> {
        let agent = folder.join(AGENT);
        let own = read(&agent)?;
        let program = Digest::of(&own);
        if !with_base {
            return Some(Self { agent, program, base: None });
        }
        let others = FOR_ALL.iter().filter_map(|name| read(&folder.join(name)));
        let mut programs: Vec<(&str, Vec<u8>)> = Vec::new();
        for bytes in std::iter::once(own).chain(others) {
            if let Some(found) = architecture(&bytes)
                && programs.iter().all(|(known, _)| *known != found)
            {
                programs.push((found, bytes));
            }
        }
        // The same programs are the same base, in whatever order they were found.
        programs.sort();
        let programs: Vec<_> = programs.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        let base = (!programs.is_empty()).then(|| Base::of(&programs)).and_then(Result::ok);
        Some(Self { agent, program, base })
    }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let len = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    if len > PROGRAM_LEN_MAX {
        tracing::warn!(path = %path.display(), "this is too large to be an agent");
        return None;
    }
    std::fs::read(path).ok()
}
