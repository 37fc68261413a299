//! Audio of one utterance: Wyoming chunks in, 16 kHz mono samples out, through a bounded queue.

use helix_core::listen::AudioSource;
use helix_speech::convert::{Converter, Pcm, Unsupported};
use helix_wyoming::audio::AudioFormat;
use tokio::sync::mpsc;

/// Samples per queued piece: 20 ms.
const PIECE_LEN: usize = 320;
/// Queued pieces: 2 s.
const PIECES_MAX: usize = 100;

/// Makes the two ends of an utterance's audio.
///
/// The queue holds at most 2 s. When it is full, [`AudioSender::send`] waits: reading from the socket stops, and
/// the client is held back by TCP. Nothing is dropped, since a client may be faster than real time, and one that
/// speaks in real time is never held back by a listener that keeps up.
pub fn audio_channel() -> (AudioSender, AudioReceiver) {
    let (pieces, receiver) = mpsc::channel(PIECES_MAX);
    (AudioSender { pieces, converter: None }, AudioReceiver { pieces: receiver })
}

/// The end that audio is put into; dropping it ends the audio.
#[derive(Debug)]
pub struct AudioSender {
    pieces: mpsc::Sender<Vec<i16>>,
    converter: Option<Converter>,
}

impl AudioSender {
    /// Converts and queues some audio; waits while the queue is full. Audio for a listener that is gone is
    /// discarded.
    ///
    /// # Errors
    /// The format cannot be converted.
    pub async fn send(&mut self, format: AudioFormat, bytes: &[u8]) -> Result<(), Unsupported> {
        let AudioFormat { rate, width, channels } = format;
        let pcm = Pcm { rate, width, channels };
        let mut samples = Vec::new();
        // Every chunk names its format: a change in mid-stream starts a new conversion.
        let mut converter = match self.converter.take().filter(|converter| converter.pcm() == pcm) {
            Some(converter) => converter,
            None => Converter::new(pcm)?,
        };
        converter.push(bytes, &mut samples);
        self.converter = Some(converter);
        self.queue(&samples).await;
        Ok(())
    }

    /// Queues what the conversion still holds, and ends the audio.
    pub async fn finish(mut self) {
        let mut samples = Vec::new();
        if let Some(mut converter) = self.converter.take() {
            converter.finish(&mut samples);
        }
        self.queue(&samples).await;
    }

    async fn queue(&mut self, samples: &[i16]) {
        for piece in samples.chunks(PIECE_LEN) {
            if self.pieces.send(piece.to_vec()).await.is_err() {
                break;
            }
        }
    }
}

/// The end that audio is taken from.
#[derive(Debug)]
pub struct AudioReceiver {
    pieces: mpsc::Receiver<Vec<i16>>,
}

impl AudioSource for AudioReceiver {
    /// At most 20 ms; `None` after the last one: the client ended the audio, went away, or sent nothing for too
    /// long.
    async fn next(&mut self) -> Option<Vec<i16>> {
        self.pieces.recv().await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn samples_keep_their_order_when_chunks_cut_them_in_half() {
        let (mut sender, mut receiver) = audio_channel();
        for bytes in [&[1_u8][..], &[0, 2], &[], &[0, 3, 0]] {
            sender.send(AudioFormat::SPEECH, bytes).await.expect("speech format");
        }
        drop(sender);
        let mut samples = Vec::new();
        while let Some(piece) = receiver.next().await {
            samples.extend(piece);
        }
        assert_eq!(samples, [1, 2, 3]);
    }

    #[tokio::test]
    async fn a_client_faster_than_the_listener_waits_and_loses_nothing() {
        let (mut sender, mut receiver) = audio_channel();
        let ten_seconds = vec![0; 320_000];
        let mut sending = Box::pin(async move { sender.send(AudioFormat::SPEECH, &ten_seconds).await });
        assert!(sending.as_mut().now_or_never().is_none(), "two seconds fit");
        let mut waiting = 0;
        while let Ok(piece) = receiver.pieces.try_recv() {
            waiting += piece.len();
        }
        assert_eq!(waiting, 32_000);
        let (sent, rest) = tokio::join!(sending, async {
            let mut rest = 0;
            while rest < 128_000 {
                rest += receiver.next().await.expect("more").len();
            }
            rest
        });
        assert_eq!((sent, rest), (Ok(()), 128_000));
    }
}
