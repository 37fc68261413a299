//! Agents that did well become images in a real registry, and are found again, taken back and removed; the real agent passes
//! its acceptance first. A registry that does not do what it should delays that and changes nothing else.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix::images::{Images, ImagesError, Pace, Parts, RegistrySettings};
use helix::store::Store;
use helix::tasks::{Filter, Origin, TaskBook};
use helix_contract::{
    AgentName, AgentRef, Class, Digest, Failure, Limits, Outcome, Place, Scope, TaskId, TaskResultV1,
    TaskSpecV1, Usage, V1,
};
use helix_core::Calendar;
use helix_image::{Chosen, Standing, Trouble};
use helix_kinds::{Kind, built_in};
use helix_tests::agents;
use helix_tests::bridge::new_folder;
use helix_tests::registry::Registry;
use jiff::{SignedDuration, Timestamp};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

const REPOSITORY: &str = "helix/agent-plan";

/// A clock on the wall that a test sets.
#[derive(Debug)]
struct Wall(Mutex<Timestamp>);

impl Calendar for Wall {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What a bridge has: its store, its book, its images; and the real agent.
struct House {
    folder: PathBuf,
    wall: Arc<Wall>,
    store: Store,
    book: TaskBook,
    images: Images,
    tasks: u32,
}

/// The kind `plan`, as somebody changed it; its cases still hold.
fn plan(change: &str) -> Result<Kind> {
    let kinds = built_in()?.into_iter().find(|kind| kind.definition.name.as_str() == "plan");
    let mut kind = kinds.context("there is a plan")?;
    kind.definition.prompt.push_str(change);
    Ok(kind)
}

/// A folder with the real agent and nothing else.
async fn programs() -> Result<PathBuf> {
    static FOLDER: OnceCell<PathBuf> = OnceCell::const_new();
    let made = || async {
        let agent = tokio::task::spawn_blocking(agents::agent).await??;
        let folder = new_folder("images-agent")?;
        std::fs::copy(agent, folder.join("helix-agent"))?;
        anyhow::Ok(folder)
    };
    FOLDER.get_or_try_init(made).await.cloned()
}

fn agent() -> Result<AgentName> {
    Ok("plan".parse()?)
}

impl House {
    async fn new(registry: Option<&str>, kind: Kind) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let wall = Arc::new(Wall(Mutex::new("2026-11-21T12:00:00Z".parse()?)));
        Self::open(new_folder("images")?, wall, registry, kind).await
    }

    async fn open(folder: PathBuf, wall: Arc<Wall>, registry: Option<&str>, kind: Kind) -> Result<Self> {
        let programs = programs().await?;
        let store = Store::open(&folder, Arc::<Wall>::clone(&wall)).await?;
        let book = TaskBook::in_store(store.clone());
        let registry = registry.map(|host| RegistrySettings::parse(&format!("{host}/helix"))).transpose()?;
        let pace = Pace { count: Duration::ZERO, ..Pace::default() };
        let calendar: Arc<dyn Calendar> = Arc::<Wall>::clone(&wall);
        let parts = Parts {
            store: store.clone(),
            book: book.clone(),
            kinds: vec![kind],
            registry,
            programs,
            calendar,
            pace,
        };
        let images = Images::open(parts).await?;
        let tasks = u32::try_from(wall.now().as_second() % 1_000_000)?;
        Ok(Self { folder, wall, store, book, images, tasks })
    }

    /// The same house, started anew with another kind or another registry.
    async fn again(self, registry: Option<&str>, kind: Kind) -> Result<Self> {
        let (folder, wall) = (self.folder.clone(), Arc::clone(&self.wall));
        wall.pass(1);
        self.store.close().await;
        Self::open(folder, wall, registry, kind).await
    }

    fn chosen(&self, kind: &Kind) -> Result<Chosen> {
        Ok(self.images.chosen(&kind.definition.name, kind.definition.digest()?))
    }

