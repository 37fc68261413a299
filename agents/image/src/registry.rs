//! A registry: pulls a base, pushes what is new, names and removes images.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::{try_join, try_join_all};
use helix_contract::{AgentName, DefinitionV1, Digest};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE,
    OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest, OciManifest,
};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use reqwest::StatusCode;
use reqwest::header::HeaderValue;

use crate::base::{Base, BasePlatform};
use crate::compose::{Document, Platform, Recipe};
use crate::error::told;
use crate::{DefinitionLayer, ImageError};

/// The name that people use for the newest good image of an agent; machines use digests.
pub const LATEST: &str = "latest";

/// A registry is a machine of the home: what takes longer is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest manifest, bytes; registries take no more than 4 MiB.
const MANIFEST_LEN_MAX: usize = 4 * 1024 * 1024;

/// How a registry is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// With TLS.
    Https,
    /// Without: on the same machine, or in a network that is trusted.
    Http,
}

/// An image of an agent that is in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Specialised {
    /// Its repository, with the registry.
    pub repository: String,
    /// The digest of its index.
    pub digest: Digest,
    /// The platforms that it runs on, as `linux/amd64`.
    pub platforms: Vec<String>,
    /// Whether it was there already.
    pub known: bool,
}

impl Specialised {
    /// The name by which it is run: it never changes what it means.
    pub fn image(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }
}

/// What was removed with an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Manifests, the index included.
    pub manifests: u32,
    /// Manifests that another image needs too.
    pub shared: u32,
}

