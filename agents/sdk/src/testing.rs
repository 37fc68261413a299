//! The kit for tests: a plugin in, what Helix's bridge would be told by it out, over the real protocol and without a process.
//!
//! ```no_run
//! # async fn test(plugin: helix_sdk::Plugin) -> Result<(), helix_sdk::testing::TestError> {
//! use helix_sdk::testing::TestPlugin;
//! use serde_json::json;
//!
//! let plugin = TestPlugin::start(plugin).await?;
//! plugin.check().await?;
//! assert_eq!(plugin.call("greet", json!({ "name": "Ada" })).await?, json!({ "words": "Good morning, Ada!" }));
//! # Ok(())
//! # }
//! ```

mod check;

use helix_contract::plugin::{CALL, GREETING, MESSAGE_LEN_MAX};
use rmcp::model::{CallToolRequestParams, ContentBlock, Tool};
use rmcp::service::{RoleClient, RunningService, ServiceError};
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Plugin;

/// What waits between both, bytes.
const PIPE: usize = 64 * 1024;

/// A plugin that runs; it ends when this is dropped.
#[derive(Debug)]
pub struct TestPlugin {
    client: RunningService<RoleClient, ()>,
    _plugin: JoinSet<()>,
}

/// Why a test has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TestError {
    /// The tool says so, and the agent would be told.
    #[error("the tool says: {0}")]
    Refused(String),
    /// The input of a call has to be an object.
    #[error("the input is no object")]
    NoObject,
    /// It does not answer as the protocol wants it, or not in time.
    #[error("the plugin broke off: {0}")]
    BrokeOff(String),
    /// What [`TestPlugin::check`] found, each with what to do.
    #[error("the plugin is not fit for Helix:\n  {}", .0.join("\n  "))]
    Unfit(Vec<String>),
}

impl TestPlugin {
    /// Starts it and greets it.
    ///
    /// # Errors
    /// [`TestError::BrokeOff`].
    pub async fn start(plugin: Plugin) -> Result<Self, TestError> {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let mut running = JoinSet::new();
        let (input, output) = tokio::io::split(theirs);
        running.spawn(async move { drop(plugin.serve(input, output).await) });
        let (input, output) = tokio::io::split(ours);
        let transport = AsyncRwTransport::new_client(input, output).with_max_line_length(MESSAGE_LEN_MAX);
        let greeted = timeout(GREETING, rmcp::serve_client((), transport)).await;
        let broke = |why: &dyn std::fmt::Display| TestError::BrokeOff(why.to_string());
        let client = greeted.map_err(|late| broke(&late))?.map_err(|error| broke(&error))?;
        Ok(Self { client, _plugin: running })
    }

    /// Its tools as the protocol lists them.
    ///
    /// # Errors
    /// [`TestError::BrokeOff`].
    pub async fn tools(&self) -> Result<Vec<Tool>, TestError> {
        let listed = timeout(GREETING, self.client.list_tools(None)).await;
        let listed = listed.map_err(|late| TestError::BrokeOff(late.to_string()))?;
        Ok(listed.map_err(|error| told(&error))?.tools)
    }

    /// Calls a tool as an agent would.
    ///
    /// # Errors
    /// [`TestError::Refused`] with what the agent would be told, [`TestError::NoObject`], [`TestError::BrokeOff`].
    pub async fn call(&self, tool: &str, input: Value) -> Result<Value, TestError> {
        let Value::Object(input) = input else { return Err(TestError::NoObject) };
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(input);
        let called = timeout(CALL, self.client.call_tool(params)).await;
        let called = called.map_err(|late| TestError::BrokeOff(late.to_string()))?;
        let result = called.map_err(|error| told(&error))?;
        if result.is_error == Some(true) {
            let words = result.content.iter().filter_map(ContentBlock::as_text);
            return Err(TestError::Refused(words.map(|words| words.text.as_str()).collect()));
        }
        result.structured_content.ok_or_else(|| TestError::BrokeOff("the answer is empty".to_owned()))
    }

    /// Holds the plugin to everything that Helix asks for: names, descriptions, schemas and permissions of all tools, and that
    /// wrong input is refused in words. No tool is called with an input that fits it.
    ///
    /// # Errors
    /// [`TestError::Unfit`] with everything that was found, [`TestError::BrokeOff`].
    pub async fn check(&self) -> Result<(), TestError> {
        let tools = self.tools().await?;
        let mut faults = check::listed(&tools);
        for tool in &tools {
            for (wrong, input) in check::wrong_inputs(&tool.input_schema) {
                match self.call(&tool.name, input).await {
                    Err(TestError::Refused(_)) => {}
                    other => {
                        faults.push(format!("{}: {wrong} is not refused in words: {other:?}", tool.name));
                    }
                }
            }
        }
        self.tools().await?;
        if faults.is_empty() { Ok(()) } else { Err(TestError::Unfit(faults)) }
    }
}

fn told(error: &ServiceError) -> TestError {
    if let ServiceError::McpError(said) = error {
        return TestError::Refused(said.message.to_string());
    }
    TestError::BrokeOff(error.to_string())
}
