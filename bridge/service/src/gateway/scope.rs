//! What a task may call: its tools and its scope in, yes or no out.

use helix_contract::{HomeScope, Name, TaskSpecV1, ToolName, WebScope};

use super::Tool;

const WEB_SEARCH: &str = "web_search";
const READ_PAGE: &str = "read_page";
/// The tool that reads the home.
pub(super) const HOME_STATES: &str = "home_states";
const OF_SERVER: &str = "mcp_";

/// Why a tool may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Forbidden {
    #[error("the task does not name this tool; call one of those that it was given")]
    Tool,
    #[error("the scope of the task does not reach so far")]
    Scope,
    #[error("there is no such tool; call one of those that the task was given")]
    Unknown,
}

impl Forbidden {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Tool => "scope-tool",
            Self::Scope => "scope-reach",
            Self::Unknown => "tool-unknown",
        }
    }
}

/// The tool of this name, if the task may call it. Of several servers that a name could mean it is the one with the longest
/// name, among those that the task may reach.
pub(super) fn permitted(spec: &TaskSpecV1, tool: &ToolName) -> Result<Tool, Forbidden> {
    if !spec.tools.contains(tool) {
        return Err(Forbidden::Tool);
    }
    let within = |is_within: bool, tool: Tool| if is_within { Ok(tool) } else { Err(Forbidden::Scope) };
    match tool.as_str() {
        WEB_SEARCH => within(spec.scope.web != WebScope::None, Tool::WebSearch),
        READ_PAGE => within(spec.scope.web != WebScope::None, Tool::ReadPage),
        HOME_STATES => within(spec.scope.home != HomeScope::None, Tool::HomeStates),
        other => {
            let of_server = other.strip_prefix(OF_SERVER).ok_or(Forbidden::Unknown)?;
            let fitting = |server: &Name| {
                let rest = of_server.strip_prefix(&server.as_str().replace('-', "_"))?.strip_prefix('_')?;
                Some(Tool::OfServer { server: server.clone(), tool: rest.to_owned() })
            };
            let reached = spec
                .scope
                .servers
                .iter()
                .filter_map(|server| Some((server.as_str().len(), fitting(server)?)));
            reached.max_by_key(|(len, _)| *len).map(|(_, tool)| tool).ok_or(Forbidden::Scope)
        }
    }
}

#[cfg(test)]
mod tests {
    use helix_contract::{Scope, decode};

    use super::*;

    fn name(text: &str) -> ToolName {
        text.parse().expect("a name")
    }

    fn spec(scope: Scope, tools: &[&str]) -> TaskSpecV1 {
        let text = include_bytes!("../../../../agents/contract/tests/golden/task-minimal.json");
        let tools = tools.iter().map(|tool| name(tool)).collect();
        TaskSpecV1 { scope, tools, ..decode(text).expect("a task") }
    }

    fn asked(scope: &Scope, named: &[&str], tool: &str) -> Result<Tool, Forbidden> {
        permitted(&spec(scope.clone(), named), &name(tool))
    }

    #[test]
    fn a_tool_has_to_be_named_and_within_reach() {
        let none = Scope::default();
        let web = Scope { web: WebScope::Public, ..Scope::default() };
        let home = Scope { home: HomeScope::Areas(vec!["kitchen".into()]), ..Scope::default() };
        for (tool, scope, is) in [
            (WEB_SEARCH, &web, Tool::WebSearch),
            (READ_PAGE, &web, Tool::ReadPage),
            (HOME_STATES, &home, Tool::HomeStates),
        ] {
            assert_eq!(asked(scope, &[tool], tool), Ok(is));
            assert_eq!(asked(scope, &[], tool), Err(Forbidden::Tool));
            assert_eq!(asked(&none, &[tool], tool), Err(Forbidden::Scope));
        }
        assert_eq!(asked(&web, &[HOME_STATES], HOME_STATES), Err(Forbidden::Scope));
        assert_eq!(asked(&home, &["call_service"], "call_service"), Err(Forbidden::Unknown));
    }

    #[test]
    fn a_tool_of_a_server_belongs_to_one_that_the_task_reaches() {
        let reach = |names: &[&str]| Scope {
            servers: names.iter().map(|name| name.parse().expect("a name")).collect(),
            ..Scope::default()
        };
        let tool = "mcp_files_old_read";
        let of = |server: &str, tool: &str| {
            Ok(Tool::OfServer { server: server.parse().expect("a name"), tool: tool.into() })
        };
        assert_eq!(asked(&reach(&["files"]), &[tool], tool), of("files", "old_read"));
        assert_eq!(asked(&reach(&["files", "files-old"]), &[tool], tool), of("files-old", "read"));
        for other in [&["file"][..], &["files-old-read"], &[]] {
            assert_eq!(asked(&reach(other), &[tool], tool), Err(Forbidden::Scope));
        }
    }
}
