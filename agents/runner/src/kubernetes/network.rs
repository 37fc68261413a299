//! Whether the cluster enforces network policies: two pods dial a third one, one that may and one that, like an agent, may
//! not. Both sides of it are the runner's own program: [`listen`] and [`dial`].

use std::net::SocketAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, Pod, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, DeleteParams, PostParams};
use kube::runtime::wait::await_condition;
use tokio::net::{TcpListener, TcpStream};

use super::api::ROLE_LABEL;
use super::error::{KubernetesError, is_missing};

/// The port of the probe, as in `deploy/kubernetes/base/network.yaml`.
const PORT: u16 = 7777;
/// Pods are open until the network has heard of them, about a second; so whoever dials waits first.
const SETTLES: Duration = Duration::from_secs(4);
/// What is not answered by then is kept from it.
const DIAL_LIMIT: Duration = Duration::from_secs(3);
/// For an image to be pulled and a pod to run.
const POD_LIMIT: Duration = Duration::from_mins(1);

/// What came of the probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enforcement {
    /// An agent reaches the bridge alone.
    Enforced,
    /// An agent reaches whatever it likes.
    Open,
    /// The probe did not work, and why.
    Unknown(String),
}

impl Enforcement {
    /// For people: what it means and what to do.
    pub fn words(&self) -> String {
        match self {
            Self::Enforced => {
                "the cluster enforces network policies: an agent reaches the bridge alone".to_owned()
            }
            Self::Open => {
                "the cluster does NOT enforce network policies: an agent reaches whatever its node reaches. \
                           Use a network that does (K3s' own, Calico, Cilium)"
                    .to_owned()
            }
            Self::Unknown(why) => {
                format!("whether the cluster enforces network policies is not known: {why}")
            }
        }
    }
}

/// Tries it, which takes some ten seconds; `image` holds `helix-runner`. Leaves nothing behind.
///
/// # Errors
/// The API server does not do what the probe needs.
pub async fn probe(client: &Client, namespace: &str, image: &str) -> Result<Enforcement, KubernetesError> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let names = ["helix-probe-target", "helix-probe-allowed", "helix-probe-agent"];
    clear(&pods, &names).await?;
    let found = Box::pin(attempt(&pods, image, names)).await;
    clear(&pods, &names).await?;
    found
}

async fn attempt(pods: &Api<Pod>, image: &str, names: [&str; 3]) -> Result<Enforcement, KubernetesError> {
    let [target, allowed, agent] = names;
    make(pods, target, "probe-target", image, &["probe", "listen", &PORT.to_string()]).await?;
    let Some(running) =
        until(pods, target, |pod| phase(pod) == Some("Running") && address(pod).is_some()).await
    else {
        return Ok(Enforcement::Unknown(format!("the pod {target} does not run")));
    };
    let address = address(&running).unwrap_or_default().to_owned();
    let dialled = format!("{address}:{PORT}");
    for (name, role) in [(allowed, "probe-allowed"), (agent, "agent")] {
        make(pods, name, role, image, &["probe", "dial", &dialled]).await?;
    }
    let ended = |pod: &Pod| matches!(phase(pod), Some("Succeeded" | "Failed"));
    let (allowed, agent) = tokio::join!(until(pods, allowed, ended), until(pods, agent, ended));
    let reached = |pod: &Option<Pod>| pod.as_ref().map(|pod| phase(pod) == Some("Succeeded"));
    Ok(match (reached(&allowed), reached(&agent)) {
        (Some(true), Some(true)) => Enforcement::Open,
        (Some(true), Some(false)) => Enforcement::Enforced,
        (Some(false), _) => {
            Enforcement::Unknown("a pod that may does not reach another one either".to_owned())
        }
        (None, _) | (_, None) => Enforcement::Unknown("its pods do not run".to_owned()),
    })
}

/// Accepts connections for ever: one side of the probe.
///
/// # Errors
/// The port is taken.
pub async fn listen(port: u16) -> std::io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    loop {
        drop(listener.accept().await?);
    }
}

/// Dials after the network has settled: the other side of the probe. Whether it was answered.
pub async fn dial(address: SocketAddr) -> bool {
    tokio::time::sleep(SETTLES).await;
    matches!(tokio::time::timeout(DIAL_LIMIT, TcpStream::connect(address)).await, Ok(Ok(_)))
}

async fn make(
    pods: &Api<Pod>,
    name: &str,
    role: &str,
    image: &str,
    arguments: &[&str],
) -> Result<(), KubernetesError> {
    let pod = Pod {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some([(ROLE_LABEL.to_owned(), role.to_owned())].into()),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            restart_policy: Some("Never".to_owned()),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            termination_grace_period_seconds: Some(0),
            active_deadline_seconds: Some(120),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(65_532),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    localhost_profile: None,
                }),
                ..PodSecurityContext::default()
            }),
            containers: vec![Container {
                name: "probe".to_owned(),
                image: Some(image.to_owned()),
                image_pull_policy: Some("IfNotPresent".to_owned()),
                args: Some(arguments.iter().map(|argument| (*argument).to_owned()).collect()),
                security_context: Some(SecurityContext {
                    allow_privilege_escalation: Some(false),
                    read_only_root_filesystem: Some(true),
                    capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
                    ..SecurityContext::default()
                }),
                ..Container::default()
            }],
            ..PodSpec::default()
        }),
        status: None,
    };
    pods.create(&PostParams::default(), &pod).await.map(drop).map_err(KubernetesError::at("make a pod"))
}

async fn clear(pods: &Api<Pod>, names: &[&str]) -> Result<(), KubernetesError> {
    for name in names {
        match pods.delete(name, &DeleteParams::default().grace_period(0)).await {
            Ok(_) => {}
            Err(error) if is_missing(&error) => continue,
            Err(error) => return Err(KubernetesError::at("delete a pod")(error)),
        }
        let gone = await_condition(pods.clone(), name, |pod: Option<&Pod>| pod.is_none());
        let _ = tokio::time::timeout(POD_LIMIT, gone).await;
    }
    Ok(())
}

async fn until(pods: &Api<Pod>, name: &str, holds: impl Fn(&Pod) -> bool) -> Option<Pod> {
    let condition = await_condition(pods.clone(), name, |pod: Option<&Pod>| pod.is_some_and(&holds));
    tokio::time::timeout(POD_LIMIT, condition).await.ok()?.ok()?
}

fn phase(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.phase.as_deref()
}

fn address(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.pod_ip.as_deref()
}
