//! One language: a home and a bridge of that language, and what they make of all sentences.

use anyhow::{Context, Result};
use helix_core::act::{Draft, ExposedEntities, ProposedAction};
use helix_core::home::{Caller, Match, Registry};
use helix_core::{DeviceId, Home as _, Language};
use helix_tests::bed::Furnishing;
use helix_tests::bridge::{Bridge, Profile, Settings};
use helix_tests::connected::Connected;
use helix_tests::home::Home;
use helix_tests::wire;
use serde_json::Map;

use crate::eval::router::{Decision, Done, Question, Router};
use crate::eval::sets::{MustAct, MustNotAct, Verdict};
use crate::eval::slips::Slips;

/// A command, as it was said, and what became of it.
pub(super) struct Command {
    pub(super) meant: MustAct,
    pub(super) said: String,
    pub(super) decision: Decision,
    pub(super) verdict: Verdict,
    /// What the strict matcher alone would have done.
    pub(super) strict: Verdict,
}

/// A sentence that is no command.
pub(super) struct Speech {
    pub(super) said: MustNotAct,
    pub(super) decision: Decision,
    /// What the bridge moved all the same, or `helix route` would.
    pub(super) moved: Option<String>,
}

/// What one language came to.
pub(super) struct Heard {
    pub(super) language: &'static str,
    pub(super) speech: Vec<Speech>,
    pub(super) clean: Vec<Command>,
    pub(super) slipped: Vec<Command>,
}

impl Heard {
    pub(super) async fn in_language(language: &'static str, profile: Profile) -> Result<Self> {
        let furnishing = Furnishing { language: Some(language), ..Furnishing::default() };
        let home = Home::start_with(&format!("eval-{language}"), furnishing).await?;
        let known = Connected::to(home.assistant()).await?;
        let registry = known.home.registry()?;
        let mut router = Router::start(home.assistant(), language, profile)?;
        let commands = MustAct::all(language)?;
        let slipped = with_slips(&commands, &Slips::of(language)?, &names(&registry));
        let clean = commands.iter().map(|command| (command.clone(), command.sentence.clone())).collect();
        let mut ask = Asking { language, router: &mut router, known: &known, registry: &registry };
        let clean = ask.commands(clean).await?;
        let slipped = ask.commands(slipped).await?;
        let speech = ask.speech(&home, profile).await?;
        known.close().await;
        Ok(Self { language, speech, clean, slipped })
    }
}

fn with_slips(commands: &[MustAct], slips: &Slips, names: &[String]) -> Vec<(MustAct, String)> {
    let slip = |command: &MustAct| {
        let slipped = slips.slip(&command.sentence, names)?;
        Some((command.clone(), slipped.sentence))
    };
    commands.iter().filter_map(slip).collect()
}

/// What entities and areas are called.
pub(in crate::eval) fn names(registry: &Registry) -> Vec<String> {
    let entities = registry.entities.values().filter(|entity| entity.exposed);
    let entities = entities.flat_map(|entity| entity.aliases.iter().chain([&entity.name]));
    let areas = registry.areas.values().flat_map(|area| area.aliases.iter().chain([&area.name]));
    entities.chain(areas).cloned().collect()
}

struct Asking<'a> {
    language: &'static str,
    router: &'a mut Router,
    known: &'a Connected,
    registry: &'a Registry,
}

impl Asking<'_> {
    async fn commands(&mut self, said: Vec<(MustAct, String)>) -> Result<Vec<Command>> {
        let mut all = Vec::with_capacity(said.len());
        for (meant, said) in said {
            let question = Question { sentence: said.clone(), area: meant.area.clone() };
            let decision = self.router.ask(&question).await?;
            let verdict = meant.judge(&decision);
            let strict = self.strictly(&meant, &said).await?;
            all.push(Command { meant, said, decision, verdict, strict });
        }
        Ok(all)
    }

    /// What the strict matcher alone makes of it, without guard and repair.
    async fn strictly(&self, meant: &MustAct, said: &str) -> Result<Verdict> {
        let language = Language::parse(self.language).context("a language")?;
        let caller = Caller { device: self.device_in(meant.area.as_deref())?, ..Caller::default() };
        let found = self.known.home.dry_run(vec![said.to_owned()], &language, &caller).await?;
        let Some(Match::Strict(found)) = found.into_iter().next() else { return Ok(Verdict::Nothing) };
        let exposed = ExposedEntities::of(self.registry);
        let draft = |proposed| exposed.draft(proposed).ok();
        let actions = ProposedAction::all_of(&found).into_iter().filter_map(draft);
        let done = |action: Draft| Done {
            action: action.service().to_owned(),
            targets: vec![action.target().to_string()],
            data: action.data().clone().into_iter().collect::<Map<_, _>>(),
        };
        let done: Vec<_> = actions.map(done).collect();
        Ok(if done.is_empty() { Verdict::Nothing } else { meant.judge_actions(&done) })
    }

    fn device_in(&self, area: Option<&str>) -> Result<Option<DeviceId>> {
        let Some(area) = area else { return Ok(None) };
        let mut devices = self.registry.device_areas.iter();
        let device = devices.find(|(_, of)| of.as_str() == area).map(|(device, _)| device.clone());
        Ok(Some(device.with_context(|| format!("no device in {area}"))?))
    }

    /// Says each sentence to the whole bridge, and looks what has moved.
    async fn speech(&mut self, home: &Home, profile: Profile) -> Result<Vec<Speech>> {
        let settings =
            Settings::for_home(&home.url(), home.assistant().token()).with("LANGUAGE", self.language);
        let bridge =
            Bridge::start_with(if profile == Profile::Release { settings.release() } else { settings })
                .await?;
        let mut all = Vec::new();
        for said in MustNotAct::all(self.language)? {
            let device = self.device_in(said.area.as_deref())?;
            let mark = home.mark().await?;
            wire::handle(bridge.port, &said.sentence, self.language, device.as_ref().map(DeviceId::as_str))
                .await?;
            let moved = home.moves_since(mark).await?;
            // Storing what was said is fine.
            let moved = moved.iter().find(|call| !call.action.starts_with("todo."));
            let moved = moved.map(|call| format!("{} {}", call.action, call.content));
            let decision = self.router.ask(&said.question()).await?;
            let would = decision
                .actions
                .first()
                .filter(|_| decision.acts)
                .map(|done| format!("nothing, but would move {done}"));
            let moved = moved.or(would);
            all.push(Speech { said, decision, moved });
        }
        bridge.stop().await?;
        Ok(all)
    }
}
