//! Home Assistant's own test sentences of its intents: right action and targets, as they are and with one slip.

mod files;
pub(super) mod stage;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::Result;
use helix_core::Home as _;
use helix_core::act::{ExposedEntities, IntentKind, ProposedAction, kind_of};
use helix_core::home::Registry;
use helix_tests::bed::Furnishing;
use helix_tests::bridge::Profile;
use helix_tests::connected::Connected;
use helix_tests::home::Home;
use serde_json::{Map, Value};

use super::report::folded;
use super::slips::Slips;
use super::strict::{Strict, done, names};
use super::{Findings, Selection};
use crate::figure::{Figure, rounded};
use files::TestFile;
use helix_tests::router::{Decision, Done, Question, Router};
use helix_tests::sets::{Verdict, contains, plain};
use stage::Stage;

const GROUP: &str = "ohf";
const LANGUAGES: [&str; 2] = ["en", "de"];

/// A sentence and what it means.
struct Case {
    sentence: String,
    intent: String,
    slots: Map<String, Value>,
    /// Any of these is right: who names no place means the room, or the house.
    meant: Vec<Vec<Done>>,
    /// It is for a lock, a valve or a garage door, or a value far from daily life: asking first is right.
    guarded: bool,
}

struct Judged {
    said: String,
    meant: String,
    verdict: Verdict,
    explanation: String,
}

struct Heard {
    language: &'static str,
    clean: Vec<Judged>,
    slipped: Vec<Judged>,
    strict: [f64; 2],
}

pub(super) async fn run(selection: &Selection, profile: Profile) -> Result<Findings> {
    let mut all = Vec::new();
    for language in LANGUAGES.into_iter().filter(|language| selection.wants(language)) {
        all.push(in_language(language, selection, profile).await?);
    }
    let figures = all.iter().flat_map(figures).collect();
    Ok(Findings { group: GROUP, figures, details: details(&all), whole: selection.is_whole() })
}

async fn in_language(language: &'static str, selection: &Selection, profile: Profile) -> Result<Heard> {
    let files = TestFile::all(language)?;
    let stage = Stage::of(&files);
    let furnishing = Furnishing {
        language: Some(language),
        empty: true,
        package: Some(stage.package()?),
        ..Furnishing::default()
    };
    let home = Home::start_with(&format!("eval-ohf-{language}-{}", std::process::id()), furnishing).await?;
    let known = Connected::to(home.assistant()).await?;
    let registry = known.home.registry()?;
    let cases = selection.of(cases(&files, &stage, &registry));
    let mut router = Router::start(home.assistant(), language, profile)?;
    let strict = Strict::of(&known, &registry, language)?;
    let (slips, names) = (Slips::of(language, selection.seed)?, names(&registry));
    let slipped = |case: &Case| Some(slips.slip(&case.sentence, &names, &case.quoted())?.sentence);
    let clean: Vec<_> = cases.iter().map(|case| (case, case.sentence.clone())).collect();
    let slipped: Vec<_> = cases.iter().filter_map(|case| Some((case, slipped(case)?))).collect();
    let mut asking = Asking { router: &mut router, strict, here: stage.satellite() };
    let (clean, strict_clean) = asking.all(clean).await?;
    let (slipped, strict_slipped) = asking.all(slipped).await?;
    known.close().await;
    Ok(Heard { language, clean, slipped, strict: [strict_clean, strict_slipped] })
}

fn cases(files: &[TestFile], stage: &Stage, registry: &Registry) -> Vec<Case> {
    let mut all = Vec::new();
    for file in files {
        for test in &file.tests {
            for sentence in &test.sentences {
                let (meant, guarded) = meant(file, &test.slots, sentence, stage, registry);
                // Two files that put one entity into two rooms: in one home only one of them can be right.
                if meant.is_empty() && kind_of(&file.intent) == Some(IntentKind::Act) {
                    continue;
                }
                all.push(Case {
                    sentence: sentence.clone(),
                    intent: file.intent.clone(),
                    slots: test.slots.clone(),
                    meant,
                    guarded,
                });
            }
        }
    }
    all
}

