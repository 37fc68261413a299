//! `helix agent`: the kinds of agents, and the images of those that did well.

use std::process::ExitCode;

use anyhow::bail;
use helix::control::{AgentRow, Answer, Ask, FormRow, ImagesAsk, TaskAnswer, TaskAsk, ask};

use super::Session;
use super::task::{asked, other_version};

/// Characters of a digest that a list shows.
const SHORT: usize = 12;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the kinds of agents that there are, and the image of each
    List,
    /// Show one kind: what it may see and call, and all of its forms
    Show {
        /// Its name, as `helix agent list` shows it
        name: String,
    },
    /// Make the image of an agent now, if it passes its acceptance
    Build {
        /// Its name
        name: String,
    },
    /// Let new tasks get the form before, or that of a digest
    Rollback {
        /// Its name
        name: String,
        /// The beginning of the digest of a definition or an image, as `helix agent show` shows them
        digest: Option<String>,
    },
    /// Keep an agent's image, however long nobody uses it
    Pin {
        /// Its name
        name: String,
    },
    /// Let an agent's images go like all others when nobody uses them
    Unpin {
        /// Its name
        name: String,
    },
    /// Remove images that nobody used for 30 days; the bridge does so once a day
    Collect {
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove the images of an agent now; its definitions stay
    Remove {
        /// Its name
        name: String,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
}

pub(crate) async fn run(session: Session, command: Command) -> anyhow::Result<ExitCode> {
    let wanted = match command {
        Command::List => return list(&session).await,
        Command::Show { name } => return show(&session, &name).await,
        Command::Build { name } => ImagesAsk::Build { name },
        Command::Rollback { name, digest } => ImagesAsk::Rollback { name, digest },
        Command::Pin { name } => ImagesAsk::Pin { name, pinned: true },
        Command::Unpin { name } => ImagesAsk::Pin { name, pinned: false },
        Command::Collect { dry_run } => ImagesAsk::Collect { dry_run },
        Command::Remove { name, dry_run } => ImagesAsk::Remove { name, dry_run },
    };
    match ask(&session.config.data_dir, &Ask::Task(TaskAsk::Images(wanted))).await? {
        Answer::Done(lines) => {
            session.out.object(&serde_json::json!({ "done": lines }));
            for line in &lines {
                session.out.line(line);
            }
            Ok(ExitCode::SUCCESS)
        }
        Answer::Failed(why) => bail!("{why}"),
        Answer::Runs(_) | Answer::Status(_) | Answer::Models(_) | Answer::Address(_) | Answer::Task(_) => {
            other_version()
        }
    }
}

async fn rows(session: &Session) -> anyhow::Result<Vec<AgentRow>> {
    match asked(session, TaskAsk::Agents).await? {
        TaskAnswer::Agents(rows) => Ok(rows),
        TaskAnswer::Tasks(_) | TaskAnswer::Task(_) => other_version(),
    }
}

async fn list(session: &Session) -> anyhow::Result<ExitCode> {
    for row in rows(session).await? {
        session.out.object(&row);
        let current = row.forms.iter().find(|form| form.standing == "current");
        let image = current.and_then(|form| form.image.as_deref()).map_or("-", short);
        let used = current.map_or("never used", |form| day(&form.last_used));
        let good = current.map_or(0, |form| form.successes);
        session
            .out
            .line(format!("{:<14} {image:<SHORT$} {used:<10} {good:>4} good  {}", row.name, row.description));
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(session: &Session, name: &str) -> anyhow::Result<ExitCode> {
    let rows = rows(session).await?;
    let Some(row) = rows.iter().find(|row| row.name == name) else {
        bail!("there is no agent `{name}`; `helix agent list` shows those that there are");
    };
    session.out.object(row);
    session.out.line(format!("{}: {}", row.name, row.description));
    session.out.line(format!("definition {}", row.definition));
    session.out.line(format!("model      {}", row.model));
    session.out.line(format!("tools      {}", row.tools.join(", ")));
    session.out.line(format!("may see    {}", row.scope));
    for form in &row.forms {
        session.out.line(form_line(form));
    }
    Ok(ExitCode::SUCCESS)
}

fn form_line(form: &FormRow) -> String {
    let FormRow { definition, image, standing, taken_back, pinned, last_used, successes, failures } = form;
    let words = [(*taken_back, ", taken back"), (*pinned, ", stays")];
    let words: String = words.into_iter().filter_map(|(holds, word)| holds.then_some(word)).collect();
    let image = image.as_deref().unwrap_or("no image");
    format!(
        "{standing}{words}: {successes} good, {failures} failed, last used {last_used}\n  {definition}\n  {image}"
    )
}

/// The beginning of the digest at the end of an image's name.
fn short(image: &str) -> &str {
    let digest = image.rsplit_once("sha256:").map_or(image, |(_, digest)| digest);
    digest.get(..SHORT).unwrap_or(digest)
}

fn day(at: &str) -> &str {
    at.split_once('T').map_or(at, |(day, _)| day)
}
