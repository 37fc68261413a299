//! `helix doctor`: every part, one line each.

use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use helix::app::{Visit, engine_config, model_choice};
use helix::clock::{SystemCalendar, SystemClock};
use helix::config::{Config, SpeechEngine};
use helix::control::{Answer, Ask, ModelRow, PartRow, ask};
use helix::mcp::{Looked, McpError, ToolServers};
use helix::model::verify;
use helix::satellite::Espeak;
use helix::speech::Engine;
use helix::store::{Store, StoreError, kept_aside};
use helix::web::search::Search;
use helix_contract::Place;
use helix_core::Language;
use helix_core::egress::{Cloud, Privacy, Purpose};
use helix_core::llm::Origin;
use helix_hass::pipeline::ListPipelines;
use serde_json::json;

use super::{Session, healthcheck, models, told};

/// Longer than a home takes to start or a model to load on a small machine.
const LIMIT: Duration = Duration::from_secs(20);

/// How a part is.
enum Health {
    /// It works; what it is.
    Works(String),
    /// It is not there; what is lost without it.
    Missing(String),
    /// It is there and does not work; how to repair it.
    Broken(String),
}

use Health::{Broken, Missing, Works};

pub(crate) async fn run(session: Session) -> anyhow::Result<ExitCode> {
    let bridge = running_bridge(&session).await;
    let visit = async { Visit::begin(&session.config, LIMIT).await.map_err(|error| told(&error)) };
    let (visit, (model, speech), voice, port) = tokio::join!(
        visit,
        speech(&session, bridge.as_deref()),
        own_voice(),
        port(&session, bridge.is_some())
    );
    let registration = registration(visit.as_ref().ok(), bridge.as_deref()).await;
    let agent = second_agent(&session, bridge.as_deref());
    let home = match visit.as_ref().map(Visit::describe) {
        Ok(Ok(facts)) => Works(facts),
        Ok(Err(why)) => Broken(why),
        Err(why) => Broken(why.clone()),
    };
    let bridge = match &bridge {
        Some(_) => Works(format!("running with {}", session.config.data_dir.display())),
        None => Missing(format!(
            "no Helix runs with {}, so Home Assistant has no voice; start it: `helix run`",
            session.config.data_dir.display()
        )),
    };
    let parts = [
        ("Home Assistant", home),
        ("model", model),
        ("speech", speech),
        ("own voice", voice),
        ("data folder", data_folder(&session.config.data_dir)),
        ("store", store(&session.config.data_dir).await),
        ("language models", language_models(&session).await),
        ("search", search(&session.config)),
        ("tool servers", tool_servers(&session.config).await),
        ("registry", registry(&session.config).await),
        ("port", port),
        ("bridge", bridge),
        ("registration", registration),
    ];
    let agent = agent.map(|health| ("second agent", health));
    Ok(show(&session, parts.into_iter().chain(agent)))
}

fn show(session: &Session, parts: impl Iterator<Item = (&'static str, Health)>) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for (part, health) in parts {
        let (word, text) = match health {
            Works(text) => ("works", text),
            Missing(text) => ("missing", text),
            Broken(text) => {
                code = ExitCode::FAILURE;
                ("broken", text)
            }
        };
        session.out.line(format!("{word:<8} {part:<15} {text}"));
        session.out.object(&json!({ "part": part, "state": word, "text": text }));
    }
    code
}

/// What the bridge says about its parts, if one runs.
async fn running_bridge(session: &Session) -> Option<Vec<PartRow>> {
    match ask(&session.config.data_dir, &Ask::Status).await {
        Ok(Answer::Status(parts)) => Some(parts),
        Ok(
            Answer::Runs(_)
            | Answer::Models(_)
            | Answer::Address(_)
            | Answer::Task(_)
            | Answer::Done(_)
            | Answer::Failed(_),
        )
        | Err(_) => None,
    }
}

fn told_by(bridge: Option<&[PartRow]>, part: &str) -> Option<Health> {
    let row = bridge?.iter().find(|row| row.part == part)?;
    let text = row.text.clone();
    Some(match (row.works, row.starting) {
        (true, _) => Works(text),
        (false, true) => Missing(text),
        (false, false) => Broken(text),
    })
}