    /// A task of the agent that somebody has, as the desk would make it.
    async fn begun(&mut self, kind: &Kind) -> Result<(TaskSpecV1, helix_contract::Attempt)> {
        self.tasks += 1;
        let now = self.wall.now();
        let Chosen { definition, image } = self.chosen(kind)?;
        let spec = TaskSpecV1 {
            version: V1,
            id: TaskId::derive(&[&self.tasks.to_string()]),
            agent: AgentRef { name: kind.definition.name.clone(), definition, image },
            instruction: "Plan a party.".into(),
            language: "en".into(),
            inputs: serde_json::Map::new(),
            tools: Vec::new(),
            scope: Scope::default(),
            place: Place::Local,
            limits: Limits {
                deadline: now + SignedDuration::from_hours(9000),
                attempts: 1,
                tokens: 1000,
                money_micros: 0,
                tool_calls: 10,
            },
            class: Class::Interactive,
            output_schema: None,
        };
        self.book.accept(&spec, &Origin::default(), now).await?;
        let leased =
            self.book.lease("box", &Filter::default(), now, now + SignedDuration::from_hours(1)).await?;
        Ok((spec, leased.context("a lease")?.attempt))
    }

    async fn ends(&mut self, kind: &Kind, well: bool) -> Result<TaskSpecV1> {
        let (spec, attempt) = self.begun(kind).await?;
        let outcome = if well {
            let (sources, not_found) = (Vec::new(), Vec::new());
            Outcome::Done {
                spoken: "At three.".into(),
                text: String::new(),
                sources,
                not_found,
                output: None,
            }
        } else {
            Outcome::Failed { failure: Failure::Agent, spoken: "That did not work.".into() }
        };
        self.wall.pass(1);
        let result =
            TaskResultV1 { version: V1, task: spec.id.clone(), attempt, outcome, usage: Usage::default() };
        self.book.finish(&result, self.wall.now()).await?;
        Ok(spec)
    }

    /// A task of it ends well, and what follows from that is done.
    async fn does_well(&mut self, kind: &Kind) -> Result<()> {
        self.ends(kind, true).await?;
        Ok(self.images.round().await?)
    }
}

impl Wall {
    fn pass(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now += SignedDuration::from_secs(seconds);
    }

    fn pass_days(&self, days: i64) {
        self.pass(days * 24 * 3600);
    }
}

fn digest_of(image: &str) -> Result<Digest> {
    Ok(image.rsplit_once('@').context("a digest")?.1.parse()?)
}

