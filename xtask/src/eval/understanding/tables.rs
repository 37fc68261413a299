//! Figures of all languages together, and what is told beside them.

use std::fmt::Write as _;

use super::heard::{Command, Heard};
use anyhow::Result;

use crate::eval::calibration::Calibration;
use crate::eval::cost::Cost;
use crate::eval::report::folded;
use crate::eval::shares::Shares;
use crate::figure::{Figure, rounded};
use helix_tests::router::Decision;
use helix_tests::sets::Verdict;

pub(super) const GROUP: &str = "understanding";

/// For people, while it goes on.
pub(super) fn line(heard: &Heard) -> String {
    let (clean, slipped) = (right(&heard.clean), right(&heard.slipped));
    let acted = acted(heard);
    format!(
        "{}: acted {acted}, clean {clean} %, with a slip {slipped} %, wrong {} %",
        heard.language,
        wrong(heard)
    )
}

pub(super) fn figures(all: &[Heard]) -> Result<Vec<Figure>> {
    let clean: Vec<&Command> = all.iter().flat_map(|heard| &heard.clean).collect();
    let slipped: Vec<&Command> = all.iter().flat_map(|heard| &heard.slipped).collect();
    let both: Vec<&Command> = clean.iter().chain(&slipped).copied().collect();
    let speech = all.iter().map(|heard| heard.speech.len()).sum();
    let acted: usize = all.iter().map(acted).sum();
    let vetoed = percent(&clean, |command| is_vetoed(&command.decision));
    let wrong = percent(&both, |command| command.verdict == Verdict::Wrong);
    let strictly_wrong = percent(&both, |command| command.strict == Verdict::Wrong);
    let declined = percent(&clean, |command| command.strict == Verdict::Nothing);
    let (sure, with_slip) = (right(clean.iter().copied()), right(slipped.iter().copied()));
    let (strict, strict_slip) = (strictly_right(&clean), strictly_right(&slipped));
    let (lost, strictly_lost) = (rounded(sure - with_slip, 1), rounded(strict - strict_slip, 1));
    let (cost, certainty) = (cost(all)?, calibration(&both));
    let figure = |name: &str, value, unit, n| Figure::reported(format!("{GROUP}.{name}"), value, unit, n);
    let share = |name: &str, value, of: &[&Command]| figure(name, value, "%", of.len());
    Ok(vec![
        figure("must-not-act.acted", acted as f64, "sentences", speech).at_most(0.0, "0"),
        share("must-act.vetoed", vetoed, &clean).at_most(1.0, "<= 1 %"),
        share("must-act.clean.right", sure, &clean).against(strict).at_least(85.0, ">= 85 %"),
        share("must-act.slip.right", with_slip, &slipped).against(strict_slip).at_least(75.0, ">= 75 %"),
        share("must-act.wrong", wrong, &both).against(strictly_wrong).at_most(0.3, "<= 0.3 %"),
        share("must-act.declined-by-strict", declined, &clean).at_least(60.0, ">= 60 %"),
        figure("must-act.drop-by-slip", lost, "points", slipped.len()).against(strictly_lost),
        figure("cost-per-1000", cost.per_1000(), "points", cost.len()),
        figure("repair.calibration-error", rounded(certainty.error(), 3), "", certainty.len()),
    ])
}

