//! The unfinished file of one download: bytes in, the same bytes and their checksum out, also over a restart.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Checksum;

/// Held while a model is downloaded or removed; released when dropped, also when the process is killed.
#[derive(Debug)]
pub(super) struct Lock(#[allow(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    /// Takes the lock, or `None` if another process has it. The file stays: removing it would be a race.
    pub(super) fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = File::options().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// An unfinished file, with the checksum of all that is in it.
pub(super) struct Part {
    path: PathBuf,
    /// Here, so that it outlives a write that is still under way when the download is dropped.
    lock: Lock,
    file: File,
    len: u64,
    hasher: Sha256,
}

impl Part {
    /// Opens or creates the file and reads what is in it; slow for a large part (0.5 s per GB and more).
    pub(super) fn open(path: PathBuf, lock: Lock) -> io::Result<Self> {
        let mut file = File::options().read(true).append(true).create(true).open(&path)?;
        let len = file.metadata()?.len();
        let mut hasher = Sha256::new();
        file.seek(SeekFrom::Start(0))?;
        let read = io::copy(&mut (&mut file).take(len), &mut Hashing(&mut hasher))?;
        Ok(Self { path, lock, file, len: read, hasher })
    }

    /// Bytes in the file.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Appends; on an error the file may hold a part of the block, which [`Part::open`] will find.
    pub(super) fn append(&mut self, block: &[u8]) -> io::Result<()> {
        self.file.write_all(block)?;
        self.hasher.update(block);
        self.len += block.len() as u64;
        Ok(())
    }

    /// Throws away what is there and begins anew.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        if self.len > 0 {
            self.file.set_len(0)?;
        }
        self.len = 0;
        self.hasher = Sha256::new();
        Ok(())
    }

    /// The checksum of all bytes so far.
    pub(super) fn checksum(&self) -> Checksum {
        Checksum::new(self.hasher.clone().finalize().into())
    }

    /// Makes the file survive a power cut and gives it its final name.
    pub(super) fn finish(self, to: &Path) -> io::Result<Lock> {
        self.file.sync_all()?;
        fs::rename(&self.path, to)?;
        if let Some(folder) = to.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(self.lock)
    }
}

/// The checksum of a whole file.
pub(super) fn checksum_of(path: &Path) -> io::Result<Checksum> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut Hashing(&mut hasher))?;
    Ok(Checksum::new(hasher.finalize().into()))
}

struct Hashing<'a>(&'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
