//! Whether an image is there and can run here; pulled if it is not.

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::CreateImageOptions;
use futures_util::TryStreamExt as _;

use super::away;
use crate::backend::BackendError;

/// Makes sure that the daemon has an image for its processors.
pub(super) async fn prepare(docker: &Docker, image: &str) -> Result<(), BackendError> {
    if let Some(architecture) = architecture(docker, image).await? {
        return fits(docker, image, architecture).await;
    }
    pull(docker, image).await?;
    match architecture(docker, image).await? {
        Some(architecture) => fits(docker, image, architecture).await,
        None => Err(BackendError::ImageMissing(image.to_owned())),
    }
}

/// What an image is for; nothing if it is not there.
async fn architecture(docker: &Docker, image: &str) -> Result<Option<String>, BackendError> {
    match docker.inspect_image(image).await {
        Ok(found) => Ok(Some(found.architecture.unwrap_or_default())),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(Error::DockerResponseServerError { status_code: 400, message }) => {
            Err(BackendError::ImageRefused { image: image.to_owned(), reason: message })
        }
        Err(error) => Err(away(error)),
    }
}

async fn fits(docker: &Docker, image: &str, found: String) -> Result<(), BackendError> {
    let here = docker.version().await.map_err(away)?.arch.unwrap_or_default();
    if found == here {
        Ok(())
    } else {
        Err(BackendError::ImageArchitecture { image: image.to_owned(), found, here })
    }
}

async fn pull(docker: &Docker, image: &str) -> Result<(), BackendError> {
    let options = CreateImageOptions { from_image: Some(image.to_owned()), ..CreateImageOptions::default() };
    let pulled = docker.create_image(Some(options), None, None).try_for_each(|_| async { Ok(()) }).await;
    pulled.map_err(|error| why_not_pulled(image, error))
}

fn why_not_pulled(image: &str, error: Error) -> BackendError {
    let image = image.to_owned();
    let (status, reason) = if let Error::DockerResponseServerError { status_code, message } = error {
        (status_code, message)
    } else if let Error::DockerStreamError { error } = error {
        (0, error)
    } else {
        return away(error);
    };
    // The daemon says in words alone what its registry said.
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["no matching manifest for", "does not match the specified platform"]) {
        return BackendError::ImageArchitecture { image, found: "other processors".to_owned(), here: reason };
    }
    if status == 404 || says(&["manifest unknown", "not found", "repository does not exist"]) {
        return BackendError::ImageMissing(image);
    }
    BackendError::ImageRefused { image, reason }
}
