//! A Job and its pod in, how far the attempt is out. Reads no clock.
//!
//! A pod tells first: its Job says the same two seconds later. Only a pod that is being deleted is not believed, because
//! the code of its end is that of the signal; its Job knows why.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStateWaiting, Pod};

use crate::kubernetes::api::{AgentTask, AgentTaskStatus, End, EndReason, Phase};

/// The most of a message that is kept, bytes: what Kubernetes keeps of a container's.
const MESSAGE_MAX: usize = 4096;

struct Verdict {
    reason: EndReason,
    exit_code: Option<i32>,
    message: String,
}

impl Verdict {
    fn of(reason: EndReason, message: Option<&String>) -> Self {
        Self { reason, exit_code: None, message: message.cloned().unwrap_or_default() }
    }
}

/// How far `task` is, given its Job and pod. What has ended stays so.
pub(super) fn observe(
    task: &AgentTask,
    job: Option<&Job>,
    pod: Option<&Pod>,
    now: Timestamp,
) -> AgentTaskStatus {
    let before = task.status.clone().unwrap_or_default();
    if before.phase == Phase::Ended {
        return before;
    }
    let told = pod.and_then(of_pod).or_else(|| job.and_then(|job| of_job(job, pod)));
    let lost = || Verdict::of(EndReason::Stopped, Some(&"its Job is gone".to_owned()));
    let verdict = told.or_else(|| (job.is_none() && before.phase == Phase::Running).then(lost));
    let end = verdict.map(|verdict| ended(verdict, now));
    let running = pod.and_then(state).is_some_and(|state| state.running.is_some());
    let phase = match (&end, running || before.phase == Phase::Running) {
        (Some(_), _) => Phase::Ended,
        (None, true) => Phase::Running,
        (None, false) => Phase::Waiting,
    };
    let node = pod.and_then(|pod| pod.spec.as_ref()?.node_name.clone()).or(before.node);
    AgentTaskStatus { observed_generation: task.metadata.generation.unwrap_or_default(), phase, node, end }
}

/// The status of an attempt that never gets a Job.
pub(super) fn refused(
    task: &AgentTask,
    reason: EndReason,
    message: String,
    now: Timestamp,
) -> AgentTaskStatus {
    let end = Some(ended(Verdict { reason, exit_code: None, message }, now));
    let observed_generation = task.metadata.generation.unwrap_or_default();
    AgentTaskStatus { observed_generation, phase: Phase::Ended, node: None, end }
}

fn ended(verdict: Verdict, now: Timestamp) -> End {
    let Verdict { reason, exit_code, mut message } = verdict;
    let cut = (0..=message.len().min(MESSAGE_MAX)).rev().find(|at| message.is_char_boundary(*at));
    message.truncate(cut.unwrap_or_default());
    End { reason, exit_code, message, seen_at: now }
}

fn state(pod: &Pod) -> Option<&ContainerState> {
    pod.status.as_ref()?.container_statuses.as_ref()?.first()?.state.as_ref()
}

fn of_pod(pod: &Pod) -> Option<Verdict> {
    let status = pod.status.as_ref()?;
    if status.reason.as_deref() == Some("Evicted") {
        return Some(Verdict::of(evicted(status.message.as_deref()), status.message.as_ref()));
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let state = state(pod)?;
    state.terminated.as_ref().map(of_terminated).or_else(|| state.waiting.as_ref().and_then(of_waiting))
}

/// A pod is sent away for its own log, which counts as its storage, or because the node is short of something.
fn evicted(message: Option<&str>) -> EndReason {
    match message {
        Some(said) if said.contains("ephemeral") && said.contains("limit") => EndReason::Output,
        Some(_) | None => EndReason::Stopped,
    }
}

fn of_terminated(container: &ContainerStateTerminated) -> Verdict {
    let said = container.message.as_deref().unwrap_or_default();
    let reason = match container.reason.as_deref() {
        Some("OOMKilled") => EndReason::OutOfMemory,
        // What runc says of a program for other processors.
        _ if said.contains("exec format error") => EndReason::Architecture,
        Some("StartError" | "ContainerCannotRun") => EndReason::DoesNotStart,
        Some(_) | None => EndReason::Exited,
    };
    let exit_code = (reason == EndReason::Exited).then_some(container.exit_code);
    Verdict { reason, exit_code, message: said.to_owned() }
}

/// The reasons that waiting does not mend. A failed pull is told only when it was tried and is tried again later.
fn of_waiting(container: &ContainerStateWaiting) -> Option<Verdict> {
    let said = container.message.as_deref().unwrap_or_default();
    let reason = match container.reason.as_deref()? {
        "ErrImageNeverPull" | "InvalidImageName" => EndReason::ImageMissing,
        "ErrImagePull" | "ImagePullBackOff" if is_missing(said) => EndReason::ImageMissing,
        "ErrImagePull" | "ImagePullBackOff" if said.contains("no match for platform") => {
            EndReason::Architecture
        }
        "ImagePullBackOff" => EndReason::ImageRefused,
        "CreateContainerError" | "CreateContainerConfigError" | "RunContainerError" => {
            EndReason::DoesNotStart
        }
        _ => return None,
    };
    Some(Verdict::of(reason, container.message.as_ref()))
}

fn is_missing(said: &str) -> bool {
    said.contains("NotFound") || said.contains(": not found")
}

fn of_job(job: &Job, pod: Option<&Pod>) -> Option<Verdict> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let holds = |types: [&str; 2]| {
        conditions
            .iter()
            .find(|condition| condition.status == "True" && types.contains(&condition.type_.as_str()))
    };
    if holds(["Complete", "SuccessCriteriaMet"]).is_some() {
        return Some(Verdict { exit_code: Some(0), ..Verdict::of(EndReason::Exited, None) });
    }
    let failed = holds(["Failed", "FailureTarget"])?;
    let verdict = match failed.reason.as_deref() {
        Some("DeadlineExceeded") => {
            Verdict::of(EndReason::Deadline, unscheduled(pod).or(failed.message.as_ref()))
        }
        Some(_) | None => Verdict::of(EndReason::Stopped, failed.message.as_ref()),
    };
    Some(verdict)
}

/// Why no node took the pod.
fn unscheduled(pod: Option<&Pod>) -> Option<&String> {
    let conditions = pod?.status.as_ref()?.conditions.as_ref()?;
    let waits = |type_: &str, status: &str| type_ == "PodScheduled" && status == "False";
    conditions.iter().find(|condition| waits(&condition.type_, &condition.status))?.message.as_ref()
}