pub(super) fn details(all: &[Heard]) -> Result<String> {
    let mut text = "Must-not-act sentences go through the whole bridge; commands through `helix route`. The peer is Home Assistant's strict \
                    matcher alone on the same sentences.\n\n\
                    | language | acted | vetoed | clean | strict | with a slip | strict | wrong |\n\
                    | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for heard in all {
        let (clean, slipped): (Vec<_>, Vec<_>) =
            (heard.clean.iter().collect(), heard.slipped.iter().collect());
        let vetoed = percent(&clean, |command| is_vetoed(&command.decision));
        let (strict, strict_slip) = (strictly_right(&clean), strictly_right(&slipped));
        let (sure, with_slip, wrong) = (right(&heard.clean), right(&heard.slipped), wrong(heard));
        let (language, acted, speech) = (heard.language, acted(heard), heard.speech.len());
        let _ = writeln!(
            text,
            "| {language} | {acted} of {speech} | {vetoed} % | {sure} % | {strict} % | {with_slip} % | {strict_slip} % | {wrong} % |"
        );
    }
    let _ = writeln!(text, "\n### What mistakes cost\n\n{}", cost(all)?.table());
    let commands: Vec<&Command> =
        all.iter().flat_map(|heard| heard.clean.iter().chain(&heard.slipped)).collect();
    let _ = writeln!(
        text,
        "### How sure a repaired reading is, and how often it is right\n\n{}",
        calibration(&commands).table()
    );
    let decisions = all.iter().flat_map(decisions).collect::<Vec<_>>();
    let _ = writeln!(text, "### Routes and gates\n\n{}", Shares::of(&decisions).table());
    for heard in all {
        let _ = writeln!(text, "{}", folded(heard.language, &misses(heard)));
    }
    Ok(text)
}

fn decisions(heard: &Heard) -> impl Iterator<Item = &Decision> {
    let commands = heard.clean.iter().chain(&heard.slipped).map(|command| &command.decision);
    commands.chain(heard.speech.iter().map(|speech| &speech.decision))
}

/// Of all commands that were read: how sure the reading was, and whether it is what was meant, done or asked about.
fn calibration(commands: &[&Command]) -> Calibration {
    let mut calibration = Calibration::default();
    for command in commands {
        if let Some(certainty) = command.decision.certainty.filter(|_| !command.decision.actions.is_empty()) {
            calibration
                .add(certainty, command.meant.judge_actions(&command.decision.actions) == Verdict::Right);
        }
    }
    calibration
}

fn cost(all: &[Heard]) -> Result<Cost> {
    let mut cost = Cost::new()?;
    for heard in all {
        for command in heard.clean.iter().chain(&heard.slipped) {
            cost.command(command.verdict, &command.decision);
        }
        for speech in &heard.speech {
            cost.speech(speech.moved.is_some(), &speech.decision);
        }
    }
    Ok(cost)
}

/// Every sentence that did not do what was meant, and why.
fn misses(heard: &Heard) -> Vec<String> {
    let mut all = Vec::new();
    for speech in &heard.speech {
        if let Some(moved) = &speech.moved {
            let (sentence, category) = (&speech.said.sentence, &speech.said.category);
            all.push(format!(
                "**acted**: \"{sentence}\" ({category}) moved {moved}; {}",
                speech.decision.explanation()
            ));
        }
    }
    for command in
        heard.clean.iter().chain(&heard.slipped).filter(|command| command.verdict != Verdict::Right)
    {
        let what = if command.verdict == Verdict::Wrong { "**wrong**" } else { "nothing" };
        let (said, meant) = (&command.said, command.meant.expected());
        all.push(format!("{what}: \"{said}\" means {meant}; {}", command.decision.explanation()));
    }
    all
}

fn acted(heard: &Heard) -> usize {
    heard.speech.iter().filter(|speech| speech.moved.is_some()).count()
}

fn is_vetoed(decision: &Decision) -> bool {
    !decision.acts && decision.gate() == "guard"
}

fn right<'a>(commands: impl IntoIterator<Item = &'a Command>) -> f64 {
    percent(&commands.into_iter().collect::<Vec<_>>(), |command| command.verdict == Verdict::Right)
}

fn strictly_right(commands: &[&Command]) -> f64 {
    percent(commands, |command| command.strict == Verdict::Right)
}

fn wrong(heard: &Heard) -> f64 {
    let both: Vec<_> = heard.clean.iter().chain(&heard.slipped).collect();
    percent(&both, |command| command.verdict == Verdict::Wrong)
}

fn percent(commands: &[&Command], is_so: impl Fn(&Command) -> bool) -> f64 {
    let count = commands.iter().filter(|command| is_so(command)).count();
    rounded(100.0 * count as f64 / commands.len().max(1) as f64, 1)
}
