//! The definitions in `deploy/kubernetes/base/crd` are those of the types.
//!
//! `HELIX_BLESS=1 cargo test -p helix-runner --test definitions` writes them anew.

use std::path::Path;
use std::{env, fs};

use helix_runner::kubernetes::api::{Agent, AgentTask, FORM, FORM_ANNOTATION};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResourceExt as _, ResourceExt as _};

fn published(file: &str, definition: &CustomResourceDefinition) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/kubernetes/base/crd").join(file);
    let text = serde_yaml_ng::to_string(definition).expect("a definition is YAML");
    let text = format!("# Written by: HELIX_BLESS=1 cargo test -p helix-runner --test definitions\n{text}");
    if env::var_os("HELIX_BLESS").is_some() {
        fs::write(&path, &text).expect("the definition can be written");
    }
    let found = fs::read_to_string(&path).expect("the definition is published");
    assert_eq!(
        found, text,
        "{file} is not of its type: HELIX_BLESS=1 cargo test -p helix-runner --test definitions"
    );
    assert_eq!(definition.annotations().get(FORM_ANNOTATION), Some(&FORM.to_string()), "{file}");
}

#[test]
fn the_published_definitions_are_those_of_the_types() {
    published("agenttasks.yaml", &AgentTask::crd());
    published("agents.yaml", &Agent::crd());
}
