//! What a tool may touch, as its author says it; told to the bridge with the tool.

use helix_contract::plugin::{NEEDS, Needs};
use rmcp::model::{MetaObject, ToolAnnotations};
use serde_json::json;

/// What a tool does to the world and needs of it. The bridge offers a tool that changes something only where the person's
/// configuration lets it (`may_change = true`), names keys that are not set in `helix doctor`, and lets a tool that asks hosts
/// outside be called only as far as the person lets anything leave the home.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Permissions {
    changes: Option<Change>,
    needs: Needs,
}

/// How a tool changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    only_adds: bool,
    repeatable: bool,
}

impl Permissions {
    /// It only reads: calling it leaves everything as it was.
    pub fn reads() -> Self {
        Self { changes: None, needs: Needs::default() }
    }

    /// It changes something, and may take something away.
    pub fn changes() -> Self {
        Self { changes: Some(Change { only_adds: false, repeatable: false }), ..Self::reads() }
    }

    /// It changes something, but takes nothing away.
    pub fn adds() -> Self {
        Self { changes: Some(Change { only_adds: true, repeatable: false }), ..Self::reads() }
    }

    /// Calling it twice with the same input is calling it once.
    pub fn repeatable(mut self) -> Self {
        if let Some(change) = &mut self.changes {
            change.repeatable = true;
        }
        self
    }

    /// It needs a variable of the environment, such as `TIDES_KEY`.
    pub fn key(mut self, variable: &str) -> Self {
        self.needs.keys.push(variable.to_owned());
        self
    }

    /// It asks a host, such as `api.tides.example`.
    pub fn host(mut self, name: &str) -> Self {
        self.needs.hosts.push(name.to_owned());
        self
    }

    /// The variables that are not set.
    pub(crate) fn lacking(&self) -> impl Iterator<Item = &str> {
        self.needs.keys.iter().map(String::as_str).filter(|key| std::env::var_os(key).is_none())
    }

    pub(crate) fn annotations(&self) -> ToolAnnotations {
        let annotations =
            ToolAnnotations::new().read_only(self.changes.is_none()).open_world(!self.needs.hosts.is_empty());
        match self.changes {
            Some(change) => annotations.destructive(!change.only_adds).idempotent(change.repeatable),
            None => annotations,
        }
    }

    pub(crate) fn meta(&self) -> Option<MetaObject> {
        let meta = json!({ NEEDS: self.needs });
        (self.needs != Needs::default()).then(|| MetaObject(meta.as_object().cloned().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(permissions: &Permissions) -> serde_json::Value {
        serde_json::to_value(permissions.annotations()).expect("JSON")
    }

    #[test]
    fn permissions_become_the_hints_of_the_protocol() {
        assert_eq!(told(&Permissions::reads()), json!({ "readOnlyHint": true, "openWorldHint": false }));
        let adds = json!({ "readOnlyHint": false, "destructiveHint": false, "idempotentHint": true, "openWorldHint": true });
        assert_eq!(told(&Permissions::adds().repeatable().host("a.example")), adds);
        let changes = json!({ "readOnlyHint": false, "destructiveHint": true, "idempotentHint": false, "openWorldHint": false });
        assert_eq!(told(&Permissions::changes()), changes);
    }

    #[test]
    fn what_a_tool_needs_is_told_as_the_bridge_reads_it() {
        assert_eq!(Permissions::reads().meta(), None);
        let needing = Permissions::reads().key("HELIX_SDK_NO_SUCH_KEY").host("a.example");
        let read = Needs::read(&needing.meta().expect("told").0);
        assert_eq!((read.keys, read.hosts), (vec!["HELIX_SDK_NO_SUCH_KEY".into()], vec!["a.example".into()]));
        assert_eq!(needing.lacking().collect::<Vec<_>>(), ["HELIX_SDK_NO_SUCH_KEY"]);
    }
}
