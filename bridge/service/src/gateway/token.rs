//! Who may ask what: the token of the runners, and one for each attempt of a task, which tells what it is for and cannot
//! be made by anybody else.

use std::path::Path;

use helix_contract::{Attempt, TaskId, api::TaskAttempt};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::secret::{self, SecretError};
use crate::random::hex;

/// The key's file in the data folder.
const KEY_FILE: &str = "attempt.key";
/// The form of an attempt's token.
const FORM: &str = "1";
/// An agent that is late is told that its task has ended, not that its token has.
const AFTER_DEADLINE: SignedDuration = SignedDuration::from_mins(10);

/// Why a token lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    #[error("there is no token; send it as `Authorization: Bearer …`")]
    Missing,
    #[error("the token is wrong; a runner needs the one of this bridge, an agent the one of its attempt")]
    Wrong,
    #[error("the token has run out, as has the time of its task")]
    Expired,
    #[error("the token is one of another task or attempt")]
    Other,
}

impl TokenError {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Missing => "token-missing",
            Self::Wrong => "token-wrong",
            Self::Expired => "token-expired",
            Self::Other => "token-other",
        }
    }
}

/// What tokens are compared with.
#[derive(Debug)]
pub(super) struct Tokens {
    runner: SecretString,
    key: SecretString,
}

impl Tokens {
    /// Those of this data folder; what is not there is made.
    pub(super) fn kept_in(data_dir: &Path, runner_file: &Path) -> Result<Self, SecretError> {
        Ok(Self { runner: secret::kept_in(runner_file)?, key: secret::kept_in(&data_dir.join(KEY_FILE))? })
    }

    /// Whether a runner asks.
    pub(super) fn check_runner(&self, given: &str) -> Result<(), TokenError> {
        let is_same = self.runner.expose_secret().as_bytes().ct_eq(given.as_bytes());
        if is_same.into() { Ok(()) } else { Err(TokenError::Wrong) }
    }

    /// The token of one attempt of a task with this deadline.
    pub(super) fn of_attempt(&self, of: &TaskAttempt, deadline: Timestamp) -> String {
        let expires = deadline.saturating_add(AFTER_DEADLINE).map_or(deadline, |at| at).as_second();
        let told = told(of, expires);
        format!("{told}.{}", hex(&self.mac(&told).finalize().into_bytes()))
    }

    /// Which attempt asks.
    pub(super) fn attempt(&self, given: &str, now: Timestamp) -> Result<TaskAttempt, TokenError> {
        let (told, mac) = given.rsplit_once('.').ok_or(TokenError::Wrong)?;
        let mac = unhex(mac).ok_or(TokenError::Wrong)?;
        self.mac(told).verify_slice(&mac).map_err(|_| TokenError::Wrong)?;
        let (of, expires) = heard(told).ok_or(TokenError::Wrong)?;
        if now.as_second() < expires { Ok(of) } else { Err(TokenError::Expired) }
    }

    fn mac(&self, told: &str) -> Hmac<Sha256> {
        let key = self.key.expose_secret().as_bytes();
        let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
        mac.chain_update(told.as_bytes())
    }
}

/// `1.TASK.ATTEMPT.SECONDS`; no part can hold a dot, so no two mean the same.
fn told(of: &TaskAttempt, expires: i64) -> String {
    format!("{FORM}.{}.{}.{expires}", of.task, of.attempt.0)
}

fn heard(text: &str) -> Option<(TaskAttempt, i64)> {
    let [form, task, attempt, expires] = text.split('.').collect::<Vec<_>>().try_into().ok()?;
    let of = TaskAttempt { task: task.parse::<TaskId>().ok()?, attempt: Attempt(attempt.parse().ok()?) };
    (form == FORM).then_some((of, expires.parse().ok()?))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| <[u8; 2]>::try_from(pair).ok().and_then(|[a, b]| Some(digit(a)? << 4 | digit(b)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(name: &str) -> Tokens {
        let folder = std::env::temp_dir().join(format!("helix-gateway-token-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("made");
        Tokens::kept_in(&folder, &folder.join("runner.token")).expect("made")
    }

    fn of(attempt: u64) -> TaskAttempt {
        TaskAttempt { task: TaskId::derive(&["one"]), attempt: Attempt(attempt) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_token_is_for_its_attempt_and_its_time() {
        let tokens = tokens("one");
        let token = tokens.of_attempt(&of(3), at(1000));
        assert_eq!(tokens.attempt(&token, at(0)), Ok(of(3)));
        assert_eq!(tokens.attempt(&token, at(1599)), Ok(of(3)));
        assert_eq!(tokens.attempt(&token, at(1600)), Err(TokenError::Expired));
        assert_eq!(self::tokens("other").attempt(&token, at(0)), Err(TokenError::Wrong), "another bridge");
        assert!(token.len() <= 512 && !format!("{tokens:?}").contains(&token[30..]));
    }

    #[test]
    fn what_was_changed_anywhere_is_no_token() {
        let tokens = tokens("changed");
        let token = tokens.of_attempt(&of(3), at(1000));
        for at_byte in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at_byte] ^= 1;
            let changed = String::from_utf8(changed).expect("still ASCII");
            assert_eq!(tokens.attempt(&changed, at(0)), Err(TokenError::Wrong), "{changed}");
            assert_eq!(tokens.attempt(&token[..at_byte], at(0)), Err(TokenError::Wrong));
        }
        let others =
            [String::new(), ".".into(), format!("{token}0"), format!("{token}00"), token.replace('.', "")];
        for other in others.iter().map(String::as_str).chain(["ü", "1.t-0.1.9.ü", "....", "a.b.c.d.e"]) {
            assert_eq!(tokens.attempt(other, at(0)), Err(TokenError::Wrong), "{other}");
        }
    }

    #[test]
    fn a_runner_is_known_by_its_token_alone() {
        let tokens = tokens("runner");
        let token = tokens.runner.expose_secret().to_owned();
        assert_eq!(tokens.check_runner(&token), Ok(()));
        for other in ["", &token[1..], &format!("{token}0"), &tokens.of_attempt(&of(1), at(9)), "ü"] {
            assert_eq!(tokens.check_runner(other), Err(TokenError::Wrong));
        }
    }
}
