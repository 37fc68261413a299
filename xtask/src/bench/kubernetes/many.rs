//! Thousands of tasks over made-up nodes, as fast as the bare API server can complete Jobs in the same run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::FutureExt as _;
use helix_runner::kubernetes::Kubernetes;
use helix_runner::{Backend as _, Turn, Work};
use helix_tests::time::{now, since};
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::client::{Body, ClientBuilder};
use kube::core::PartialObjectMeta;
use kube::{Client, Config};
use serde_json::{from_value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::util::MapRequestLayer;

use super::cluster::{Cluster, assignment};
use crate::figure::{Figure, Series, ms, rounded};

/// Jobs by which the bare rate is found.
const BARE_JOBS: usize = 300;
/// Requests at the same time while it is found.
const BARE_REQUESTS: usize = 16;
const BARE_NAMESPACE: &str = "bare";
/// For one task.
const LIMIT: Duration = Duration::from_mins(5);

/// When which Job was first sent to the API server.
type Sent = Arc<Mutex<BTreeMap<String, Duration>>>;

pub(super) async fn run(tasks: usize, nodes: usize, window: usize) -> Result<Vec<Figure>> {
    let mut cluster = Cluster::start("bench-many")?;
    cluster.make_up_nodes(nodes)?;
    let rate = bare_rate(&cluster.client().await?).await?;
    eprintln!("the bare API server completes {rate:.1} Jobs a second");
    let sent = Sent::default();
    cluster.operate(noting(cluster.config().await?, &sent)?);
    let backend = Arc::new(cluster.backend("http://192.0.2.1:1".to_owned()).await?);
    // The operator knows the cluster when it has carried out one task.
    carry_out(&backend, &Work::new(assignment(tasks)?, LIMIT), backend.turn().await).await?;
    sent.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let begin = now();
    let mut before = Sizes::default();
    let mut accepted = BTreeMap::new();
    let slots = Arc::new(Semaphore::new(window));
    let mut running = JoinSet::new();
    for number in 0..tasks {
        tokio::time::sleep(Duration::from_secs_f64(number as f64 / rate).saturating_sub(since(begin))).await;
        let slot = Arc::clone(&slots).acquire_owned().await?;
        let turn = backend.turn().await;
        if number == tasks / 2 {
            before = Sizes::of(&cluster)?;
        }
        let work = Work::new(assignment(number)?, LIMIT);
        accepted.insert(work.key.to_string(), now());
        let backend = Arc::clone(&backend);
        running.spawn(async move {
            let done = carry_out(&backend, &work, turn).await;
            drop(slot);
            done
        });
        while let Some(done) = running.try_join_next() {
            done??;
        }
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    let took = since(begin);
    let after = Sizes::of(&cluster)?;
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ensure!(sent.len() == tasks, "{} Jobs were made for {tasks} tasks", sent.len());
    let waits: Vec<_> = accepted
        .iter()
        .filter_map(|(name, at)| Some((at.saturating_sub(begin), ms(sent.get(name)?.saturating_sub(*at)))))
        .collect();
    tell_slowest(&waits);
    let waits = waits.into_iter().map(|(_, wait)| wait).collect();
    Ok(figures(&Series::new(waits), rate, tasks as f64 / took.as_secs_f64(), &before, &after))
}

/// When those were accepted that waited longest: whether it was one moment or many.
fn tell_slowest(waits: &[(Duration, f64)]) {
    let mut slowest = waits.to_vec();
    slowest.sort_by(|a, b| b.1.total_cmp(&a.1));
    slowest.truncate(waits.len().div_ceil(50));
    slowest.sort_by_key(|(at, _)| *at);
    let told: Vec<_> =
        slowest.iter().map(|(at, wait)| format!("{wait:.0} ms at {:.1} s", at.as_secs_f64())).collect();
    eprintln!("the slowest fiftieth: {}", told.join(", "));
}

async fn carry_out(backend: &Kubernetes, work: &Work, turn: Turn) -> Result<()> {
    backend.start(work).await?;
    drop(turn);
    let report = backend.wait(&work.key).await?;
    ensure!(report.ended.failure().is_none(), "{}: {report:?}", work.key);
    Ok(backend.remove(&work.key).await?)
}

fn figures(waits: &Series, bare: f64, rate: f64, before: &Sizes, after: &Sizes) -> Vec<Figure> {
    eprintln!("{}", waits.line("accepted to Job sent"));
    let of = |name: &str, value: f64, unit| {
        Figure::reported(format!("kubernetes.many.{name}"), rounded(value, 1), unit, waits.len())
    };
    let grown = |name: &str, half: f64, end: f64, limit: f64, goal| {
        of(name, end / 1e6, "MB").against(rounded(half / 1e6, 1)).at_most(half / 1e6 * limit, goal)
    };
    vec![
        of("accepted-to-sent.p50", waits.p50(), "ms"),
        of("accepted-to-sent.p99", waits.quantile(0.99), "ms").at_most(50.0, "<= 50 ms"),
        of("rate", rate, "tasks/s").against(rounded(bare, 1)),
        grown("etcd", before.etcd, after.etcd, 1.5, "<= 1.5 x that at half time"),
        grown("runner", before.own, after.own, 1.2, "<= 1.2 x that at half time"),
        of("api-server", after.api_server / 1e6, "MB").against(rounded(before.api_server / 1e6, 1)),
    ]
}

/// Jobs a second, from the first one that is sent to the last one that is complete, with nobody in between.
async fn bare_rate(client: &Client) -> Result<f64> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = from_value(json!({ "metadata": { "name": BARE_NAMESPACE } }))?;
    namespaces.create(&PostParams::default(), &namespace).await?;
    let jobs: Api<Job> = Api::namespaced(client.clone(), BARE_NAMESPACE);
    let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> =
        Api::namespaced(client.clone(), BARE_NAMESPACE);
    helix_tests::time::poll_until("the account of pods", LIMIT, || async {
        accounts.get("default").await.ok()
    })
    .await?;
    let begin = now();
    let requests = Arc::new(Semaphore::new(BARE_REQUESTS));
    let mut made = JoinSet::new();
    for number in 0..BARE_JOBS {
        let slot = Arc::clone(&requests).acquire_owned().await?;
        let (jobs, job) = (jobs.clone(), bare_job(number)?);
        made.spawn(async move {
            let done = jobs.create(&PostParams::default(), &job).await;
            drop(slot);
            done.map(drop)
        });
    }
    while let Some(done) = made.join_next().await {
        done??;
    }
    let all = async || {
        let there = jobs.list(&ListParams::default()).await.ok()?.items;
        let complete = |job: &&Job| job.status.as_ref().is_some_and(|status| status.succeeded == Some(1));
        (there.iter().filter(complete).count() == BARE_JOBS).then_some(())
    };
    helix_tests::time::poll_until("all Jobs are complete", LIMIT, all).await?;
    let rate = BARE_JOBS as f64 / since(begin).as_secs_f64();
    jobs.delete_collection(&DeleteParams::background(), &ListParams::default()).await?;
    Ok(rate)
}

fn bare_job(number: usize) -> Result<Job> {
    let spec: JobSpec = from_value(json!({
        "backoffLimit": 0,
        "template": { "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": false,
            "containers": [{ "name": "agent", "image": "none:1", "resources": { "requests": { "cpu": "20m" } } }],
        } },
    }))?;
    let mut job = Job { spec: Some(spec), ..Job::default() };
    job.metadata.name = Some(format!("bare-{number}"));
    Ok(job)
}

