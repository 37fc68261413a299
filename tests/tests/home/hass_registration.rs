//! Registering in a real Home Assistant: once, and again, and after changes, and undone.

use std::path::PathBuf;

use anyhow::{Context, Result};
use helix::agent::Peers;
use helix::clock::SystemClock;
use helix::hass::register::{Address, AgentOffer, Change, Offer, Registrar};
use helix::hass::rest::{FlowStep, Rest};
use helix_tests::agent::Mute;
use helix_tests::bed;
use helix_tests::bridge::new_folder;
use helix_tests::connected::Connected;
use helix_tests::describer::Describer;
use serde_json::{Value, json};

struct Scene {
    hass: Connected,
    record: PathBuf,
}

impl Scene {
    fn registrar(&self, port: u16) -> Result<Registrar> {
        let address = Address { host: "127.0.0.1".into(), port };
        let home = self.hass.home.clone();
        Ok(Registrar::new(&self.hass.config, home, SystemClock::start(), address, self.record.clone())?)
    }

    /// All that registration could have touched, without times.
    async fn snapshot(&self) -> Result<Value> {
        let mut entries = self.hass.home.request(json!({"type": "config_entries/get"})).await?;
        for entry in entries.as_array_mut().into_iter().flatten() {
            entry.as_object_mut().into_iter().for_each(|entry| drop(entry.remove("reason")));
        }
        let pipelines = self.pipelines().await?;
        Ok(json!({"entries": entries, "pipelines": pipelines}))
    }

    async fn pipelines(&self) -> Result<Value> {
        Ok(self.hass.home.request(json!({"type": "assist_pipeline/pipeline/list"})).await?)
    }

    async fn pipeline(&self, id: &str) -> Result<Value> {
        let request = json!({"type": "assist_pipeline/pipeline/get", "pipeline_id": id});
        Ok(self.hass.home.request(request).await?)
    }
}

