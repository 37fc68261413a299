//! What a model may answer: a JSON schema out, its text in, proposals or a question out. Nothing else is understood.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::EntityId;
use crate::home::Entity;
use crate::repair::{Ask, Proposal};

/// The longest answer that is read, bytes.
const ANSWER_LEN_MAX: usize = 4096;
/// Most acts of one answer.
const ACTS_MAX: usize = 6;
/// Most things that a question names.
const AMONG_MAX: usize = 3;
/// The longest value, characters: "candle light".
const VALUE_LEN_MAX: usize = 24;

/// What can be asked, in the words of the model. What opens the house is not among it.
const ACTIONS: [(&str, Ask); 22] = [
    ("turn_on", Ask::On),
    ("turn_off", Ask::Off),
    ("open", Ask::Open),
    ("close", Ask::Close),
    ("set_position", Ask::Position),
    ("set_brightness", Ask::Brightness),
    ("set_color", Ask::Color),
    ("set_white", Ask::Temperament),
    ("set_temperature", Ask::Temperature),
    ("set_volume", Ask::Volume),
    ("volume_up", Ask::Louder),
    ("volume_down", Ask::Quieter),
    ("mute", Ask::Mute),
    ("unmute", Ask::Unmute),
    ("pause", Ask::Pause),
    ("play", Ask::Resume),
    ("next", Ask::Next),
    ("previous", Ask::Previous),
    ("set_speed", Ask::Speed),
    ("start", Ask::Start),
    ("return_to_base", Ask::Dock),
    ("clean", Ask::Clean),
];

/// The word of the model for what is asked, if it may draft that.
pub(super) fn action_of(ask: Ask) -> Option<&'static str> {
    ACTIONS.iter().find(|(_, of)| *of == ask).map(|(word, _)| *word)
}

/// What a model made of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Draft {
    /// To do this.
    Acts(Vec<Proposal>),
    /// To ask which of these is meant.
    Which(Vec<EntityId>),
    /// Nothing.
    Nothing,
}

/// Why an answer is no draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("The answer is too long.")]
    TooLong,
    #[error("The answer is not JSON of the schema.")]
    Shape,
    #[error("The answer names an entity that is not in the list.")]
    Entity,
    #[error("The answer names an action that is not in the list.")]
    Action,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    acts: Vec<WrittenAct>,
    #[serde(default)]
    which: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAct {
    action: String,
    entity: String,
    #[serde(default)]
    value: Value,
}

/// The schema of an answer about these entities, with no more acts than the sentence has room for.
pub(super) fn schema(entities: &[&Entity], acts_max: usize) -> Value {
    let ids: Vec<&str> = entities.iter().map(|entity| entity.id.as_str()).collect();
    let actions: Vec<&str> = ACTIONS.iter().map(|(word, _)| *word).collect();
    let act = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["action", "entity"],
        "properties": {
            "action": { "type": "string", "enum": actions },
            "entity": { "type": "string", "enum": ids },
            "value": { "type": "string", "maxLength": VALUE_LEN_MAX },
        },
    });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["acts", "which"],
        "properties": {
            "acts": { "type": "array", "maxItems": acts_max.min(ACTS_MAX), "items": act },
            "which": { "type": "array", "maxItems": AMONG_MAX, "items": { "type": "string", "enum": ids } },
        },
    })
}

