//! One agent after another on a real node, its image present: from handing in to its first call, and the same of a bare Job
//! of the same pod in the same run.

use std::time::Duration;

use anyhow::{Context, Result};
use helix_runner::kubernetes::Kubernetes;
use helix_runner::{Backend as _, Work};
use helix_tests::time::now;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, DeleteParams, PostParams};

use super::bridge::Bridge;
use super::cluster::{Cluster, NAMESPACE, assignment};
use crate::figure::{Figure, Series, ms, rounded};

/// Until the node has everything in its caches.
const WARM_UP: usize = 2;
/// For an agent.
const LIMIT: Duration = Duration::from_mins(5);

pub(super) async fn run(starts: usize) -> Result<Vec<Figure>> {
    let mut cluster = Cluster::start("bench-cold")?;
    let host = cluster.bed("node", &[])?;
    cluster.give_image()?;
    let bridge = Bridge::start(&host).await?;
    let client = cluster.client().await?;
    cluster.operate(client.clone());
    let backend = cluster.backend(format!("http://{host}:{}", bridge.port)).await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for number in 0..WARM_UP + starts {
        let (took, job) = of_task(&backend, &bridge, &client, number).await?;
        let took_bare = Box::pin(of_job(&bridge, &client, job)).await?;
        if number >= WARM_UP {
            ours.push(took);
            bare.push(took_bare);
        }
        // The kubelet looks at its pods once a second: a fixed period would lock onto that.
        tokio::time::sleep(Duration::from_millis((number as u64 * 377) % 1000)).await;
    }
    let (ours, bare) = (Series::new(ours), Series::new(bare));
    eprintln!(
        "{}\n{}",
        ours.line("a task, handed in to first call"),
        bare.line("a bare Job, POST to first call")
    );
    let of = |name: &str, value: f64, peer: f64| {
        Figure::reported(format!("kubernetes.cold.{name}"), rounded(value, 1), "ms", ours.len()).against(peer)
    };
    let limit = rounded(bare.p50() * 1.2, 1);
    Ok(vec![
        of("p50", ours.p50(), rounded(bare.p50(), 1)).at_most(limit, "<= 1.2 x the bare Job"),
        of("p95", ours.p95(), rounded(bare.p95(), 1)),
    ])
}

/// How long the task took, and the Job that was made for it.
async fn of_task(
    backend: &Kubernetes,
    bridge: &Bridge,
    client: &Client,
    number: usize,
) -> Result<(f64, Job)> {
    let work = Work::new(assignment(number)?, LIMIT);
    let begin = now();
    backend.start(&work).await?;
    let came = bridge.came(work.assignment.spec.id.as_str()).await?;
    let jobs: Api<Job> = Api::namespaced(client.clone(), NAMESPACE);
    let job = jobs.get(&work.key.to_string()).await?;
    backend.wait(&work.key).await?;
    backend.remove(&work.key).await?;
    Ok((ms(came.saturating_sub(begin)), job))
}

/// The same pod without Helix, with a token of its own.
async fn of_job(bridge: &Bridge, client: &Client, job: Job) -> Result<f64> {
    let name = format!("bare-{}", job.metadata.name.context("a name")?);
    let metadata = || ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
    let mut spec = job.spec.context("a spec")?;
    spec.selector = None;
    let template = spec.template.metadata.as_mut().context("metadata")?;
    template.labels = None;
    let volumes = spec.template.spec.as_mut().and_then(|pod| pod.volumes.as_mut()).context("volumes")?;
    volumes[0].secret.as_mut().context("a secret")?.secret_name = Some(name.clone());
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let data = Some([("token".to_owned(), name.clone())].into());
    secrets
        .create(
            &PostParams::default(),
            &Secret { metadata: metadata(), string_data: data, ..Secret::default() },
        )
        .await?;
    let jobs: Api<Job> = Api::namespaced(client.clone(), NAMESPACE);
    let job = Job { metadata: metadata(), spec: Some(spec), status: None };
    let begin = now();
    jobs.create(&PostParams::default(), &job).await?;
    let came = bridge.came(&name).await?;
    let gone = kube::runtime::wait::await_condition(jobs.clone(), &name, |job: Option<&Job>| {
        job.is_some_and(|job| job.status.as_ref().is_some_and(|status| status.succeeded == Some(1)))
    });
    tokio::time::timeout(LIMIT, gone).await??;
    jobs.delete(&name, &DeleteParams::background()).await?;
    secrets.delete(&name, &DeleteParams::default()).await?;
    Ok(ms(came.saturating_sub(begin)))
}
