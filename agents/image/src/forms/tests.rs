//! What becomes of the forms of agents.

use jiff::SignedDuration;

use super::*;
use crate::collect::Reason;

fn at(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
    start + SignedDuration::from_mins(minutes)
}

fn agent() -> AgentName {
    "research".parse().expect("a name")
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

#[expect(clippy::unnecessary_wraps, reason = "as the functions take it")]
fn base() -> Option<Digest> {
    Some(digest("base"))
}

fn image(text: &str) -> Image {
    let digest = digest(&format!("image of {text}"));
    Image { digest, name: format!("registry/agent-research@{digest}") }
}

fn end(definition: &str, good: Option<bool>, minutes: i64) -> End {
    End { agent: agent(), definition: digest(definition), image: None, good, at: at(minutes) }
}

/// Forms of which each was promoted after the one before it, with its image.
fn promoted(definitions: &[&str]) -> Forms {
    let mut forms = Forms::default();
    for (minute, definition) in (0..).zip(definitions) {
        assert_eq!(forms.ended(&end(definition, Some(true), minute), base()), None);
        forms.promote(&agent(), digest(definition), base(), at(minute));
        forms.made(&agent(), digest(definition), base(), image(definition));
    }
    forms
}

fn standing(forms: &Forms, definition: &str) -> Standing {
    let form = forms.all().iter().find(|form| form.definition == digest(definition));
    form.expect("a form").standing
}

fn chosen(forms: &Forms, newest: &str) -> (Digest, Option<String>) {
    let Chosen { definition, image } = forms.chosen(&agent(), digest(newest));
    (definition, image)
}

#[test]
fn an_agent_that_did_well_is_a_candidate_and_then_the_current_one() {
    let mut forms = Forms::default();
    forms.ended(&end("a", Some(false), 0), base());
    forms.ended(&end("a", None, 0), base());
    assert!(forms.all().is_empty(), "who did not do well is not kept");
    forms.ended(&end("a", Some(true), 1), base());
    assert_eq!((standing(&forms, "a"), forms.all()[0].successes), (Standing::Candidate, 1));
    assert_eq!(chosen(&forms, "a"), (digest("a"), None));
    forms.promote(&agent(), digest("a"), base(), at(2));
    assert_eq!(chosen(&forms, "a"), (digest("a"), None), "its image was not made yet");
    forms.made(&agent(), digest("a"), base(), image("a"));
    assert_eq!(chosen(&forms, "a"), (digest("a"), Some(image("a").name)));
    forms.ended(&End { image: Some(image("a").name), ..end("a", Some(true), 9) }, base());
    let form = forms.current(&agent()).expect("one");
    assert_eq!((form.successes, form.last_used), (2, at(9)));
}

#[test]
fn a_changed_definition_is_not_found_in_the_image_of_the_one_before() {
    let forms = promoted(&["a"]);
    assert_eq!(chosen(&forms, "b"), (digest("b"), None));
}

#[test]
fn there_is_one_current_form_and_one_before_it() {
    let forms = promoted(&["a", "b", "c"]);
    let standings = ["a", "b", "c"].map(|definition| standing(&forms, definition));
    assert_eq!(standings, [Standing::Kept, Standing::Previous, Standing::Current]);
    // A definition that is as it was before has its image at once.
    assert_eq!(chosen(&forms, "a").1, Some(image("a").name));
}

#[test]
fn a_new_base_makes_a_new_form_of_the_same_definition() {
    let mut forms = promoted(&["a"]);
    let newer = Some(digest("newer base"));
    forms.ended(&end("a", Some(true), 5), newer);
    let standings: Vec<_> = forms.all().iter().map(|form| (form.base, form.standing)).collect();
    assert_eq!(standings, [(base(), Standing::Current), (newer, Standing::Candidate)]);
    assert_eq!(chosen(&forms, "a").1, Some(image("a").name), "until it is accepted");
}

#[test]
fn what_is_taken_back_is_used_no_more_and_not_promoted_by_itself() {
    let mut forms = promoted(&["a", "b"]);
    forms.return_to(&agent(), None).expect("a");
    assert_eq!(chosen(&forms, "b"), (digest("a"), Some(image("a").name)));
    forms.ended(&End { image: Some(image("b").name), ..end("b", Some(true), 5) }, base());
    assert_eq!(standing(&forms, "b"), Standing::Kept);
    assert_eq!(forms.return_to(&agent(), None), Err(NoWayBack::NonePrevious));
    // A person may want it again, and another definition is free.
    forms.return_to(&agent(), Some(&digest("b").to_string())).expect("b");
    assert_eq!(chosen(&forms, "b"), (digest("b"), Some(image("b").name)));
    assert_eq!(chosen(&forms, "c"), (digest("c"), None));
    assert_eq!(forms.return_to(&agent(), None), Ok(()), "who went forward can go back again");
}

#[test]
fn a_form_is_named_by_the_beginning_of_its_digest_or_that_of_its_image() {
    let mut forms = promoted(&["a", "b"]);
    let named = |forms: &mut Forms, text: &str| forms.return_to(&agent(), Some(text));
    assert_eq!(named(&mut forms, "sha256:"), Err(NoWayBack::NotNamed));
    assert_eq!(named(&mut forms, &digest("c").to_string()), Err(NoWayBack::NotNamed));
    assert_eq!(named(&mut forms, &image("b").digest.to_string()), Err(NoWayBack::IsCurrent));
    let beginning = image("a").digest.to_string()["sha256:".len()..][..12].to_owned();
    assert_eq!(named(&mut forms, &beginning), Ok(()));
    assert_eq!(standing(&forms, "a"), Standing::Current);
}

#[test]
fn three_failures_in_a_row_take_a_new_form_back_and_not_one_that_has_proved_itself() {
    let fail = |forms: &mut Forms| forms.ended(&end("b", Some(false), 9), base());
    let mut forms = promoted(&["a", "b"]);
    assert_eq!((fail(&mut forms), fail(&mut forms)), (None, None));
    forms.ended(&end("b", Some(true), 9), base());
    assert_eq!((fail(&mut forms), fail(&mut forms)), (None, None));
    forms.ended(&end("b", None, 9), base());
    assert_eq!(fail(&mut forms), Some(digest("b")));
    assert_eq!((standing(&forms, "a"), standing(&forms, "b")), (Standing::Current, Standing::Kept));

    let mut forms = promoted(&["a", "b"]);
    for _ in 0..20 {
        forms.ended(&end("b", Some(true), 9), base());
    }
    assert_eq!([(); 4].map(|()| fail(&mut forms)), [None; 4]);

    let mut forms = promoted(&["b"]);
    assert_eq!([(); 4].map(|()| fail(&mut forms)), [None; 4], "there is nothing to return to");
    assert_eq!(standing(&forms, "b"), Standing::Current);
}

#[test]
fn an_image_that_does_not_start_is_offered_no_more_and_one_that_is_missing_is_made_anew() {
    let mut forms = promoted(&["a"]);
    assert!(forms.is_offered(&image("a").name) && forms.is_offered("of somebody else"));
    forms.troubled(&image("a").name, Trouble::Missing);
    assert_eq!((chosen(&forms, "a").1, standing(&forms, "a")), (None, Standing::Current));
    forms.made(&agent(), digest("a"), base(), image("a"));
    forms.troubled(&image("a").name, Trouble::Unfit);
    assert!(!forms.is_offered(&image("a").name));
    forms.ended(&end("a", Some(true), 5), base());
    assert_eq!((chosen(&forms, "a"), standing(&forms, "a")), ((digest("a"), None), Standing::Unfit));
    forms.ended(&end("a", Some(true), 5), Some(digest("newer base")));
    assert_eq!(forms.all().len(), 2, "on another base it is tried again");
}

#[test]
fn what_nobody_used_goes_in_two_steps_and_comes_back_with_the_next_success() {
    const DAY: i64 = 24 * 60;
    let mut forms = promoted(&["a"]);
    let verdict = |forms: &Forms, flights: u32, days: i64| {
        let judged = forms.judged(|_| flights, at(days * DAY));
        judged.first().expect("one").1
    };
    assert_eq!(verdict(&forms, 0, 29), Verdict::Keep(Reason::Used));
    assert_eq!(verdict(&forms, 1, 31), Verdict::Keep(Reason::InFlight));
    assert_eq!(verdict(&forms, 0, 31), Verdict::Remove);
    assert_eq!(forms.pin(&agent(), true), 1);
    assert_eq!(verdict(&forms, 0, 31), Verdict::Keep(Reason::Pinned));
    forms.pin(&agent(), false);
    forms.deleting(image("a").digest);
    assert!(!forms.is_offered(&image("a").name));
    assert_eq!(chosen(&forms, "a"), (digest("a"), None));
    forms.gone(image("a").digest);
    assert!(forms.judged(|_| 0, at(60 * DAY)).is_empty());
    forms.ended(&end("a", Some(true), 60 * DAY), base());
    assert_eq!(standing(&forms, "a"), Standing::Candidate);
}

#[test]
fn without_a_base_everything_is_the_same_but_for_the_image() {
    let mut forms = Forms::default();
    for (minute, definition) in [(0, "a"), (1, "b")] {
        forms.ended(&end(definition, Some(true), minute), None);
        forms.promote(&agent(), digest(definition), None, at(minute));
    }
    assert_eq!(chosen(&forms, "b"), (digest("b"), None));
    forms.return_to(&agent(), None).expect("a");
    assert_eq!(chosen(&forms, "b"), (digest("a"), None));
    assert!(forms.judged(|_| 0, at(99_999_999)).is_empty());
}

#[test]
fn every_standing_has_its_word() {
    for standing in Standing::ALL {
        assert_eq!(Standing::parse(standing.as_str()), Some(standing));
    }
}
