//! Text to speech: a text, whole or in pieces, in; audio out, sentence by sentence.

use std::time::Duration;

use futures_util::StreamExt;
use helix_core::Pii;
use helix_wyoming::audio::{AudioChunk, AudioFormat, AudioStart, AudioStop};
use helix_wyoming::error::Error;
use helix_wyoming::ping::Pong;
use helix_wyoming::tts::{Synthesize, SynthesizeStart, SynthesizeStopped, SynthesizeVoice};
use tokio::time::timeout;

use super::connection::{Ended, Shared, describe, language, unless_ended};
use super::peer::{Gone, Incoming, Peer};
use super::voice::{SpeakError, SpeakRequest, Voice};

/// How long the next piece of a text may take: a language model that writes it may call tools in between.
const PIECE_LIMIT: Duration = Duration::from_mins(2);

enum Failure {
    Gone(Gone),
    Speak(SpeakError),
    TooLong,
}

impl From<Gone> for Failure {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

impl From<SpeakError> for Failure {
    fn from(error: SpeakError) -> Self {
        Self::Speak(error)
    }
}

/// Answers `synthesize`.
pub(super) async fn speak<V: Voice>(
    shared: &Shared<V>,
    peer: &mut Peer,
    request: Synthesize,
) -> Result<(), Gone> {
    let mut speech = Speech::new(shared, request.voice);
    let run = async {
        speech.add(request.text)?;
        speech.say_rest(peer).await?;
        Ok(speech.end(peer).await?)
    };
    let spoken = unless_ended(shared, run, std::future::pending::<Ended>()).await;
    conclude(shared, peer, spoken).await
}

/// Answers `synthesize-start` and what follows it: every whole sentence is spoken as soon as it is there.
pub(super) async fn speak_pieces<V: Voice>(
    shared: &Shared<V>,
    peer: &mut Peer,
    request: SynthesizeStart,
) -> Result<(), Gone> {
    let mut speech = Speech::new(shared, request.voice);
    let run = async {
        say_pieces(shared, peer, &mut speech).await?;
        speech.say_rest(peer).await?;
        speech.end(peer).await?;
        Ok(peer.send(SynthesizeStopped {}).await?)
    };
    let spoken = unless_ended(shared, run, std::future::pending::<Ended>()).await;
    let failed = !matches!(spoken, Ok(Ok(())));
    conclude(shared, peer, spoken).await?;
    if failed { discard_pieces(peer).await } else { Ok(()) }
}

async fn say_pieces<V: Voice>(
    shared: &Shared<V>,
    peer: &mut Peer,
    speech: &mut Speech<'_, V>,
) -> Result<(), Failure> {
    loop {
        let incoming = timeout(PIECE_LIMIT, peer.next()).await.map_err(|_| Gone::Closed)??;
        match incoming {
            Incoming::SpeakPiece(piece) => {
                speech.add(piece.text)?;
                speech.say_sentences(peer).await?;
            }
            // The whole text once more, for servers that take no pieces.
            Incoming::Speak(whole) => {
                if speech.is_empty() {
                    speech.add(whole.text)?;
                }
            }
            Incoming::SpeakEnd => return Ok(()),
            Incoming::Describe => describe(shared, peer).await?,
            Incoming::Ping(ping) => peer.send(Pong { text: ping.text }).await?,
            request @ (Incoming::Listen(_) | Incoming::Respond(_) | Incoming::SpeakStart(_)) => {
                peer.hold(request);
                return Ok(());
            }
            Incoming::Audio(_) | Incoming::AudioEnd | Incoming::Other => {}
        }
    }
}

/// Reads what is left of a text that could not be spoken; the copy of the whole text is part of it.
async fn discard_pieces(peer: &mut Peer) -> Result<(), Gone> {
    loop {
        let incoming = timeout(PIECE_LIMIT, peer.next()).await.map_err(|_| Gone::Closed)??;
        if matches!(incoming, Incoming::SpeakEnd) {
            return Ok(());
        }
        if incoming.is_run() && !matches!(incoming, Incoming::Speak(_)) {
            peer.hold(incoming);
            return Ok(());
        }
    }
}

async fn conclude<V: Voice>(
    shared: &Shared<V>,
    peer: &mut Peer,
    spoken: Result<Result<(), Failure>, Ended>,
) -> Result<(), Gone> {
    let (code, text) = match spoken {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(Failure::Gone(gone))) | Err(Ended::Gone(gone)) => return Err(gone),
        Ok(Err(Failure::Speak(error))) => {
            tracing::warn!(code = error.code(), %error, "a text was not spoken");
            (error.code(), error.to_string())
        }
        Ok(Err(Failure::TooLong)) => ("text-too-long", shared.voice.too_long_text(None)),
        Err(Ended::Stopped) => ("stopping", shared.voice.stopping_text(None)),
    };
    peer.send(Error { text, code: Some(code.into()) }).await
}

