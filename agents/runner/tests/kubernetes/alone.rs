//! What breaks the cluster for all others for a while: run alone, with one thread.

use std::time::Duration;

use helix_contract::Failure;
use helix_runner::kubernetes::{KubernetesError, check_definitions};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use crate::cluster::{self, admin, bed, client, left_of};
use crate::scripted::of;
use crate::{Scene, runs, told};

#[tokio::test]
async fn definitions_of_an_older_helix_are_refused_with_what_to_do() {
    cluster::ready();
    check_definitions(&client().await).await.expect("they are there");
    let definitions: Api<CustomResourceDefinition> = Api::all(admin().await);
    let with_form = async |form: serde_json::Value| {
        let patch = Patch::Merge(json!({ "metadata": { "annotations": { "helix.run/form": form } } }));
        definitions.patch("agenttasks.helix.run", &PatchParams::default(), &patch).await.expect("patched");
    };
    with_form(json!(null)).await;
    let old = check_definitions(&client().await).await.expect_err("it is older");
    with_form(json!("2")).await;
    let later = check_definitions(&client().await).await;
    with_form(json!("1")).await;
    assert!(matches!(old, KubernetesError::OldDefinition { found: 0, .. }), "{old}");
    assert!(old.to_string().contains("kubectl apply"), "{old}");
    later.expect("a later form is fine");
}

#[tokio::test]
async fn an_api_server_that_is_away_for_half_a_minute_costs_no_task() {
    let scene = Scene::begin("api-away").await;
    let task = told(1, "api-away", "sleep 5000");
    scene.bridge.queues(task.clone());
    runs(&of(&task)).await;
    bed("kill", &["apiserver"]);
    // It neither needs the API server to work nor to tell its result.
    scene.bridge.until("a result", |heard| !heard.results.is_empty()).await;
    scene.bridge.queues(told(2, "api-away", "answer"));
    tokio::time::sleep(Duration::from_secs(25)).await;
    bed("resume", &[]);
    scene.bridge.until("each task has ended", |heard| heard.results.len() + heard.returned.len() >= 2).await;
    scene.bridge.heard(|heard| {
        assert!(
            heard.returned.iter().all(|returned| returned.failure != Some(Failure::Impossible)),
            "{:?}",
            heard.returned
        );
    });
    scene.end().await;
    assert!(left_of("api-away").await.is_empty());
}
