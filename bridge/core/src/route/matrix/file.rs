//! The matrix as a file: text in, a checked [`Matrix`] or the line that is wrong out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::{BUILT_IN_NAME, Case, Dimension, Gate, GateRule, Matrix, Risk, Route, ScoreRule, Values};

/// Why a matrix cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}, line {line}: {reason}", path = path.display())]
pub struct MatrixError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The key, what is wrong with it, and what is possible.
    pub reason: String,
}

/// The whole file; every part may be missing in a user's one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    gate: Option<Vec<Spanned<GateEntry>>>,
    score: Option<Vec<Spanned<ScoreEntry>>>,
    #[serde(default)]
    margin: BTreeMap<Risk, Spanned<f64>>,
    #[serde(default)]
    rest: RestEntry,
    #[serde(default)]
    risk: BTreeMap<Risk, Vec<Spanned<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GateEntry {
    name: Gate,
    #[serde(default)]
    hard: bool,
    when: Vec<CaseEntry>,
    route: Route,
}

type CaseEntry = BTreeMap<Dimension, Vec<Spanned<String>>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoreEntry {
    route: Route,
    #[serde(default)]
    when: CaseEntry,
    add: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RestEntry {
    lead: Option<Spanned<f64>>,
    topic: Option<Spanned<f64>>,
}

/// A complaint and where it belongs, bytes from the start.
struct Wrong {
    at: usize,
    reason: String,
}

fn wrong(at: usize, reason: impl Into<String>) -> Wrong {
    Wrong { at, reason: reason.into() }
}

impl Matrix {
    /// The built-in matrix with a user's file over it. Gates and scores replace the built-in ones as a whole if the
    /// file has any; thresholds one by one; risks are added.
    ///
    /// # Errors
    /// [`MatrixError`] names the file, the line and the key.
    pub fn over_built_in(text: &str, path: &Path) -> Result<Self, MatrixError> {
        let located = |wrong: Wrong| MatrixError {
            path: path.to_owned(),
            line: line_of(text, wrong.at),
            reason: wrong.reason,
        };
        let built_in = Self::built_in();
        let matrix = parse(text).and_then(|file| build(file, built_in.clone())).map_err(located)?;
        keeps_hard_gates(text, &matrix, built_in).map_err(located)?;
        Ok(matrix)
    }

    /// The table that is compiled in.
    pub(super) fn parse_whole(text: &str) -> Result<Self, MatrixError> {
        let empty = Self {
            gates: Vec::new(),
            scores: Vec::new(),
            margin: BTreeMap::new(),
            lead: 0.0,
            topic: 0.0,
            raised: Vec::new(),
        };
        parse(text).and_then(|file| build(file, empty)).map_err(|wrong| MatrixError {
            path: BUILT_IN_NAME.into(),
            line: line_of(text, wrong.at),
            reason: wrong.reason,
        })
    }
}

fn parse(text: &str) -> Result<File, Wrong> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.lines().nth(line_of(text, at) - 1).unwrap_or_default().trim();
        wrong(at, format!("{} (`{line}`)", error.message()))
    })
}

fn build(file: File, below: Matrix) -> Result<Matrix, Wrong> {
    let mut matrix = below;
    if let Some(entries) = file.gate {
        matrix.gates = entries.into_iter().map(gate).collect::<Result<_, _>>()?;
    }
    if let Some(entries) = file.score {
        matrix.scores = entries.into_iter().map(score).collect::<Result<_, _>>()?;
    }
    for (risk, value) in file.margin {
        matrix.margin.insert(risk, share(&format!("margin.{}", risk.as_str()), &value)?);
    }
    if let Some(lead) = &file.rest.lead {
        matrix.lead = share("rest.lead", lead)?;
    }
    if let Some(topic) = &file.rest.topic {
        matrix.topic = share("rest.topic", topic)?;
    }
    for (risk, listed) in file.risk {
        for name in listed {
            matrix.raised.push((raised(&name)?, risk));
        }
    }
    Ok(matrix)
}

fn gate(entry: Spanned<GateEntry>) -> Result<GateRule, Wrong> {
    let at = entry.span().start;
    let GateEntry { name, hard, when, route } = entry.into_inner();
    if name == Gate::Rest {
        return Err(wrong(at, "gate.name: `rest` is what the scores decide, not a gate"));
    }
    if when.is_empty() {
        return Err(wrong(at, format!("gate.when of `{}`: at least one case is needed", name.as_str())));
    }
    let cases = when.into_iter().map(case).collect::<Result<_, _>>()?;
    Ok(GateRule { gate: name, hard, cases, route })
}

