//! Real PostgreSQL servers, started and stopped by `tests/bed/postgres`.

use anyhow::Result;

use crate::bed::{run, script};

/// A server that was empty when it was started; it is thrown away when it is dropped.
#[derive(Debug)]
pub struct Postgres {
    name: String,
    /// Of its database.
    pub url: String,
}

impl Postgres {
    /// Starts a server; `name` belongs to one test alone.
    ///
    /// # Errors
    /// The test bed's own words.
    pub fn start(name: &str) -> Result<Self> {
        // What an earlier, killed run left behind.
        run(script("postgres").args(["clean", name]))?;
        let url = run(script("postgres").args(["start", name]))?;
        Ok(Self { name: name.to_owned(), url })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Where a test failed already, its own words matter more.
        let _ = run(script("postgres").args(["clean", &self.name]));
    }
}
