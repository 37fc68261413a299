//! Our voice pipeline: created, brought up to date, preferred, removed. Other pipelines are never touched.

use helix_hass::pipeline::{
    CreatePipeline, DeletePipeline, Engine, ListPipelines, Pipeline, PipelineSettings, Pipelines,
    PreferPipeline, UpdatePipeline,
};

use super::entry::{Engines, Voices};
use super::record::Record;
use super::{Change, Offer, RegisterError, Registrar};

/// The name of a new pipeline; people may change it.
const NAME: &str = "Helix";

/// A pipeline of ours as it has to be.
pub(super) struct Plan<'a> {
    /// The name of a new one.
    pub(super) name: &'a str,
    /// The one that we remember.
    pub(super) remembered: Option<&'a str>,
    /// Our Wyoming entry.
    pub(super) entry_id: &'a str,
    pub(super) engines: &'a Engines,
    pub(super) offer: &'a Offer,
}

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
        let remembered = record.pipeline.as_deref();
        let plan = Plan { name: NAME, remembered, entry_id, engines: &engines, offer };
        let (id, listed) = self.put_pipeline(&plan, changed).await?;
        record.pipeline = Some(id.clone());
        let mut preferred = listed.preferred_pipeline.as_ref() == Some(&id);
        let is_new_wish = !record.prefer || changed.contains(&Change::PipelineCreated);
        record.prefer = prefer;
        if prefer && is_new_wish && !preferred {
            self.home.command(PreferPipeline { pipeline_id: id.clone() }).await?;
            record.preferred_before = listed.preferred_pipeline;
            changed.push(Change::PipelinePreferred);
            preferred = true;
        }
        Ok((id, preferred))
    }

    /// Makes sure that a pipeline of ours is as planned; gives its id, and what there was before.
    pub(super) async fn put_pipeline(
        &self,
        plan: &Plan<'_>,
        changed: &mut Vec<Change>,
    ) -> Result<(String, Pipelines), RegisterError> {
        let language = self.home.config()?.language;
        let voices = self.voices(Some(plan.entry_id), Some(language.clone())).await?;
        let listed = self.home.command(ListPipelines {}).await?;
        let own = own_pipeline(&listed, plan.remembered, plan.engines, plan.name);
        let settings = settings(own, plan, &language, &voices);
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
        Ok((id, listed))
    }

    pub(super) async fn remove_pipeline(
        &self,
        record: &Record,
        changed: &mut Vec<Change>,
    ) -> Result<(), RegisterError> {
        let ours = self.identity().await?;
        let engines = match self.find_own(&ours, record).await? {
            Some(entry) => self.engines(&entry.entry_id).await?,
            None => Engines::default(),
        };
        let listed = self.home.command(ListPipelines {}).await?;
        let own = own_pipeline(&listed, record.pipeline.as_deref(), &engines, NAME);
        self.drop_pipeline(own, &listed, record.preferred_before.as_ref(), changed).await
    }

    /// Removes a pipeline of ours, and prefers another one if it was the preferred one.
    pub(super) async fn drop_pipeline(
        &self,
        own: Option<&Pipeline>,
        listed: &Pipelines,
        preferred_before: Option<&String>,
        changed: &mut Vec<Change>,
    ) -> Result<(), RegisterError> {
        let Some(own) = own else { return Ok(()) };
        if listed.preferred_pipeline.as_ref() == Some(&own.id) {
            let others = || listed.pipelines.iter().filter(|pipeline| pipeline.id != own.id);
            let before = others().find(|pipeline| preferred_before == Some(&pipeline.id));
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
pub(super) fn own_pipeline<'a>(
    listed: &'a Pipelines,
    remembered: Option<&str>,
    engines: &Engines,
    name: &str,
) -> Option<&'a Pipeline> {
    let remembered = listed.pipelines.iter().find(|pipeline| remembered == Some(pipeline.id.as_str()));
    let is_ours = |pipeline: &&Pipeline| {
        engines.conversation.is_some()
            && engines.conversation.as_ref() == Some(&pipeline.settings.conversation_engine)
            && engines.stt == pipeline.settings.stt_engine
    };
    let with_name =
        || listed.pipelines.iter().filter(is_ours).find(|pipeline| pipeline.settings.name == name);
    remembered.or_else(with_name).or_else(|| listed.pipelines.iter().find(is_ours))
}