/// A registry with the images of agents, one repository for each: `{prefix}agent-{name}`.
pub struct Registry {
    client: Client,
    http: reqwest::Client,
    scheme: Scheme,
    host: String,
    prefix: String,
    auth: RegistryAuth,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("host", &self.host)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Registry {
    /// The registry at `host` (`registry.local:5000`); `prefix` is empty or ends with `/`.
    ///
    /// # Errors
    /// [`ImageError::Name`] if no image could be named so.
    pub fn new(host: &str, prefix: &str, scheme: Scheme, auth: RegistryAuth) -> Result<Self, ImageError> {
        let config = ClientConfig {
            protocol: match scheme {
                Scheme::Https => ClientProtocol::Https,
                Scheme::Http => ClientProtocol::Http,
            },
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(READ_TIMEOUT),
            use_monolithic_push: true,
            user_agent: concat!("helix/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let named = |reason: String| ImageError::Name { name: format!("{host}/{prefix}"), reason };
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build()
            .map_err(|error| named(error.to_string()))?;
        let registry = Self {
            client: Client::new(config),
            http,
            scheme,
            host: host.to_owned(),
            prefix: prefix.to_owned(),
            auth,
        };
        parse(&format!("{host}/{prefix}agent-name"))?;
        Ok(registry)
    }

    /// The repository of an agent, with the registry.
    pub fn repository(&self, agent: &AgentName) -> String {
        format!("{}/{}agent-{agent}", self.host, self.prefix)
    }

    /// Whether images can be pushed: stores two bytes that no image needs.
    ///
    /// # Errors
    /// [`ImageError`] says what is in the way.
    pub async fn probe(&self) -> Result<(), ImageError> {
        let repository = format!("{}/{}helix-agent", self.host, self.prefix);
        let target = parse(&repository)?;
        self.client.store_auth_if_needed(&self.host, &self.auth).await;
        let bytes = b"{}";
        let pushed = self.client.push_blob(&target, bytes.to_vec(), &Digest::of(bytes).to_string()).await;
        pushed.map(drop).map_err(|error| self.told(error, &repository))
    }

    /// Pushes the base of all agents, and lets `latest` mean it; answers its name, by digest.
    ///
    /// # Errors
    /// [`ImageError`]
    pub async fn push_base(&self, base: &Base) -> Result<String, ImageError> {
        let repository = format!("{}/{}helix-agent", self.host, self.prefix);
        let target = parse(&repository)?;
        self.client.store_auth_if_needed(&self.host, &self.auth).await;
        for BasePlatform { layer, config, manifest, .. } in &base.platforms {
            self.push(&target, layer.digest, &layer.bytes).await?;
            self.push(&target, config.digest, &config.bytes).await?;
            self.put(&target, &manifest.digest.to_string(), manifest, OCI_IMAGE_MEDIA_TYPE).await?;
        }
        self.put(&target, LATEST, &base.index, OCI_IMAGE_INDEX_MEDIA_TYPE).await?;
        Ok(format!("{repository}@{}", base.digest()))
    }

    /// Makes the image of a definition on `base`, an image of this registry, for all platforms of the base. Nothing is
    /// pushed that is there already.
    ///
    /// # Errors
    /// [`ImageError`]; what was pushed so far has no name, and the registry's own collection removes it.
    pub async fn specialise(&self, base: &str, definition: &DefinitionV1) -> Result<Specialised, ImageError> {
        let layer = DefinitionLayer::of(definition)?;
        let source = parse(base)?;
        let repository = self.repository(&definition.name);
        let target = parse(&repository)?;
        self.client.store_auth_if_needed(&self.host, &self.auth).await;
        let (base_digest, platforms) = self.platforms(&source).await?;
        let recipe = Recipe { definition, layer: &layer, base: base_digest };
        let planned = platforms.iter().map(|entry| self.plan(&recipe, &source, entry));
        let planned = try_join_all(planned).await?;
        let index = recipe.index(&planned).map_err(|_| no_base(base, "its form is not known"))?;
        let known = self.has(&target.clone_with_digest(index.digest.to_string())).await?;
        if !known {
            let parts = planned.iter().map(|platform| self.parts(&source, &target, platform));
            try_join(self.push(&target, layer.digest, &layer.gzip), try_join_all(parts)).await?;
            // A registry takes a manifest only after all that it names.
            let manifests = planned.iter().map(|Platform { manifest, .. }| async {
                self.put(&target, &manifest.digest.to_string(), manifest, OCI_IMAGE_MEDIA_TYPE).await
            });
            try_join_all(manifests).await?;
            self.put(&target, &index.digest.to_string(), &index, OCI_IMAGE_INDEX_MEDIA_TYPE).await?;
        }
        let names = platforms.iter().filter_map(|entry| entry.platform.as_ref());
        let platforms = names.map(|platform| format!("{}/{}", platform.os, platform.architecture)).collect();
        Ok(Specialised { repository, digest: index.digest, platforms, known })
    }

    /// Lets `tag` of an agent mean this image; so an agent is published, and so it is rolled back.
    ///
    /// # Errors
    /// [`ImageError::Missing`] if the image is not there.
    pub async fn point(&self, agent: &AgentName, tag: &str, digest: Digest) -> Result<(), ImageError> {
        let repository = self.repository(agent);
        let image = parse(&format!("{repository}@{digest}"))?;
        let (bytes, media_type) = self.raw(&image).await?;
        let document = Document { digest, bytes };
        self.put(&parse(&repository)?, tag, &document, &media_type).await
    }

    /// What `tag` of an agent means now.
    ///
    /// # Errors
    /// [`ImageError`]
    pub async fn pointed(&self, agent: &AgentName, tag: &str) -> Result<Option<Digest>, ImageError> {
        let name = format!("{}:{tag}", self.repository(agent));
        match self.client.fetch_manifest_digest(&parse(&name)?, &self.auth).await {
            Ok(digest) => digest.parse().map(Some).map_err(|_| no_base(&name, "its digest is not SHA-256")),
            Err(error) => match self.told(error, &name) {
                error if error.is_missing() => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Removes an image and its manifests, except those that an image of `kept` needs; every tag on it goes too.
    /// Removing what is not there is no error.
    ///
    /// # Errors
    /// [`ImageError::KeepsAll`] if the registry does not let anything be removed.
    pub async fn remove(
        &self,
        agent: &AgentName,
        digest: Digest,
        kept: &[Digest],
    ) -> Result<Removed, ImageError> {
        let mut needed = BTreeSet::new();
        for kept in kept.iter().filter(|kept| **kept != digest) {
            needed.extend(self.children(agent, *kept).await?);
        }
        let children = self.children(agent, digest).await?;
        let mut removed = Removed::default();
        // The index first: what names a manifest must not outlive it.
        removed.manifests += u32::from(self.delete(agent, &digest.to_string()).await?);
        for child in children {
            if needed.contains(&child) {
                removed.shared += 1;
            } else {
                removed.manifests += u32::from(self.delete(agent, &child).await?);
            }
        }
        Ok(removed)
    }

    /// The manifests that an index names; none if it is not there.
    async fn children(&self, agent: &AgentName, digest: Digest) -> Result<Vec<String>, ImageError> {
        let image = parse(&format!("{}@{digest}", self.repository(agent)))?;
        match self.manifest(&image).await {
            Ok((OciManifest::ImageIndex(index), _)) => {
                Ok(index.manifests.into_iter().map(|entry| entry.digest).collect())
            }
            Ok((OciManifest::Image(_), _)) => Ok(Vec::new()),
            Err(error) if error.is_missing() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The digest of a base, and its platforms; attestations are none.
    async fn platforms(&self, base: &Reference) -> Result<(Digest, Vec<ImageIndexEntry>), ImageError> {
        let (manifest, digest) = self.manifest(base).await?;
        let name = base.whole();
        let digest = digest.parse().map_err(|_| no_base(&name, "its digest is not SHA-256"))?;
        let OciManifest::ImageIndex(index) = manifest else {
            return Err(no_base(&name, "it is not an index of platforms; push it as one"));
        };
        let runs =
            |entry: &ImageIndexEntry| entry.platform.as_ref().is_some_and(|p| p.os.to_string() != "unknown");
        let platforms: Vec<_> = index.manifests.into_iter().filter(runs).collect();
        if platforms.is_empty() { Err(no_base(&name, "it has no platform")) } else { Ok((digest, platforms)) }
    }

    /// What one platform of an image will consist of.
    async fn plan(
        &self,
        recipe: &Recipe<'_>,
        source: &Reference,
        entry: &ImageIndexEntry,
    ) -> Result<Platform, ImageError> {
        let image = source.clone_with_digest(entry.digest.clone());
        let name = image.whole();
        let (OciManifest::Image(base), _) = self.manifest(&image).await? else {
            return Err(no_base(&name, "a platform of it is an index again"));
        };
        let mut config = Vec::new();
        let pulled = self.client.pull_blob(&image, &base.config, &mut config).await;
        pulled.map_err(|error| self.told(error, &name))?;
        let unknown = |_| no_base(&name, "its form is not known");
        let config = recipe.config(&config).map_err(unknown)?;
        let manifest = recipe.manifest(&base, &config).map_err(unknown)?;
        Ok(Platform { entry: entry.clone(), base: base.layers, config, manifest })
    }

    /// Pushes what one platform of an image consists of, but for the layer of the definition.
    async fn parts(
        &self,
        source: &Reference,
        target: &Reference,
        platform: &Platform,
    ) -> Result<(), ImageError> {
        let Platform { base, config, .. } = platform;
        let layers = try_join_all(base.iter().map(|layer| self.mount(source, target, layer)));
        try_join(layers, self.push(target, config.digest, &config.bytes)).await.map(drop)
    }

    async fn has(&self, image: &Reference) -> Result<bool, ImageError> {
        let name = image.whole();
        match self
            .client
            .fetch_manifest_digest(image, &self.auth)
            .await
            .map_err(|error| self.told(error, &name))
        {
            Ok(_) => Ok(true),
            Err(ImageError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a layer of the base a layer of the target, without moving it where the registry can.
    async fn mount(
        &self,
        source: &Reference,
        target: &Reference,
        layer: &OciDescriptor,
    ) -> Result<(), ImageError> {
        let name = target.whole();
        let told = |error| self.told(error, &name);
        if self.client.blob_exists(target, &layer.digest).await.map_err(told)? {
            return Ok(());
        }
        match self.client.mount_blob(target, source, &layer.digest).await {
            Ok(()) => Ok(()),
            // 202: it wants the bytes.
            Err(OciDistributionError::SpecViolationError(_)) => {
                let mut bytes = Vec::new();
                self.client.pull_blob(source, layer, &mut bytes).await.map_err(told)?;
                self.client.push_blob(target, bytes, &layer.digest).await.map(drop).map_err(told)
            }
            Err(error) => Err(told(error)),
        }
    }

    /// Pushes a blob if it is not there.
    async fn push(&self, target: &Reference, digest: Digest, bytes: &[u8]) -> Result<(), ImageError> {
        let name = target.whole();
        let told = |error| self.told(error, &name);
        let digest = digest.to_string();
        if self.client.blob_exists(target, &digest).await.map_err(told)? {
            return Ok(());
        }
        self.client.push_blob(target, bytes.to_vec(), &digest).await.map(drop).map_err(told)
    }

    async fn put(
        &self,
        target: &Reference,
        reference: &str,
        document: &Document,
        media_type: &str,
    ) -> Result<(), ImageError> {
        let (host, repository) = (target.registry().to_owned(), target.repository().to_owned());
        let image = if reference.starts_with("sha256:") {
            Reference::with_digest(host, repository, reference.to_owned())
        } else {
            parse(&format!("{host}/{repository}:{reference}"))?
        };
        let name = image.whole();
        let kind =
            HeaderValue::from_str(media_type).map_err(|_| no_base(&name, "its media type is not known"))?;
        let pushed = self.client.push_manifest_raw(&image, document.bytes.clone(), kind).await;
        pushed.map(drop).map_err(|error| self.told(error, &name))
    }

    async fn manifest(&self, image: &Reference) -> Result<(OciManifest, String), ImageError> {
        let pulled = self.client.pull_manifest(image, &self.auth).await;
        pulled.map_err(|error| self.told(error, &image.whole()))
    }

    /// A manifest as the registry keeps it, and its media type.
    async fn raw(&self, image: &Reference) -> Result<(Vec<u8>, String), ImageError> {
        const ACCEPTED: [&str; 4] = [
            OCI_IMAGE_INDEX_MEDIA_TYPE,
            OCI_IMAGE_MEDIA_TYPE,
            IMAGE_MANIFEST_LIST_MEDIA_TYPE,
            IMAGE_MANIFEST_MEDIA_TYPE,
        ];
        let name = image.whole();
        let pulled = self.client.pull_manifest_raw(image, &self.auth, &ACCEPTED).await;
        let (bytes, _) = pulled.map_err(|error| self.told(error, &name))?;
        if bytes.len() > MANIFEST_LEN_MAX {
            return Err(no_base(&name, "its manifest is too large"));
        }
        let media_type = match serde_json::from_slice(&bytes) {
            Ok(OciManifest::ImageIndex(_)) => OCI_IMAGE_INDEX_MEDIA_TYPE,
            Ok(OciManifest::Image(OciImageManifest { .. })) => OCI_IMAGE_MEDIA_TYPE,
            Err(_) => return Err(no_base(&name, "its form is not known")),
        };
        Ok((bytes.to_vec(), media_type.to_owned()))
    }

    /// Deletes a manifest; whether it was there. The client library has no such call.
    async fn delete(&self, agent: &AgentName, digest: &str) -> Result<bool, ImageError> {
        let image = parse(&format!("{}@{digest}", self.repository(agent)))?;
        let name = image.whole();
        let token = self.client.auth(&image, &self.auth, RegistryOperation::Push).await;
        let token = token.map_err(|error| self.told(error, &name))?;
        let scheme = match self.scheme {
            Scheme::Https => "https",
            Scheme::Http => "http",
        };
        let url = format!("{scheme}://{}/v2/{}/manifests/{digest}", self.host, image.repository());
        let mut request = self.http.delete(url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        } else if let RegistryAuth::Basic(user, password) = &self.auth {
            request = request.basic_auth(user, Some(password));
        }
        let answer = request.send().await.map_err(|error| self.told(error.into(), &name))?;
        match answer.status() {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            StatusCode::METHOD_NOT_ALLOWED => Err(ImageError::KeepsAll { registry: self.host.clone() }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(ImageError::Refused { registry: self.host.clone() })
            }
            status => {
                let (code, url, message) = (status.as_u16(), name.clone(), String::new());
                Err(self.told(OciDistributionError::ServerError { code, url, message }, &name))
            }
        }
    }

    fn told(&self, error: OciDistributionError, image: &str) -> ImageError {
        told(error, &self.host, image)
    }
}

fn parse(name: &str) -> Result<Reference, ImageError> {
    name.parse().map_err(|error: oci_client::ParseError| ImageError::Name {
        name: name.to_owned(),
        reason: error.to_string(),
    })
}

fn no_base(image: &str, reason: &'static str) -> ImageError {
    ImageError::NoBase { image: image.to_owned(), reason }
}
