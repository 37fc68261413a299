//! How many agents a cluster is given at once: more would not be faster, because the ends of Jobs wait behind their
//! beginnings.

use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, ListParams};

use super::error::KubernetesError;

/// Agents for each core: they wait for models more than they compute.
const FOR_EACH_CORE: f64 = 2.0;

/// The window for the nodes that are there; at least 2.
///
/// # Errors
/// The API server does not tell its nodes.
pub async fn window(client: &Client) -> Result<usize, KubernetesError> {
    let nodes: Api<Node> = Api::all(client.clone());
    let nodes = nodes.list(&ListParams::default()).await.map_err(KubernetesError::at("tell its nodes"))?;
    let cpus = nodes
        .items
        .iter()
        .filter_map(|node| cores(&node.status.as_ref()?.allocatable.as_ref()?.get("cpu")?.0));
    Ok(((cpus.sum::<f64>() * FOR_EACH_CORE) as usize).max(2))
}

/// Cores of a quantity: `2`, `1500m`.
fn cores(quantity: &str) -> Option<f64> {
    let (number, scale) = quantity.strip_suffix('m').map_or((quantity, 1.0), |number| (number, 0.001));
    Some(number.parse::<f64>().ok()? * scale)
}

#[cfg(test)]
mod tests {
    use super::cores;

    #[test]
    fn cores_are_read_as_kubernetes_writes_them() {
        let found = ["2", "1500m", "0", "much"].map(cores);
        assert_eq!(found, [Some(2.0), Some(1.5), Some(0.0), None]);
    }
}
