//! A definition in, an image of an agent for both architectures in a real registry out, on loopback.

use anyhow::{Result, ensure};
use helix_contract::{DefinitionV1, decode};
use helix_image::{Registry as Images, RegistryAuth, Scheme};
use helix_tests::registry::Registry;
use helix_tests::time::now;
use serde_json::json;

use crate::figure::{Figure, Series, ms, rounded};

const BASE: &str = "helix/agent-base";
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];
/// Until connections stand.
const WARM_UP: usize = 3;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many definitions
    #[arg(long, default_value_t = 60)]
    definitions: usize,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Vec<Figure>> {
    let registry = Registry::start("bench-registry", &[])?;
    registry.push_base(BASE, &ARCHITECTURES).await?;
    let base = format!("{}/{BASE}:latest", registry.host);
    let images = Images::new(&registry.host, "helix/", Scheme::Http, RegistryAuth::Anonymous)?;
    let (mut new, mut known) = (Vec::new(), Vec::new());
    for n in 0..WARM_UP + arguments.definitions {
        let wanted = definition(n)?;
        for (taken, is_known) in [(&mut new, false), (&mut known, true)] {
            let begin = now();
            let made = images.specialise(&base, &wanted).await?;
            let took = ms(now().saturating_sub(begin));
            ensure!(made.known == is_known && made.platforms.len() == ARCHITECTURES.len(), "{made:?}");
            if n >= WARM_UP {
                taken.push(took);
            }
        }
    }
    let (new, known) = (Series::new(new), Series::new(known));
    eprintln!("{}\n{}", new.line("a new definition"), known.line("a known definition"));
    let of = |name: &str, series: &Series| {
        Figure::reported(format!("registry.{name}.p50"), rounded(series.p50(), 1), "ms", series.len())
    };
    Ok(vec![of("specialise", &new).at_most(100.0, "<= 100 ms"), of("known", &known)])
}

fn definition(n: usize) -> Result<DefinitionV1> {
    let definition = json!({
        "version": 1, "name": "research", "description": "Finds things out.",
        "prompt": format!("Look it up, then look it up {n} times more."), "tools": ["web_search"],
        "scope": { "web": "public" },
    });
    Ok(decode(definition.to_string().as_bytes())?)
}
