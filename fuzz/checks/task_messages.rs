//! What must hold for any bytes that claim to be a message about a task. Used by the fuzz target and by the replay of
//! its corpus.

use helix_contract::{DefinitionV1, TaskEventV1, TaskResultV1, TaskSpecV1, Wire, decode, encode};

/// The first byte says which message the rest claims to be.
pub(crate) fn message(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 4 {
        0 => read::<TaskSpecV1>(bytes),
        1 => read::<TaskEventV1>(bytes),
        2 => read::<TaskResultV1>(bytes),
        _ => read::<DefinitionV1>(bytes),
    }
}

/// What was read is either refused when it is written, for its length, or the same when it is read again.
fn read<T: Wire>(bytes: &[u8]) {
    let Ok(message) = decode::<T>(bytes) else { return };
    let Ok(written) = encode(&message) else { return };
    assert!(written.len() <= T::LEN_MAX);
    let again: T = decode(&written).expect("what is written can be read");
    assert_eq!(encode(&again).expect("and written again"), written);
}