/// How our pipeline has to be; what a person may choose is kept.
fn settings(own: Option<&Pipeline>, plan: &Plan<'_>, language: &str, voices: &Voices) -> PipelineSettings {
    let Plan { name, engines, offer, .. } = plan;
    let kept = own.map(|own| &own.settings);
    let stt_engine = engines.stt.clone();
    let stt_language = stt_engine.as_ref().and_then(|_| nearest(&offer.asr_languages, language));
    let voice = choose_voice(kept, voices);
    PipelineSettings {
        name: kept.map_or_else(|| (*name).to_owned(), |kept| kept.name.clone()),
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

/// The voice that the pipeline has, unless it is ours, gone, or does not speak the language; else the first one
/// of the home that does; else ours. The languages of the loaded engines are those that fit, best first.
fn choose_voice(kept: Option<&PipelineSettings>, voices: &Voices) -> Voice {
    let speaks = |engine: &&Engine| !engine.supported_languages.is_empty();
    let is_foreign = |id: &str| voices.foreign.contains(id);
    let loaded = |id: &str| voices.loaded.iter().find(|engine| engine.engine_id == id);
    let current =
        kept.and_then(|kept| Some((kept.tts_engine.as_deref()?, kept))).filter(|(id, _)| is_foreign(id));
    if let Some((id, kept)) = current
        && loaded(id).is_none_or(|engine| fits(engine, kept.tts_language.as_deref()))
    {
        let engine = Some(id.to_owned());
        return Voice { engine, language: kept.tts_language.clone(), name: kept.tts_voice.clone() };
    }
    let current = current.and_then(|(id, _)| loaded(id)).filter(speaks);
    let foreign = || voices.loaded.iter().filter(speaks).find(|engine| is_foreign(&engine.engine_id));
    let own = || voices.loaded.iter().filter(speaks).find(|engine| !is_foreign(&engine.engine_id));
    let Some(engine) = current.or_else(foreign).or_else(own) else { return Voice::default() };
    let language = engine.supported_languages.first().cloned();
    Voice { engine: Some(engine.engine_id.clone()), language, name: None }
}

fn fits(engine: &Engine, language: Option<&str>) -> bool {
    language.is_some_and(|language| engine.supported_languages.iter().any(|tag| tag == language))
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

    fn home(loaded: &[Engine], foreign: &[&str]) -> Voices {
        Voices { loaded: loaded.to_vec(), foreign: foreign.iter().map(|&id| id.into()).collect() }
    }

    fn speaking(engine: &str, language: &str, voice: Option<&str>) -> PipelineSettings {
        let settings = serde_json::json!({
            "name": "", "language": "", "conversation_engine": "", "conversation_language": "",
            "tts_engine": engine, "tts_language": language, "tts_voice": voice,
        });
        serde_json::from_value(settings).expect("settings")
    }

    #[test]
    fn a_voice_of_the_home_is_never_displaced_by_ours() {
        let all = [engine("tts.helix", &["en"]), engine("tts.mute", &[]), engine("tts.piper", &["en-GB"])];
        let voice = choose_voice(None, &home(&all, &["tts.mute", "tts.piper"]));
        assert_eq!((voice.engine.as_deref(), voice.language.as_deref()), (Some("tts.piper"), Some("en-GB")));
        let ours = speaking("tts.helix", "en", None);
        assert_eq!(choose_voice(Some(&ours), &home(&all, &["tts.mute", "tts.piper"])).engine, voice.engine);
        let alone = choose_voice(None, &home(&all[..2], &["tts.mute"]));
        assert_eq!(alone.engine.as_deref(), Some("tts.helix"));
        assert_eq!(choose_voice(None, &home(&all[1..2], &["tts.mute"])), Voice::default());
    }

    #[test]
    fn a_chosen_voice_is_kept_also_while_its_engine_is_away() {
        let chosen = speaking("tts.cloud", "en-US", Some("Jenny"));
        let others = [engine("tts.helix", &["en"]), engine("tts.piper", &["en-GB"])];
        let there = [engine("tts.piper", &["en-GB"]), engine("tts.cloud", &["en-GB", "en-US"])];
        for loaded in [&others, &there] {
            let voice = choose_voice(Some(&chosen), &home(loaded, &["tts.piper", "tts.cloud"]));
            assert_eq!((voice.engine.as_deref(), voice.name.as_deref()), (Some("tts.cloud"), Some("Jenny")));
        }
        let gone = choose_voice(Some(&chosen), &home(&others, &["tts.piper"]));
        assert_eq!((gone.engine.as_deref(), gone.name), (Some("tts.piper"), None));
        let german = [engine("tts.cloud", &["de-DE"])];
        let other_language = choose_voice(Some(&chosen), &home(&german, &["tts.cloud"]));
        assert_eq!((other_language.language.as_deref(), other_language.name), (Some("de-DE"), None));
    }
}
