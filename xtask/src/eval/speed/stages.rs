//! Each stage of a decision alone, one sentence after the other, on the large home: what takes how long.

use std::time::Duration;

use anyhow::Result;
use helix_core::Home as _;
use helix_core::dialogue::Clearance;
use helix_core::home::{Caller, Match};
use helix_core::repair::{Context, read, twins};
use helix_core::route::dimension::Source;
use helix_core::route::topic::{privacy, topic};
use helix_core::route::{Matrix, Situation, decide, read_in};
use helix_tests::time::{now, since};

use crate::eval::strict::Strict;
use crate::figure::{Series, ms};

/// Times of each stage.
pub(super) struct Stages {
    pub(super) guard: Series,
    pub(super) topic: Series,
    pub(super) reading: Series,
    pub(super) candidates: Series,
    pub(super) dry_run: Series,
    pub(super) decide: Series,
}

impl Stages {
    /// The times of sentences that Home Assistant has not seen yet.
    pub(super) async fn of(strict: &Strict<'_>, sentences: Vec<String>) -> Result<Self> {
        let Strict { known, registry, language } = strict;
        let (caller, clearance) = (Caller::default(), Clearance::none());
        let home = known.home.registry()?;
        let state = |id: &helix_core::EntityId| known.home.state(id);
        let context = Context { registry: &home, language, here: None, state: &state, last: None };
        let source = Source::Addressed;
        let matrix = Matrix::built_in();
        let situation =
            Situation { language, registry, caller: &caller, source, matrix, clearance: &clearance };
        let mut times: [Vec<f64>; 6] = Default::default();
        for said in sentences {
            let (_, guard) = timed(|| read_in(&said, language, &[], registry));
            let (_, topics) = timed(|| (topic(&said, language), privacy(&said, language)));
            let (understood, reading) = timed(|| read(&said, &context));
            let (_, candidates) =
                timed(|| understood.read.reading().and_then(|reading| twins(reading, &context)));
            let begin = now();
            let found = known.home.dry_run(vec![said.clone()], language, &caller).await?.pop();
            let dry_run = since(begin);
            let found = found.unwrap_or(Match::None);
            let (_, decision) = timed(|| decide(&said, &found, &situation));
            let all = [guard, topics, reading, candidates, dry_run, decision];
            times.iter_mut().zip(all).for_each(|(times, took)| times.push(ms(took)));
        }
        let [guard, topic, reading, candidates, dry_run, decide] = times.map(Series::new);
        Ok(Self { guard, topic, reading, candidates, dry_run, decide })
    }

    /// For people, one line each.
    pub(super) fn lines(&self) -> Vec<String> {
        vec![
            self.guard.line("guard"),
            self.topic.line("topic and privacy"),
            self.reading.line("reading, word by word"),
            self.candidates.line("making of candidates"),
            self.dry_run.line("dry run of the sentence (Home Assistant)"),
            self.decide.line("decision, guard and topic included"),
        ]
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = now();
    let done = std::hint::black_box(work());
    (done, since(begin))
}
