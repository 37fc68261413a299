//! Downloads one model: name and folder in, a checked file out, over as many attempts as it takes.
//!
//! Whatever arrived is kept in `ggml-<name>.bin.part`, also when the future is dropped or the process killed,
//! and is continued by the next call. The file gets its name only when its checksum is right.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use helix_core::Clock;
use helix_speech::ggml;
use tokio::task::spawn_blocking;

use super::error::network_words;
use super::folder::{part as part_of, validator as validator_of};
use super::hub::{AttemptError, Opened};
use super::part::{Lock, Part, checksum_of};
use super::progress::Rate;
use super::{Hub, Model, ModelFolder, Progress, PullError};

/// Bytes that are written at once; so much is lost at most when the process is killed.
const BLOCK_LEN: usize = 256 * 1024;
/// An attempt that brings this much begins the count of retries anew.
const HEADWAY: u64 = 1024 * 1024;
/// Left free on the disk beside the model, for the database and logs.
const SPACE_MARGIN: u64 = 16 * 1024 * 1024;

/// What [`pull`] brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The model file.
    pub path: PathBuf,
    /// Its length, bytes.
    pub bytes: u64,
    /// Bytes that came over the network in this call; 0 if the model was there.
    pub downloaded: u64,
}

/// Downloads `model` into `folder`, or finds that it is there already.
///
/// Dropping the future stops the download and keeps what is there.
///
/// # Errors
/// [`PullError`]; all but [`PullError::WrongChecksum`] keep what was downloaded.
pub async fn pull(
    model: &Model,
    folder: &ModelFolder,
    hub: &Hub,
    clock: &impl Clock,
    progress: &mut (dyn FnMut(Progress) + Send + Sync),
) -> Result<Pulled, PullError> {
    std::fs::create_dir_all(folder.path()).map_err(|source| folder.failed(source))?;
    let lock = Lock::take(&folder.lock(&model.name)).map_err(|source| folder.failed(source))?;
    let Some(lock) = lock else { return Err(PullError::Busy { name: model.name.clone() }) };
    let file = folder.file(&model.name);
    if is_there(model, folder).await? {
        return Ok(Pulled { path: file, bytes: model.bytes, downloaded: 0 });
    }
    let part = open_part(model, &file, lock, progress).await?;
    check_space(folder, model.bytes - part.len())?;
    let mut download =
        Download { model, file: &file, hub, clock, progress, rate: Rate::default(), received: 0 };
    let part = download.run(part).await?;
    let downloaded = download.received;
    progress(Progress::Checking);
    finish(model, folder, part).await?;
    Ok(Pulled { path: file, bytes: model.bytes, downloaded })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Whether the model is installed; a file that was copied there by hand is compared once.
async fn is_there(model: &Model, folder: &ModelFolder) -> Result<bool, PullError> {
    let file = folder.file(&model.name);
    if folder.receipt_of(model) == Some(model.sha256) {
        return Ok(true);
    }
    if std::fs::metadata(&file).map_or(0, |metadata| metadata.len()) != model.bytes {
        return Ok(false);
    }
    let found = blocking(move || checksum_of(&file)).await.map_err(|source| folder.failed(source))?;
    if found == model.sha256 {
        folder.write_receipt(model).map_err(|source| folder.failed(source))?;
    }
    Ok(found == model.sha256)
}

/// Opens what an earlier call left; more than the model has cannot be a part of it.
async fn open_part(
    model: &Model,
    file: &Path,
    lock: Lock,
    progress: &mut (dyn FnMut(Progress) + Send + Sync),
) -> Result<Part, PullError> {
    let path = part_of(file);
    let done = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    if (1..=model.bytes).contains(&done) {
        progress(Progress::Resuming { done, total: model.bytes });
    }
    let failed = |source| PullError::writing(&part_of(file), model.bytes, source);
    if done > model.bytes {
        std::fs::remove_file(&path).map_err(failed)?;
    }
    blocking(move || Part::open(path, lock)).await.map_err(failed)
}

fn check_space(folder: &ModelFolder, missing: u64) -> Result<(), PullError> {
    let space = rustix::fs::statvfs(folder.path()).map_err(|error| folder.failed(error.into()))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let needed = missing + SPACE_MARGIN;
    if missing > 0 && free < needed {
        return Err(PullError::NoSpace { path: folder.path().to_owned(), free, needed });
    }
    Ok(())
}

async fn finish(model: &Model, folder: &ModelFolder, part: Part) -> Result<(), PullError> {
    let found = part.checksum();
    let file = folder.file(&model.name);
    if found != model.sha256 {
        for path in [part_of(&file), validator_of(&file)] {
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::debug!(path = %path.display(), %error, "nothing to remove");
            }
        }
        return Err(PullError::WrongChecksum { name: model.name.clone(), expected: model.sha256, found });
    }
    let to = file.clone();
    let _lock = blocking(move || part.finish(&to))
        .await
        .map_err(|source| PullError::writing(&part_of(&file), model.bytes, source))?;
    if let Err(error) = std::fs::remove_file(validator_of(&file)) {
        tracing::debug!(%error, "no entity tag to remove");
    }
    folder.write_receipt(model).map_err(|source| folder.failed(source))
}

struct Download<'a, C> {
    model: &'a Model,
    file: &'a Path,
    hub: &'a Hub,
    clock: &'a C,
    progress: &'a mut (dyn FnMut(Progress) + Send + Sync),
    rate: Rate,
    received: u64,
}

