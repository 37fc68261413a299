//! `models.toml`: a model's name and the day in, the model that answers and what is known about it out.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use helix_core::llm::budget::Price;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

/// What is told about a model that will be gone so many days later.
const WARN_DAYS: i64 = 60;

/// What a model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// To understand a sentence that the matcher declined.
    Router,
    /// Tasks that stay in the house.
    LocalAgent,
    /// Tasks for a larger model, which mostly is outside.
    CloudAgent,
    /// To tell what is alike: texts become vectors.
    Vectors,
}

impl Duty {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Router, Self::LocalAgent, Self::CloudAgent, Self::Vectors];

    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::LocalAgent => "local agent",
            Self::CloudAgent => "cloud agent",
            Self::Vectors => "vectors",
        }
    }

    /// The key of the configuration that names its model.
    pub fn key(self) -> &'static str {
        match self {
            Self::Router => "router_model",
            Self::LocalAgent => "local_model",
            Self::CloudAgent => "cloud_model",
            Self::Vectors => "embed_model",
        }
    }
}

/// What is sent about silent thoughts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Think {
    Off,
    On,
    Low,
    Minimal,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DutyRow {
    model: String,
    limit_s: u64,
    keep_alive_min: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Duties {
    router: DutyRow,
    local: DutyRow,
    cloud: DutyRow,
    vectors: DutyRow,
}

/// What a family of models can do.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Family {
    starts: String,
    pub(super) schema: bool,
    pub(super) tools: bool,
    think: Option<Think>,
    think_with_schema: Option<Think>,
}

impl Family {
    /// What is sent about silent thoughts.
    pub(super) fn think(&self, with_schema: bool) -> Option<Think> {
        self.think_with_schema.filter(|_| with_schema).or(self.think)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Retired {
    model: String,
    on: Date,
    successor: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Missing {
    starts: String,
    instead: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceRow {
    model: String,
    input: f64,
    output: f64,
}

/// The model that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) model: String,
    /// What a person should know about it.
    pub(super) warning: Option<String>,
}

/// The server has neither the model nor one that could take its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotThere(pub(super) String);

/// Everything that `models.toml` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalogue {
    duty: Duties,
    alias: BTreeMap<String, String>,
    family: Vec<Family>,
    retired: Vec<Retired>,
    missing: Vec<Missing>,
    price: Vec<PriceRow>,
}

static BUILT_IN: LazyLock<Catalogue> =
    LazyLock::new(|| toml::from_str(include_str!("models.toml")).expect("compiled in and tested"));

static EVERYTHING_ELSE: Family =
    Family { starts: String::new(), schema: true, tools: true, think: None, think_with_schema: None };

impl Catalogue {
    pub(super) fn built_in() -> &'static Self {
        &BUILT_IN
    }

    fn duty(&self, duty: Duty) -> &DutyRow {
        match duty {
            Duty::Router => &self.duty.router,
            Duty::LocalAgent => &self.duty.local,
            Duty::CloudAgent => &self.duty.cloud,
            Duty::Vectors => &self.duty.vectors,
        }
    }

    /// The model of a duty unless the user names one.
    pub(super) fn default_model(&self, duty: Duty) -> &str {
        &self.duty(duty).model
    }

    /// The longest a whole answer may take.
    pub(super) fn limit(&self, duty: Duty) -> Duration {
        Duration::from_secs(self.duty(duty).limit_s)
    }

    /// How long the server keeps the model afterwards, minutes; `None` is for ever.
    pub(super) fn keep_alive_min(&self, duty: Duty) -> Option<u64> {
        self.duty(duty).keep_alive_min
    }

    /// The name behind a short name.
    pub(super) fn full_name<'a>(&'a self, named: &'a str) -> &'a str {
        self.alias.get(named).map_or(named, String::as_str)
    }

    /// What is known about a model by its name.
    pub(super) fn family(&self, model: &str) -> &Family {
        let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
        self.family.iter().find(|family| name.starts_with(&family.starts)).unwrap_or(&EVERYTHING_ELSE)
    }

    /// What a model outside costs: that of its name, or of a version of it, else the dearest.
    pub(super) fn price(&self, model: &str) -> Price {
        let known = self.price.iter().find(|price| model.starts_with(&price.model));
        let dearest = |of: fn(&PriceRow) -> f64| self.price.iter().map(of).fold(0.0, f64::max);
        let (input, output) = known.map_or_else(
            || (dearest(|p| p.input), dearest(|p| p.output)),
            |price| (price.input, price.output),
        );
        Price { input, output }
    }

    /// The model that answers for `named` on this day, at a server that has these models (`None`: not known).
    ///
    /// # Errors
    /// [`NotThere`] names the model that would be needed.
    pub(super) fn choose(
        &self,
        named: &str,
        today: Date,
        listed: Option<&[String]>,
    ) -> Result<Chosen, NotThere> {
        let mut model = self.full_name(named);
        let mut warning = None;
        while let Some(retired) = self.retired.iter().find(|retired| retired.model == model) {
            if retired.on > today {
                if retired.on <= today.saturating_add(WARN_DAYS.days()) {
                    warning = Some(format!("{model} will be gone on {}; name another one", retired.on));
                }
                break;
            }
            warning = Some(format!(
                "{named} is gone since {}; {} answers in its place, name another one if you like",
                retired.on, retired.successor
            ));
            model = &retired.successor;
        }
        let Some(listed) = listed.filter(|listed| !has(listed, model)) else {
            return Ok(Chosen { model: model.to_owned(), warning });
        };
        let places = self.missing.iter().filter(|missing| model.starts_with(&missing.starts));
        let instead = places.flat_map(|missing| &missing.instead).find(|instead| has(listed, instead));
        match instead {
            Some(instead) => Ok(Chosen {
                model: instead.clone(),
                warning: Some(format!("{model} is not there; {instead} answers in its place")),
            }),
            None => Err(NotThere(model.to_owned())),
        }
    }
}

/// Whether a server has this model. Ollama adds `:latest` to a name without a tag.
fn has(listed: &[String], model: &str) -> bool {
    listed.iter().any(|listed| listed == model || listed.strip_suffix(":latest") == Some(model))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 11, 21);

