//! A line of `accept.jsonl`: a request, what tools and model answer, and what has to come of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// One case.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is about, a sentence.
    pub name: String,
    /// What somebody wants.
    pub request: String,
    /// The language that they speak.
    #[serde(default = "english")]
    pub language: String,
    /// What the request speaks about.
    #[serde(default)]
    pub inputs: Map<String, Value>,
    /// What the model says, in this order; `"unavailable"` if it is not to be had.
    #[serde(default)]
    pub model: Vec<Said>,
    /// What each tool answers, in this order; the last answer is repeated.
    #[serde(default)]
    pub tools: BTreeMap<String, Vec<Given>>,
    /// What has to come of it.
    pub expect: Expected,
}

/// What a model says to one question.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Said {
    /// JSON: a step, or the answer.
    Words(Map<String, Value>),
    /// Anything else, as it is; `unavailable` means that there is no model.
    Raw(String),
}

/// What a tool answers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Given {
    /// It answers.
    Output {
        /// What.
        value: Value,
        /// Addresses of the pages that it stems from.
        #[serde(default)]
        pages: Vec<String>,
    },
    /// It fails, with this sentence.
    Failed(String),
}

/// What has to come of a case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expected {
    /// Instead of an answer there is this failure: `limit`, `unavailable`, `impossible`, `agent`.
    pub failure: Option<String>,
    /// What is said has to have each of these in it, in any case of letters.
    pub spoken: Vec<String>,
    /// The whole answer has to have each of these in it.
    pub text: Vec<String>,
    /// Neither what is said nor the whole answer may have any of these in it.
    pub never: Vec<String>,
    /// The pages that it rests on, exactly; only judged with the model's written answers.
    pub sources: Option<Vec<String>>,
    /// Tools that have to be called.
    pub calls: Vec<String>,
    /// The model has to be told each of these.
    pub told: Vec<String>,
    /// Something has to be named that was not found.
    pub not_found: bool,
}

fn english() -> String {
    "en".to_owned()
}
