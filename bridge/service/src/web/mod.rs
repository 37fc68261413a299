//! The web as the other party: searches and pages in, bounded text out. What leaves is written down before; what comes
//! back is words, and never an order.

mod address;
mod error;
mod known;
mod names;
mod page;
mod scope;
pub mod search;
mod sight;

pub use address::{AddressPolicy, Refused};
pub use error::WebError;
pub use known::KnownAddresses;
pub use names::{Names, SystemNames};
pub use page::{Link, Page, PageLimits, PageReader};
pub use scope::covers;