/// The model and the engine. A running bridge has loaded its model, which is not loaded a second time; another
/// server is asked.
async fn speech(session: &Session, bridge: Option<&[PartRow]>) -> (Health, Health) {
    let language = session.config.language.clone().unwrap_or_else(Language::english);
    let model = match model_choice(&session.config, &language) {
        None => Works("that of the external speech server".into()),
        Some(choice) => match (choice.missing(), verify(&choice.path)) {
            (Some(missing), _) if bridge.is_none() => {
                let without = Missing("no speech model, so only typed commands work".into());
                return (Missing(missing), without);
            }
            (Some(missing), _) => Missing(missing),
            (None, Ok(shape)) => {
                let spoken = if shape.english_only() { "English only" } else { "many languages" };
                let why = if choice.configured { "configured" } else { "the default here" };
                Works(format!("{}, {spoken}, {why}", choice.name))
            }
            (None, Err(error)) => Broken(format!("{}: {error}", choice.name)),
        },
    };
    let loaded = matches!(session.config.speech, SpeechEngine::Child { .. });
    let speech = match told_by(bridge, "speech") {
        Some(health) if loaded => health,
        Some(_) | None => own_engine(session, &language).await,
    };
    (model, speech)
}

async fn own_engine(session: &Session, language: &Language) -> Health {
    let engine = Engine::start(engine_config(&session.config, language), SystemClock::start());
    let ready = tokio::time::timeout(LIMIT, engine.ready()).await;
    let health = match ready {
        Ok(Ok(())) => engine.describe().map_or_else(Broken, Works),
        Ok(Err(error)) => Broken(error.to_string()),
        Err(_) => Broken(match &session.config.speech {
            SpeechEngine::Child { .. } => {
                "the model did not load within 20 s; choose a smaller one: `helix model list`".into()
            }
            SpeechEngine::External { host, port } => {
                format!("the speech server {host}:{port} does not answer; check asr_host and asr_port")
            }
        }),
    };
    engine.stop().await;
    health
}

async fn own_voice() -> Health {
    match Espeak::find().await {
        Ok(_) => Works("espeak-ng, offered where Home Assistant has no text-to-speech".into()),
        Err(error) => Missing(format!("{error}; a home without text-to-speech stays mute")),
    }
}

