//! One operator at a time, by a Lease. Correctness does not rest on it: two operators write the same Jobs.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::{KubernetesError, is_conflict, is_missing};
use crate::clock;

/// The Lease's name.
const NAME: &str = "helix-operator";
/// Who has not renewed it for so long has lost it.
const LASTS: Duration = Duration::from_secs(15);
/// Between two looks, or two renewals.
const EVERY: Duration = Duration::from_secs(3);

/// Does `work` whenever this process leads; `work` is told to stop when it does so no more. Returns after `stop`.
///
/// # Errors
/// What `work` fails with.
pub async fn lead<W>(
    client: &Client,
    namespace: &str,
    identity: &str,
    stop: &CancellationToken,
    work: impl Fn(CancellationToken) -> W,
) -> Result<(), KubernetesError>
where
    W: Future<Output = Result<(), KubernetesError>>,
{
    let mut election = Election::new(client, namespace, identity);
    while !stop.is_cancelled() {
        tokio::select! {
            () = election.win() => {}
            () = stop.cancelled() => break,
        }
        tracing::info!(identity, "this operator leads");
        let turn = stop.child_token();
        let mut work = std::pin::pin!(work(turn.clone()));
        tokio::select! {
            done = &mut work => {
                election.resign().await;
                return done;
            }
            () = election.keep() => {
                tracing::warn!(identity, "this operator leads no more");
                turn.cancel();
                work.await?;
            }
        }
    }
    Ok(())
}

struct Election {
    leases: Api<Lease>,
    me: String,
    /// The last state of somebody else's Lease, and since when it is so by this machine's clock: clocks may differ.
    seen: Option<(LeaseSpec, Instant)>,
}

impl Election {
    fn new(client: &Client, namespace: &str, identity: &str) -> Self {
        Self { leases: Api::namespaced(client.clone(), namespace), me: identity.to_owned(), seen: None }
    }

    /// Until the Lease is held.
    async fn win(&mut self) {
        loop {
            match self.turn().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "who leads is not known"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Until the Lease is lost.
    async fn keep(&mut self) {
        let mut renewed = clock::now();
        loop {
            tokio::time::sleep(EVERY).await;
            match self.turn().await {
                Ok(true) => renewed = clock::now(),
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "the lead is not renewed");
                    if clock::now().duration_since(renewed) > LASTS {
                        return;
                    }
                }
            }
        }
    }

    /// Takes or renews the Lease; whether it is held then.
    async fn turn(&mut self) -> Result<bool, KubernetesError> {
        let now = clock::wall();
        let lease = match self.leases.get(NAME).await {
            Ok(lease) => lease,
            Err(error) if is_missing(&error) => {
                let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
                let lease = Lease { metadata, spec: Some(claim(None, &self.me, now)) };
                return won(self.leases.create(&PostParams::default(), &lease).await);
            }
            Err(error) => return Err(KubernetesError::at("tell who leads")(error)),
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let since = match &self.seen {
            Some((seen, since)) if *seen == spec => *since,
            Some(_) | None => clock::now(),
        };
        self.seen = Some((spec.clone(), since));
        if !is_free(&spec, &self.me, clock::now().duration_since(since)) {
            return Ok(false);
        }
        let taken = Lease { spec: Some(claim(Some(&spec), &self.me, now)), ..lease };
        // It carries the version that was read: who was slower is refused.
        won(self.leases.replace(NAME, &PostParams::default(), &taken).await)
    }

    /// Lets the next one lead at once.
    async fn resign(&mut self) {
        let Ok(mut lease) = self.leases.get(NAME).await else { return };
        if let Some(spec) = lease.spec.as_mut()
            && spec.holder_identity.as_deref() == Some(&self.me)
        {
            spec.holder_identity = None;
            let _ = self.leases.replace(NAME, &PostParams::default(), &lease).await;
        }
    }
}

fn won(done: Result<Lease, kube::Error>) -> Result<bool, KubernetesError> {
    match done {
        Ok(_) => Ok(true),
        Err(error) if is_conflict(&error) => Ok(false),
        Err(error) => Err(KubernetesError::at("take the lead")(error)),
    }
}

/// Whether `me` may take it, which has been as it is for `unchanged`.
fn is_free(spec: &LeaseSpec, me: &str, unchanged: Duration) -> bool {
    match spec.holder_identity.as_deref() {
        None | Some("") => true,
        Some(holder) => holder == me || unchanged > LASTS,
    }
}

fn claim(before: Option<&LeaseSpec>, me: &str, now: Timestamp) -> LeaseSpec {
    let is_mine = before.is_some_and(|spec| spec.holder_identity.as_deref() == Some(me));
    let since = before.filter(|_| is_mine).and_then(|spec| spec.acquire_time.clone());
    let turns = before.and_then(|spec| spec.lease_transitions).unwrap_or_default();
    LeaseSpec {
        holder_identity: Some(me.to_owned()),
        lease_duration_seconds: Some(LASTS.as_secs() as i32),
        acquire_time: since.or(Some(MicroTime(now))),
        renew_time: Some(MicroTime(now)),
        lease_transitions: Some(if is_mine { turns } else { turns.saturating_add(1) }),
        ..LeaseSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str) -> LeaseSpec {
        claim(None, holder, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_lease_is_taken_only_if_nobody_renews_it() {
        assert!(is_free(&LeaseSpec::default(), "a", Duration::ZERO));
        assert!(is_free(&held_by("a"), "a", Duration::ZERO));
        assert!(!is_free(&held_by("b"), "a", Duration::ZERO));
        assert!(!is_free(&held_by("b"), "a", LASTS));
        assert!(is_free(&held_by("b"), "a", LASTS + Duration::from_millis(1)));
    }

    #[test]
    fn a_renewal_keeps_since_when_it_is_held_and_a_change_counts() {
        let first = held_by("a");
        let renewed = claim(Some(&first), "a", Timestamp::MAX);
        assert_eq!(
            (&renewed.acquire_time, renewed.lease_transitions),
            (&first.acquire_time, first.lease_transitions)
        );
        let taken = claim(Some(&renewed), "b", Timestamp::MAX);
        assert_eq!(taken.lease_transitions, Some(2));
    }
}
