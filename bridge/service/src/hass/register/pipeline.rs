//! Our voice pipeline: created, brought up to date, preferred, removed. Other pipelines are never touched.

use helix_hass::pipeline::{
    CreatePipeline, DeletePipeline, Engine, ListPipelines, Pipeline, PipelineSettings, Pipelines,
    PreferPipeline, UpdatePipeline,
};

use super::entry::Engines;
use super::record::Record;
use super::{Change, Offer, RegisterError, Registrar};

/// The name of a new pipeline; people may change it.
const NAME: &str = "Helix";

impl Registrar {
    /// Makes sure that our pipeline is there and right; gives its id and whether it is the preferred one.
    pub(super) async fn ensure_pipeline(
        &self,
        entry_id: &str,
        offer: &Offer,
        prefer: bool,
        record: &mut Record,
        changed: &mut Vec<Change>,
    ) -> Result<(String, bool), RegisterError> {
        let engines = self.engines(entry_id).await?;
        let language = self.home.config()?.language;
        let voices = self.tts_engines(Some(language.clone())).await?;
        let listed = self.home.command(ListPipelines {}).await?;
        let own = own_pipeline(&listed, record, &engines);
        let settings = settings(own, &engines, offer, &language, &voices);
        let id = match own {
            Some(own) if own.settings == settings => own.id.clone(),
            Some(own) => {
                self.home.command(UpdatePipeline { pipeline_id: own.id.clone(), settings }).await?;
                changed.push(Change::PipelineUpdated);
                own.id.clone()
            }
            None => {
                let created = self.home.command(CreatePipeline { settings }).await?;
                changed.push(Change::PipelineCreated);
                created.id
            }
        };
        record.pipeline = Some(id.clone());
        let mut preferred = listed.preferred_pipeline.as_ref() == Some(&id);
        if prefer && !preferred {
            self.home.command(PreferPipeline { pipeline_id: id.clone() }).await?;
            record.preferred_before = listed.preferred_pipeline;
            changed.push(Change::PipelinePreferred);
            preferred = true;
        }
        Ok((id, preferred))
    }

    pub(super) async fn remove_pipeline(
        &self,
        record: &Record,
        changed: &mut Vec<Change>,
    ) -> Result<(), RegisterError> {
        let address = self.address().await?;
        let engines = match self.find_own(&address, record).await? {
            Some(entry) => self.engines(&entry.entry_id).await?,
            None => Engines::default(),
        };
        let listed = self.home.command(ListPipelines {}).await?;
        let Some(own) = own_pipeline(&listed, record, &engines) else { return Ok(()) };
        if listed.preferred_pipeline.as_ref() == Some(&own.id) {
            let others = || listed.pipelines.iter().filter(|pipeline| pipeline.id != own.id);
            let before = others().find(|pipeline| record.preferred_before.as_ref() == Some(&pipeline.id));
            // Home Assistant keeps at least one pipeline: without another one, ours stays.
            let Some(next) = before.or_else(|| others().next()) else { return Ok(()) };
            self.home.command(PreferPipeline { pipeline_id: next.id.clone() }).await?;
            changed.push(Change::PreferenceReturned);
        }
        self.home.command(DeletePipeline { pipeline_id: own.id.clone() }).await?;
        changed.push(Change::PipelineRemoved);
        Ok(())
    }
}

/// Our pipeline: the one that we remember; else one whose hearing and whose agent are both ours. A person's own
/// pipeline may well use one of them.
fn own_pipeline<'a>(listed: &'a Pipelines, record: &Record, engines: &Engines) -> Option<&'a Pipeline> {
    let remembered = listed.pipelines.iter().find(|pipeline| record.pipeline.as_ref() == Some(&pipeline.id));
    let is_ours = |pipeline: &&Pipeline| {
        engines.conversation.is_some()
            && engines.conversation.as_ref() == Some(&pipeline.settings.conversation_engine)
            && engines.stt == pipeline.settings.stt_engine
    };
    let with_name =
        || listed.pipelines.iter().filter(is_ours).find(|pipeline| pipeline.settings.name == NAME);
    remembered.or_else(with_name).or_else(|| listed.pipelines.iter().find(is_ours))
}

