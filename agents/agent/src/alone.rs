//! A task without a model: its tools are called as they are, and what they say is put in order. States of a home become
//! what is on, open, weak or away; results become a list.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use helix_contract::{Failure, Outcome};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::plan::failed;
use crate::run::{Run, Trouble, menu};
use crate::text::{clip, two_sentences};
use crate::words::{self, Words};

/// Names that are said before it is only counted how many there are more.
const NAMES_MAX: usize = 4;
/// A battery below this is weak, percent.
const WEAK: f64 = 20.0;
/// The longest whole answer, bytes.
const TEXT_LEN_MAX: usize = 64 * 1024;
/// The longest spoken answer, bytes.
const SPOKEN_LEN_MAX: usize = 600;

/// What `home_states` answers.
#[derive(Debug, Deserialize)]
struct Home {
    entities: Vec<Entity>,
}

#[derive(Debug, Deserialize)]
struct Entity {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    area: Option<String>,
    state: String,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

/// Whether an entity belongs to a list.
type Sort = fn(&Entity) -> bool;

/// What `web_search` answers.
#[derive(Debug, Deserialize)]
struct Results {
    results: Vec<Found>,
}

#[derive(Debug, Deserialize)]
struct Found {
    title: String,
    url: String,
    #[serde(default)]
    snippet: String,
}

/// The calls that need no thought: tools whose input the task names, or that want none. `None` if there is another.
pub(crate) fn calls(run: &Run) -> Option<Vec<(String, Value)>> {
    let spec = &run.assignment.spec;
    let call = |tool: &Value| {
        let name = tool["name"].as_str()?;
        let input = spec.inputs.get(name).cloned().unwrap_or_else(|| Value::Object(Map::new()));
        let wanted = tool["input"]["required"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let has = |key: &Value| key.as_str().is_some_and(|key| input.get(key).is_some());
        wanted.iter().all(has).then(|| (name.to_owned(), input))
    };
    let calls: Vec<_> = menu(&run.assignment).iter().map(call).collect::<Option<_>>()?;
    (!calls.is_empty()).then_some(calls)
}

/// Carries the task out.
pub(crate) async fn work(run: &mut Run) -> Result<Outcome, Trouble> {
    let language = run.assignment.spec.language.clone();
    let Some(calls) = calls(run) else { return Ok(failed(Failure::Impossible, &language, &[])) };
    let words = words::of(&language);
    let (mut spoken, mut text, mut not_found) = (Vec::new(), String::new(), Vec::new());
    for (tool, input) in calls {
        match run.call(&tool, &input).await? {
            Ok(output) => {
                let (said, written) = told(&output, words);
                spoken.push(said);
                text.push_str(&written);
            }
            Err(reason) => not_found.push(clip(&format!("{tool}: {reason}"), 512).to_owned()),
        }
    }
    if spoken.is_empty() {
        return Ok(failed(Failure::Unavailable, &language, &[]));
    }
    Ok(Outcome::Done {
        spoken: two_sentences(&spoken.join(" "), SPOKEN_LEN_MAX),
        text: clip(&text, TEXT_LEN_MAX).to_owned(),
        sources: run.sources.clone(),
        not_found,
        output: None,
    })
}

/// What is said, and what is written.
fn told(output: &Value, words: &Words) -> (String, String) {
    if let Ok(home) = Home::deserialize(output) {
        return (home.said(words), home.written());
    }
    if let Ok(Results { results }) = Results::deserialize(output) {
        let mut text = String::new();
        for Found { title, url, snippet } in &results {
            let _ = writeln!(text, "- [{}]({url}): {}", clip(title, 200), clip(snippet, 500));
        }
        return (format!("{}: {}.", words.results, results.len()), text);
    }
    let text = serde_json::to_string_pretty(output).unwrap_or_default();
    (format!("{}: 1.", words.results), format!("```json\n{text}\n```\n"))
}

impl Home {
    fn said(&self, words: &Words) -> String {
        let mut said = format!("{}: {}.", words.things, self.entities.len());
        let lists: [(&str, Sort); 4] = [
            (&words.on, Entity::is_on),
            (&words.open, Entity::is_open),
            (&words.weak, Entity::is_weak),
            (&words.away, Entity::is_away),
        ];
        let lists = lists.map(|(title, is)| format!("{title}: {}", self.names(is)));
        let _ = write!(said, " {}.", lists.join("; "));
        said
    }

    fn names(&self, is: Sort) -> String {
        let names: Vec<_> = self.entities.iter().filter(|entity| is(entity)).map(Entity::name).collect();
        match names.len() {
            0 => "0".to_owned(),
            len if len <= NAMES_MAX => names.join(", "),
            len => format!("{} +{}", names[..NAMES_MAX].join(", "), len - NAMES_MAX),
        }
    }

    fn written(&self) -> String {
        let mut areas: BTreeMap<&str, Vec<&Entity>> = BTreeMap::new();
        for entity in &self.entities {
            areas.entry(entity.area.as_deref().unwrap_or("–")).or_default().push(entity);
        }
        let mut text = String::new();
        for (area, entities) in areas {
            let _ = writeln!(text, "## {area}\n");
            for entity in entities {
                let unit = entity.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
                let _ = writeln!(text, "- {}: {}{unit}", entity.name(), clip(&entity.state, 200));
            }
            text.push('\n');
        }
        text
    }
}

impl Entity {
    fn name(&self) -> &str {
        clip(self.name.as_deref().unwrap_or(&self.id), 60)
    }

    fn is(&self, domain: &str) -> bool {
        self.id.split('.').next() == Some(domain)
    }

    fn class(&self) -> &str {
        self.attributes.get("device_class").and_then(Value::as_str).unwrap_or_default()
    }

    fn is_on(&self) -> bool {
        self.state == "on" && ["light", "switch", "fan", "humidifier"].iter().any(|domain| self.is(domain))
    }

    fn is_open(&self) -> bool {
        let is_contact = ["door", "window", "opening", "garage_door"].contains(&self.class());
        match self.state.as_str() {
            "open" | "opening" => self.is("cover") || self.is("valve"),
            "unlocked" => self.is("lock"),
            "on" => self.is("binary_sensor") && is_contact,
            _ => false,
        }
    }

    fn is_weak(&self) -> bool {
        let is_low = || self.state.parse::<f64>().is_ok_and(|charge| charge < WEAK);
        self.class() == "battery"
            && (self.is("binary_sensor") && self.state == "on" || self.is("sensor") && is_low())
    }

    fn is_away(&self) -> bool {
        self.state == "unavailable"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_states_of_a_home_are_put_in_order() {
        let output = json!({ "entities": [
            { "id": "light.k", "name": "Kitchen light", "area": "Kitchen", "state": "on", "attributes": {} },
            { "id": "light.h", "name": "Hall light", "area": "Hall", "state": "off", "attributes": {} },
            { "id": "binary_sensor.w", "name": "Window", "area": "Hall", "state": "on",
              "attributes": { "device_class": "window" } },
            { "id": "binary_sensor.m", "name": "Motion", "area": "Hall", "state": "on",
              "attributes": { "device_class": "motion" } },
            { "id": "sensor.b", "name": "Door battery", "state": "12", "unit": "%",
              "attributes": { "device_class": "battery" } },
            { "id": "sensor.t", "name": "Temperature", "area": "Hall", "state": "21.5", "unit": "°C" },
            { "id": "fan.f", "state": "unavailable" },
        ] });
        let (said, written) = told(&output, words::of("en"));
        assert_eq!(
            said,
            "Devices: 7. On: Kitchen light; Open: Window; Weak batteries: Door battery; Not reachable: fan.f."
        );
        assert!(written.contains("## Hall\n\n- Hall light: off\n"), "{written}");
        assert!(written.contains("- Temperature: 21.5 °C"), "{written}");
    }

    #[test]
    fn what_has_no_known_form_is_shown_as_it_is() {
        let (said, written) = told(&json!({ "answer": 42 }), words::of("de"));
        assert_eq!(said, "Ergebnisse: 1.");
        assert!(written.contains("\"answer\": 42"));
    }
}