/// A text on its way to becoming audio.
struct Speech<'a, V> {
    shared: &'a Shared<V>,
    voice: SynthesizeVoice,
    waiting: String,
    text_len: usize,
    /// Of the first sentence; the format is announced once.
    rate: Option<u32>,
    samples_sent: u64,
}

impl<'a, V: Voice> Speech<'a, V> {
    fn new(shared: &'a Shared<V>, voice: Option<SynthesizeVoice>) -> Self {
        let voice = voice.unwrap_or_default();
        Self { shared, voice, waiting: String::new(), text_len: 0, rate: None, samples_sent: 0 }
    }

    fn is_empty(&self) -> bool {
        self.text_len == 0
    }

    fn add(&mut self, text: String) -> Result<(), Failure> {
        self.text_len += text.len();
        if self.text_len > self.shared.settings.text_len_max {
            return Err(Failure::TooLong);
        }
        if self.waiting.is_empty() {
            self.waiting = text;
        } else {
            self.waiting.push_str(&text);
        }
        Ok(())
    }

    async fn say_sentences(&mut self, peer: &mut Peer) -> Result<(), Failure> {
        let Some(end) = sentence_end(&self.waiting) else { return Ok(()) };
        let rest = self.waiting.split_off(end);
        let sentences = std::mem::replace(&mut self.waiting, rest);
        self.say(peer, sentences).await
    }

    async fn say_rest(&mut self, peer: &mut Peer) -> Result<(), Failure> {
        let rest = std::mem::take(&mut self.waiting);
        self.say(peer, rest).await
    }

    async fn say(&mut self, peer: &mut Peer, text: String) -> Result<(), Failure> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let request = SpeakRequest {
            text: Pii::new(text),
            voice: self.voice.name.clone(),
            language: language(self.voice.language.as_deref()),
        };
        let mut spoken = self.shared.voice.speak(request).await?;
        let format = self.start(peer, spoken.rate).await?;
        while let Some(samples) = spoken.samples.next().await {
            let samples = samples?;
            let timestamp = self.samples_sent.saturating_mul(1000) / u64::from(format.rate.max(1));
            self.samples_sent += samples.len() as u64;
            let audio = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            peer.send(AudioChunk { format, timestamp: i64::try_from(timestamp).ok(), audio }).await?;
        }
        Ok(())
    }

    async fn start(&mut self, peer: &mut Peer, rate: u32) -> Result<AudioFormat, Failure> {
        let format = AudioFormat { rate: self.rate.unwrap_or(rate), width: 2, channels: 1 };
        if self.rate.is_none() {
            self.rate = Some(rate);
            peer.send(AudioStart { format, timestamp: Some(0) }).await?;
        }
        Ok(format)
    }

    /// Ends the audio; a text without words is a moment of silence, since clients wait for a start.
    async fn end(&mut self, peer: &mut Peer) -> Result<(), Gone> {
        if self.rate.is_none() {
            let format = AudioFormat::SPEECH;
            peer.send(AudioStart { format, timestamp: Some(0) }).await?;
            let audio = vec![0; 320];
            peer.send(AudioChunk { format, timestamp: Some(0), audio }).await?;
        }
        peer.send(AudioStop { timestamp: None }).await
    }
}

/// Where the last whole sentence ends: after a sign that ends one and the space behind it, or a line break.
fn sentence_end(text: &str) -> Option<usize> {
    let mut end = None;
    let mut ended = false;
    for (at, letter) in text.char_indices() {
        if letter == '\n' || (ended && letter.is_whitespace()) {
            end = Some(at + letter.len_utf8());
        }
        ended = matches!(letter, '.' | '!' | '?' | '…' | ':' | ';')
            || (ended && matches!(letter, '"' | '”' | '»' | ')'));
        if matches!(letter, '。' | '！' | '？') {
            end = Some(at + letter.len_utf8());
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::sentence_end;

    #[test]
    fn a_sentence_ends_only_where_the_next_one_can_begin() {
        let cut = |text: &'static str| sentence_end(text).map(|end| text.split_at(end));
        assert_eq!(cut("It is 21.5 degrees"), None);
        assert_eq!(cut("It is warm."), None);
        assert_eq!(cut("It is warm. And dry. Shall"), Some(("It is warm. And dry. ", "Shall")));
        assert_eq!(cut("“It is warm.” He"), Some(("“It is warm.” ", "He")));
        assert_eq!(cut("天気です。はい"), Some(("天気です。", "はい")));
        assert_eq!(cut("one\ntwo"), Some(("one\n", "two")));
    }
}
