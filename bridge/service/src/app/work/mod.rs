//! Tasks as a part of the bridge: the book, who takes orders, who carries them out, who comes back with the answers.

mod catalogue;
mod desk;
mod looked;
mod meaning;
mod runner;
mod shelved;
mod shown;
mod teller;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use helix_core::delegate::{Desk, Quiet};
use helix_core::egress::Ledger;
use helix_core::home::{EntityState, HomeError, Registry};
use helix_core::{Calendar, EntityId, Home};
use helix_kinds::Kind;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bridge::Bridge;
use crate::clock::{SystemCalendar, SystemClock};
use crate::config::Config;
use crate::deliver::Deliveries;
use crate::gateway::{self, GatewayServer, Listen, Minds, Parts, Settings};
use crate::hass::HomeAssistant;
use crate::images::{self, Images, ImagesError, Pace};
use crate::llm::Models;
use crate::mcp::ToolServers;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::tasks::TaskBook;
use crate::tools::WebTools;
use crate::web::search::Search;
use crate::web::{AddressPolicy, PageLimits, PageReader, SystemNames};
use catalogue::Catalogue;
pub(super) use desk::TaskDesk;
pub(super) use looked::LookedDesk;
use meaning::Meanings;
use runner::LocalRunner;
use teller::Rooms;

/// Where tool servers that are programs have their working folders, in the data folder.
const PLUGINS: &str = "plugins";
/// How long a task that has ended is kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How often that is looked at.
const TIDY_EVERY: Duration = Duration::from_hours(24);

/// Opens what tasks need; without it there still is voice, and who wants a task is told so.
pub(super) async fn open(
    config: &Config,
    store: Option<&Store>,
    home: &HomeAssistant,
    models: &Arc<Models>,
    metrics: &Metrics,
) -> Option<Work> {
    let opened = Work::open(config, store?, home, models, metrics).await;
    opened.inspect_err(|error| tracing::error!("no tasks are taken: {error:#}")).ok()
}

/// Everything about tasks, ready to run.
#[derive(Debug)]
pub(super) struct Work {
    desk: Arc<TaskDesk>,
    book: TaskBook,
    server: GatewayServer,
    tools: Arc<WebTools>,
    images: Images,
    runner: Option<LocalRunner>,
    quiet: Option<Quiet>,
    notify: Option<String>,
}

impl Work {
    /// Opens the book and the gateway.
    ///
    /// # Errors
    /// The book's database cannot be used, the socket cannot be made, a port is taken.
    async fn open(
        config: &Config,
        store: &Store,
        home: &HomeAssistant,
        models: &Arc<Models>,
        metrics: &Metrics,
    ) -> anyhow::Result<Self> {
        let calendar: Arc<dyn Calendar> = Arc::new(SystemCalendar);
        let book = match &config.tasks.database {
            Some(url) => TaskBook::in_postgres(url).await.context("the tasks' database cannot be used")?,
            None => TaskBook::in_store(store.clone()),
        };
        let kinds = catalogue::kinds(&config.data_dir)?;
        let own = kinds.values().cloned().collect();
        let images = Self::images(config, store, &book, own, Arc::clone(&calendar)).await?;
        let meanings =
            Meanings::new(Arc::clone(models), store.agent_vectors(), images.clone(), kinds.values());
        let catalogue = Arc::new(Catalogue::new(store.clone(), images.clone(), kinds.into_values())?);
        let ledger = Ledger::new(Arc::new(store.egress()), config.llm.cloud);
        let tools = Self::tools(config, ledger, Arc::clone(models), Arc::clone(&calendar))?;
        let listen = Listen {
            data_dir: config.data_dir.clone(),
            address: config.tasks.listen,
            runner_token: config.tasks.runner_token.clone(),
        };
        let parts = Parts {
            book: book.clone(),
            definitions: Arc::<Catalogue>::clone(&catalogue),
            home: Arc::new(home.clone()),
            minds: Minds {
                router: models.router_for_tasks(),
                local: models.local_agent(),
                cloud: models.cloud_agent(),
            },
            tools: Arc::<WebTools>::clone(&tools),
            calendar: Arc::clone(&calendar),
        };
        let server = GatewayServer::bind(&listen, parts, Settings::default(), metrics.clone()).await?;
        let runner = LocalRunner::find(config);
        let desk = TaskDesk {
            book: book.clone(),
            gateway: server.gateway(),
            catalogue,
            models: Arc::clone(models),
            home: home.clone(),
            permitted: config.llm.cloud,
            calendar,
            runs_here: runner.is_some(),
            meanings: Arc::new(meanings),
        };
        Ok(Self {
            desk: Arc::new(desk),
            book,
            server,
            tools,
            images,
            runner,
            quiet: config.tasks.quiet,
            notify: config.tasks.notify.clone(),
        })
    }

