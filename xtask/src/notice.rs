//! `NOTICE`: every package that is part of a shipped binary, with its licence, out of `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

/// What is shipped; everything that they depend on is listed.
const SHIPPED: [&str; 3] = ["helix", "helix-agent", "helix-stt"];
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// Parts that are shipped and that cargo does not know.
const OTHER_PARTS: [Part; 5] = [
    Part {
        name: "whisper.cpp with ggml",
        licence: "MIT",
        origin: "https://github.com/ggml-org/whisper.cpp",
        note: "speech recognition, compiled into helix-stt; the version is that of whisper-rs-sys below",
    },
    Part {
        name: "whisper-home-test-en",
        licence: "MIT",
        origin: "tests/models/whisper-home-test-en",
        note: "the demo model; its vocabulary is GPT-2's (MIT), its mel filters are whisper.cpp's (MIT)",
    },
    Part {
        name: "CLINC150",
        licence: "CC-BY-3.0",
        origin: "https://github.com/clinc/oos-eval",
        note: "sentences that the topic model is trained on, beside our own; only the weights are shipped. Authors:\n  \
               tests/testdata/clinc150/README.md",
    },
    Part {
        name: "espeak-ng",
        licence: "GPL-3.0-or-later",
        origin: "https://github.com/espeak-ng/espeak-ng",
        note: "speech output; a separate program in the app's image, started as a child process and not linked;\n  \
               its source is that of the Debian package of the same version",
    },
    Part {
        name: "Debian packages of the app's base image",
        licence: "various",
        origin: "https://github.com/home-assistant/docker-base",
        note: "their licences are in the image under /usr/share/doc/*/copyright",
    },
];

const INTRODUCTION: &str = "\
Helix
Copyright (c) 2026 the Helix authors
MIT licence, see LICENSE.

What is shipped with Helix, and under which licence. Written by `cargo xtask notice`; do not edit.
Speech models are not shipped: `helix model pull` downloads those that a person chooses (Whisper, MIT;
FUTO's variants, Apache-2.0).
";

struct Part {
    name: &'static str,
    licence: &'static str,
    origin: &'static str,
    note: &'static str,
}

/// Packages whose manifest names no licence, and the one whose text they carry.
const UNNAMED: [(&str, &str); 1] = [("ollama-rs", "MIT")];

/// Options of `cargo xtask notice`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fail if NOTICE is not what would be written
    #[arg(long)]
    check: bool,
    /// Also write the full licence texts of all packages to this file, for an image
    #[arg(long, value_name = "FILE")]
    texts: Option<PathBuf>,
}

