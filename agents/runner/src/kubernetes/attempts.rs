//! What a runner knows of its attempts: the events of a watch in, the present state of each out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kube::ResourceExt as _;
use kube::runtime::watcher::Event;

use super::api::{AgentTask, End};

/// How many attempts that are gone are remembered, so that who waits for one learns of it.
const GONE_MAX: usize = 4_096;

/// The attempts of one runner.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    seen: BTreeMap<String, Seen>,
    /// In the order in which they went.
    gone: VecDeque<String>,
    /// Those of the list that is being read, from the start or after a break.
    listed: Option<BTreeSet<String>>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    /// It is in the cluster.
    There(Option<End>),
    /// It was; how it had ended, if it had.
    Gone(Option<End>),
}

impl Seen {
    pub(super) fn is_there(&self) -> bool {
        match self {
            Self::There(_) => true,
            Self::Gone(_) => false,
        }
    }

    pub(super) fn end(&self) -> Option<&End> {
        match self {
            Self::There(end) | Self::Gone(end) => end.as_ref(),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        !self.is_there() || self.end().is_some()
    }
}

impl Attempts {
    pub(super) fn get(&self, name: &str) -> Option<&Seen> {
        self.seen.get(name)
    }

    pub(super) fn apply(&mut self, event: Event<AgentTask>) {
        match event {
            Event::Init => self.listed = Some(BTreeSet::new()),
            Event::InitApply(task) => {
                if let Some(listed) = &mut self.listed {
                    listed.insert(task.name_any());
                }
                self.put(&task);
            }
            Event::InitDone => {
                let listed = self.listed.take().unwrap_or_default();
                let there = self.seen.iter().filter(|(_, seen)| seen.is_there()).map(|(name, _)| name);
                let lost: Vec<_> = there.filter(|name| !listed.contains(*name)).cloned().collect();
                for name in lost {
                    self.lose(name);
                }
            }
            Event::Apply(task) => self.put(&task),
            Event::Delete(task) => {
                self.put(&task);
                self.lose(task.name_any());
            }
        }
    }

    fn put(&mut self, task: &AgentTask) {
        self.seen.insert(task.name_any(), Seen::There(task.end().cloned()));
    }

    fn lose(&mut self, name: String) {
        let end = self.seen.get(&name).and_then(|seen| seen.end().cloned());
        self.seen.insert(name.clone(), Seen::Gone(end));
        self.gone.push_back(name);
        if self.gone.len() > GONE_MAX
            && let Some(oldest) = self.gone.pop_front()
            && self.seen.get(&oldest).is_some_and(|seen| !seen.is_there())
        {
            self.seen.remove(&oldest);
        }
    }
}
