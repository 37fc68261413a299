//! One sentence: the words from Home Assistant's conversation in, exactly one answer out, always in time.

use helix_core::home::Caller;
use helix_core::{DeviceId, EntityId, Pii};
use helix_wyoming::Event;
use helix_wyoming::asr::{Context, Transcript};
use helix_wyoming::handle::{Handled, NotHandled, NotRecognized};
use tokio::time::timeout;

use super::connection::{Ended, Shared, language, unless_ended};
use super::counters::count;
use super::listening::watch;
use super::peer::{Gone, Peer};
use super::voice::{HandleReply, HandleRequest, Voice};

/// The longest identifier that is taken over, bytes; Home Assistant's own have 26 to 255.
const ID_LEN_MAX: usize = 255;

/// Answers `transcript`.
pub(super) async fn respond<V: Voice>(
    shared: &Shared<V>,
    peer: &mut Peer,
    sentence: Transcript,
) -> Result<(), Gone> {
    let reply = reply(shared, peer, sentence).await?;
    count(&shared.counters.responses);
    peer.send(event(reply)).await
}

async fn reply<V: Voice>(
    shared: &Shared<V>,
    peer: &mut Peer,
    sentence: Transcript,
) -> Result<HandleReply, Gone> {
    let language = language(sentence.language.as_deref());
    if sentence.text.len() > shared.settings.text_len_max {
        return Ok(HandleReply::NotHandled(shared.voice.too_long_text(language.as_ref())));
    }
    let request = request(sentence, language.clone());
    let run = timeout(shared.settings.respond_limit, shared.voice.respond(request));
    match unless_ended(shared, run, watch(shared, peer)).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(_)) => {
            count(&shared.counters.rescued_responses);
            tracing::warn!(code = "respond-timeout", "a sentence was not answered in time");
            Ok(HandleReply::NotHandled(shared.voice.rescue_text(language.as_ref())))
        }
        Err(Ended::Stopped) => Ok(HandleReply::NotHandled(shared.voice.stopping_text(language.as_ref()))),
        Err(Ended::Gone(gone)) => Err(gone),
    }
}

fn request(sentence: Transcript, language: Option<helix_core::Language>) -> HandleRequest {
    let Context { conversation_id, device_id, satellite_id, .. } = sentence.context.unwrap_or_default();
    let usable = |id: Option<String>| id.filter(|id| !id.is_empty() && id.len() <= ID_LEN_MAX);
    HandleRequest {
        text: Pii::new(sentence.text),
        language,
        conversation_id: usable(conversation_id),
        caller: Caller {
            device: usable(device_id).map(DeviceId::from),
            satellite: usable(satellite_id).map(EntityId::from),
        },
    }
}

fn event(reply: HandleReply) -> Event {
    match reply {
        HandleReply::Handled(text) => Handled { text: Some(text) }.into(),
        HandleReply::NotHandled(text) => NotHandled { text: Some(text) }.into(),
        HandleReply::NotRecognized(text) => NotRecognized { text: Some(text) }.into(),
    }
}