impl<C: Clock> Download<'_, C> {
    /// Attempts until the file is whole.
    async fn run(&mut self, mut part: Part) -> Result<Part, PullError> {
        let (mut failures, mut best) = (0, part.len());
        while part.len() < self.model.bytes {
            let outcome;
            (part, outcome) = self.attempt(part).await?;
            let Err(error) = outcome else { continue };
            if part.len() >= best + HEADWAY {
                (failures, best) = (0, part.len());
            }
            failures += 1;
            let wait = self.next_wait(error, failures, part.len())?;
            self.clock.sleep(wait).await;
        }
        Ok(part)
    }

    /// How long to wait before retry number `failures`, or why there is none.
    fn next_wait(&mut self, error: AttemptError, failures: u32, kept: u64) -> Result<Duration, PullError> {
        let (host, why, status, after) = match error {
            AttemptError::Final(error) => return Err(error),
            AttemptError::Retry { host, why, status, after } => (host, why, status, after),
        };
        let limits = self.hub.limits();
        if failures > limits.retries {
            return Err(match status {
                Some(status) => PullError::HubFailed { host, status, kept },
                None => PullError::Unreachable { host, why, kept },
            });
        }
        let after = after.unwrap_or_else(|| limits.backoff.saturating_mul(1 << (failures - 1).min(10)));
        (self.progress)(Progress::Retrying { attempt: failures, why, after });
        Ok(after)
    }

    /// One request, read to its end. The part comes back whatever happened, unless it cannot be written.
    async fn attempt(&mut self, mut part: Part) -> Result<(Part, Result<(), AttemptError>), PullError> {
        let validator = self.stored_validator();
        let mut opened = match self.hub.open_at(self.model, part.len(), validator.as_deref()).await {
            Ok(opened) => opened,
            Err(AttemptError::Retry { status: Some(416), host, why, after }) => {
                part.restart().map_err(|source| self.write_failed(source))?;
                return Ok((part, Err(AttemptError::Retry { status: Some(416), host, why, after })));
            }
            Err(error) => return Ok((part, Err(error))),
        };
        self.read_body(&mut opened, part).await
    }

    async fn read_body(
        &mut self,
        opened: &mut Opened,
        mut part: Part,
    ) -> Result<(Part, Result<(), AttemptError>), PullError> {
        let mut block = Vec::with_capacity(BLOCK_LEN);
        let (mut begun, mut open, mut outcome) = (false, true, Ok(()));
        while open && outcome.is_ok() {
            match opened.response.chunk().await {
                Ok(Some(bytes)) => block.extend_from_slice(&bytes),
                Ok(None) => open = false,
                Err(error) => {
                    let why = network_words(&error, self.hub.limits().stall);
                    outcome = Err(AttemptError::retry(&opened.host, why));
                }
            }
            let written = if begun { part.len() } else { opened.start };
            self.check_length(&opened.host, written + block.len() as u64)?;
            self.report(written + block.len() as u64);
            if block.len() < BLOCK_LEN && open && outcome.is_ok() || block.is_empty() {
                continue;
            }
            if !begun {
                begun = true;
                self.begin(opened, &mut part, &block)?;
            }
            self.received += block.len() as u64;
            (part, block) = self.write(part, block).await?;
        }
        if outcome.is_ok() && part.len() < self.model.bytes {
            outcome = Err(AttemptError::retry(&opened.host, "the connection ended early".into()));
        }
        Ok((part, outcome))
    }

    /// Before the first write of an answer. A whole file takes the place of the part only once its first bytes
    /// are those of a model: the log-in page of a network must not cost what was downloaded before.
    fn begin(&self, opened: &Opened, part: &mut Part, block: &[u8]) -> Result<(), PullError> {
        if opened.start == 0 {
            ggml::parse_header(block)
                .map_err(|source| PullError::NotAModel { host: opened.host.clone(), source })?;
            part.restart().map_err(|source| self.write_failed(source))?;
        }
        self.store_validator(opened.validator.as_deref()).map_err(|source| self.write_failed(source))
    }

    /// Never more bytes than the model has.
    fn check_length(&self, host: &str, len: u64) -> Result<(), PullError> {
        if len <= self.model.bytes {
            return Ok(());
        }
        Err(PullError::Changed {
            host: host.to_owned(),
            what: "length",
            offered: format!("more than {}", self.model.bytes),
            expected: self.model.bytes.to_string(),
        })
    }

    async fn write(&self, mut part: Part, mut block: Vec<u8>) -> Result<(Part, Vec<u8>), PullError> {
        blocking(move || {
            part.append(&block)?;
            block.clear();
            Ok((part, block))
        })
        .await
        .map_err(|source| self.write_failed(source))
    }

    fn report(&mut self, done: u64) {
        let now = self.clock.now();
        if self.rate.is_due(now) || done == self.model.bytes {
            let bytes_per_second = self.rate.sample(now, done);
            (self.progress)(Progress::Downloading { done, total: self.model.bytes, bytes_per_second });
        }
    }

    fn write_failed(&self, source: io::Error) -> PullError {
        PullError::writing(&part_of(self.file), self.model.bytes, source)
    }

    /// The entity tag of the part, if it came from the address that is asked now.
    fn stored_validator(&self) -> Option<String> {
        let stored = std::fs::read_to_string(validator_of(self.file)).ok()?;
        let (address, tag) = stored.trim_end().split_once('\n')?;
        (address == self.hub.address(self.model)).then(|| tag.to_owned())
    }

    fn store_validator(&self, tag: Option<&str>) -> io::Result<()> {
        let tag = tag.unwrap_or_default();
        std::fs::write(validator_of(self.file), format!("{}\n{tag}\n", self.hub.address(self.model)))
    }
}