/// Reads an answer.
///
/// # Errors
/// [`Malformed`] says what is wrong with it, in words for the model.
pub(super) fn parse(text: &str, entities: &[&Entity]) -> Result<Draft, Malformed> {
    if text.len() > ANSWER_LEN_MAX {
        return Err(Malformed::TooLong);
    }
    let written: Written = serde_json::from_str(text.trim()).map_err(|_| Malformed::Shape)?;
    if written.acts.len() > ACTS_MAX || written.which.len() > AMONG_MAX {
        return Err(Malformed::TooLong);
    }
    let known = |id: &String| {
        let entity = entities.iter().find(|entity| entity.id.as_str() == id);
        entity.map(|entity| entity.id.clone()).ok_or(Malformed::Entity)
    };
    let act = |act: &WrittenAct| {
        let (_, ask) = ACTIONS.iter().find(|(word, _)| *word == act.action).ok_or(Malformed::Action)?;
        Ok(Proposal { entity: known(&act.entity)?, ask: *ask, value: value(&act.value)? })
    };
    let acts = written.acts.iter().map(act).collect::<Result<Vec<_>, Malformed>>()?;
    let which = written.which.iter().map(known).collect::<Result<Vec<_>, Malformed>>()?;
    Ok(match (acts.is_empty(), which.is_empty()) {
        (false, _) => Draft::Acts(acts),
        (true, false) => Draft::Which(which),
        (true, true) => Draft::Nothing,
    })
}

fn value(written: &Value) -> Result<Option<String>, Malformed> {
    match written {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) if text.chars().count() <= VALUE_LEN_MAX => Ok(Some(text.trim().to_owned())),
        Value::String(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(Malformed::Shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lamp() -> Entity {
        Entity {
            id: EntityId::from("light.desk_lamp"),
            name: "Desk Lamp".into(),
            aliases: vec![],
            area: None,
            device: None,
            device_class: None,
            exposed: true,
        }
    }

    fn read(text: &str) -> Result<Draft, Malformed> {
        parse(text, &[&lamp()])
    }

    #[test]
    fn an_act_on_a_listed_entity_is_read() {
        let draft = read(
            r#"{"acts":[{"action":"set_brightness","entity":"light.desk_lamp","value":40}],"which":[]}"#,
        );
        let entity = EntityId::from("light.desk_lamp");
        let wanted = Proposal { entity, ask: Ask::Brightness, value: Some("40".into()) };
        assert_eq!(draft, Ok(Draft::Acts(vec![wanted])));
    }

    #[test]
    fn nothing_and_a_question_are_read() {
        assert_eq!(read(r#"{"acts":[],"which":[]}"#), Ok(Draft::Nothing));
        let which = read(r#"{"acts":[],"which":["light.desk_lamp"]}"#);
        assert_eq!(which, Ok(Draft::Which(vec![EntityId::from("light.desk_lamp")])));
    }

    #[test]
    fn whatever_is_not_in_the_schema_is_no_draft() {
        for text in [
            "",
            "I would turn on the lamp.",
            "```json\n{\"acts\":[],\"which\":[]}\n```",
            r#"{"acts":[{"action":"turn_on","entity":"light.desk_lamp","service":"lock.unlock"}],"which":[]}"#,
            r#"{"acts":[{"action":"turn_on"}],"which":[]}"#,
            r#"{"acts":[],"which":[],"call":"lock.unlock"}"#,
            r#"{"acts":[{"action":"turn_on","entity":"light.desk_lamp","value":{"x":1}}],"which":[]}"#,
        ] {
            assert_eq!(read(text), Err(Malformed::Shape), "{text}");
        }
        let elsewhere = r#"{"acts":[{"action":"turn_on","entity":"light.other"}],"which":[]}"#;
        assert_eq!(read(elsewhere), Err(Malformed::Entity));
        let unlock = r#"{"acts":[{"action":"unlock","entity":"light.desk_lamp"}],"which":[]}"#;
        assert_eq!(read(unlock), Err(Malformed::Action));
        assert_eq!(read(&" ".repeat(ANSWER_LEN_MAX + 1)), Err(Malformed::TooLong));
        let act = r#"{"action":"turn_on","entity":"light.desk_lamp"}"#;
        let many = format!(r#"{{"acts":[{}],"which":[]}}"#, [act; ACTS_MAX + 1].join(","));
        assert_eq!(read(&many), Err(Malformed::TooLong));
    }

    #[test]
    fn what_opens_the_house_has_no_word() {
        assert_eq!((action_of(Ask::Unlock), action_of(Ask::Lock)), (None, None));
        assert_eq!(action_of(Ask::Dock), Some("return_to_base"));
    }
}
