//! What the runner orders from the launcher, and the resources that an agent may take.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Open files: three of the agent, and what its event loop needs.
const FILES: u64 = 32;

/// What an agent may take of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Addressable memory, bytes.
    pub(crate) memory: u64,
    /// Time of one processor, seconds.
    pub(crate) processor_s: u64,
}

impl Limits {
    pub(super) fn apply(self) -> rustix::io::Result<()> {
        let hard = |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
        hard(Resource::As, self.memory)?;
        hard(Resource::Core, 0)?;
        hard(Resource::Fsize, 0)?;
        hard(Resource::Nofile, FILES)?;
        hard(Resource::Memlock, 0)?;
        // Nobody is begun by it: one is what it is itself.
        hard(Resource::Nproc, 1)?;
        // The first limit can be ignored by an agent, the second one cannot.
        let (current, maximum) = (Some(self.processor_s), Some(self.processor_s + 1));
        setrlimit(Resource::Cpu, Rlimit { current, maximum })
    }
}

/// One agent, as the runner orders it from its launcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// What it is called in lists of processes.
    pub(crate) name: String,
    /// The agent's program: static, for it can open no library.
    pub(crate) program: PathBuf,
    /// The process that it ends with.
    pub(crate) parent: i32,
    /// Whom it becomes if the runner is root.
    pub(crate) user: Option<u32>,
    /// What it may take.
    pub(crate) limits: Limits,
}

impl Order {
    /// The order as arguments.
    pub(crate) fn arguments(&self) -> [OsString; 6] {
        let user = self.user.map_or_else(|| "-".to_owned(), |user| user.to_string());
        [
            self.name.clone().into(),
            self.parent.to_string().into(),
            user.into(),
            self.limits.memory.to_string().into(),
            self.limits.processor_s.to_string().into(),
            self.program.clone().into(),
        ]
    }

    /// The order that [`Order::arguments`] wrote.
    pub(crate) fn read(arguments: &[OsString]) -> Option<Self> {
        let [name, parent, user, memory, processor_s, program] = arguments else { return None };
        let number = |text: &OsStr| text.to_str()?.parse::<u64>().ok();
        let user = if user == "-" { None } else { Some(u32::try_from(number(user)?).ok()?) };
        let limits = Limits { memory: number(memory)?, processor_s: number(processor_s)? };
        let parent = i32::try_from(number(parent)?).ok()?;
        Some(Self { name: name.to_str()?.to_owned(), program: program.into(), parent, user, limits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_arrives_as_it_was_given() {
        for user in [None, Some(65_532)] {
            let limits = Limits { memory: 1 << 28, processor_s: 60 };
            let order = Order {
                name: "at-1".to_owned(),
                program: "/usr/bin/helix-agent".into(),
                parent: 42,
                user,
                limits,
            };
            assert_eq!(Order::read(&order.arguments()), Some(order));
        }
        assert_eq!(
            Order::read(&["at-1".into(), "1".into(), "root".into(), "1".into(), "1".into(), "/x".into()]),
            None
        );
    }
}
