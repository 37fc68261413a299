//! A cluster as the command line has it: reached by a kubeconfig or from a pod, examined, operated.

use helix_contract::Name;
use kube::{Client, Config};
use tokio_util::sync::CancellationToken;

use super::error::KubernetesError;
use super::network::{Enforcement, probe};
use super::{Kubernetes, definitions, leader, operator, window};
use crate::Finding;

/// The cluster that this process is configured for.
pub struct Cluster {
    client: Client,
    namespace: String,
}

impl Cluster {
    /// Reaches it, and makes sure that it knows Helix's objects.
    ///
    /// # Errors
    /// No cluster is configured, it is away, or its definitions are missing or too old.
    pub async fn reach(namespace: &str) -> Result<Self, KubernetesError> {
        // Whoever installed one before is fine as well: there is no other.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = Config::infer().await.map_err(|error| KubernetesError::Config(error.to_string()))?;
        let client = Client::try_from(config).map_err(|error| KubernetesError::Config(error.to_string()))?;
        definitions::check(&client).await?;
        Ok(Self { client, namespace: namespace.to_owned() })
    }

    /// The backend of a runner; `bridge` is where the cluster's pods reach the bridge.
    ///
    /// # Errors
    /// The API server is away.
    pub async fn backend(&self, runner: Name, bridge: String) -> Result<Kubernetes, KubernetesError> {
        Kubernetes::connect(self.client.clone(), &self.namespace, runner, bridge).await
    }

    /// How many agents it is given at once.
    ///
    /// # Errors
    /// The API server is away.
    pub async fn window(&self) -> Result<usize, KubernetesError> {
        window::window(&self.client).await
    }

    /// Operates it until `stop`, whenever no other operator does.
    ///
    /// # Errors
    /// Its definitions have become too old.
    pub async fn operate(&self, image: &str, stop: &CancellationToken) -> Result<(), KubernetesError> {
        let settings = operator::Settings::new(self.namespace.clone(), image);
        let identity = format!("{}-{}", hostname(), std::process::id());
        let work = |turn| operator::run(self.client.clone(), settings.clone(), turn);
        leader::lead(&self.client, &self.namespace, &identity, stop, work).await
    }

    /// Logs whether network policies are enforced, if there is an image to try it with.
    pub async fn tell_network(&self, image: Option<&str>) {
        let Some(image) = image else { return };
        match self.enforcement(image).await {
            Enforcement::Enforced => tracing::info!("{}", Enforcement::Enforced.words()),
            other @ (Enforcement::Open | Enforcement::Unknown(_)) => tracing::warn!("{}", other.words()),
        }
    }

    async fn enforcement(&self, image: &str) -> Enforcement {
        let found = Box::pin(probe(&self.client, &self.namespace, image)).await;
        found.unwrap_or_else(|error| Enforcement::Unknown(error.to_string()))
    }

    /// What of it works.
    pub async fn examine(namespace: &str, image: Option<&str>) -> Vec<Finding> {
        let part = "cluster";
        let cluster = match Self::reach(namespace).await {
            Ok(cluster) => cluster,
            Err(error) => return vec![Finding::Broken { part, why: error.to_string() }],
        };
        let mut findings = vec![Finding::Works("cluster and its definitions")];
        let part = "network policies";
        findings.push(match image {
            None => Finding::Missing { part, lost: "whether they are enforced: give it --probe-image" },
            Some(image) => match cluster.enforcement(image).await {
                Enforcement::Enforced => Finding::Works(part),
                Enforcement::Open => {
                    Finding::Missing { part, lost: "an agent reaches whatever its node reaches" }
                }
                Enforcement::Unknown(why) => Finding::Broken { part, why },
            },
        });
        findings
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