/// A client that notes when a Job is first sent.
fn noting(config: Config, sent: &Sent) -> Result<Client> {
    let sent = Arc::clone(sent);
    let note = move |request: http::Request<Body>| {
        let at = now();
        if let Some(name) = posted_job(&request) {
            sent.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_insert(at);
        }
        request
    };
    Ok(ClientBuilder::try_from(config)?.with_layer(&MapRequestLayer::new(note)).build())
}

fn posted_job(request: &http::Request<Body>) -> Option<String> {
    if request.method() != http::Method::POST || !request.uri().path().ends_with("/jobs") {
        return None;
    }
    let body = request.body().try_clone()?.collect_bytes().now_or_never()?.ok()?;
    serde_json::from_slice::<PartialObjectMeta<Job>>(&body).ok()?.metadata.name
}

/// What holds the state of it all, bytes.
#[derive(Debug, Default)]
struct Sizes {
    /// What etcd's file holds that is not free, without history.
    etcd: f64,
    api_server: f64,
    /// This process: operator and backend.
    own: f64,
}

impl Sizes {
    fn of(cluster: &Cluster) -> Result<Self> {
        cluster.bed("compact", &[])?;
        let memory = cluster.bed("memory", &[])?;
        let of = |part: &str| -> Result<f64> {
            let line = memory.lines().find_map(|line| line.strip_prefix(part)).context("its memory")?;
            Ok(line.trim().parse()?)
        };
        let status = std::fs::read_to_string("/proc/self/status")?;
        let own = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("its memory")?;
        let own: f64 = own.trim().trim_end_matches(" kB").parse()?;
        Ok(Self { etcd: of("etcd-file ")?, api_server: of("apiserver ")?, own: own * 1024.0 })
    }
}
