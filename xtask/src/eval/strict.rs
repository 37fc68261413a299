//! Home Assistant's strict matcher alone, without guard and repair: what Helix is compared with.

use anyhow::{Context, Result};
use helix_core::act::{Draft, ExposedEntities, ProposedAction};
use helix_core::home::{Caller, Match, Registry};
use helix_core::{DeviceId, Home as _, Language};
use helix_tests::connected::Connected;

use helix_tests::router::Done;

/// The matcher of a home.
pub(super) struct Strict<'a> {
    pub(super) known: &'a Connected,
    pub(super) registry: &'a Registry,
    pub(super) language: Language,
}

/// What it makes of a sentence.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) intent: String,
    pub(super) actions: Vec<Done>,
}

impl<'a> Strict<'a> {
    pub(super) fn of(known: &'a Connected, registry: &'a Registry, language: &str) -> Result<Self> {
        let language = Language::parse(language).context("a language")?;
        Ok(Self { known, registry, language })
    }

    /// `None` if it knows no such sentence.
    pub(super) async fn find(&self, said: &str, area: Option<&str>) -> Result<Option<Found>> {
        let caller = Caller { device: self.device_in(area)?, ..Caller::default() };
        let found = self.known.home.dry_run(vec![said.to_owned()], &self.language, &caller).await?;
        let Some(Match::Strict(found)) = found.into_iter().next() else { return Ok(None) };
        let exposed = ExposedEntities::of(self.registry);
        let draft = |proposed| Some(done(&exposed.draft(proposed).ok()?));
        let actions = ProposedAction::all_of(&found).into_iter().filter_map(draft).collect();
        Ok(Some(Found { intent: found.intent, actions }))
    }

    /// A device in the area; an area has an id or a name.
    pub(super) fn device_in(&self, area: Option<&str>) -> Result<Option<DeviceId>> {
        let Some(wanted) = area else { return Ok(None) };
        let area =
            self.registry.areas.values().find(|area| area.id.as_str() == wanted || area.name == wanted);
        let area = area.with_context(|| format!("no area {wanted}"))?;
        let device = self.registry.device_areas.iter().find(|(_, of)| **of == area.id);
        Ok(Some(device.with_context(|| format!("no device in {wanted}"))?.0.clone()))
    }
}

/// A draft, as `helix route` tells it.
pub(super) fn done(draft: &Draft) -> Done {
    Done {
        action: draft.service().to_owned(),
        targets: vec![draft.target().to_string()],
        data: draft.data().clone().into_iter().collect(),
    }
}

/// What entities and areas are called.
pub(super) fn names(registry: &Registry) -> Vec<String> {
    let entities = registry.entities.values().filter(|entity| entity.exposed);
    let entities = entities.flat_map(|entity| entity.aliases.iter().chain([&entity.name]));
    let areas = registry.areas.values().flat_map(|area| area.aliases.iter().chain([&area.name]));
    entities.chain(areas).cloned().collect()
}
