//! What must hold for any text from Home Assistant. Used by the fuzz target and by the replay of its corpus.

/// One WebSocket message a line.
pub(crate) fn lines(bytes: &[u8]) {
    helix_hass::fuzzing::session(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        text.lines().for_each(helix_hass::fuzzing::answer);
    }
}