/// The actions that slots mean, and whether they need a question first.
fn meant(
    file: &TestFile,
    slots: &Map<String, Value>,
    sentence: &str,
    stage: &Stage,
    registry: &Registry,
) -> (Vec<Vec<Done>>, bool) {
    if kind_of(&file.intent) != Some(IntentKind::Act) {
        return (Vec::new(), false);
    }
    let here = (!file.kind.ends_with("_all")).then(|| stage.satellite());
    let mut guarded = false;
    let mut alternatives = Vec::new();
    let all = |here| stage.meant(&file.intent, slots, here);
    // "Close the garage door", in a file without a garage door, names the one of another file here.
    let sentence = sentence.to_lowercase();
    let called = all(None).into_iter().filter(|entity| sentence.contains(&entity.name.to_lowercase()));
    for entities in [all(here), all(None), called.collect()] {
        let mut actions = Vec::new();
        for entity in entities {
            let slots = slots.clone().into_iter().collect();
            let proposed =
                ProposedAction { intent: file.intent.clone(), slots, target: entity.id.as_str().into() };
            if let Ok(draft) = ExposedEntities::of(registry).draft(proposed) {
                guarded |= draft.needs_a_yes();
                actions.push(done(&draft));
            }
        }
        if !actions.is_empty() && !alternatives.contains(&actions) {
            alternatives.push(actions);
        }
    }
    (alternatives, guarded)
}

impl Case {
    /// Free text in the sentence.
    fn quoted(&self) -> Vec<&str> {
        let free = ["item", "message", "search_query"];
        free.iter().filter_map(|slot| self.slots.get(*slot)?.as_str()).collect()
    }

    fn judge(&self, decision: &Decision) -> Verdict {
        let is_intent = decision.dimensions.get("intent").and_then(Value::as_str) == Some(&self.intent);
        match kind_of(&self.intent) {
            Some(IntentKind::Query) => match (decision.acts && !decision.actions.is_empty(), is_intent) {
                (true, _) => Verdict::Wrong,
                (false, true) if decision.route == "answer" => Verdict::Right,
                (false, _) => Verdict::Nothing,
            },
            // What is to be done later is stored by Helix itself, never by Home Assistant's timer.
            Some(IntentKind::Inner) if self.slots.contains_key("conversation_command") => {
                match (decision.acts, decision.reason.starts_with("delayed")) {
                    (true, _) => Verdict::Wrong,
                    (false, true) => Verdict::Right,
                    (false, false) => Verdict::Nothing,
                }
            }
            Some(IntentKind::Inner) | None => match (decision.acts, decision.actions.is_empty() && is_intent)
            {
                (true, true) => Verdict::Right,
                (true, false) => Verdict::Wrong,
                (false, _) => Verdict::Nothing,
            },
            Some(IntentKind::Act) => match self.judge_actions(&decision.actions) {
                Verdict::Right if decision.acts != self.guarded => Verdict::Right,
                Verdict::Right | Verdict::Wrong | Verdict::Nothing if decision.acts => Verdict::Wrong,
                Verdict::Right | Verdict::Wrong | Verdict::Nothing => Verdict::Nothing,
            },
        }
    }

    fn judge_actions(&self, actions: &[Done]) -> Verdict {
        let got = flat(actions);
        let is_same = |meant: &Vec<Done>| {
            let meant = flat(meant);
            let pairs = |all: &[Done]| -> BTreeSet<(String, String)> {
                all.iter().map(|done| (done.action.clone(), done.targets[0].clone())).collect()
            };
            // A position at either end may be told as opening or closing.
            let is_whole = |done: &Done| !done.action.ends_with("_position");
            let data = |done: &Done| {
                let wanted = meant.iter().find(|meant| meant.targets == done.targets);
                wanted.is_some_and(|wanted| {
                    contains(&done.data, &wanted.data)
                        || wanted.data.contains_key("position") && is_whole(wanted)
                })
            };
            pairs(&got) == pairs(&meant) && got.iter().all(data)
        };
        if self.meant.iter().any(is_same) { Verdict::Right } else { Verdict::Wrong }
    }

    fn expected(&self) -> String {
        let slots = Value::from(self.slots.clone());
        match self.meant.first() {
            Some(actions) => {
                let actions: Vec<_> = actions.iter().map(Done::to_string).collect();
                format!("{} {slots}: {}", self.intent, actions.join(", "))
            }
            None => format!("{} {slots}", self.intent),
        }
    }
}