fn score(entry: Spanned<ScoreEntry>) -> Result<ScoreRule, Wrong> {
    let at = entry.span().start;
    let ScoreEntry { route, when, add } = entry.into_inner();
    if !Route::REST.contains(&route) {
        return Err(wrong(at, format!("score.route: `{}` is only reached through a gate", route.as_str())));
    }
    if !(-5.0..=5.0).contains(&add) {
        return Err(wrong(at, format!("score.add: {add} is out of range; -5 to 5 is possible")));
    }
    Ok(ScoreRule { route, case: case(when)?, add: add as f32 })
}

fn case(entry: CaseEntry) -> Result<Case, Wrong> {
    entry.into_iter().map(|(dimension, values)| Ok((dimension, one_of(dimension, values)?))).collect()
}

fn one_of(dimension: Dimension, values: Vec<Spanned<String>>) -> Result<Values, Wrong> {
    let known = dimension.values();
    let name = dimension.as_str();
    let (mut among, mut except) = (Vec::new(), Vec::new());
    let mut last = 0;
    for value in values {
        last = value.span().start;
        let value = value.into_inner();
        let plain = value.strip_prefix('!').unwrap_or(&value).to_owned();
        if !known.is_empty() && !known.contains(&plain.as_str()) {
            return Err(wrong(last, format!("{name}: `{plain}` is not one of {}", known.join(", "))));
        }
        if value.starts_with('!') { except.push(plain) } else { among.push(plain) }
    }
    match (among.is_empty(), except.is_empty()) {
        (false, true) => Ok(Values::Among(among)),
        (true, false) => Ok(Values::Except(except)),
        (true, true) => Err(wrong(last, format!("{name}: at least one value is needed"))),
        (false, false) => Err(wrong(last, format!("{name}: either all values begin with ! or none"))),
    }
}

fn share(key: &str, value: &Spanned<f64>) -> Result<f32, Wrong> {
    let number = *value.get_ref();
    if (0.0..=1.0).contains(&number) {
        Ok(number as f32)
    } else {
        Err(wrong(value.span().start, format!("{key}: {number} is out of range; 0 to 1 is possible")))
    }
}

fn raised(name: &Spanned<String>) -> Result<String, Wrong> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let text = name.get_ref();
    if text.split(['.', ':']).all(is_word) && text.split(['.', ':']).count() <= 2 {
        return Ok(text.clone());
    }
    Err(wrong(
        name.span().start,
        format!(
            "risk: `{text}` is no entity (`cover.awning`), domain (`siren`) or device class (`cover:awning`)"
        ),
    ))
}

/// Every hard gate is still there, the same, and nothing that acts stands in front of it that did not before.
fn keeps_hard_gates(text: &str, matrix: &Matrix, built_in: &Matrix) -> Result<(), Wrong> {
    let first = text.find("[[gate]]").unwrap_or(0);
    let at = |gate: Gate| {
        let name = format!("\"{}\"", gate.as_str());
        text.match_indices("name")
            .find(|(at, _)| text[*at..].lines().next().is_some_and(|l| l.contains(&name)))
            .map_or(first, |(at, _)| at)
    };
    for hard in built_in.gates.iter().filter(|rule| rule.hard) {
        let name = hard.gate.as_str();
        let Some(place) = matrix.gates.iter().position(|rule| rule.gate == hard.gate) else {
            return Err(wrong(
                first,
                format!("gate: the hard gate `{name}` is missing; it cannot be removed"),
            ));
        };
        if matrix.gates[place] != *hard {
            let reason = format!("gate `{name}`: it is hard and has to stay as it is in Helix's own matrix");
            return Err(wrong(at(hard.gate), reason));
        }
        let before = acting_before(built_in, hard.gate);
        if let Some(early) = acting_before(matrix, hard.gate).find(|gate| !before.clone().any(|b| b == *gate))
        {
            let reason = format!("gate `{}`: it acts and cannot stand in front of `{name}`", early.as_str());
            return Err(wrong(at(early), reason));
        }
    }
    Ok(())
}

fn acting_before(matrix: &Matrix, gate: Gate) -> impl Iterator<Item = Gate> + Clone + '_ {
    let before = matrix.gates.iter().take_while(move |rule| rule.gate != gate);
    before.filter(|rule| !matches!(rule.route, Route::Refuse | Route::Clarify)).map(|rule| rule.gate)
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
