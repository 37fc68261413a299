//! What must hold for any bytes on the pipes of the speech child. Used by the fuzz target and by the replay of
//! its corpus.

use helix_speech::protocol::{Message, MessageError, Order, Reader, Report, SAMPLES_LEN_MAX, TEXT_LEN_MAX};

/// The first byte says in which steps the rest arrives.
pub(crate) fn stream(bytes: &[u8]) {
    let Some((&step, stream)) = bytes.split_first() else { return };
    let step = usize::from(step).max(1);
    for order in read::<Order>(stream, step) {
        if let Order::Decode(decode) = &order {
            assert!(decode.samples.len() <= SAMPLES_LEN_MAX);
        }
        assert!(read::<Order>(&order.clone().encode(), usize::MAX) == [order]);
    }
    for report in read::<Report>(stream, step) {
        if let Report::Decoded(decoded) = &report {
            assert!(decoded.text.len() <= TEXT_LEN_MAX);
        }
        // Infinite confidence is not JSON; such a report is only ever read.
        let finite = !matches!(&report, Report::Decoded(decoded)
            if !(decoded.avg_logprob.is_finite() && decoded.repetition.is_finite()));
        assert!(!finite || read::<Report>(&report.encode(), usize::MAX).len() == 1);
    }
}

fn read<M: Message>(stream: &[u8], step: usize) -> Vec<M> {
    let mut reader = Reader::default();
    let mut messages = Vec::new();
    for part in stream.chunks(step) {
        reader.push(part);
        loop {
            match reader.next_message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                // The frame was whole, its message not: the next frame may be.
                Err(MessageError::Kind | MessageError::Malformed { .. }) => {}
                Err(MessageError::Frame(_)) => return messages,
            }
        }
    }
    messages
}
