//! The cluster of the tests, brought by `tests/bed/kubernetes`.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context, Result};

use crate::bed::{run, script};

/// A cluster with one real node. It belongs to whoever started it.
#[derive(Debug, Clone)]
pub struct Cluster {
    name: String,
    kubeconfig: String,
}

impl Cluster {
    /// At which its pods reach this machine.
    pub const HOST: &'static str = "10.88.77.1";

    /// The one that `HELIX_TEST_KUBERNETES` names, set up with `deploy/kubernetes`.
    ///
    /// # Errors
    /// No cluster was started.
    pub fn of_tests() -> Result<Self> {
        let name = std::env::var("HELIX_TEST_KUBERNETES")
            .context("HELIX_TEST_KUBERNETES: ./test --only kubernetes sets it")?;
        let kubeconfig = run(script("kubernetes").args(["kubeconfig", &name]))?;
        Ok(Self { name, kubeconfig })
    }

    /// The path of its administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// `kubectl`, as its administrator; what it prints.
    ///
    /// # Errors
    /// Its own words.
    pub fn kubectl(&self, arguments: &[impl AsRef<OsStr>]) -> Result<String> {
        run(script("kubernetes").args(["kubectl", &self.name]).args(arguments))
    }

    /// Gives its node an image of this one static program.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn give_image(&self, tag: &str, program: &Path) -> Result<()> {
        run(script("kubernetes").args(["image", &self.name, tag]).arg(program)).map(drop)
    }
}
