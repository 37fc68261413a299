//! The plain sentences that say the same as a reading, in the words that the matcher knows.

use std::collections::BTreeSet;

use super::kinds::Kind;
use super::read::{Context, Reading, Step};
use super::scope::Scope;
use super::words::{By, Template, Tongue};
use crate::home::{Entity, Registry};

/// Most sentences that the matcher is asked about for one sentence.
pub const TWINS_MAX: usize = 12;
/// Most entities that are told one by one.
const ONE_BY_ONE_MAX: usize = 6;

/// For each step of a reading the ways to say it; each way is one or more sentences, all of which have to match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Twins {
    pub(super) ways: Vec<Vec<Vec<String>>>,
}

impl Twins {
    /// All sentences, in the order in which their matches are judged.
    pub fn sentences(&self) -> Vec<String> {
        self.ways.iter().flatten().flatten().cloned().collect()
    }
}

/// The twins of a reading; `None` if the matcher of the language has no sentence for one of its steps.
pub fn twins(reading: &Reading, context: &Context<'_>) -> Option<Twins> {
    let tongue = Tongue::of(context.language)?;
    let mut ways: Vec<Vec<Vec<String>>> = Vec::new();
    for step in &reading.steps {
        let found = ways_of(step, context.registry, tongue);
        if found.is_empty() {
            return None;
        }
        ways.push(found);
    }
    // The first way of each step is worth more than a second way of one.
    while ways.iter().flatten().map(Vec::len).sum::<usize>() > TWINS_MAX {
        let longest = ways.iter_mut().filter(|step| step.len() > 1).max_by_key(|step| step.len())?;
        longest.pop();
    }
    Some(Twins { ways })
}

fn ways_of(step: &Step, registry: &Registry, tongue: &Tongue) -> Vec<Vec<String>> {
    let mut ways = Vec::new();
    let of_ask = || tongue.words.template.iter().filter(|template| template.ask == step.ask);
    let place = match &step.scope {
        Scope::Names => None,
        Scope::Area(kind, area) => registry.areas.get(area).map(|area| (By::Area, *kind, area.name.as_str())),
        Scope::Floor(kind, floor) => {
            registry.floors.get(floor).map(|floor| (By::Floor, *kind, floor.name.as_str()))
        }
        Scope::Home(kind) => Some((By::All, *kind, "")),
    };
    if let Some((by, kind, name)) = place {
        let fits = |template: &&Template| {
            template.by == by && (template.kinds.is_empty() || template.kinds.contains(&kind))
        };
        let sentences = of_ask().filter(fits).flat_map(|template| &template.say);
        for sentence in sentences.filter(|sentence| fits_value(sentence, step)) {
            let said = sentence.replace("{area}", name).replace("{floor}", name);
            let said = said.replace("{kind}", noun(kind, tongue));
            ways.push(vec![valued(&said, step)]);
        }
    }
    if step.targets.len() <= ONE_BY_ONE_MAX {
        ways.extend(one_by_one(step, registry, tongue));
    }
    ways
}

/// One sentence for each target; a second way with other templates.
fn one_by_one(step: &Step, registry: &Registry, tongue: &Tongue) -> Vec<Vec<String>> {
    let mut each: Vec<Vec<String>> = Vec::new();
    for target in &step.targets {
        let Some(entity) = registry.entities.get(target) else { return Vec::new() };
        let sentences = named(step, entity, registry, tongue);
        if sentences.is_empty() {
            return Vec::new();
        }
        each.push(sentences);
    }
    let most = each.iter().map(Vec::len).max().unwrap_or(0);
    let way = |at: usize| -> Vec<String> {
        each.iter().filter_map(|ways| ways.get(at).or(ways.first()).cloned()).collect()
    };
    (0..most).map(way).collect()
}

fn named(step: &Step, entity: &Entity, registry: &Registry, tongue: &Tongue) -> Vec<String> {
    let alone: BTreeSet<&str> = unique_names(entity, registry);
    let area = entity.area.as_ref().and_then(|area| registry.areas.get(area)).map(|area| area.name.as_str());
    let mut sentences = Vec::new();
    for template in &tongue.words.template {
        let holds = template.kinds.is_empty() || template.kinds.iter().any(|kind| kind.holds(entity));
        if template.ask != step.ask || !holds {
            continue;
        }
        for sentence in template.say.iter().filter(|sentence| fits_value(sentence, step)) {
            let said = match (template.by, alone.iter().next(), area) {
                (By::Name, Some(name), _) => sentence.replace("{name}", name),
                (By::NameArea, None, Some(area)) => {
                    sentence.replace("{name}", &entity.name).replace("{area}", area)
                }
                (By::Name | By::NameArea | By::Area | By::Floor | By::All, _, _) => continue,
            };
            sentences.push(valued(&said, step));
        }
    }
    sentences
}

/// The names that no other exposed entity bears; its own name if that is among them, else the aliases.
fn unique_names<'a>(entity: &'a Entity, registry: &Registry) -> BTreeSet<&'a str> {
    let taken = |name: &str| {
        registry.entities.values().any(|other| {
            other.exposed
                && other.id != entity.id
                && std::iter::once(&other.name)
                    .chain(&other.aliases)
                    .any(|theirs| theirs.eq_ignore_ascii_case(name))
        })
    };
    if !taken(&entity.name) {
        return BTreeSet::from([entity.name.as_str()]);
    }
    entity.aliases.iter().map(String::as_str).filter(|alias| !taken(alias)).collect()
}

fn noun(kind: Kind, tongue: &Tongue) -> &str {
    let nouns = tongue.words.kinds.get(&kind);
    nouns.and_then(|nouns| nouns.many.first().or(nouns.one.first())).map_or("", String::as_str)
}

/// A sentence has a place for a value if and only if the step has one.
fn fits_value(sentence: &str, step: &Step) -> bool {
    sentence.contains("{value}") == step.value.is_some()
}

fn valued(sentence: &str, step: &Step) -> String {
    step.value.as_ref().map_or_else(|| sentence.to_owned(), |value| sentence.replace("{value}", value))
}
