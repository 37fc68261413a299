//! One expression in, its value out, by fend: exact where that is possible, and stopped where it would take too long.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fend_core::{Context, Interrupt, evaluate_with_interrupt};
use serde_json::{Value, json};

use crate::tool::{Setting, ToolError, wrong};

/// The longest expression, characters. What it nests is bounded by it, and so is the stack that this takes.
const LEN_MAX: usize = 200;
/// Without optimisation, 2 MiB are too few for the longest expression.
const STACK_LEN: usize = 16 << 20;
/// The longest result, characters.
const RESULT_LEN_MAX: usize = 2000;
/// Besides letters, digits and blanks. Left out are definitions, which may call themselves for ever, shifts, which
/// cannot be stopped, and the comma, which is a decimal sign for one half of the world and none for the other.
const SIGNS: &str = "+-*/^!%()._°'\"×÷−√²³";

struct Stop<'a>(&'a (dyn Fn() -> bool + Sync));

impl Interrupt for Stop<'_> {
    fn should_interrupt(&self) -> bool {
        (self.0)()
    }
}

/// The value of `expression`, and whether it is exact.
pub(crate) fn evaluate(expression: &str, setting: &Setting<'_>) -> Result<Value, ToolError> {
    check(expression)?;
    let stop = setting.stop;
    let value = on_a_large_stack(|| evaluate_with_interrupt(expression, &mut Context::new(), &Stop(stop)));
    let value = value.map_err(|reason| match reason.as_str() {
        "interrupted" => ToolError::Stopped,
        _ => ToolError::NoResult { reason },
    })?;
    let text = value.get_main_result();
    let (result, exact) = text.strip_prefix("approx. ").map_or((text, true), |rest| (rest, false));
    match result.chars().count() {
        0 => Err(wrong("it is empty")),
        len if len > RESULT_LEN_MAX => Err(ToolError::TooLong { len }),
        _ => Ok(json!({ "result": result, "exact": exact })),
    }
}

/// Whoever calls may have a small stack. A bug in fend ends the calculation and nothing else.
fn on_a_large_stack<T>(calculate: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let calculate = || catch_unwind(AssertUnwindSafe(calculate));
    let broken = |_| Err("it is too much for the calculator".to_owned());
    stacker::grow(STACK_LEN, calculate).unwrap_or_else(broken)
}

fn check(expression: &str) -> Result<(), ToolError> {
    if expression.chars().count() > LEN_MAX {
        return Err(wrong(format!("it has more than {LEN_MAX} characters; take it in steps")));
    }
    let fits = |c: &char| c.is_alphanumeric() || *c == ' ' || SIGNS.contains(*c);
    match expression.chars().find(|c| !fits(c)) {
        Some(',') => Err(wrong("a comma may mean two things; write 2500.5, neither 2,500.5 nor 2500,5")),
        Some(sign) => Err(wrong(format!("{sign:?} has no meaning here; use + - * / ^ % and brackets"))),
        None if has_dice(expression) => Err(wrong("dice such as 2d6 cannot be rolled here")),
        None => Ok(()),
    }
}

/// `2d6`, whose distribution fend works out without ever asking whether to stop.
fn has_dice(expression: &str) -> bool {
    let letters: Vec<char> = expression.chars().collect();
    let is_die = |at: usize| {
        let word_goes_on = at > 0 && letters.get(at - 1).is_some_and(|c| c.is_alphabetic());
        !word_goes_on && letters.get(at + 1).is_some_and(char::is_ascii_digit)
    };
    letters.iter().enumerate().any(|(at, c)| matches!(c, 'd' | 'D') && is_die(at))
}
