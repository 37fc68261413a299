//! Utterances and times in, turns out.