    /// The images of agents of these kinds.
    async fn images(
        config: &Config,
        store: &Store,
        book: &TaskBook,
        kinds: Vec<Kind>,
        calendar: Arc<dyn Calendar>,
    ) -> Result<Images, ImagesError> {
        Images::open(images::Parts {
            store: store.clone(),
            book: book.clone(),
            kinds,
            registry: config.tasks.registry.clone(),
            programs: runner::programs(config).unwrap_or_default(),
            calendar,
            pace: Pace::default(),
        })
        .await
    }

    /// What agents reach, none of it asked yet.
    fn tools(
        config: &Config,
        ledger: Ledger,
        models: Arc<Models>,
        calendar: Arc<dyn Calendar>,
    ) -> anyhow::Result<Arc<WebTools>> {
        let folders = config.data_dir.join(PLUGINS);
        // What a crash left behind.
        let _ = std::fs::remove_dir_all(&folders);
        let servers = ToolServers::new(&config.tool_servers, Some(&ledger), &folders)?;
        let search = Search::new(&config.search, Some(&ledger))?;
        let (names, policy, limits) = (Arc::new(SystemNames), AddressPolicy::here(), PageLimits::default());
        let reader = PageReader::new(names, policy, Some(ledger), limits, SystemClock::start());
        Ok(Arc::new(WebTools::new(search, reader, servers, models, calendar)))
    }

    /// Who takes orders.
    pub(super) fn desk(&self) -> Arc<dyn Desk> {
        Arc::<TaskDesk>::clone(&self.desk)
    }

    /// Who answers commands about tasks.
    pub(super) fn answers(&self) -> Arc<TaskDesk> {
        Arc::clone(&self.desk)
    }

    /// Starts what carries out tasks and what tells of their ends.
    pub(super) fn spawn(
        self,
        tasks: &TaskTracker,
        bridge: Arc<Bridge>,
        home: HomeAssistant,
        cancel: &CancellationToken,
    ) {
        let deliveries = Deliveries {
            book: self.book.clone(),
            teller: Arc::new(Rooms { home, bridge, notify: self.notify }),
            clock: SystemClock::start(),
            calendar: Arc::new(SystemCalendar),
            quiet: self.quiet,
            ends: self.server.gateway().ends(),
        };
        tasks.spawn(Arc::clone(&self.desk.meanings).run(cancel.clone()));
        tasks.spawn(self.images.run(self.server.gateway().ends(), cancel.clone()));
        tasks.spawn(deliveries.run(cancel.clone()));
        tasks.spawn(self.server.run(cancel.clone()));
        tasks.spawn(self.tools.run(cancel.clone()));
        if let Some(runner) = self.runner {
            tasks.spawn(runner.run(cancel.clone()));
        }
        tasks.spawn(keep_tidy(self.book, cancel.clone()));
    }
}

/// Forgets tasks that have had their days, until cancelled; then closes the book.
async fn keep_tidy(book: TaskBook, cancel: CancellationToken) {
    let tidy = async {
        loop {
            let before = SystemCalendar.now().saturating_sub(KEPT_FOR).unwrap_or(Timestamp::MIN);
            match book.prune(before).await {
                Ok(0) => {}
                Ok(forgotten) => tracing::info!(forgotten, "old tasks were forgotten"),
                Err(error) => tracing::warn!(code = error.code(), %error, "old tasks stay"),
            }
            tokio::time::sleep(TIDY_EVERY).await;
        }
    };
    cancel.run_until_cancelled(tidy).await;
    book.close().await;
}

impl gateway::Home for HomeAssistant {
    fn time_zone(&self) -> String {
        self.config().map_or_else(|_| "UTC".to_owned(), |facts| facts.time_zone)
    }

    fn registry(&self) -> Result<Arc<Registry>, HomeError> {
        Home::registry(self)
    }

    fn state(&self, entity: &EntityId) -> Option<EntityState> {
        Home::state(self, entity)
    }
}
