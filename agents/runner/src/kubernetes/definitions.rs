//! Whether the cluster knows Helix's objects as this Helix does.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use kube::{Client, CustomResourceExt as _, Resource as _, ResourceExt as _};

use super::api::{Agent, AgentTask, FORM, FORM_ANNOTATION};
use super::error::{KubernetesError, is_missing};

/// Compares the cluster's definitions with those of this Helix. Later ones are fine: they only have more fields.
///
/// # Errors
/// [`KubernetesError::NoDefinition`] and [`KubernetesError::OldDefinition`] say what to apply.
pub async fn check(client: &Client) -> Result<(), KubernetesError> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let version = AgentTask::version(&());
    for name in [AgentTask::crd_name(), Agent::crd_name()] {
        let found = match definitions.get(name).await {
            Ok(found) => found,
            Err(error) if is_missing(&error) => return Err(KubernetesError::NoDefinition(name.to_owned())),
            Err(error) => return Err(KubernetesError::at("tell its definitions")(error)),
        };
        let served = found.spec.versions.iter().any(|one| one.served && one.name == version);
        let form = found.annotations().get(FORM_ANNOTATION).and_then(|form| form.parse().ok()).unwrap_or(0);
        if !served || form < FORM {
            return Err(KubernetesError::OldDefinition { name: name.to_owned(), found: form });
        }
    }
    Ok(())
}