/// What `latest` of the agent is in the registry.
async fn latest(registry: &Registry) -> Result<Option<Digest>> {
    let index = registry.manifest(REPOSITORY, "latest").await?;
    // A manifest's digest is that of its canonical bytes, as this Helix writes them.
    Ok(index.map(|index| Digest::of(&helix_contract::canonical(&index).unwrap_or_default())))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_did_well_becomes_an_image_that_the_next_task_gets_by_its_digest() -> Result<()> {
    let registry = Registry::start("images-promote", &[])?;
    let kind = plan("")?;
    let mut house = House::new(Some(&registry.host), kind.clone()).await?;
    ensure!(house.chosen(&kind)?.image.is_none());
    house.ends(&kind, false).await?;
    house.images.round().await?;
    ensure!(house.images.forms_of(&agent()?).is_empty(), "who failed is not kept");

    house.does_well(&kind).await?;
    let next = house.ends(&kind, true).await?;
    let image = next.agent.image.context("the next task gets it")?;
    ensure!(image.starts_with(&format!("{}/{REPOSITORY}@sha256:", registry.host)), "{image}");
    let digest = digest_of(&image)?;
    ensure!(latest(&registry).await? == Some(digest));
    let index = registry.manifest(REPOSITORY, &digest.to_string()).await?.context("an index")?;
    let platform = index["manifests"][0]["digest"].as_str().context("a digest")?;
    let manifest = registry.manifest(REPOSITORY, platform).await?.context("a manifest")?;
    ensure!(manifest["layers"].as_array().map(Vec::len) == Some(2), "the program and the definition");

    house.images.round().await?;
    house.images.round().await?;
    let forms = house.images.forms_of(&agent()?);
    ensure!(forms.len() == 1 && forms[0].successes == 2, "each end counts once: {forms:?}");
    // What is known lives on.
    let mut house = house.again(Some(&registry.host), kind.clone()).await?;
    ensure!(house.chosen(&kind)?.image.as_deref() == Some(&*image));
    house.does_well(&kind).await?;
    ensure!(house.images.forms_of(&agent()?)[0].successes == 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bridges_make_the_same_image_of_the_same_definition() -> Result<()> {
    let registry = Registry::start("images-two", &[])?;
    let kind = plan("")?;
    let mut images = Vec::new();
    for _ in 0..2 {
        let mut house = House::new(Some(&registry.host), kind.clone()).await?;
        house.does_well(&kind).await?;
        images.push(house.chosen(&kind)?.image.context("an image")?);
    }
    ensure!(images[0] == images[1], "{images:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_pass_the_acceptance_becomes_no_image() -> Result<()> {
    let registry = Registry::start("images-unfit", &[])?;
    let mut kind = plan("")?;
    for case in &mut kind.cases {
        case.expect.spoken = vec!["what nobody says".into()];
    }
    let mut house = House::new(Some(&registry.host), kind.clone()).await?;
    house.does_well(&kind).await?;
    let forms = house.images.forms_of(&agent()?);
    ensure!(forms.len() == 1 && forms[0].standing == Standing::Candidate, "{forms:?}");
    ensure!(latest(&registry).await?.is_none());
    let refused = house.images.build(&agent()?).await;
    ensure!(matches!(refused, Err(ImagesError::Unaccepted(..))), "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_taken_back_by_name_by_digest_and_by_itself() -> Result<()> {
    let registry = Registry::start("images-back", &[])?;
    let (old, new) = (plan("")?, plan("\nBe brief.")?);
    let mut house = House::new(Some(&registry.host), old.clone()).await?;
    house.does_well(&old).await?;
    let before = house.chosen(&old)?;
    let mut house = house.again(Some(&registry.host), new.clone()).await?;
    ensure!(house.chosen(&new)?.image.is_none(), "a changed definition is not in the image of the old one");
    house.does_well(&new).await?;
    let after = house.chosen(&new)?;
    ensure!(after.image.is_some() && after != before);

    house.images.return_to(&agent()?, None).await?;
    ensure!(house.chosen(&new)? == before);
    ensure!(latest(&registry).await? == Some(digest_of(before.image.as_deref().context("an image")?)?));
    house.does_well(&new).await?;
    ensure!(house.chosen(&new)? == before, "it was promoted again by itself");

    let digest = digest_of(after.image.as_deref().context("an image")?)?.to_string();
    house.images.return_to(&agent()?, Some(&digest)).await?;
    ensure!(house.chosen(&new)? == after);
    for _ in 0..3 {
        house.ends(&new, false).await?;
    }
    house.images.round().await?;
    ensure!(house.chosen(&new)? == before, "three failures in a row");
    ensure!(latest(&registry).await? == Some(digest_of(before.image.as_deref().context("an image")?)?));
    // A person who wants it anyway gets it.
    ensure!(after.image.as_deref() == Some(&*house.images.build(&agent()?).await?.name));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_used_for_thirty_days_goes_unless_a_task_or_a_person_holds_it() -> Result<()> {
    let registry = Registry::start("images-collect", &[])?;
    let kind = plan("")?;
    let mut house = House::new(Some(&registry.host), kind.clone()).await?;
    house.does_well(&kind).await?;
    let image = house.chosen(&kind)?.image.context("an image")?;
    let digest = digest_of(&image)?.to_string();
    let is_there = async || anyhow::Ok(registry.manifest(REPOSITORY, &digest).await?.is_some());

    house.wall.pass_days(29);
    ensure!(house.images.collect(false).await?.kept == 1);
    house.wall.pass_days(2);
    let (held, _) = house.begun(&kind).await?;
    ensure!(house.images.collect(false).await?.kept == 1, "a task names it");
    house.book.cancel(&held.id, house.wall.now()).await?;
    house.images.pin(&agent()?, true).await?;
    ensure!(house.images.collect(false).await?.kept == 1, "a person wants it");
    house.images.pin(&agent()?, false).await?;

    let wish = house.images.collect(true).await?;
    ensure!(wish.leaving == [image.clone()] && house.chosen(&kind)?.image.is_some(), "{wish:?}");
    ensure!(house.images.collect(false).await? == wish);
    ensure!(house.chosen(&kind)?.image.is_none() && is_there().await?, "it is removed at the next run");
    let wish = house.images.collect(true).await?;
    ensure!(wish.removed == [image.clone()] && is_there().await?);
    ensure!(house.images.collect(false).await? == wish && !is_there().await?);
    ensure!(latest(&registry).await?.is_none());

    house.does_well(&kind).await?;
    ensure!(house.chosen(&kind)?.image == Some(image.clone()) && is_there().await?, "it is made anew");
    ensure!(house.images.remove(&agent()?, true).await?.removed == [image.clone()] && is_there().await?);
    ensure!(house.images.remove(&agent()?, false).await?.removed == [image.clone()] && !is_there().await?);
    ensure!(house.images.build(&agent()?).await?.name == image && is_there().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_somebody_removed_is_made_anew() -> Result<()> {
    let registry = Registry::start("images-missing", &[])?;
    let kind = plan("")?;
    let mut house = House::new(Some(&registry.host), kind.clone()).await?;
    house.does_well(&kind).await?;
    let image = house.chosen(&kind)?.image.context("an image")?;
    // As if somebody had emptied it.
    registry.stop()?;
    let emptied = Registry::start("images-missing-anew", &[])?;
    let mut house = house.again(Some(&emptied.host), kind.clone()).await?;
    house.images.troubled(&image, Trouble::Missing).await;
    ensure!(house.chosen(&kind)?.image.is_none(), "tasks go on without it");
    house.does_well(&kind).await?;
    let anew = house.chosen(&kind)?.image.context("an image")?;
    ensure!(digest_of(&anew)? == digest_of(&image)? && latest(&emptied).await? == Some(digest_of(&anew)?));
    house.images.troubled(&anew, Trouble::Unfit).await;
    ensure!(!house.images.is_offered(&anew) && house.chosen(&kind)?.image.is_none());
    house.does_well(&kind).await?;
    ensure!(house.chosen(&kind)?.image.is_none(), "what does not start is not tried again on the same base");
    house.images.build(&agent()?).await?;
    ensure!(house.chosen(&kind)?.image.is_some());
    Ok(())
}

/// A port that leads to one registry now and to another one later.
struct Door {
    host: String,
    leads_to: Arc<Mutex<Option<String>>>,
    _open: JoinSet<()>,
}

impl Door {
    async fn new() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let host = listener.local_addr()?.to_string();
        let leads_to = Arc::<Mutex<Option<String>>>::default();
        let behind = Arc::clone(&leads_to);
        let mut open = JoinSet::new();
        open.spawn(async move {
            let mut through = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let to = behind.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
                let Some(to) = to else { continue };
                through.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(to).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Ok(Self { host, leads_to, _open: open })
    }

    fn leads_to(&self, registry: &Registry) {
        *self.leads_to.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Some(registry.host.clone());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_in_trouble_delays_images_and_nothing_else() -> Result<()> {
    let good = Registry::start("images-good", &[])?;
    let cases: [(&str, Option<&[&str]>, &str); 4] = [
        ("away", None, "registry-unreachable"),
        ("refuses", Some(&["--users", "helix:right"]), "registry-refused"),
        ("full", Some(&["--room", "500"]), "registry-full"),
        ("read-only", Some(&["--read-only"]), "registry-read-only"),
    ];
    for (case, options, code) in cases {
        let bad = options.map(|options| Registry::start(&format!("images-{case}"), options)).transpose()?;
        let (door, kind) = (Door::new().await?, plan(case)?);
        if let Some(bad) = &bad {
            door.leads_to(bad);
        }
        let mut house = House::new(Some(&door.host), kind.clone()).await?;
        house.ends(&kind, true).await?;
        for _ in 0..2 {
            let error = house.images.round().await.expect_err("it is in trouble");
            ensure!(error.code() == code, "{case}: {error:?}");
        }
        let task = house.ends(&kind, true).await?;
        ensure!(task.agent.image.is_none() && task.agent.definition == kind.definition.digest()?);
        let forms = house.images.forms_of(&agent()?);
        ensure!(forms.len() == 1 && forms[0].standing == Standing::Current, "{case}: {forms:?}");

        door.leads_to(&good);
        let mut house = house.again(Some(&door.host), kind.clone()).await?;
        house.images.round().await.with_context(|| case.to_owned())?;
        ensure!(house.ends(&kind, true).await?.agent.image.is_some(), "{case}: the image came later");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_registry_everything_is_the_same_but_for_the_images() -> Result<()> {
    let (old, new) = (plan("")?, plan("\nBe brief.")?);
    let mut house = House::new(None, old.clone()).await?;
    house.does_well(&old).await?;
    let mut house = house.again(None, new.clone()).await?;
    house.does_well(&new).await?;
    let standings: Vec<_> = house.images.forms_of(&agent()?).iter().map(|form| form.standing).collect();
    ensure!(standings == [Standing::Previous, Standing::Current], "{standings:?}");
    house.images.return_to(&agent()?, None).await?;
    ensure!(house.chosen(&new)? == Chosen { definition: old.definition.digest()?, image: None });
    ensure!(house.images.collect(false).await?.kept == 0);
    ensure!(matches!(house.images.build(&agent()?).await, Err(ImagesError::NoRegistry)));
    Ok(())
}
