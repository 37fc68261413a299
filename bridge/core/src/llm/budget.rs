//! What models outside the house may cost: tokens and money, each per day and per month. What is under way counts as
//! the most that it may cost, so that several requests at once do not overdraw it together.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Add;

use futures_util::future::BoxFuture;
use jiff::civil::Date;

use super::{LlmError, Usage};

/// Tokens and money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Read and written.
    pub tokens: u64,
    /// Millionths of a US dollar.
    pub micros: u64,
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let tokens = self.tokens.saturating_add(other.tokens);
        Self { tokens, micros: self.micros.saturating_add(other.micros) }
    }
}

/// What a model takes, US dollars per million tokens, which is millionths of a dollar per token.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Price {
    /// Per million tokens read.
    pub input: f64,
    /// Per million tokens written.
    pub output: f64,
}

impl Price {
    /// What this usage costs, rounded up.
    pub fn of(self, usage: Usage) -> Amount {
        let micros = usage.input as f64 * self.input + usage.output as f64 * self.output;
        Amount { tokens: usage.input.saturating_add(usage.output), micros: micros.ceil() as u64 }
    }
}

/// The limits; what is `None` is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Tokens per day.
    pub tokens_day: Option<u64>,
    /// Tokens per month.
    pub tokens_month: Option<u64>,
    /// Millionths of a US dollar per day.
    pub micros_day: Option<u64>,
    /// Millionths of a US dollar per month.
    pub micros_month: Option<u64>,
}

/// Counts against a [`Budget`].
#[derive(Debug, Default)]
pub struct Meter {
    budget: Budget,
    days: BTreeMap<Date, Amount>,
    reserved: Amount,
}

impl Meter {
    /// A meter on which nothing is spent.
    pub fn new(budget: Budget) -> Self {
        Self { budget, ..Self::default() }
    }

    /// Adds what was spent on a day.
    pub fn add(&mut self, day: Date, spent: Amount) {
        let sum = self.days.entry(day).or_default();
        *sum = *sum + spent;
    }

    /// Sets aside the most that a request may cost.
    ///
    /// # Errors
    /// [`LlmError::Budget`]: nothing was set aside.
    pub fn reserve(&mut self, today: Date, most: Amount) -> Result<(), LlmError> {
        self.days.retain(|day, _| day.first_of_month() == today.first_of_month());
        let day = self.day(today) + self.reserved + most;
        let month = self.month(today) + self.reserved + most;
        let limits = [
            (day.tokens, self.budget.tokens_day, "tokens", "day", "cloud_tokens_day"),
            (month.tokens, self.budget.tokens_month, "tokens", "month", "cloud_tokens_month"),
            (day.micros, self.budget.micros_day, "money", "day", "cloud_usd_day"),
            (month.micros, self.budget.micros_month, "money", "month", "cloud_usd_month"),
        ];
        for (sum, limit, what, period, key) in limits {
            if limit.is_some_and(|limit| sum > limit) {
                return Err(LlmError::Budget { what, period, key });
            }
        }
        self.reserved = self.reserved + most;
        Ok(())
    }

    /// Ends a request that had `most` set aside and has cost `spent`.
    pub fn settle(&mut self, today: Date, most: Amount, spent: Amount) {
        self.reserved.tokens = self.reserved.tokens.saturating_sub(most.tokens);
        self.reserved.micros = self.reserved.micros.saturating_sub(most.micros);
        self.add(today, spent);
    }

    /// Spent on this day.
    pub fn day(&self, today: Date) -> Amount {
        self.days.get(&today).copied().unwrap_or_default()
    }

    /// Spent in the month of this day.
    pub fn month(&self, today: Date) -> Amount {
        let first = today.first_of_month();
        let days = self.days.iter().filter(|(day, _)| day.first_of_month() == first);
        days.fold(Amount::default(), |sum, (_, spent)| sum + *spent)
    }

    /// The limits.
    pub fn budget(&self) -> Budget {
        self.budget
    }
}

/// One request that was answered, or may have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spend {
    /// The day at home.
    pub day: Date,
    /// The host outside.
    pub host: String,
    /// The model that was asked.
    pub model: String,
    /// What it cost.
    pub amount: Amount,
}

/// Where is written down what was spent.
pub trait UsageBook: fmt::Debug + Send + Sync + 'static {
    /// Adds one request.
    fn add<'a>(&'a self, spend: &'a Spend) -> BoxFuture<'a, Result<(), String>>;
    /// What was spent on each day from `first` on.
    fn since(&self, first: Date) -> BoxFuture<'_, Result<Vec<(Date, Amount)>, String>>;
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const DAY: Date = date(2026, 11, 30);
    const NEXT: Date = date(2026, 12, 1);

    fn of(tokens: u64) -> Amount {
        Amount { tokens, micros: tokens * 2 }
    }

    fn refused(meter: &mut Meter, day: Date, tokens: u64) -> Option<(&'static str, &'static str)> {
        match meter.reserve(day, of(tokens)) {
            Err(LlmError::Budget { what, period, .. }) => Some((what, period)),
            Err(other) => panic!("{other}"),
            Ok(()) => None,
        }
    }

    #[test]
    fn what_is_spent_on_a_day_or_in_a_month_is_not_spent_twice() {
        let budget = Budget { tokens_day: Some(100), tokens_month: Some(150), ..Budget::default() };
        let mut meter = Meter::new(budget);
        meter.add(date(2026, 11, 29), of(60));
        assert_eq!(refused(&mut meter, DAY, 101), Some(("tokens", "day")));
        assert_eq!(refused(&mut meter, DAY, 91), Some(("tokens", "month")));
        assert_eq!(refused(&mut meter, DAY, 90), None);
        meter.settle(DAY, of(90), of(90));
        assert_eq!(refused(&mut meter, DAY, 1), Some(("tokens", "month")));
        assert_eq!(refused(&mut meter, NEXT, 100), None, "a new month begins");
    }

    #[test]
    fn requests_at_once_do_not_overdraw_together_and_give_back_what_they_did_not_use() {
        let mut meter = Meter::new(Budget { micros_day: Some(100), ..Budget::default() });
        assert_eq!(refused(&mut meter, DAY, 30), None);
        assert_eq!(refused(&mut meter, DAY, 30), Some(("money", "day")));
        meter.settle(DAY, of(30), of(5));
        assert_eq!(refused(&mut meter, DAY, 30), None);
        assert_eq!((meter.day(DAY), meter.month(DAY)), (of(5), of(5)));
    }

    #[test]
    fn a_price_is_per_million_tokens_and_never_rounded_down_to_nothing() {
        let price = Price { input: 0.30, output: 2.50 };
        assert_eq!(price.of(Usage { input: 1_000_000, output: 1_000_000 }).micros, 2_800_000);
        assert_eq!(price.of(Usage { input: 1, output: 0 }).micros, 1);
    }
}
