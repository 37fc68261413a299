//! One language: a home and a bridge of that language, and what they make of all sentences.

use anyhow::Result;
use helix_core::{DeviceId, Home as _};
use helix_tests::bed::Furnishing;
use helix_tests::bridge::{Bridge, Profile, Settings};
use helix_tests::connected::Connected;
use helix_tests::home::Home;

use crate::eval::Selection;
use crate::eval::slips::Slips;
use crate::eval::strict::{Strict, names};
use helix_tests::router::{Decision, Question, Router};
use helix_tests::sets::{MustAct, MustNotAct, Verdict};

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
    pub(super) async fn in_language(
        language: &'static str,
        selection: &Selection,
        profile: Profile,
    ) -> Result<Self> {
        let furnishing = Furnishing { language: Some(language), ..Furnishing::default() };
        let home = Home::start_with(&format!("eval-{language}-{}", std::process::id()), furnishing).await?;
        let known = Connected::to(home.assistant()).await?;
        let registry = known.home.registry()?;
        let mut router = Router::start(home.assistant(), language, profile)?;
        let commands = selection.of(MustAct::all(language)?);
        let slipped = with_slips(&commands, &Slips::of(language, selection.seed)?, &names(&registry));
        let clean = commands.iter().map(|command| (command.clone(), command.sentence.clone())).collect();
        let strict = Strict::of(&known, &registry, language)?;
        let mut ask = Asking { language, router: &mut router, strict };
        let clean = ask.commands(clean).await?;
        let slipped = ask.commands(slipped).await?;
        let speech = ask.speech(selection.of(MustNotAct::all(language)?), &home, profile).await?;
        known.close().await;
        Ok(Self { language, speech, clean, slipped })
    }
}

fn with_slips(commands: &[MustAct], slips: &Slips, names: &[String]) -> Vec<(MustAct, String)> {
    let slip = |command: &MustAct| {
        let slipped = slips.slip(&command.sentence, names, &[])?;
        Some((command.clone(), slipped.sentence))
    };
    commands.iter().filter_map(slip).collect()
}

struct Asking<'a> {
    language: &'static str,
    router: &'a mut Router,
    strict: Strict<'a>,
}

impl Asking<'_> {
    async fn commands(&mut self, said: Vec<(MustAct, String)>) -> Result<Vec<Command>> {
        let mut all = Vec::with_capacity(said.len());
        for (meant, said) in said {
            let question = Question { sentence: said.clone(), area: meant.area.clone() };
            let decision = self.router.ask(&question).await?;
            let verdict = meant.judge(&decision);
            let strict = match self.strict.find(&said, meant.area.as_deref()).await? {
                Some(found) if !found.actions.is_empty() => meant.judge_actions(&found.actions),
                _ => Verdict::Nothing,
            };
            all.push(Command { meant, said, decision, verdict, strict });
        }
        Ok(all)
    }

    /// Says each sentence to the whole bridge, and looks what has moved.
    async fn speech(&mut self, said: Vec<MustNotAct>, home: &Home, profile: Profile) -> Result<Vec<Speech>> {
        let settings =
            Settings::for_home(&home.url(), home.assistant().token()).with("LANGUAGE", self.language);
        let bridge =
            Bridge::start_with(if profile == Profile::Release { settings.release() } else { settings })
                .await?;
        let mut all = Vec::new();
        for said in said {
            let device = self.strict.device_in(said.area.as_deref())?;
            let device = device.as_ref().map(DeviceId::as_str);
            let moved = home.moved_by(bridge.port, &said.sentence, self.language, device).await?;
            let moved = moved.map(|call| format!("{} {}", call.action, call.content));
            let decision = self.router.ask(&said.question()).await?;
            // An entry of a list is kept there: that is what was asked for, and nothing in the home moves.
            let would = decision
                .actions
                .iter()
                .find(|done| decision.acts && !done.to_string().starts_with("todo."))
                .map(|done| format!("nothing, but would move {done}"));
            let moved = moved.or(would);
            all.push(Speech { said, decision, moved });
        }
        bridge.stop().await?;
        Ok(all)
    }
}