fn offer(languages: &[&str], voice: bool) -> Offer {
    let languages = || languages.iter().map(|&tag| tag.to_owned()).collect();
    Offer { asr_languages: languages(), handle_languages: languages(), voice }
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_is_done_once_and_follows_changes_and_can_be_undone() -> Result<()> {
    let bed = bed::HomeAssistant::start("hass-registration")?;
    let record = std::env::temp_dir().join(format!("helix-registration-{}.json", std::process::id()));
    let scene = Scene { hass: Connected::to(&bed).await?, record };
    let untouched = scene.snapshot().await?;
    let describer = Describer::start(&offer(&["en", "de"], true)).await?;
    let registrar = scene.registrar(describer.port)?;

    let pipeline = the_first_registration_makes_an_entry_and_a_pipeline(&scene, &registrar).await?;
    the_second_registration_changes_nothing(&scene, &registrar).await?;
    a_lost_record_finds_what_is_ours(&scene, &registrar).await?;
    let users_own = the_user_makes_a_pipeline_with_our_hearing(&scene).await?;
    what_a_person_chose_in_our_pipeline_is_kept(&scene, &registrar, &pipeline).await?;
    a_voice_of_the_home_is_used_and_kept_while_it_is_away(&scene, &registrar).await?;
    new_languages_reload_the_entry(&scene, &registrar, &describer).await?;
    a_new_address_replaces_the_entry(&scene, &pipeline).await?;
    assert_eq!(scene.pipeline(&id_of(&users_own)?).await?, users_own, "the user's own pipeline was touched");
    let delete = json!({"type": "assist_pipeline/pipeline/delete", "pipeline_id": id_of(&users_own)?});
    scene.hass.home.request(delete).await?;
    all_of_ours_can_be_removed(&scene, untouched).await?;
    scene.hass.close().await;
    Ok(())
}

fn id_of(pipeline: &Value) -> Result<String> {
    Ok(pipeline["id"].as_str().context("an id")?.to_owned())
}

async fn the_user_makes_a_pipeline_with_our_hearing(scene: &Scene) -> Result<Value> {
    let create = json!({
        "type": "assist_pipeline/pipeline/create", "name": "Helix", "language": "en",
        "conversation_engine": "conversation.home_assistant", "conversation_language": "en",
        "stt_engine": "stt.helix", "stt_language": "en", "tts_engine": null, "tts_language": null,
        "tts_voice": null, "wake_word_entity": null, "wake_word_id": null,
    });
    let created = scene.hass.home.request(create).await?;
    scene.pipeline(&id_of(&created)?).await
}

async fn a_voice_of_the_home_is_used_and_kept_while_it_is_away(
    scene: &Scene,
    registrar: &Registrar,
) -> Result<()> {
    let piper = Describer::start_voice("piper").await?;
    let rest = Rest::new(&scene.hass.config)?;
    let FlowStep::Form { flow_id, .. } = rest.start_flow("wyoming").await? else { panic!("a form") };
    let answer = json!({"host": "127.0.0.1", "port": piper.port});
    let FlowStep::CreateEntry { result: entry } = rest.answer_flow(&flow_id, &answer).await? else {
        panic!("an entry")
    };
    assert!(registrar.has_other_tts().await?);
    let offer = offer(&["en", "de"], true);
    let registered = registrar.register(&offer, false).await?;
    assert_eq!(registered.changed, [Change::PipelineUpdated]);
    assert_eq!(scene.pipeline(&registered.pipeline).await?["tts_engine"], "tts.piper");

    drop(piper);
    rest.reload_entry(&entry.entry_id).await?;
    let engines = scene.hass.home.request(json!({"type": "tts/engine/list"})).await?;
    assert!(!engines.to_string().contains("piper"), "the engine is away: {engines}");
    assert_eq!(registrar.register(&offer, false).await?.changed, []);
    assert!(registrar.has_other_tts().await?, "an engine that starts slowly is still one");

    rest.remove_entry(&entry.entry_id).await?;
    assert!(!registrar.has_other_tts().await?);
    let registered = registrar.register(&offer, false).await?;
    assert_eq!(registered.changed, [Change::PipelineUpdated]);
    assert_eq!(scene.pipeline(&registered.pipeline).await?["tts_engine"], "tts.helix");
    Ok(())
}

async fn the_first_registration_makes_an_entry_and_a_pipeline(
    scene: &Scene,
    registrar: &Registrar,
) -> Result<String> {
    assert!(!registrar.has_other_tts().await?);
    let registered = registrar.register(&offer(&["en", "de"], true), false).await?;
    assert_eq!(registered.changed, [Change::EntryAdded, Change::PipelineCreated]);
    assert!(!registered.preferred);
    assert!(!registrar.has_other_tts().await?, "our own voice is not another one");
    let pipeline = scene.pipeline(&registered.pipeline).await?;
    let expected = json!({
        "id": registered.pipeline, "name": "Helix", "language": "en",
        "conversation_engine": "conversation.helix", "conversation_language": "en",
        "stt_engine": "stt.helix", "stt_language": "en",
        "tts_engine": "tts.helix", "tts_language": "en", "tts_voice": null,
        "wake_word_entity": null, "wake_word_id": null, "prefer_local_intents": false,
    });
    assert_eq!(pipeline, expected);
    Ok(registered.pipeline)
}

async fn the_second_registration_changes_nothing(scene: &Scene, registrar: &Registrar) -> Result<()> {
    let before = scene.snapshot().await?;
    let registered = registrar.register(&offer(&["en", "de"], true), false).await?;
    assert_eq!(registered.changed, []);
    assert_eq!(scene.snapshot().await?, before);
    Ok(())
}

async fn a_lost_record_finds_what_is_ours(scene: &Scene, registrar: &Registrar) -> Result<()> {
    std::fs::remove_file(&scene.record)?;
    let before = scene.snapshot().await?;
    let registered = registrar.register(&offer(&["en", "de"], true), false).await?;
    assert_eq!(registered.changed, []);
    assert_eq!(scene.snapshot().await?, before);
    Ok(())
}

async fn what_a_person_chose_in_our_pipeline_is_kept(
    scene: &Scene,
    registrar: &Registrar,
    id: &str,
) -> Result<()> {
    let mut chosen = scene.pipeline(id).await?;
    chosen.as_object_mut().map(|chosen| chosen.remove("id"));
    chosen["name"] = json!("Jarvis");
    chosen["wake_word_entity"] = json!("wake_word.openwakeword");
    chosen["wake_word_id"] = json!("hey_jarvis");
    chosen["conversation_engine"] = json!("conversation.home_assistant");
    let mut update = chosen.clone();
    update["type"] = json!("assist_pipeline/pipeline/update");
    update["pipeline_id"] = json!(id);
    scene.hass.home.request(update).await?;

    let registered = registrar.register(&offer(&["en", "de"], true), true).await?;
    assert_eq!(registered.changed, [Change::PipelineUpdated, Change::PipelinePreferred]);
    let pipeline = scene.pipeline(id).await?;
    assert_eq!(pipeline["conversation_engine"], "conversation.helix");
    for kept in ["name", "wake_word_entity", "wake_word_id"] {
        assert_eq!(pipeline[kept], chosen[kept]);
    }
    assert_eq!(scene.pipelines().await?["preferred_pipeline"], id);

    let other = first_other(scene, id).await?;
    let prefer = json!({"type": "assist_pipeline/pipeline/set_preferred", "pipeline_id": other});
    scene.hass.home.request(prefer).await?;
    for (prefer, changed) in [(true, &[][..]), (false, &[]), (true, &[Change::PipelinePreferred])] {
        let registered = registrar.register(&offer(&["en", "de"], true), prefer).await?;
        assert_eq!(registered.changed, changed, "prefer: {prefer}");
    }
    Ok(())
}

async fn new_languages_reload_the_entry(
    scene: &Scene,
    registrar: &Registrar,
    describer: &Describer,
) -> Result<()> {
    describer.offer(&offer(&["de", "fr"], false));
    let registered = registrar.register(&offer(&["de", "fr"], false), false).await?;
    assert_eq!(registered.changed, [Change::EntryReloaded, Change::PipelineUpdated]);
    assert!(registered.preferred, "what was preferred stays preferred");
    let pipeline = scene.pipeline(&registered.pipeline).await?;
    assert_eq!((&pipeline["stt_language"], &pipeline["tts_engine"]), (&json!("de"), &Value::Null));
    Ok(())
}

async fn a_new_address_replaces_the_entry(scene: &Scene, pipeline: &str) -> Result<()> {
    let offer = offer(&["en"], false);
    let moved = Describer::start(&offer).await?;
    let registrar = scene.registrar(moved.port)?;
    let registered = registrar.register(&offer, false).await?;
    assert_eq!(registered.changed, [Change::EntryRemoved, Change::EntryAdded, Change::PipelineUpdated]);
    assert_eq!(registered.pipeline, pipeline);
    let entries = json!({"type": "config_entries/get", "domain": "wyoming"});
    assert_eq!(scene.hass.home.request(entries).await?.as_array().map(Vec::len), Some(1));
    assert_eq!(registrar.register(&offer, false).await?.changed, []);
    Ok(())
}

async fn all_of_ours_can_be_removed(scene: &Scene, untouched: Value) -> Result<()> {
    let registrar = scene.registrar(1)?;
    let removed = registrar.unregister().await?;
    assert_eq!(removed, [Change::PreferenceReturned, Change::PipelineRemoved, Change::EntryRemoved]);
    assert_eq!(scene.snapshot().await?, untouched);
    assert_eq!(registrar.unregister().await?, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_of_registration_is_named_and_left_without_traces() -> Result<()> {
    let bed = bed::HomeAssistant::start("hass-trouble")?;
    let record = std::env::temp_dir().join(format!("helix-trouble-{}.json", std::process::id()));
    let scene = Scene { hass: Connected::to(&bed).await?, record };
    nobody_at_our_port_is_named(&scene).await?;
    a_second_agent_that_cannot_be_used_is_named_and_one_that_a_person_disables_stays_so(&scene).await?;
    an_entry_that_does_not_work_is_loaded_again(&scene).await?;
    a_person_who_disables_us_is_obeyed(&scene).await?;
    scene.hass.close().await;
    Ok(())
}

async fn nobody_at_our_port_is_named(scene: &Scene) -> Result<()> {
    let before = scene.snapshot().await?;
    let port = bed::free_port()?;
    let error =
        scene.registrar(port)?.register(&offer(&["en"], false), true).await.err().context("an error")?;
    assert_eq!(error.code(), "register-port-unreachable");
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    assert_eq!(scene.snapshot().await?, before);
    Ok(())
}

async fn a_second_agent_that_cannot_be_used_is_named_and_one_that_a_person_disables_stays_so(
    scene: &Scene,
) -> Result<()> {
    let offer = offer(&["en"], false);
    let describer = Describer::start(&offer).await?;
    let registrar = scene.registrar(describer.port)?;
    registrar.register(&offer, false).await?;
    let before = scene.snapshot().await?;
    let folder = new_folder("mute")?;
    let closed = Mute::start(&folder, Peers::of(Vec::new())).await?;
    let absent = AgentOffer { port: bed::free_port()?, ..closed.offer.clone() };
    for agent in [&closed.offer, &absent] {
        let error = registrar.register_agent(&offer, agent).await.err().context("an error")?;
        assert_eq!(error.code(), "register-agent-unreachable");
        assert!(error.to_string().contains(&format!("127.0.0.1:{}", agent.port)), "{error}");
        assert_eq!(scene.snapshot().await?, before, "nothing is left of a registration that failed");
    }

    let agent = Mute::start(&folder, Peers::of_this_machine()).await?;
    let changed = registrar.register_agent(&offer, &agent.offer).await?;
    assert_eq!(changed, [Change::AgentAdded, Change::PipelineCreated]);
    assert_eq!(registrar.register_agent(&offer, &agent.offer).await?, []);
    let entries = scene.hass.home.request(json!({"type": "config_entries/get", "domain": "ollama"})).await?;
    let disable =
        json!({"type": "config_entries/disable", "entry_id": entries[0]["entry_id"], "disabled_by": "user"});
    scene.hass.home.request(disable).await?;
    let disabled = scene.snapshot().await?;
    let error = registrar.register_agent(&offer, &agent.offer).await.err().context("an error")?;
    assert_eq!(error.code(), "register-agent-disabled");
    assert_eq!(scene.snapshot().await?, disabled);
    assert_eq!(registrar.unregister_agent().await?, [Change::PipelineRemoved, Change::AgentRemoved]);
    assert_eq!(registrar.unregister_agent().await?, []);
    assert_eq!(scene.snapshot().await?, before);
    registrar.unregister().await?;
    Ok(())
}

async fn an_entry_that_does_not_work_is_loaded_again(scene: &Scene) -> Result<()> {
    let offer = offer(&["en"], false);
    let describer = Describer::start(&offer).await?;
    let port = describer.port;
    let registered = scene.registrar(port)?.register(&offer, true).await?;
    drop(describer);
    Rest::new(&scene.hass.config)?.reload_entry(&registered.entry).await?;
    let entries = scene.hass.home.request(json!({"type": "config_entries/get", "domain": "wyoming"})).await?;
    assert_eq!(entries[0]["state"], "setup_retry");
    let _describer = Describer::start_at(port, &offer).await?;
    let again = scene.registrar(port)?.register(&offer, true).await?;
    assert_eq!((again.changed, again.entry), (vec![Change::EntryReloaded], registered.entry));

    let other = first_other(scene, &again.pipeline).await?;
    let prefer = json!({"type": "assist_pipeline/pipeline/set_preferred", "pipeline_id": other});
    scene.hass.home.request(prefer).await?;
    let delete = json!({"type": "assist_pipeline/pipeline/delete", "pipeline_id": again.pipeline});
    scene.hass.home.request(delete).await?;
    let anew = scene.registrar(port)?.register(&offer, false).await?;
    assert_eq!(anew.changed, [Change::PipelineCreated], "a pipeline that was deleted comes back");
    Ok(())
}

async fn first_other(scene: &Scene, id: &str) -> Result<String> {
    let pipelines = scene.pipelines().await?;
    let other = pipelines["pipelines"].as_array().into_iter().flatten().find(|pipeline| pipeline["id"] != id);
    id_of(other.context("another pipeline")?)
}

async fn a_person_who_disables_us_is_obeyed(scene: &Scene) -> Result<()> {
    let entries = scene.hass.home.request(json!({"type": "config_entries/get", "domain": "wyoming"})).await?;
    let disable =
        json!({"type": "config_entries/disable", "entry_id": entries[0]["entry_id"], "disabled_by": "user"});
    scene.hass.home.request(disable).await?;
    let before = scene.snapshot().await?;
    let title = entries[0]["title"].as_str().context("a title")?;
    let port = title.trim_end_matches(')').rsplit(':').next().context("a port")?.parse()?;
    let error =
        scene.registrar(port)?.register(&offer(&["en"], false), true).await.err().context("an error")?;
    assert_eq!(error.code(), "register-disabled");
    assert_eq!(scene.snapshot().await?, before);
    Ok(())
}
