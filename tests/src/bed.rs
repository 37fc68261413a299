//! Real Home Assistants for tests, started and stopped by `tests/bed/home-assistant`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

/// A running Home Assistant with the furnished test home; removed when dropped.
#[derive(Debug)]
pub struct HomeAssistant {
    name: String,
    port: u16,
    token: String,
}

/// How an instance differs from the usual one.
#[derive(Debug, Default, Clone)]
pub struct Furnishing {
    /// `en` (the default), `de`, `nl`, `fr`, `es`, `it`, `pl` or `cs`.
    pub language: Option<&'static str>,
    /// Nothing in the home but what the package brings.
    pub empty: bool,
    /// More Home Assistant configuration, as text of a package.
    pub package: Option<String>,
    /// Environment of the process, `A=b C=d`.
    pub environment: Option<String>,
    /// The port, if it has to be known before.
    pub port: Option<u16>,
}

impl HomeAssistant {
    /// Starts a fresh instance; `name` belongs to one test alone. Takes about four seconds, the very first
    /// time some minutes.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn start(name: &str) -> Result<Self> {
        Self::start_with(name, &Furnishing::default())
    }

    /// Starts a fresh instance that differs from the usual one.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn start_with(name: &str, furnishing: &Furnishing) -> Result<Self> {
        // What an earlier, killed run left behind.
        bed(&["stop", name, "--now"])?;
        let package = furnishing.package.as_ref().map(|text| package_file(name, text)).transpose()?;
        let mut args = vec!["start", name, "--fresh"];
        let port = furnishing.port.map(|port| port.to_string());
        args.extend(port.as_deref());
        if furnishing.empty {
            args.push("--empty");
        }
        if let Some(language) = furnishing.language {
            args.extend(["--language", language]);
        }
        let package = package.as_ref().map(|path| path.to_string_lossy().into_owned());
        if let Some(package) = &package {
            args.extend(["--package", package]);
        }
        let url = run(command(&args).env("HASS_ENV", furnishing.environment.as_deref().unwrap_or_default()))?;
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).context("an URL with a port")?;
        Ok(Self { name: name.to_owned(), port, token: token()? })
    }

    /// Such as `http://127.0.0.1:20123`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The owner's long-lived access token; the same for all instances.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What it has logged.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn log(&self) -> Result<String> {
        bed(&["logs", &self.name])
    }

    /// Stops it cleanly, as for an update. It keeps its state.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn stop(&self) -> Result<()> {
        bed(&["stop", &self.name]).map(drop)
    }

    /// Stops it as if the power went out.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn kill(&self) -> Result<()> {
        bed(&["stop", &self.name, "--now"]).map(drop)
    }

    /// Starts it again where it was, with what it knew; returns when it is running.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn start_again(&self) -> Result<()> {
        bed(&["start", &self.name, &self.port.to_string()]).map(drop)
    }
}

impl Drop for HomeAssistant {
    fn drop(&mut self) {
        // A test that has already failed is not to be hidden by the clean-up.
        let _ = self.kill();
        let _ = bed(&["clean", &self.name]);
    }
}

/// The owner's long-lived access token.
///
/// # Errors
/// The test bed's own words.
pub fn token() -> Result<String> {
    bed(&["token"])
}

/// The part of the Supervisor that an app sees, in front of a Home Assistant; ends when dropped.
#[derive(Debug)]
pub struct Supervisor {
    port: u16,
}

impl Supervisor {
    /// The token of the app.
    pub const APP_TOKEN: &'static str = "app-token";

    /// Starts a Supervisor and a Home Assistant that knows of it. The app's host name is `localhost`.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn start_with_home(name: &str) -> Result<(Self, HomeAssistant)> {
        let (port, core) = (free_port()?, free_port()?);
        let core_url = format!("http://127.0.0.1:{core}");
        let arguments = ["start", &port.to_string(), "--core", &core_url, "--slug", "localhost"];
        run(script("fake-supervisor").args(arguments))?;
        let supervisor = Self { port };
        let environment = Some(format!("SUPERVISOR=127.0.0.1:{port} SUPERVISOR_TOKEN=core-token"));
        let furnishing = Furnishing { environment, port: Some(core), ..Furnishing::default() };
        Ok((supervisor, HomeAssistant::start_with(name, &furnishing)?))
    }

    /// What the app uses in the place of `http://supervisor`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // A test that has already failed is not to be hidden by the clean-up.
        let _ = run(script("fake-supervisor").args(["stop", &self.port.to_string()]));
    }
}

/// A port that nobody listens on now.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn package_file(name: &str, text: &str) -> Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("{}.yaml", name.replace('-', "_")));
    std::fs::write(&path, text)?;
    Ok(path)
}

fn command(args: &[&str]) -> Command {
    let mut command = script("home-assistant");
    command.args(args);
    command
}

pub(crate) fn script(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("bed").join(name))
}

fn bed(args: &[&str]) -> Result<String> {
    run(&mut command(args))
}

pub(crate) fn run(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } = command.output().context("tests/bed")?;
    if !status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&stderr));
    }
    Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
}
