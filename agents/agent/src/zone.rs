//! Time zones of the program itself: an agent may open no file.

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The zone that the IANA calls `name`.
pub(crate) fn named(name: &str) -> Option<TimeZone> {
    database().get(name).ok()
}

/// All of them.
pub(crate) fn database() -> TimeZoneDatabase {
    TimeZoneDatabase::bundled()
}
