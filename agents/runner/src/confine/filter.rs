//! The system calls that an agent has: those of a static program with one thread, three open files and an event loop.
//!
//! No file is opened, no socket made, no process begun or looked at. What is not on the list fails with `EPERM`. The list
//! was checked with `strace -f` on `helix-agent`.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsRawFd as _;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

/// The same on every processor.
const COMMON: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    // Answered by the other filter.
    libc::SYS_clone3,
    libc::SYS_close,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_uname,
    libc::SYS_write,
    libc::SYS_writev,
];

#[cfg(target_arch = "x86_64")]
const OWN: &[i64] = &[libc::SYS_arch_prctl, libc::SYS_epoll_wait, libc::SYS_poll, libc::SYS_time];
#[cfg(target_arch = "aarch64")]
const OWN: &[i64] = &[];

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;

/// Leaves this thread no other system calls, but for starting `program` once: it is closed by that.
pub(super) fn install(program: &File) -> Result<(), seccompiler::Error> {
    // Who finds no `clone3` asks with `clone`, and who finds that forbidden gives up.
    let missing = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    apply_filter(&compiled(missing, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))?)?;
    let denied = SeccompAction::Errno(libc::EPERM as u32);
    apply_filter(&compiled(allowed(program)?, denied, SeccompAction::Allow)?)
}

fn compiled(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    SeccompFilter::new(rules, otherwise, matched, ARCHITECTURE)?.try_into()
}

fn allowed(program: &File) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let equals = |argument, len, value| SeccompCondition::new(argument, len, Op::Eq, value);
    let fd = program.as_raw_fd() as u64;
    let me = std::process::id().into();
    let mut rules: BTreeMap<_, _> = COMMON.iter().chain(OWN).map(|call| (*call, Vec::new())).collect();
    for (call, conditions) in [
        (
            libc::SYS_execveat,
            vec![equals(0, Len::Dword, fd)?, equals(4, Len::Dword, libc::AT_EMPTY_PATH as u64)?],
        ),
        (libc::SYS_ioctl, vec![equals(1, Len::Dword, libc::FIONBIO)?]),
        // To ask for its limits, not to set them.
        (libc::SYS_prlimit64, vec![equals(0, Len::Dword, 0)?, equals(2, Len::Qword, 0)?]),
        // To the other end of its socket, nowhere else.
        (libc::SYS_sendto, vec![equals(4, Len::Qword, 0)?]),
        // With which its event loop wakes itself up.
        (libc::SYS_socketpair, vec![equals(0, Len::Dword, libc::AF_UNIX as u64)?]),
        // It may end itself.
        (libc::SYS_tgkill, vec![equals(0, Len::Dword, me)?, equals(2, Len::Dword, libc::SIGABRT as u64)?]),
    ] {
        rules.insert(call, vec![SeccompRule::new(conditions)?]);
    }
    Ok(rules)
}
