//! How an agent ended, and the last that it said.

use helix_contract::Failure;

/// How an agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Code(i32),
    /// By a signal that the runner did not send.
    Signal(i32),
    /// It wanted more memory than it may have.
    OutOfMemory,
    /// It took longer than it may.
    Deadline,
    /// It took more time of a processor than it may.
    Processor,
    /// It wrote more than it may.
    Output,
    /// Not by itself, though it had closed its line or said what is no request.
    Silent,
    /// It was told to.
    Stopped,
    /// It was not begun: this machine did not let it be confined.
    Unconfined,
}

/// What is left of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitReport {
    /// How it ended.
    pub ended: Ended,
    /// The end of its stderr, at most [`Tail::LEN_MAX`] bytes. It may hold words of the task.
    pub stderr: String,
}

/// Codes by which an agent says that beginning again does not help.
const LASTING: std::ops::RangeInclusive<i32> = 64..=78;

impl Ended {
    /// Why there is no result, as the bridge is told; nothing if the agent says that it told one.
    pub fn failure(self) -> Option<Failure> {
        match self {
            Self::Code(0) => None,
            Self::Code(code) if LASTING.contains(&code) => Some(Failure::Impossible),
            Self::Code(_) | Self::Signal(_) | Self::Silent => Some(Failure::Agent),
            Self::OutOfMemory | Self::Deadline | Self::Processor | Self::Output => Some(Failure::Limit),
            Self::Stopped | Self::Unconfined => Some(Failure::Unavailable),
        }
    }

    /// What happened, for the log.
    pub fn words(self) -> String {
        match self {
            Self::Code(code) => format!("the agent ended with code {code}"),
            Self::Signal(signal) => format!("the agent ended by signal {signal}"),
            Self::OutOfMemory => "the agent was out of memory".to_owned(),
            Self::Deadline => "the agent took longer than its deadline".to_owned(),
            Self::Processor => "the agent took more time of a processor than it may".to_owned(),
            Self::Output => "the agent wrote more than it may".to_owned(),
            Self::Silent => "the agent made no sense any more".to_owned(),
            Self::Stopped => "the agent was stopped".to_owned(),
            Self::Unconfined => "the agent could not be confined, see helix-runner doctor".to_owned(),
        }
    }
}

/// The end of what was written, with a count of all of it.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    kept: Vec<u8>,
    seen: u64,
}

impl Tail {
    /// What is kept, bytes.
    pub const LEN_MAX: usize = 8 * 1024;

    /// Adds what was written.
    pub fn push(&mut self, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        let bytes = &bytes[bytes.len().saturating_sub(Self::LEN_MAX)..];
        let surplus = (self.kept.len() + bytes.len()).saturating_sub(Self::LEN_MAX);
        self.kept.drain(..surplus);
        self.kept.extend_from_slice(bytes);
    }

    /// How much was written, bytes.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The end of it.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_much_output_is_kept_and_all_of_it_counted() {
        let mut tail = Tail::default();
        for _ in 0..100 {
            tail.push(&[b'x'; 1000]);
        }
        tail.push(b"the last words");
        tail.push(&[]);
        assert_eq!((tail.text().len(), tail.seen()), (Tail::LEN_MAX, 100_014));
        assert!(tail.text().ends_with("xthe last words"));
        tail.push("y".repeat(3 * Tail::LEN_MAX).as_bytes());
        assert_eq!(tail.text(), "y".repeat(Tail::LEN_MAX));
    }

    #[test]
    fn only_what_may_succeed_another_time_is_begun_again() {
        let again = |ended: Ended| ended.failure().map(Failure::is_retryable);
        assert_eq!(again(Ended::Code(0)), None);
        assert_eq!(
            [63, 64, 78, 79].map(|code| again(Ended::Code(code))),
            [true, false, false, true].map(Some)
        );
        assert_eq!(again(Ended::Signal(9)), Some(true));
        assert_eq!(again(Ended::OutOfMemory), Some(false));
        assert_eq!(again(Ended::Stopped), Some(true));
    }
}
