//! A tool's name at its server in, the name under which it is offered out: `mcp_<server>_<tool>`.

use helix_contract::{Name, ToolName};
use sha2::{Digest as _, Sha256};

/// The longest name of a tool.
const LEN_MAX: usize = 63;

/// The name under which a tool is offered. One that does not fit as it is gets the beginning of its digest, so that it is
/// always the same, and never that of another tool.
pub(super) fn offered(server: &Name, tool: &str) -> Option<ToolName> {
    let before = before(server);
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let plain = format!("{before}{tool}");
    if tool.chars().all(is_plain)
        && let Ok(name) = plain.parse()
    {
        return Some(name);
    }
    let digest = Sha256::digest(tool.as_bytes());
    let tail = format!("_{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]);
    let small = tool.chars().map(|c| c.to_ascii_lowercase()).map(|c| if is_plain(c) { c } else { '_' });
    let room = LEN_MAX.checked_sub(before.len() + tail.len())?;
    let name: String = before.chars().chain(small.take(room)).chain(tail.chars()).collect();
    name.parse().ok()
}

/// Whether a tool is offered by this server.
pub fn is_of(server: &Name, tool: &ToolName) -> bool {
    tool.as_str().starts_with(&before(server))
}

fn before(server: &Name) -> String {
    format!("mcp_{}_", server.as_str().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(server: &str, tool: &str) -> Option<String> {
        offered(&server.parse().expect("a name"), tool).map(|name| name.to_string())
    }

    #[test]
    fn a_plain_tool_keeps_its_name_behind_that_of_its_server() {
        assert_eq!(name("my-nas", "list_files").as_deref(), Some("mcp_my_nas_list_files"));
        assert!(is_of(&"my-nas".parse().expect("a name"), &"mcp_my_nas_x".parse().expect("a name")));
        assert!(!is_of(&"nas".parse().expect("a name"), &"mcp_nasa_x".parse().expect("a name")));
    }

    #[test]
    fn names_that_do_not_fit_are_made_to_and_stay_apart() {
        let long = "a_very_long_name_of_a_tool_that_goes_on_and_on_without_an_end";
        let tools = [
            "listFiles",
            "listfiles",
            "list-files",
            "list.files",
            "list files",
            "list_files_",
            "größe",
            "日本",
            "",
            long,
            &format!("{long}_2"),
            &"x".repeat(10_000),
        ];
        let names: std::collections::BTreeSet<_> =
            tools.iter().map(|tool| name("nas", tool).unwrap_or_else(|| panic!("{tool}"))).collect();
        assert_eq!(names.len(), tools.len(), "{names:?}");
        assert!(names.iter().all(|name| name.len() <= LEN_MAX));
        assert_eq!(name("nas", "listFiles"), name("nas", "listFiles"));
        assert_eq!(name(&"s".repeat(60), "tool"), None, "no room behind such a server");
    }
}