    fn choose(named: &str, today: Date, listed: Option<&[&str]>) -> Result<(String, Option<String>), String> {
        let listed: Option<Vec<String>> = listed.map(|all| all.iter().map(ToString::to_string).collect());
        let chosen = Catalogue::built_in().choose(named, today, listed.as_deref());
        chosen.map(|chosen| (chosen.model, chosen.warning)).map_err(|NotThere(model)| model)
    }

    #[test]
    fn the_catalogue_can_be_read_and_every_successor_ends_at_a_model_that_lives() {
        let all = Catalogue::built_in();
        for retired in &all.retired {
            let mut next = retired;
            for _ in 0..all.retired.len() {
                match all.retired.iter().find(|other| other.model == next.successor) {
                    Some(other) => next = other,
                    None => break,
                }
            }
            assert!(
                all.retired.iter().all(|other| other.model != next.successor),
                "{} has no end",
                retired.model
            );
        }
        assert_eq!(all.family.last().map(|family| family.starts.as_str()), Some(""));
        assert!(all.price.iter().all(|price| price.input > 0.0 && price.output > 0.0));
    }

    #[test]
    fn a_retired_model_has_a_successor_from_its_day_on_and_a_warning_before() {
        let (model, warning) = choose("gemini-2.5-flash", date(2026, 6, 1), None).expect("chosen");
        assert_eq!((model.as_str(), warning), ("gemini-2.5-flash", None));
        let (model, warning) = choose("gemini-2.5-flash", date(2026, 11, 30), None).expect("chosen");
        assert!(model == "gemini-2.5-flash" && warning.expect("a warning").contains("2026-12-01"));
        let (model, warning) = choose("gemini-2.5-flash", date(2026, 12, 1), None).expect("chosen");
        assert_eq!(model, "gemini-3.5-flash-lite");
        assert!(warning.expect("a warning").contains("gone since 2026-12-01"));
    }

    #[test]
    fn the_default_of_the_cloud_is_answered_by_its_successor() {
        let named = Catalogue::built_in().default_model(Duty::CloudAgent);
        let (model, warning) = choose(named, TODAY, None).expect("chosen");
        assert_eq!(model, "gemini-3.5-flash-lite");
        assert!(warning.expect("a warning").contains(named));
    }

    #[test]
    fn a_model_that_is_not_there_is_replaced_by_one_that_is_or_named() {
        let there = ["qwen3:4b-instruct", "smollm2:latest"];
        assert_eq!(choose("qwen3:4b-instruct", TODAY, Some(&there)), Ok(("qwen3:4b-instruct".into(), None)));
        assert_eq!(choose("smollm2", TODAY, Some(&there)), Ok(("smollm2".into(), None)));
        let (model, warning) = choose("qwen3:4b-instruct", TODAY, Some(&["qwen3:1.7b"])).expect("chosen");
        assert!(model == "qwen3:1.7b" && warning.expect("a warning").contains("is not there"));
        assert_eq!(choose("gemma", TODAY, Some(&there)), Err("gemma4:e2b".into()));
    }

    #[test]
    fn what_a_model_can_do_is_known_by_the_longest_beginning_that_stands_first() {
        let all = Catalogue::built_in();
        assert!(!all.family("deepseek-r1:8b").tools && !all.family("hf.co/x/DeepSeek-R1:8b").tools);
        assert_eq!(all.family("qwen3:4b-instruct").think(true), None);
        assert_eq!(all.family("qwen3.5:4b").think(true), Some(Think::Low));
        assert_eq!(all.family("qwen3.5:4b").think(false), Some(Think::Off));
        assert!(all.family("phi4").tools);
    }

    #[test]
    fn a_model_without_a_price_counts_as_the_dearest() {
        let all = Catalogue::built_in();
        assert_eq!(all.price("gemini-3.5-flash-lite-001").input.to_bits(), 0.30_f64.to_bits());
        assert_eq!(all.price("somebody-elses").output.to_bits(), 7.50_f64.to_bits());
    }
}