/// Writes or checks `NOTICE` in the root of the workspace.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut packages = BTreeMap::new();
    let mut root = PathBuf::new();
    for target in TARGETS {
        let metadata = metadata(target)?;
        root.clone_from(&metadata.workspace_root);
        packages.extend(shipped(metadata)?);
    }
    let notice = render(&packages);
    let path = root.join("NOTICE");
    if arguments.check {
        check(&path, &notice)?;
    } else {
        fs::write(&path, &notice).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(file) = &arguments.texts {
        fs::write(file, texts(&packages)?).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn check(path: &Path, expected: &str) -> Result<()> {
    let found = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    if found == expected {
        return Ok(());
    }
    let (before, after): (BTreeSet<_>, BTreeSet<_>) = (found.lines().collect(), expected.lines().collect());
    let gone = before.difference(&after).map(|line| format!("- {line}\n"));
    let new = after.difference(&before).map(|line| format!("+ {line}\n"));
    let difference: String = gone.chain(new).collect();
    bail!("NOTICE is not up to date; run `cargo xtask notice` and commit it:\n{difference}");
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

fn metadata(target: &str) -> Result<Metadata> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--filter-platform", target])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("cannot read what cargo metadata says")
}

/// The packages of others that become a part of a shipped binary: no build scripts, macros or tests.
fn shipped(metadata: Metadata) -> Result<BTreeMap<(String, String), Package>> {
    let nodes: BTreeMap<String, Node> =
        metadata.resolve.nodes.into_iter().map(|node| (node.id.clone(), node)).collect();
    let mut packages: BTreeMap<String, Package> =
        metadata.packages.into_iter().map(|package| (package.id.clone(), package)).collect();
    let is_macro = |package: &Package| {
        package.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"))
    };
    let is_ours = |package: &&Package| package.source.is_none() && SHIPPED.contains(&package.name.as_str());
    let mut open: Vec<String> = packages.values().filter(is_ours).map(|package| package.id.clone()).collect();
    ensure!(open.len() == SHIPPED.len(), "not all of {SHIPPED:?} are in the workspace");
    let mut found = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !found.insert(id.clone()) {
            continue;
        }
        let node = nodes.get(&id).with_context(|| format!("cargo metadata does not resolve {id}"))?;
        let normal = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
        let next = node.deps.iter().filter(normal).map(|dependency| dependency.pkg.clone());
        open.extend(next.filter(|id| packages.get(id).is_some_and(|package| !is_macro(package))));
    }
    let mut shipped = BTreeMap::new();
    for mut package in
        found.iter().filter_map(|id| packages.remove(id)).filter(|package| package.source.is_some())
    {
        let carried = UNNAMED.iter().find(|(name, _)| *name == package.name);
        package.license = package.license.or_else(|| carried.map(|(_, licence)| (*licence).to_owned()));
        ensure!(package.license.is_some(), "{} {} names no licence", package.name, package.version);
        shipped.insert((package.name.clone(), package.version.clone()), package);
    }
    Ok(shipped)
}

fn render(packages: &BTreeMap<(String, String), Package>) -> String {
    let mut text = String::from(INTRODUCTION);
    for part in &OTHER_PARTS {
        let Part { name, licence, origin, note } = part;
        let _ = write!(text, "\n{name}\n  licence: {licence}\n  origin: {origin}\n  {note}\n");
    }
    let _ = write!(text, "\nRust packages ({}), from https://crates.io:\n\n", packages.len());
    for package in packages.values() {
        let licence = package.license.as_deref().unwrap_or_default().replace('/', " OR ");
        let _ = write!(text, "{} {}: {licence}", package.name, package.version);
        if let Some(repository) = &package.repository {
            let _ = write!(text, ", {repository}");
        }
        text.push('\n');
    }
    text
}

/// The licence files of all packages, each text once with the packages that carry it.
fn texts(packages: &BTreeMap<(String, String), Package>) -> Result<String> {
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for package in packages.values() {
        let title = format!("{} {}", package.name, package.version);
        let folder = package.manifest_path.parent().context("a manifest has a folder")?;
        let mut files = licence_files(folder)?;
        // whisper-rs-sys carries whisper.cpp, with its licence, in a folder of its own.
        let bundled = folder.join("whisper.cpp");
        if bundled.is_dir() {
            files.extend(licence_files(&bundled)?);
        }
        if files.is_empty() {
            without.push(format!("{title}: {}", package.license.as_deref().unwrap_or_default()));
        }
        for file in files {
            let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            by_text.entry(String::from_utf8_lossy(&text).trim().to_owned()).or_default().push(title.clone());
        }
    }
    let mut all = String::from("Licence texts of the Rust packages in Helix.\n");
    for (text, titles) in &by_text {
        let _ = write!(all, "\n{}\n{}\n\n{text}\n", "=".repeat(80), titles.join(", "));
    }
    let _ =
        write!(all, "\n{}\nWithout a licence file of their own:\n\n{}\n", "=".repeat(80), without.join("\n"));
    Ok(all)
}

fn licence_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_ascii_uppercase();
        let is_licence = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"]
            .iter()
            .any(|start| name.starts_with(start));
        if is_licence && entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}
