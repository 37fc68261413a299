//! What models outside cost: counted in memory against the budget, written down in the book; a book that cannot be
//! written delays that, and loses nothing as long as Helix runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use helix_core::Calendar;
use helix_core::llm::LlmError;
use helix_core::llm::budget::{Amount, Budget, Meter, Spend, UsageBook};
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Counts and writes down.
#[derive(Debug)]
pub(super) struct Spending {
    meter: Mutex<Meter>,
    unwritten: Mutex<BTreeMap<(Date, String, String), Amount>>,
    book: Option<Arc<dyn UsageBook>>,
    calendar: Arc<dyn Calendar>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spending {
    pub(super) fn new(budget: Budget, book: Option<Arc<dyn UsageBook>>, calendar: Arc<dyn Calendar>) -> Self {
        Self { meter: Mutex::new(Meter::new(budget)), unwritten: Mutex::default(), book, calendar }
    }

    /// The day at home.
    pub(super) fn today(&self) -> Date {
        self.calendar.now().to_zoned(TimeZone::system()).date()
    }

    /// Reads what was spent in this month before.
    pub(super) async fn load(&self) {
        let Some(book) = &self.book else { return };
        match book.since(self.today().first_of_month()).await {
            Ok(days) => days.into_iter().for_each(|(day, spent)| lock(&self.meter).add(day, spent)),
            Err(error) => {
                tracing::warn!(error, "what language models have cost cannot be read; counting begins anew");
            }
        }
    }

    /// Sets aside the most that a request may cost.
    pub(super) fn reserve(self: &Arc<Self>, most: Amount) -> Result<Reserved, LlmError> {
        lock(&self.meter).reserve(self.today(), most)?;
        Ok(Reserved { spending: Arc::clone(self), most, spent: Amount::default() })
    }

    /// Spent on this day and in this month.
    pub(super) fn spent(&self) -> (Amount, Amount) {
        let (meter, today) = (lock(&self.meter), self.today());
        (meter.day(today), meter.month(today))
    }

    pub(super) fn budget(&self) -> Budget {
        lock(&self.meter).budget()
    }

    /// Writes down what one request has cost, and what could not be written before.
    pub(super) async fn write(&self, host: &str, model: &str, amount: Amount) {
        let Some(book) = &self.book else { return };
        if amount != Amount::default() {
            let mut unwritten = lock(&self.unwritten);
            let sum = unwritten.entry((self.today(), host.to_owned(), model.to_owned())).or_default();
            *sum = *sum + amount;
        }
        let taken = std::mem::take(&mut *lock(&self.unwritten));
        for ((day, host, model), amount) in taken {
            let spend = Spend { day, host, model, amount };
            if let Err(error) = book.add(&spend).await {
                tracing::warn!(error, "what a language model has cost could not be written down yet");
                let mut unwritten = lock(&self.unwritten);
                let sum = unwritten.entry((spend.day, spend.host, spend.model)).or_default();
                *sum = *sum + spend.amount;
            }
        }
    }
}

/// Set aside for one request; what it has cost is counted when this is dropped.
#[derive(Debug)]
pub(super) struct Reserved {
    spending: Arc<Spending>,
    most: Amount,
    spent: Amount,
}

impl Reserved {
    /// The request has cost this much.
    pub(super) fn has_cost(&mut self, amount: Amount) {
        self.spent = amount;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let today = self.spending.today();
        lock(&self.spending.meter).settle(today, self.most, self.spent);
    }
}