/// Whether models, socket and registration can be kept.
fn data_folder(path: &Path) -> Health {
    let shown = path.display();
    if !path.exists() {
        return Missing(format!("{shown} is not there yet; `helix run` makes it"));
    }
    let probe = path.join(format!("doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, "x");
    let _ = std::fs::remove_file(&probe);
    match written {
        Ok(()) => Works(shown.to_string()),
        Err(error) => {
            Broken(format!("{shown} cannot be written ({error}); make room there, or set another data_dir"))
        }
    }
}

/// Whether what was promised can be kept: the ledger, delayed commands.
async fn store(data_dir: &Path) -> Health {
    let described = match Store::visit(data_dir, Arc::new(SystemCalendar)).await {
        Ok(store) => store.describe().await,
        Err(error) => Err(error),
    };
    match (described, kept_aside(data_dir).last()) {
        (Ok(_), Some(aside)) => Missing(format!(
            "{} was damaged, so an empty database took its place; what it held is lost unless a backup helps. \
             Remove it once you do not need it",
            aside.display()
        )),
        (Ok(text), None) => Works(text),
        (Err(error @ (StoreError::Absent { .. } | StoreError::Older { .. })), _) => {
            Missing(error.to_string())
        }
        (Err(error), _) => Broken(error.to_string()),
    }
}

/// The language models that are named: what answers, or what is wrong with the first that does not.
async fn language_models(session: &Session) -> Health {
    let rows = match Box::pin(models::shown(session)).await {
        Ok(models) => models.duties,
        Err(error) => return Broken(told(&error)),
    };
    if rows.is_empty() {
        return Missing(
            "none is named, so only what Helix's own sentences know is understood; see `helix models`".into(),
        );
    }
    if let Some(row) = rows.iter().find(|row| row.looked && row.wrong.is_some()) {
        return Broken(format!("{}: {}", row.duty, models::state(row)));
    }
    let told = |row: &ModelRow| {
        let warning = row.warning.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
        format!("{}: {}{warning}", row.duty, row.in_use.as_ref().unwrap_or(&row.named))
    };
    Works(rows.iter().map(told).collect::<Vec<_>>().join(", "))
}

/// Who searches for tasks. Nobody is asked, because every search leaves the house.
fn search(config: &Config) -> Health {
    let search = match Search::new(&config.search, None) {
        Ok(search) => search.asked(Place::Cloud),
        Err(error) => return Broken(error.to_string()),
    };
    if search.is_empty() {
        return Missing(
            "none is set up, so tasks look nothing up; set `searxng_url`, `tavily_key` or `gemini_key`"
                .into(),
        );
    }
    if config.llm.cloud == Cloud::Off {
        let text = "but `cloud` is `off`, so nothing is searched and no page is read; set it to `public`";
        return Missing(format!("{}, {text}", search.join(", ")));
    }
    Works(search.join(", "))
}

/// The tool servers: how many tools each has. One outside is not asked without the ledger.
async fn tool_servers(config: &Config) -> Health {
    let folders = config.data_dir.join("plugins");
    let looked = match ToolServers::new(&config.tool_servers, None, &folders) {
        Ok(servers) => servers.look(&Origin::addressed(Purpose::Probe, Privacy::Public, None)).await,
        Err(error) => return Broken(error.to_string()),
    };
    if looked.is_empty() {
        return Missing("none is named in `mcp_servers`, so tasks have no tools but Helix's own".into());
    }
    let mut told = Vec::new();
    for (name, tools) in looked {
        match tools {
            Ok(looked) => told.push(format!("{name}: {}", of_server(&looked))),
            Err(McpError::Denied(_)) => told.push(format!("{name}: outside, asked when a task needs it")),
            Err(error) => return Broken(error.to_string()),
        }
    }
    Works(told.join(", "))
}

fn of_server(looked: &Looked) -> String {
    let mut text = format!("{} tools", looked.tools);
    if looked.withheld > 0 {
        let more = "may change something and are not offered (`may_change = true` allows it)";
        text = format!("{text}, {} more {more}", looked.withheld);
    }
    if !looked.lacking.is_empty() {
        text = format!("{text}, without {} (name it in `env` or `env_files`)", looked.lacking.join(", "));
    }
    text
}

/// The registry with the images of agents: whether it can be reached and written.
async fn registry(config: &Config) -> Health {
    let Some(settings) = &config.tasks.registry else {
        return Missing(
            "none is set in `registry`, so runners get the definition of an agent with each task".into(),
        );
    };
    let probed = match settings.open() {
        Ok(registry) => tokio::time::timeout(LIMIT, registry.probe()).await,
        Err(error) => return Broken(error.to_string()),
    };
    match probed {
        Ok(Ok(())) => Works(format!("{settings} takes images")),
        Ok(Err(error)) => Broken(error.to_string()),
        Err(_) => Broken(format!("{settings} does not answer; start it or correct its address")),
    }
}

/// The Wyoming port: answered by the running bridge, or free for one.
async fn port(session: &Session, bridge_runs: bool) -> Health {
    let configured = session.config.listen;
    if !bridge_runs {
        return match TcpListener::bind(configured) {
            Ok(_) => Works(format!("{configured} is free")),
            Err(error) => Broken(format!(
                "{configured} cannot be used ({error}); set another `listen`, or stop what has it (`ss -ltnp`)"
            )),
        };
    }
    let address = healthcheck::listening_at(session).await.ok().flatten().unwrap_or(configured);
    match healthcheck::offered(address).await {
        Ok(programs) => Works(format!("{address} offers {}", programs.join(", "))),
        Err(error) => Broken(told(&error)),
    }
}

async fn registration(visit: Option<&Visit>, bridge: Option<&[PartRow]>) -> Health {
    if let Some(health) = told_by(bridge, "registration") {
        return health;
    }
    let Some(visit) = visit else {
        return Missing("not known without Home Assistant".into());
    };
    match visit.home().command(ListPipelines {}).await {
        Ok(all) if all.pipelines.iter().any(|pipeline| pipeline.settings.name == "Helix") => Missing(
            "the voice pipeline Helix is in Home Assistant, but no bridge runs here; `helix unregister` removes it".into(),
        ),
        Ok(_) => Missing("Home Assistant has no voice pipeline Helix; `helix run` makes it".into()),
        Err(error) => Broken(error.to_string()),
    }
}

/// The second agent, if it is switched on.
fn second_agent(session: &Session, bridge: Option<&[PartRow]>) -> Option<Health> {
    let missing = || Missing("not known without a running bridge; start it: `helix run`".into());
    session.config.second_agent.on.then(|| told_by(bridge, "second agent").unwrap_or_else(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_server_lacks_is_told_with_the_key_that_gives_it() {
        let all = Looked { tools: 2, withheld: 0, lacking: Vec::new() };
        assert_eq!(of_server(&all), "2 tools");
        let lacking = of_server(&Looked { withheld: 1, lacking: vec!["API_KEY".into()], ..all });
        assert!(
            ["1 more", "`may_change = true`", "without API_KEY", "`env_files`"]
                .iter()
                .all(|told| lacking.contains(told)),
            "{lacking}"
        );
    }
}