/// One action for each target.
fn flat(actions: &[Done]) -> Vec<Done> {
    let single = |done: &Done| {
        let done = plain(done);
        let each = done.targets.iter().map(|target| vec![target.clone()]);
        each.map(|targets| Done { targets, ..done.clone() }).collect::<Vec<_>>()
    };
    actions.iter().flat_map(single).collect()
}

struct Asking<'a> {
    router: &'a mut Router,
    strict: Strict<'a>,
    here: &'a str,
}

impl Asking<'_> {
    /// What Helix makes of all, and how many the strict matcher alone does right, percent.
    async fn all(&mut self, said: Vec<(&Case, String)>) -> Result<(Vec<Judged>, f64)> {
        let (mut all, mut strict) = (Vec::with_capacity(said.len()), 0);
        for (case, said) in said {
            let question = Question { sentence: said.clone(), area: Some(self.here.to_owned()) };
            let decision = self.router.ask(&question).await?;
            let found = self.strict.find(&said, Some(self.here)).await?;
            strict += usize::from(found.is_some_and(|found| {
                found.intent == case.intent
                    && (case.meant.is_empty() || case.judge_actions(&found.actions) == Verdict::Right)
            }));
            let verdict = case.judge(&decision);
            all.push(Judged { said, meant: case.expected(), verdict, explanation: decision.explanation() });
        }
        let share = percent(strict, all.len());
        Ok((all, share))
    }
}

fn percent(count: usize, of: usize) -> f64 {
    rounded(100.0 * count as f64 / of.max(1) as f64, 1)
}

fn share(judged: &[Judged], verdict: Verdict) -> f64 {
    percent(judged.iter().filter(|judged| judged.verdict == verdict).count(), judged.len())
}

fn figures(heard: &Heard) -> Vec<Figure> {
    let [strict_clean, strict_slipped] = heard.strict;
    let figure = |name: &str, judged: &[Judged], verdict, peer, goal, holds: fn(f64) -> bool| {
        let value = share(judged, verdict);
        let ratio = Option::map(peer, |peer: f64| rounded(value / peer, 2));
        let name = format!("{GROUP}.{}.{name}", heard.language).into();
        Figure { name, value, unit: "%", peer, ratio, n: judged.len(), goal, holds: Some(holds(value)) }
    };
    let (clean, slipped) = (heard.clean.as_slice(), heard.slipped.as_slice());
    let lost = rounded(share(clean, Verdict::Right) - share(slipped, Verdict::Right), 1);
    let drop = Figure {
        name: format!("{GROUP}.{}.drop-by-slip", heard.language).into(),
        value: lost,
        unit: "points",
        peer: Some(rounded(strict_clean - strict_slipped, 1)),
        ratio: None,
        n: slipped.len(),
        goal: "reported",
        holds: None,
    };
    vec![
        figure("clean.right", clean, Verdict::Right, Some(strict_clean), ">= 99 %", |value| value >= 99.0),
        figure("clean.wrong", clean, Verdict::Wrong, None, "0 %", |value| value <= 0.0),
        figure("slip.right", slipped, Verdict::Right, Some(strict_slipped), ">= 90 %", |value| value >= 90.0),
        figure("slip.wrong", slipped, Verdict::Wrong, None, "<= 0.3 %", |value| value <= 0.3),
        drop,
    ]
}

fn details(all: &[Heard]) -> String {
    let mut text = "Test sentences of Home Assistant's intents, in one home of each language made of all that they name. Right is the same \
                    action on the same targets with the same data; for questions, timers and lists the same intent; for locks, valves, \
                    garage doors and values far from daily life (50 °C in a bedroom) a question first. The peer is Home Assistant's strict matcher alone.\n\n"
        .to_owned();
    for heard in all {
        for (judged, how) in [(&heard.clean, "as they are"), (&heard.slipped, "with a slip")] {
            let misses: Vec<_> = judged.iter().filter(|judged| judged.verdict != Verdict::Right).collect();
            let line = |Judged { said, meant, verdict, explanation }: &Judged| {
                let what = if *verdict == Verdict::Wrong { "**wrong**" } else { "nothing" };
                format!("{what}: \"{said}\" means {meant}; {explanation}")
            };
            let misses: Vec<String> = misses.into_iter().map(line).collect();
            let _ = writeln!(text, "{}", folded(&format!("{}, {how}", heard.language), &misses));
        }
    }
    text
}
