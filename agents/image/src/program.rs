//! For which processors a program is that needs nothing but itself: its first bytes in, the architecture out.

/// The header that says that another program loads this one's libraries, which are not in an image.
const PT_INTERP: u32 = 3;

/// The architecture of a static Linux program, as images call it; none for what is none.
pub fn architecture(program: &[u8]) -> Option<&'static str> {
    if !program.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let short = |at: usize| Some(u16::from_le_bytes(program.get(at..at + 2)?.try_into().ok()?));
    let table = usize::try_from(u64::from_le_bytes(program.get(32..40)?.try_into().ok()?)).ok()?;
    let (entry, entries) = (usize::from(short(54)?), usize::from(short(56)?));
    for index in 0..entries {
        let at = table.checked_add(index * entry)?;
        if u32::from_le_bytes(program.get(at..at.checked_add(4)?)?.try_into().ok()?) == PT_INTERP {
            return None;
        }
    }
    match short(18)? {
        62 => Some("amd64"),
        183 => Some("arm64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF header with one program header of this kind.
    fn program(machine: u16, kind: u32) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(64, 0);
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&1_u16.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes
    }

    #[test]
    fn a_static_program_is_known_by_its_processors_and_nothing_else_is() {
        assert_eq!(architecture(&program(62, 1)), Some("amd64"));
        assert_eq!(architecture(&program(183, 1)), Some("arm64"));
        assert_eq!(architecture(&program(40, 1)), None);
        assert_eq!(architecture(&program(62, PT_INTERP)), None, "it needs libraries");
        assert_eq!(architecture(b"#!/bin/sh"), None);
        let whole = program(62, 1);
        for len in 0..whole.len() {
            assert_eq!(architecture(&whole[..len]), None);
        }
    }
}
