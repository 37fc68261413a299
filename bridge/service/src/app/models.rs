//! Language models as a part of the bridge: opened with ledger and book, and shown.

use std::sync::Arc;

use anyhow::Context;
use helix_core::egress::Ledger;
use helix_core::llm::budget::UsageBook;

use crate::clock::{SystemCalendar, SystemClock};
use crate::control::{ModelRow, ModelsRow};
use crate::llm::{DutyReport, LlmSettings, Models, Parts};
use crate::store::Store;

/// Prepares the models that the configuration names; nothing leaves without a database.
///
/// # Errors
/// An address that is none.
pub fn open_models(
    settings: &LlmSettings,
    store: Option<&Store>,
    clock: SystemClock,
) -> anyhow::Result<Arc<Models>> {
    let parts = Parts {
        ledger: store.map(|store| Ledger::new(Arc::new(store.egress()), settings.cloud)),
        book: store.map(|store| Arc::new(store.spent()) as Arc<dyn UsageBook>),
        calendar: Arc::new(SystemCalendar),
        clock,
    };
    Ok(Arc::new(Models::new(settings, parts).context("the language models cannot be prepared")?))
}

/// How the language models are, for people and programs.
pub fn models_row(models: &Models) -> ModelsRow {
    let report = models.report();
    let usd = |micros: u64| micros as f64 / 1e6;
    ModelsRow {
        duties: report.duties.into_iter().map(row).collect(),
        usd_day: usd(report.day.micros),
        usd_month: usd(report.month.micros),
        tokens_day: report.day.tokens,
        tokens_month: report.month.tokens,
        usd_day_max: report.budget.micros_day.map(usd),
        usd_month_max: report.budget.micros_month.map(usd),
        tokens_day_max: report.budget.tokens_day,
        tokens_month_max: report.budget.tokens_month,
    }
}

fn row(report: DutyReport) -> ModelRow {
    ModelRow {
        duty: report.duty.as_str().to_owned(),
        key: report.duty.key().to_owned(),
        server: report.server.to_owned(),
        host: report.host,
        outside: report.outside,
        named: report.named,
        in_use: report.in_use,
        looked: report.looked,
        wrong: report.ready.err(),
        warning: report.warning,
    }
}
