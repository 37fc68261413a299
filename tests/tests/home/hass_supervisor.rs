//! Registering as an app of Home Assistant OS: through the Supervisor's proxy and its discovery message.

use anyhow::Result;
use helix::agent::Peers;
use helix::clock::SystemClock;
use helix::hass::register::{Address, Change, Offer, Registrar};
use helix::hass::rest::Rest;
use helix::hass::{HassConfig, SupervisorConfig};
use helix_tests::agent::Mute;
use helix_tests::bed;
use helix_tests::bridge::new_folder;
use helix_tests::connected::Connected;
use helix_tests::describer::Describer;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_offered_by_the_supervisor_and_confirms_itself() -> Result<()> {
    let (supervisor, _bed) = bed::Supervisor::start_with_home("hass-supervisor")?;
    let token = bed::Supervisor::APP_TOKEN.into();
    let supervisor_config = Some(SupervisorConfig { url: supervisor.url(), token });
    let hass = Connected::with(HassConfig {
        url: String::new(),
        token: String::new().into(),
        supervisor: supervisor_config,
    });
    hass.home.ready().await?;
    let record = std::env::temp_dir().join(format!("helix-supervisor-{}.json", std::process::id()));
    let registrar = |port: u16| {
        // The Supervisor knows our host name better than we do.
        let address = Address { host: "nowhere.invalid".into(), port };
        Registrar::new(&hass.config, hass.home.clone(), SystemClock::start(), address, record.clone())
    };
    let languages = || ["en".to_owned()].into();
    let offer = Offer { asr_languages: languages(), handle_languages: languages(), voice: false };

    let first = Describer::start(&offer).await?;
    let registered = registrar(first.port)?.register(&offer, true).await?;
    assert_eq!(registered.changed, [Change::EntryAdded, Change::PipelineCreated, Change::PipelinePreferred]);
    assert_eq!(registrar(first.port)?.register(&offer, true).await?.changed, []);
    std::fs::remove_file(&record)?;
    assert_eq!(registrar(first.port)?.register(&offer, true).await?.changed, [], "after losing the record");
    let entries = || hass.home.request(json!({"type": "config_entries/get", "domain": "wyoming"}));
    assert_eq!(entries().await?[0]["source"], "hassio");

    let agent = Mute::start(&new_folder("supervised")?, Peers::of_this_machine()).await?;
    let added = registrar(first.port)?.register_agent(&offer, &agent.offer).await?;
    assert_eq!(
        added,
        [Change::AgentAdded, Change::PipelineCreated],
        "under the name that the Supervisor knows"
    );
    assert_eq!(registrar(first.port)?.register_agent(&offer, &agent.offer).await?, []);
    let removed = registrar(first.port)?.unregister_agent().await?;
    assert_eq!(removed, [Change::PipelineRemoved, Change::AgentRemoved]);

    drop(first);
    let second = Describer::start(&offer).await?;
    let moved = registrar(second.port)?.register(&offer, false).await?;
    assert_eq!(moved.changed, [Change::EntryRemoved, Change::EntryAdded]);
    assert_eq!(moved.pipeline, registered.pipeline);
    assert_eq!(entries().await?.as_array().map(Vec::len), Some(1));

    drop(second);
    Rest::new(&hass.config)?.reload_entry(&moved.entry).await?;
    std::fs::remove_file(&record)?;
    let third = Describer::start(&offer).await?;
    let found = registrar(third.port)?.register(&offer, false).await?;
    assert_eq!(
        found.changed,
        [Change::EntryReloaded, Change::EntryRemoved, Change::EntryAdded],
        "all at once"
    );
    assert_eq!(entries().await?.as_array().map(Vec::len), Some(1));

    let removed = registrar(third.port)?.unregister().await?;
    assert_eq!(
        removed,
        [Change::PreferenceReturned, Change::PipelineRemoved, Change::DiscoveryRemoved, Change::EntryRemoved]
    );
    assert_eq!(entries().await?, json!([]));
    let flows = hass.home.request(json!({"type": "config_entries/flow/progress"})).await?;
    assert!(!flows.to_string().contains("wyoming"), "{flows}");
    hass.close().await;
    Ok(())
}
