//! What must hold for any bytes on the Wyoming port. Used by the fuzz target and by the replay of its corpus.

use helix_wyoming::{DecodeError, Decoder, Event, Frame, Limits, encode};

const NARROW: Limits =
    Limits { header_len_max: 96, data_len_max: 64, payload_len_max: 64, buffered_len_max: 256 };

/// The first byte says in which steps the rest arrives.
pub(crate) fn stream(bytes: &[u8]) {
    let Some((&step, stream)) = bytes.split_first() else { return };
    let step = usize::from(step).max(1);
    let (frames, error) = decode(Limits::default(), stream, step);
    // How bytes are cut into reads changes nothing.
    let whole = decode(Limits::default(), stream, stream.len().max(1));
    assert!(whole.0 == frames && whole.1 == error);
    decode(NARROW, stream, step);
    frames.into_iter().for_each(frame);
}

fn decode(limits: Limits, stream: &[u8], step: usize) -> (Vec<Frame>, Option<DecodeError>) {
    let mut decoder = Decoder::new(limits);
    let mut frames = Vec::new();
    for part in stream.chunks(step) {
        decoder.push(part);
        assert!(decoder.buffered() <= limits.buffered_len_max);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => {
                    assert!(frame.payload.len() <= limits.payload_len_max);
                    frames.push(frame);
                }
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

fn frame(frame: Frame) {
    // Numbers may be rounded on their way through JSON; everything else stays.
    let (again, error) = decode(Limits::default(), &encode(&frame), usize::MAX);
    let [again] = again.as_slice() else { panic!("one frame became {}: {error:?}", again.len()) };
    assert!(again.kind == frame.kind && again.payload == frame.payload);
    assert!(again.data.keys().eq(frame.data.keys()));
    let kind = frame.kind.clone();
    if let Ok(event) = Event::parse(frame) {
        assert_eq!(event.kind(), kind);
        let again = Event::parse(event.into_frame()).expect("what an event wrote is an event");
        assert_eq!(again.kind(), kind);
    }
}
