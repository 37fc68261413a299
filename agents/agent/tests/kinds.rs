//! The real program passes the cases of every built-in kind, and what does wrong does not pass.

use std::path::Path;
use std::time::Duration;

use helix_kinds::{Files, Kind, Unfit, Verdict, accept, built_in};

const LIMIT: Duration = Duration::from_secs(30);

fn agent() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_helix-agent"))
}

fn kind(name: &str) -> Kind {
    let named = built_in().expect("kinds").into_iter().find(|kind| kind.definition.name.as_str() == name);
    named.expect("this kind")
}

#[tokio::test]
async fn every_built_in_kind_passes_its_cases() {
    for kind in built_in().expect("kinds") {
        for Verdict { case, unfit } in accept(agent(), &kind, None, LIMIT).await {
            assert!(unfit.is_empty(), "{}: {case}: {unfit:#?}", kind.definition.name);
        }
    }
}

#[tokio::test]
async fn a_kind_that_lost_a_tool_fails_its_cases() {
    let mut kind = kind("research");
    kind.definition.tools.retain(|tool| tool.as_str() != "read_page");
    let verdicts = accept(agent(), &kind, None, LIMIT).await;
    let unfit = &verdicts.first().expect("a case").unfit;
    assert!(
        unfit.iter().any(|unfit| matches!(unfit, Unfit::Missing { place: "the list of calls", .. })),
        "{unfit:?}"
    );
}

#[tokio::test]
async fn an_answer_that_is_another_one_fails_its_case() {
    let mut kind = kind("home-report");
    for case in &mut kind.cases {
        case.expect.spoken = vec!["the garage is open".to_owned()];
    }
    let verdicts = accept(agent(), &kind, None, LIMIT).await;
    assert!(verdicts.iter().all(|verdict| !verdict.is_fit()), "{verdicts:?}");
}

#[tokio::test]
async fn a_program_that_is_no_agent_fails_every_case() {
    let kind = kind("plan");
    for (program, words) in
        [("/bin/false", "exited with Some(1)"), ("/bin/cat", "no result"), ("/nowhere", "does not start")]
    {
        for Verdict { unfit, .. } in accept(Path::new(program), &kind, None, LIMIT).await {
            let told: Vec<_> = unfit.iter().map(ToString::to_string).collect();
            assert!(told.iter().any(|told| told.contains(words)), "{program}: {told:?}");
        }
    }
    let sleeping = accept(Path::new("/usr/bin/yes"), &kind, None, Duration::from_millis(200)).await;
    assert!(sleeping.iter().all(|verdict| !verdict.is_fit()), "{sleeping:?}");
}

#[tokio::test]
async fn the_kind_that_the_guide_shows_is_one_and_passes_its_case() {
    let guide = include_str!("../../kinds/README.md");
    let block = |language: &str| {
        let (_, rest) = guide.split_once(&format!("```{language}\n")).expect("a block");
        rest.split_once("\n```").expect("its end").0
    };
    let case = block("json").replace('\n', " ");
    let files = Files { agent: block("toml"), prompt: "Look up the tide.", examples: "", accept: &case };
    let kind = Kind::read("tides".parse().expect("a name"), &files).expect("a kind");
    for Verdict { case, unfit } in accept(agent(), &kind, None, LIMIT).await {
        assert!(unfit.is_empty(), "{case}: {unfit:#?}");
    }
}