/// How our pipeline has to be; what a person may choose is kept.
fn settings(
    own: Option<&Pipeline>,
    engines: &Engines,
    offer: &Offer,
    language: &str,
    voices: &[Engine],
) -> PipelineSettings {
    let kept = own.map(|own| &own.settings);
    let stt_engine = engines.stt.clone();
    let stt_language = stt_engine.as_ref().and_then(|_| nearest(&offer.asr_languages, language));
    let voice = choose_voice(kept, engines.tts.as_deref(), voices);
    PipelineSettings {
        name: kept.map_or_else(|| NAME.to_owned(), |kept| kept.name.clone()),
        language: language.to_owned(),
        conversation_engine: engines.conversation.clone().unwrap_or_default(),
        conversation_language: nearest(&offer.handle_languages, language)
            .unwrap_or_else(|| language.to_owned()),
        stt_engine,
        stt_language,
        tts_engine: voice.engine,
        tts_language: voice.language,
        tts_voice: voice.name,
        wake_word_entity: kept.and_then(|kept| kept.wake_word_entity.clone()),
        wake_word_id: kept.and_then(|kept| kept.wake_word_id.clone()),
        prefer_local_intents: false,
        acknowledge_media_id: kept.and_then(|kept| kept.acknowledge_media_id.clone()),
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Voice {
    engine: Option<String>,
    language: Option<String>,
    name: Option<String>,
}

/// The voice that the pipeline has, unless it is ours or gone; else the first one of the home; else ours.
/// The languages of `engines` are reduced to those that fit, best first.
fn choose_voice(kept: Option<&PipelineSettings>, ours: Option<&str>, engines: &[Engine]) -> Voice {
    let speaks = |engine: &&Engine| !engine.supported_languages.is_empty();
    let foreign = || engines.iter().filter(speaks).filter(|engine| Some(engine.engine_id.as_str()) != ours);
    let current = kept.and_then(|kept| kept.tts_engine.as_ref());
    let chosen = foreign().find(|engine| Some(&engine.engine_id) == current).or_else(|| foreign().next());
    let own = || engines.iter().find(|engine| Some(engine.engine_id.as_str()) == ours);
    let Some(engine) = chosen.or_else(own) else { return Voice::default() };
    let same_engine = kept.filter(|kept| kept.tts_engine.as_ref() == Some(&engine.engine_id));
    let same = same_engine.and_then(|kept| {
        let language = kept.tts_language.as_ref()?;
        engine.supported_languages.contains(language).then(|| (language.clone(), kept.tts_voice.clone()))
    });
    let (language, name) = match same {
        Some((language, name)) => (Some(language), name),
        None => (engine.supported_languages.first().cloned(), None),
    };
    Voice { engine: Some(engine.engine_id.clone()), language, name }
}

/// The tag of `known` for a language: itself, else the primary one (`en` for `en-GB`), else a sibling, else
/// English, else the first.
fn nearest(known: &std::collections::BTreeSet<String>, wanted: &str) -> Option<String> {
    let plain = |tag: &str| tag.replace('_', "-").to_ascii_lowercase();
    let primary = |tag: &str| plain(tag).split('-').next().unwrap_or_default().to_owned();
    let wanted = plain(wanted);
    let find = |fits: &dyn Fn(&str) -> bool| known.iter().find(|tag| fits(tag));
    find(&|tag| plain(tag) == wanted)
        .or_else(|| find(&|tag| plain(tag) == primary(&wanted)))
        .or_else(|| find(&|tag| primary(tag) == primary(&wanted)))
        .or_else(|| find(&|tag| plain(tag) == "en"))
        .or_else(|| known.first())
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(id: &str, languages: &[&str]) -> Engine {
        let supported_languages = languages.iter().map(|&tag| tag.into()).collect();
        Engine { engine_id: id.into(), supported_languages, deprecated: false }
    }

    #[test]
    fn the_nearest_language_is_chosen() {
        let known = ["en", "de", "pt-BR"].map(String::from).into();
        for (wanted, nearest_tag) in
            [("de", "de"), ("en-GB", "en"), ("pt", "pt-BR"), ("pt_br", "pt-BR"), ("fy", "en")]
        {
            assert_eq!(nearest(&known, wanted).as_deref(), Some(nearest_tag), "{wanted}");
        }
        assert_eq!(nearest(&std::collections::BTreeSet::new(), "en"), None);
    }

    #[test]
    fn a_voice_of_the_home_is_never_displaced_by_ours() {
        let engines =
            [engine("tts.helix", &["en"]), engine("tts.mute", &[]), engine("tts.piper", &["en-GB"])];
        let voice = choose_voice(None, Some("tts.helix"), &engines);
        assert_eq!((voice.engine.as_deref(), voice.language.as_deref()), (Some("tts.piper"), Some("en-GB")));
        let ours_alone = choose_voice(None, Some("tts.helix"), &engines[..2]);
        assert_eq!(ours_alone.engine.as_deref(), Some("tts.helix"));
        assert_eq!(choose_voice(None, None, &engines[1..2]), Voice::default());
    }
}
