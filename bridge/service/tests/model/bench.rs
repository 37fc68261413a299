//! What a download test needs: a folder that vanishes, a clock that does not wait, a model and its catalogue.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Once};
use std::time::Duration;

use helix::model::{
    Catalogue, Checksum, Hub, HubLimits, Model, ModelFolder, Progress, PullError, Pulled, pull,
};
use helix_core::Clock;
use sha2::{Digest, Sha256};

use crate::ggml_file;
use crate::hub_server::{HubServer, Serve};

/// A folder of its own, removed at the end.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("helix-model-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a writable temporary folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A clock on which every wait is over at once; it goes on by 100 ms at each look.
#[derive(Debug, Clone, Default)]
pub(crate) struct SkippingClock {
    looks: Arc<AtomicU64>,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl SkippingClock {
    /// The waits so far.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.waits.lock().expect("no panic while locked").clone()
    }
}

impl Clock for SkippingClock {
    fn now(&self) -> Duration {
        Duration::from_millis(100 * self.looks.fetch_add(1, Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) {
        self.waits.lock().expect("no panic while locked").push(duration);
    }
}

/// One model, a folder for it and a clock.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) file: Arc<[u8]>,
    pub(crate) catalogue: Catalogue,
    _scratch: Scratch,
    pub(crate) folder: ModelFolder,
    pub(crate) clock: SkippingClock,
    pub(crate) progress: Vec<Progress>,
    /// Without a byte, until a connection is given up; generous, as the machine may be busy.
    pub(crate) stall: Duration,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        let folder = ModelFolder::new(scratch.path());
        Self::with_folder(scratch, folder)
    }

    pub(crate) fn with_folder(scratch: Scratch, folder: ModelFolder) -> Self {
        static PROVIDER: Once = Once::new();
        static FILE: LazyLock<Arc<[u8]>> = LazyLock::new(|| ggml_file::model(51_864).into());
        PROVIDER.call_once(|| {
            rustls::crypto::ring::default_provider().install_default().expect("the first provider");
        });
        let file = Arc::clone(&FILE);
        let catalogue = catalogue(file.len() as u64, checksum(&file));
        Self {
            file,
            catalogue,
            _scratch: scratch,
            folder,
            clock: SkippingClock::default(),
            progress: Vec::new(),
            stall: Duration::from_secs(20),
        }
    }

    pub(crate) fn model(&self) -> &Model {
        &self.catalogue.models()[0]
    }

    pub(crate) fn serve(&self) -> Serve {
        Serve {
            file: Arc::clone(&self.file),
            etag: "\"one\"",
            ranges: true,
            cut_after: None,
            stall_after: None,
            no_length: false,
        }
    }

    /// Downloads the model from this server.
    pub(crate) async fn pull(&mut self, server: &HubServer) -> Result<Pulled, PullError> {
        let hub = self.hub(&server.address);
        let Self { catalogue, folder, clock, progress, .. } = self;
        pull(&catalogue.models()[0], folder, &hub, clock, &mut |step| progress.push(step)).await
    }

    pub(crate) fn hub(&self, address: &str) -> Hub {
        let limits = HubLimits { stall: self.stall, ..HubLimits::default() };
        Hub::open(Some(address), limits).expect("a loopback address")
    }

    pub(crate) fn installed(&self) -> PathBuf {
        self.folder.path().join("ggml-test.en.bin")
    }

    pub(crate) fn part(&self) -> PathBuf {
        self.folder.path().join("ggml-test.en.bin.part")
    }

    pub(crate) fn part_len(&self) -> u64 {
        std::fs::metadata(self.part()).map_or(0, |metadata| metadata.len())
    }

    /// Leaves the first bytes of the model as an earlier download would.
    pub(crate) fn leave_part(&self, bytes: &[u8], from: &str, etag: &str) {
        std::fs::create_dir_all(self.folder.path()).expect("a writable folder");
        std::fs::write(self.part(), bytes).expect("a writable folder");
        let address = format!("{from}{}", self.model().path);
        std::fs::write(self.folder.path().join("ggml-test.en.bin.part.etag"), format!("{address}\n{etag}\n"))
            .expect("a writable folder");
    }

    pub(crate) fn assert_installed(&self) {
        assert!(std::fs::read(self.installed()).expect("installed") == *self.file, "the bytes differ");
        assert!(!self.part().exists(), "the part is gone");
    }
}

pub(crate) fn checksum(bytes: &[u8]) -> Checksum {
    Checksum::new(Sha256::digest(bytes).into())
}

pub(crate) fn catalogue(bytes: u64, sha256: Checksum) -> Catalogue {
    Catalogue::parse(&format!(
        "[[source]]\nname = \"s\"\nhub = \"https://hub.invalid\"\nfolder = \"f\"\nabout = \"a\"\nlicence = \"MIT\"\n\
         [[model]]\nname = \"test.en\"\nsource = \"s\"\nfile = \"t.bin\"\nbytes = {bytes}\nsha256 = \"{sha256}\"\n"
    ))
    .expect("a valid catalogue")
}
