//! Images of agents in a real registry.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use helix_contract::{DefinitionV1, Digest, decode};
use helix_image::{Base, ImageError, LATEST, Registry as Images, RegistryAuth, Scheme};
use helix_tests::registry::Registry;
use serde_json::{Value, json};

const BASE: &str = "helix/agent-base";

fn definition(prompt: &str) -> Result<DefinitionV1> {
    let definition = json!({
        "version": 1, "name": "research", "description": "Finds things out.", "prompt": prompt,
        "tools": ["web_search"], "scope": { "web": "public" },
    });
    Ok(decode(definition.to_string().as_bytes())?)
}

fn images(host: &str) -> Result<Images> {
    Ok(Images::new(host, "helix/", Scheme::Http, RegistryAuth::Anonymous)?)
}

fn base(registry: &Registry) -> String {
    format!("{}/{BASE}:latest", registry.host)
}

#[tokio::test]
async fn an_image_is_its_base_and_one_layer_on_every_platform() -> Result<()> {
    let registry = Registry::start("registry-specialise", &[])?;
    registry.push_base(BASE, &["amd64", "arm64"]).await?;
    let wanted = definition("Look it up.")?;
    let made = images(&registry.host)?.specialise(&base(&registry), &wanted).await?;
    assert_eq!(made.platforms, ["linux/amd64", "linux/arm64"]);
    assert!(!made.known);
    let index =
        registry.manifest("helix/agent-research", &made.digest.to_string()).await?.context("an index")?;
    for entry in index["manifests"].as_array().context("platforms")? {
        let reference = entry["digest"].as_str().context("a digest")?;
        let manifest = registry.manifest("helix/agent-research", reference).await?.context("a manifest")?;
        let layers = manifest["layers"].as_array().context("layers")?;
        let config = manifest["config"]["digest"].as_str().context("a configuration")?;
        let config: serde_json::Value =
            serde_json::from_slice(&registry.blob("helix/agent-research", config).await?)?;
        assert_eq!(config["rootfs"]["diff_ids"].as_array().map(Vec::len), Some(layers.len()));
        assert_eq!(config["architecture"], entry["platform"]["architecture"]);
        assert_eq!(config["config"]["Entrypoint"], json!(["/agent/bin"]));
        assert_eq!(config["of_another_tool"], json!({ "kept": true }));
        assert_eq!(config["config"]["Labels"]["run.helix.definition"], json!(wanted.digest()?));
        // Both layers can be had from the agent's own repository.
        for layer in layers {
            registry.blob("helix/agent-research", layer["digest"].as_str().context("a digest")?).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_base_of_all_agents_is_pushed_as_one_image_for_both_architectures() -> Result<()> {
    let registry = Registry::start("registry-own-base", &[])?;
    let images = images(&registry.host)?;
    let base = Base::of(&[("amd64", b"for amd64"), ("arm64", b"for arm64")])?;
    let name = images.push_base(&base).await?;
    assert_eq!(images.push_base(&base).await?, name);
    let made = images.specialise(&name, &definition("Look it up.")?).await?;
    assert_eq!(made.platforms, ["linux/amd64", "linux/arm64"]);
    let repository = "helix/agent-research";
    let index = registry.manifest(repository, &made.digest.to_string()).await?.context("an index")?;
    let arm64 = index["manifests"][1]["digest"].as_str().context("a digest")?;
    let manifest = registry.manifest(repository, arm64).await?.context("a manifest")?;
    let layers = manifest["layers"].as_array().context("layers")?;
    assert_eq!(layers.len(), 2, "the program and the definition");
    let config =
        registry.blob(repository, manifest["config"]["digest"].as_str().context("a digest")?).await?;
    let config: Value = serde_json::from_slice(&config)?;
    assert_eq!(config["config"]["Entrypoint"], json!(["/agent/bin"]));
    assert_eq!(config["config"]["User"], "65532:65532");
    Ok(())
}

#[tokio::test]
async fn the_same_definition_is_the_same_image_and_another_one_another() -> Result<()> {
    let registry = Registry::start("registry-same", &[])?;
    registry.push_base(BASE, &["amd64", "arm64"]).await?;
    let images = images(&registry.host)?;
    let first = images.specialise(&base(&registry), &definition("Look it up.")?).await?;
    let again = images.specialise(&base(&registry), &definition("Look it up.")?).await?;
    assert_eq!((again.digest, again.known), (first.digest, true));
    let other = images.specialise(&base(&registry), &definition("Look twice.")?).await?;
    assert!(other.digest != first.digest && !other.known);
    // On another base it is another image.
    registry.push_base(BASE, &["amd64"]).await?;
    let smaller = images.specialise(&base(&registry), &definition("Look it up.")?).await?;
    assert!(smaller.digest != first.digest && smaller.platforms == ["linux/amd64"]);
    Ok(())
}

#[tokio::test]
async fn an_agent_is_published_and_rolled_back_by_its_name() -> Result<()> {
    let registry = Registry::start("registry-point", &[])?;
    registry.push_base(BASE, &["amd64"]).await?;
    let images = images(&registry.host)?;
    let agent = "research".parse()?;
    assert_eq!(images.pointed(&agent, LATEST).await?, None);
    let first = images.specialise(&base(&registry), &definition("Look it up.")?).await?;
    let second = images.specialise(&base(&registry), &definition("Look twice.")?).await?;
    for digest in [first.digest, second.digest, first.digest] {
        images.point(&agent, LATEST, digest).await?;
        assert_eq!(images.pointed(&agent, LATEST).await?, Some(digest));
    }
    let nowhere = images.point(&agent, LATEST, Digest::of(b"nothing")).await.expect_err("it is not there");
    assert!(nowhere.is_missing(), "{nowhere}");
    assert_eq!(images.pointed(&agent, LATEST).await?, Some(first.digest));
    Ok(())
}

#[tokio::test]
async fn what_is_removed_takes_nothing_along_that_another_image_needs() -> Result<()> {
    let registry = Registry::start("registry-remove", &[])?;
    registry.push_base(BASE, &["amd64", "arm64"]).await?;
    let images = images(&registry.host)?;
    let agent = "research".parse()?;
    let made = images.specialise(&base(&registry), &definition("Look it up.")?).await?;
    // An index of one of its platforms: the manifest belongs to both.
    let mut index =
        registry.manifest("helix/agent-research", &made.digest.to_string()).await?.context("an index")?;
    index["manifests"].as_array_mut().context("platforms")?.truncate(1);
    registry.push_index("helix/agent-research", "amd64-only", &index).await?;
    let only = images.pointed(&agent, "amd64-only").await?.context("it was pushed")?;

    let removed = images.remove(&agent, made.digest, &[only]).await?;
    assert_eq!((removed.manifests, removed.shared), (2, 1));
    assert_eq!(registry.manifest("helix/agent-research", &made.digest.to_string()).await?, None);
    let child = index["manifests"][0]["digest"].as_str().context("a digest")?;
    assert!(registry.manifest("helix/agent-research", child).await?.is_some());
    // Removing twice is removing once, and what is gone can be made anew as it was.
    assert_eq!(images.remove(&agent, made.digest, &[only]).await?.manifests, 0);
    let anew = images.specialise(&base(&registry), &definition("Look it up.")?).await?;
    assert_eq!((anew.digest, anew.known), (made.digest, false));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_built_upon_is_refused_in_words() -> Result<()> {
    let registry = Registry::start("registry-bases", &[])?;
    let images = images(&registry.host)?;
    let wanted = definition("Look it up.")?;
    let missing = images.specialise(&base(&registry), &wanted).await.expect_err("there is no base");
    assert!(missing.is_missing(), "{missing}");
    registry.push_base(BASE, &["amd64"]).await?;
    let index = registry.manifest(BASE, "latest").await?.context("an index")?;
    let single = index["manifests"][0]["digest"].as_str().context("a digest")?;
    let single = format!("{}/{BASE}@{single}", registry.host);
    let error = images.specialise(&single, &wanted).await.expect_err("it has one platform and no index");
    assert_eq!(error.code(), "image-no-base", "{error}");
    let error = images.specialise("not a name", &wanted).await.expect_err("no name");
    assert_eq!(error.code(), "image-name", "{error}");
    Ok(())
}

#[tokio::test]
async fn a_registry_that_keeps_everything_or_is_down_is_told_so() -> Result<()> {
    let wanted = definition("Look it up.")?;
    let registry = Registry::start("registry-keeps", &["--keep-all"])?;
    registry.push_base(BASE, &["amd64"]).await?;
    let images = images(&registry.host)?;
    let made = images.specialise(&base(&registry), &wanted).await?;
    let kept = images.remove(&"research".parse()?, made.digest, &[]).await.expect_err("it keeps all");
    assert!(matches!(kept, ImageError::KeepsAll { .. }), "{kept}");

    let base = base(&registry);
    registry.stop()?;
    let down = tokio::time::timeout(Duration::from_secs(20), images.specialise(&base, &wanted)).await?;
    let down = down.expect_err("nobody is there");
    assert!(matches!(down, ImageError::Unreachable { .. }) && down.is_retryable(), "{down}");
    Ok(())
}

#[tokio::test]
async fn a_registry_that_is_full_is_told_so_and_still_gives_what_it_has() -> Result<()> {
    let registry = Registry::start("registry-full", &["--room", "400"])?;
    registry.push_base(BASE, &["amd64", "arm64"]).await?;
    let (images, agent) = (images(&registry.host)?, "research".parse()?);
    let mut made = Vec::new();
    let full = loop {
        let wanted = definition(&format!("Look it up {} times.", made.len()))?;
        match images.specialise(&base(&registry), &wanted).await {
            Ok(image) => made.push((wanted, image.digest)),
            Err(error) => break error,
        }
        ensure!(made.len() < 100, "it is never full");
    };
    assert_eq!(full.code(), "registry-full", "{full:?}");
    assert!(full.to_string().contains("give it more room") && !full.is_retryable(), "{full}");
    assert!(!made.is_empty());
    for (wanted, digest) in &made {
        let again = images.specialise(&base(&registry), wanted).await?;
        assert_eq!((again.digest, again.known), (*digest, true));
    }
    assert_eq!(images.pointed(&agent, LATEST).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_registry_that_asks_who_one_is_wants_the_right_password() -> Result<()> {
    let registry = Registry::start("registry-users", &["--users", "helix:right"])?;
    let with = |password: &str| {
        let auth = RegistryAuth::Basic("helix".into(), password.into());
        Images::new(&registry.host, "helix/", Scheme::Http, auth)
    };
    let wanted = definition("Look it up.")?;
    let wrong = with("wrong")?.specialise(&base(&registry), &wanted).await.expect_err("the wrong password");
    assert!(matches!(wrong, ImageError::Refused { .. }), "{wrong:?}");
    assert!(!format!("{wrong:?} {wrong}").contains("wrong\""), "{wrong:?}");
    let right = with("right")?.specialise(&base(&registry), &wanted).await.expect_err("there is no base");
    assert!(right.is_missing(), "{right}");
    Ok(())
}
