//! Where the adapters meet: builds every part from the configuration, runs and ends them together.

mod bridge;
mod explain;
mod later;
mod models;
mod offer;
mod registration;
mod second_agent;
mod speech;
mod status;
mod storage;
mod visit;
mod waited;
mod work;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use helix_core::Language;
use helix_core::delay::DelayBook;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use explain::{Explained, Explainer};
pub use models::{models_row, open_models};
pub use registration::unregister;
pub use speech::{ModelChoice, engine_config, model_choice};
pub use visit::Visit;
pub use waited::Asked;

use crate::clock::{SystemCalendar, SystemClock};
use crate::config::Config;
use crate::control::ControlServer;
use crate::hass::{Connector, HomeAssistant};
use crate::metrics::Metrics;
use crate::satellite::{Espeak, Server, Settings};
use bridge::{Books, Bridge, Shared};
use later::Later;
use registration::{Parts, Place, Registration};
use second_agent::SecondAgent;
use speech::Speech;
use work::Work;

/// Parts that have not ended by themselves this long after a signal are dropped.
const GRACE: Duration = Duration::from_secs(3);

/// The running bridge.
#[derive(Debug)]
pub struct App {
    tasks: TaskTracker,
    cancel: CancellationToken,
    speech: Arc<Speech>,
}

impl App {
    /// Starts every part. Returns as soon as the Wyoming port answers; models and Home Assistant may come later.
    ///
    /// # Errors
    /// The port is taken, the data directory cannot be written, another Helix uses it.
    pub async fn start(config: Config, cancel: CancellationToken) -> anyhow::Result<Self> {
        let home_config = config.home.clone().context("no Home Assistant is configured")?;
        let (clock, metrics) = (SystemClock::start(), Metrics::default());
        std::fs::create_dir_all(&config.data_dir).with_context(|| unusable(&config.data_dir))?;
        let control = ControlServer::bind(&config.data_dir).await?;
        let store = storage::open(&config.data_dir, Arc::new(SystemCalendar)).await?;
        let models = open_models(&config.llm, store.as_ref(), clock.clone())?;
        let metrics_listener = metrics_listener(&config).await?;
        let (connector, home) = Connector::new(home_config, clock.clone());
        let speech = Arc::new(Speech::new());
        let espeak =
            Espeak::find().await.inspect_err(|error| tracing::info!(%error, "no voice is offered")).ok();
        let (info, info_shown) = watch::channel(Arc::new(offer::info(None, None)));
        let book = store.as_ref().map(|store| Arc::new(store.delayed()) as Arc<dyn DelayBook>);
        let tasks = TaskTracker::new();
        let later = Later::new(book, Arc::new(SystemCalendar), tasks.clone());
        let work = work::open(&config, store.as_ref(), &home, &models, &metrics).await;
        let shared = Shared {
            home: home.clone(),
            speech: Arc::clone(&speech),
            clock: clock.clone(),
            later,
            books: Books::of(store.as_ref()),
            router: models.router(),
            desk: work.as_ref().map(Work::desk),
        };
        let bridge = Arc::new(Bridge::new(&config, shared, metrics.clone(), espeak.clone()));
        let settings = Settings { listens_max: config.runs_max, ..Settings::default() };
        let server = Server::bind(config.listen, Arc::clone(&bridge), info_shown, settings).await?;
        let address = server.address();
        let parts = Parts { home: home.clone(), speech: Arc::clone(&speech), espeak, info };
        let agent = second_agent::open(&config, Arc::clone(&bridge), metrics.clone()).await?;
        let place = Place::new(&config, address.port())?.with_agent(agent.as_ref().map(SecondAgent::offer));
        let registration = Arc::new(Registration::new(&config, parts, place));
        if let Some(due_loop) = bridge.due_loop() {
            tasks.spawn(due_loop.run(cancel.clone()));
        }
        let answering = work.as_ref().map(Work::answers);
        if let Some(work) = work {
            work.spawn(&tasks, Arc::clone(&bridge), home.clone(), &cancel);
        }
        let answers = Arc::new(status::Desk {
            bridge,
            registration: Arc::clone(&registration),
            speech: Arc::clone(&speech),
            models: Arc::clone(&models),
            work: answering,
            address,
        });

        if let Some(store) = store {
            tasks.spawn(storage::keep_tidy(store, config.ledger_days, cancel.clone()));
        }
        tasks.spawn(models.run(cancel.clone()));
        tasks.spawn(connector.run(cancel.clone()));
        tasks.spawn(Arc::clone(&speech).bring_up(config, home, cancel.clone()));
        tasks.spawn(server.run(cancel.clone()));
        tasks.spawn(control.run(answers, cancel.clone()));
        tasks.spawn(registration.run(cancel.clone()));
        tasks.spawn(second_agent::run(agent, cancel.clone()));
        if let Some(listener) = metrics_listener {
            tasks.spawn(metrics.serve(listener, cancel.clone()));
        }
        tasks.close();
        tracing::info!(%address, "the Wyoming port is open");
        Ok(Self { tasks, cancel, speech })
    }

    /// Runs until it is cancelled, then ends every part within the grace period.
    pub async fn run(self) {
        self.cancel.cancelled().await;
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!("some parts did not end in time and were dropped");
        }
        self.speech.stop().await;
    }
}

async fn metrics_listener(config: &Config) -> anyhow::Result<Option<TcpListener>> {
    Ok(match config.metrics_listen {
        Some(address) => Some(Metrics::bind(address).await?),
        None => None,
    })
}

fn unusable(data_dir: &Path) -> String {
    format!(
        "the data directory {} cannot be made or used; set data_dir to a writable folder",
        data_dir.display()
    )
}

/// The language of Helix's own sentences where a request names none: as configured, else that of the home.
fn own_language(configured: Option<&Language>, home: &HomeAssistant) -> Language {
    configured.cloned().or_else(|| language_of(home)).unwrap_or_else(Language::english)
}

/// The language of the home, once it is known.
fn language_of(home: &HomeAssistant) -> Option<Language> {
    home.config().ok().and_then(|facts| Language::parse(&facts.language))
}
