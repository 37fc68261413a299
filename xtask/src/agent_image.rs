//! The image that all agents stand on, out of `agents/agent/build`: a folder in the layout of the OCI, which `docker load`
//! takes as a tar archive, too; or pushed to a registry.
#![allow(clippy::print_stdout, reason = "the name of the image is the result of a command")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use helix_image::{Base, Registry, RegistryAuth, Scheme};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder; load it with `tar -C FOLDER -c . | docker load`
    #[arg(long, value_name = "FOLDER")]
    layout: Option<PathBuf>,
    /// The registry to push it to, and before its name what images are to begin with: `registry.local:5000/helix/`
    #[arg(long, value_name = "HOST/PREFIX")]
    push: Option<String>,
    /// The registry has no TLS
    #[arg(long)]
    http: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let base = base()?;
    if let Some(folder) = &arguments.layout {
        for (path, bytes) in base.layout(env!("CARGO_PKG_VERSION"))? {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().context("a folder")?)?;
            fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        }
    }
    let Some(place) = &arguments.push else {
        println!("{}", base.digest());
        return Ok(());
    };
    let (host, prefix) = place.split_once('/').unwrap_or((place, ""));
    let scheme = if arguments.http { Scheme::Http } else { Scheme::Https };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let images = Registry::new(host, prefix, scheme, RegistryAuth::Anonymous)?;
    println!("{}", runtime.block_on(images.push_base(&base))?);
    Ok(())
}

/// The base of this source, built for both architectures.
pub(crate) fn base() -> Result<Base> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agents/agent/build");
    let built = helix_tests::build::command(&script).stderr(Stdio::inherit()).output()?;
    ensure!(built.status.success(), "{} failed; its own words are above", script.display());
    let built = String::from_utf8(built.stdout)?;
    let program = |line: &str| {
        let (architecture, path) = line.split_once(' ').context("an architecture and a path")?;
        Ok((architecture.to_owned(), fs::read(path).with_context(|| path.to_owned())?))
    };
    let programs: Vec<(String, Vec<u8>)> = built.lines().map(program).collect::<Result<_>>()?;
    let programs: Vec<_> =
        programs.iter().map(|(architecture, bytes)| (architecture.as_str(), bytes.as_slice())).collect();
    Ok(Base::of(&programs)?)
}
