//! Whether a file is a program that can be an agent here: static, for this processor.

use std::io::Read as _;
use std::path::Path;

use crate::backend::BackendError;

/// The start of an ELF file, with its program headers.
const HEAD_LEN: u64 = 8 * 1024;
/// Says that another program loads this one's libraries, which an agent cannot open.
const PT_INTERP: u32 = 3;
#[cfg(target_arch = "x86_64")]
const HERE: u16 = 62;
#[cfg(target_arch = "aarch64")]
const HERE: u16 = 183;

/// Checks an agent's program.
pub(super) fn check(path: &Path) -> Result<(), BackendError> {
    let image = || path.display().to_string();
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(BackendError::ImageMissing(image()));
        }
        Err(error) => return Err(BackendError::at("open the agent's program")(error)),
    };
    let mut head = Vec::new();
    file.take(HEAD_LEN).read_to_end(&mut head).map_err(BackendError::at("read the agent's program"))?;
    let elf =
        Elf::read(&head).ok_or_else(|| BackendError::DoesNotStart(format!("{} is no program", image())))?;
    if elf.machine != HERE {
        let found = format!("processors of ELF machine {}", elf.machine);
        return Err(BackendError::ImageArchitecture {
            image: image(),
            found,
            here: std::env::consts::ARCH.to_owned(),
        });
    }
    if elf.needs_libraries {
        let why = format!("{} needs libraries, which an agent cannot open: link it statically", image());
        return Err(BackendError::DoesNotStart(why));
    }
    Ok(())
}

struct Elf {
    machine: u16,
    needs_libraries: bool,
}

impl Elf {
    /// Reads a 64-bit little-endian ELF file.
    fn read(head: &[u8]) -> Option<Self> {
        if !head.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let short = |at: usize| Some(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?));
        let table = usize::try_from(u64::from_le_bytes(head.get(32..40)?.try_into().ok()?)).ok()?;
        let (entry, entries) = (usize::from(short(54)?), usize::from(short(56)?));
        let kinds = (0..entries).map(|index| {
            let at = table.checked_add(index * entry)?;
            Some(u32::from_le_bytes(head.get(at..at.checked_add(4)?)?.try_into().ok()?))
        });
        let kinds: Option<Vec<_>> = kinds.collect();
        Some(Self { machine: short(18)?, needs_libraries: kinds?.contains(&PT_INTERP) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_be_an_agent_is_refused_with_the_reason() {
        let code = |path: &Path| check(path).map_err(|error| error.code());
        assert_eq!(code(Path::new("/nowhere/helix-agent")), Err("runner-image-missing"));
        assert_eq!(code(Path::new("/etc/passwd")), Err("runner-does-not-start"));
        assert_eq!(code(Path::new("/bin/ls")), Err("runner-does-not-start"), "it needs libraries");
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut other = std::fs::read("/bin/ls").expect("a program");
        other[18] = 0xf3;
        std::fs::write(file.path(), other).expect("written");
        assert_eq!(code(file.path()), Err("runner-image-architecture"));
    }

    #[test]
    fn a_cut_off_head_is_no_program() {
        let whole = std::fs::read("/bin/ls").expect("a program");
        for len in 0..64 {
            assert!(Elf::read(&whole[..len]).is_none());
        }
    }
}
