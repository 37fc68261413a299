//! A plugin made with the kit for plugins' authors, served over HTTP: the bridge gets along with it.

use std::convert::Infallible;

use helix::mcp::{Looked, McpError, McpSettings, McpTransport};
use helix_core::egress::Privacy;
use helix_sdk::{Permissions, Plugin, Tool};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::place::{KEY, tls};
use crate::{call, name, opened, origin};

#[derive(Deserialize, JsonSchema)]
struct Words {
    /// What is said.
    words: String,
}

#[derive(Serialize, JsonSchema)]
struct Said {
    said: String,
}

struct Say;

impl Tool for Say {
    type Input = Words;
    type Output = Said;
    type Error = Infallible;
    const NAME: &'static str = "say";
    const DESCRIPTION: &'static str = "Says what is said.";

    fn permissions(&self) -> Permissions {
        Permissions::reads()
    }

    async fn call(&self, input: Words) -> Result<Said, Infallible> {
        Ok(Said { said: input.words })
    }
}

#[tokio::test]
async fn a_plugin_of_the_kit_is_asked_over_http() {
    tls();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    let mut serving = JoinSet::new();
    serving.spawn(Plugin::new("sayer", "0.1.0").with(Say).serve_http(listener, KEY));
    let transport = McpTransport::Http { url, key: Some(SecretString::from(KEY)) };
    let servers = opened(&McpSettings { name: name("my-nas"), transport, may_change: false }, None);
    let looked = servers.look(&origin(Privacy::Public)).await;
    assert_eq!(looked, [(name("my-nas"), Ok(Looked { tools: 1, withheld: 0, lacking: Vec::new() }))]);
    assert_eq!(call(&servers, "mcp_my_nas_say", json!({ "words": "hi" })).await, Ok(json!({ "said": "hi" })));
    let refused = call(&servers, "mcp_my_nas_say", json!({})).await;
    assert!(matches!(refused, Err(McpError::Failed { .. })), "{refused:?}");
}
