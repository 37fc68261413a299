//! What the dry run and the real run answer, in core's words; and the check that the dry run is what we think.

use helix_core::EntityId;
use helix_core::home::{Execution, ExecutionKind, HomeError, Match, MatchSource, StrictMatch};
use helix_hass::conversation::{Recognition, Response, Source, Touched};

use super::client::HomeAssistant;

/// A question that needs no entity; nonsense; a command for a thing that nobody owns.
const KNOWN: [&str; 3] = ["what time is it", "florble quandit vex", "turn on the zorgonblat"];

/// Reads what the matcher made of a sentence.
pub(super) fn read(recognition: Option<Recognition>) -> Result<Match, HomeError> {
    let Some(recognition) = recognition else { return Ok(Match::None) };
    let source = match recognition.source {
        Source::Builtin => MatchSource::Builtin,
        Source::Custom => MatchSource::Custom,
        Source::Trigger => MatchSource::Trigger,
    };
    let intent = match (recognition.intent, source) {
        (Some(intent), MatchSource::Builtin | MatchSource::Custom) => intent.name,
        (_, MatchSource::Trigger) => String::new(),
        (None, MatchSource::Builtin | MatchSource::Custom) => {
            return Err(HomeError::MatcherChanged("a match without an intent".into()));
        }
    };
    if !recognition.matched {
        let words =
            |value: serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let unmatched = recognition.unmatched_slots.into_iter().map(|(slot, value)| (slot, words(value)));
        return Ok(Match::Unmatched { intent, unmatched: unmatched.collect() });
    }
    let mut slots = recognition.slots;
    // What the words stand for counts, not the words: 40, not "forty".
    slots.extend(recognition.details.into_iter().map(|(slot, detail)| (slot, detail.value)));
    let targets = recognition.targets.into_keys().map(EntityId::from).collect();
    Ok(Match::Strict(StrictMatch { intent, slots, targets, source }))
}

/// Reads what the agent did.
pub(super) fn execution(mut response: Response) -> Execution {
    let kind = match response.response_type.as_str() {
        "action_done" => ExecutionKind::ActionDone,
        "query_answer" => ExecutionKind::QueryAnswer,
        _ => ExecutionKind::Error(response.data.code.unwrap_or_else(|| "unknown".into())),
    };
    Execution {
        kind,
        speech: response.speech.remove("plain").map(|plain| plain.speech).unwrap_or_default(),
        done: entities(response.data.success),
        failed: entities(response.data.failed),
    }
}

fn entities(touched: Vec<Touched>) -> Vec<EntityId> {
    let ids = touched.into_iter().filter(|touched| touched.kind == "entity").filter_map(|touched| touched.id);
    ids.map(EntityId::from).collect()
}

/// Asks for sentences whose answers are known, in English and in the language of the home.
/// `Ok(Err(why))`: the dry run is not what Helix relies on. `Err`: it could not be asked.
pub(super) async fn self_check(
    home: &HomeAssistant,
    language: &str,
) -> Result<Result<(), String>, HomeError> {
    let known: Vec<String> = KNOWN.map(str::to_owned).into();
    let english = match home.debug(known.clone(), "en", None).await {
        Ok(matches) => judge(&matches),
        Err(HomeError::MatcherChanged(why)) => Err(why),
        Err(HomeError::Rejected { code, message }) => Err(format!("{code}: {message}")),
        Err(error) => return Err(error),
    };
    if english.is_err() || language == "en" {
        return Ok(english);
    }
    // Another language has other sentences: only the shape can be checked.
    match home.debug(known, language, None).await {
        Ok(_) => Ok(Ok(())),
        Err(HomeError::MatcherChanged(why)) => Ok(Err(why)),
        Err(error) => Err(error),
    }
}

fn judge(matches: &[Match]) -> Result<(), String> {
    let [time, nonsense, unknown] = matches else { return Err(format!("{} answers for 3", matches.len())) };
    let expected_time =
        matches!(time, Match::Strict(m) if m.intent == "HassGetCurrentTime" && m.targets.is_empty());
    if !expected_time && !is_users_own(time) {
        return Err(format!("{:?} is not a question for the time", KNOWN[0]));
    }
    if *nonsense != Match::None && !is_users_own(nonsense) {
        return Err(format!("{:?} means something", KNOWN[1]));
    }
    let expected_unknown = matches!(unknown, Match::Unmatched { intent, unmatched } if intent == "HassTurnOn" && unmatched.contains_key("name"));
    if !expected_unknown && !is_users_own(unknown) {
        return Err(format!("{:?} is not a command with an unknown name", KNOWN[2]));
    }
    Ok(())
}

/// The user's own sentences may match anything ("turn on {whatever}") and prove nothing.
fn is_users_own(found: &Match) -> bool {
    matches!(found, Match::Strict(m) if matches!(m.source, MatchSource::Custom | MatchSource::Trigger))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn matched(recognition: Value) -> Match {
        read(from_value(recognition).expect("readable")).expect("known shape")
    }

    fn known() -> Vec<Match> {
        vec![
            matched(json!({"match": true, "source": "builtin", "intent": {"name": "HassGetCurrentTime"}})),
            Match::None,
            matched(json!({"match": false, "source": "builtin", "intent": {"name": "HassTurnOn"},
                           "unmatched_slots": {"name": "zorgonblat"}})),
        ]
    }

    #[test]
    fn slots_hold_what_the_words_stand_for() {
        let Match::Strict(found) = matched(json!({
            "match": true, "source": "builtin", "intent": {"name": "HassLightSet"},
            "slots": {"brightness": "forty"}, "details": {"brightness": {"value": 40.0}},
            "targets": {"light.kitchen": {"matched": true}},
        })) else {
            panic!("a match")
        };
        assert_eq!(found.slots["brightness"], 40.0);
        assert_eq!(found.targets, [EntityId::from("light.kitchen")]);
    }

    #[test]
    fn an_answer_without_the_fields_that_authorise_cannot_be_read() {
        for shape in [
            json!({"match": true}),
            json!({"source": "builtin"}),
            json!({"match": "yes", "source": "builtin"}),
        ] {
            assert!(from_value::<Recognition>(shape).is_err());
        }
        let no_intent = from_value(json!({"match": true, "source": "builtin"})).expect("readable");
        assert!(matches!(read(no_intent), Err(HomeError::MatcherChanged(_))));
    }

    #[test]
    fn the_self_check_accepts_the_known_answers_and_nothing_else() {
        assert_eq!(judge(&known()), Ok(()));
        for index in 0..3 {
            let mut changed = known();
            changed[index] = known()[(index + 1) % 3].clone();
            assert!(judge(&changed).is_err(), "answer {index}");
        }
        assert!(judge(&known()[..2]).is_err());
    }

    #[test]
    fn a_users_own_catch_all_sentence_does_not_fail_the_self_check() {
        let own = matched(json!({"match": true, "source": "trigger", "sentence_template": "{all}"}));
        assert_eq!(judge(&[own.clone(), own.clone(), own]), Ok(()));
    }

    #[test]
    fn an_error_carries_home_assistants_code() {
        let response = from_value(json!({"response_type": "error", "speech": {"plain": {"speech": "Sorry"}},
                                         "data": {"code": "no_valid_targets"}}));
        let execution = execution(response.expect("readable"));
        assert_eq!(execution.kind, ExecutionKind::Error("no_valid_targets".into()));
        assert_eq!(execution.speech, "Sorry");
    }
}
