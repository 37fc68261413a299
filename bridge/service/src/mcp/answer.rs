//! What a tool answered in, bounded JSON out.

use helix_contract::plugin::{ANSWER_LEN_MAX, COMPLAINT_LEN_MAX};
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

/// The answer, or what the tool says about its failure.
pub(super) fn bounded(result: CallToolResult) -> Result<Value, String> {
    let text = text(&result.content);
    if result.is_error == Some(true) {
        return Err(beginning(&text, COMPLAINT_LEN_MAX).to_owned());
    }
    let whole = |value: &Value| value.to_string().len() <= ANSWER_LEN_MAX;
    if let Some(value) = result.structured_content.filter(whole) {
        return Ok(value);
    }
    let told = beginning(&text, ANSWER_LEN_MAX);
    Ok(json!({ "text": told, "cut": told.len() < text.len() }))
}

/// Its words; of what is none, what it is.
fn text(content: &[ContentBlock]) -> String {
    let mut text = String::new();
    for block in content {
        if text.len() > ANSWER_LEN_MAX {
            break;
        }
        let words = match block {
            ContentBlock::Text(words) => words.text.as_str(),
            ContentBlock::Image(_) => "(a picture)",
            ContentBlock::Audio(_) => "(a recording)",
            ContentBlock::Resource(_) => "(a document)",
            ContentBlock::ResourceLink(_) => "(a link to a document)",
            _ => "(something that cannot be read)",
        };
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(words);
    }
    text
}

pub(super) fn beginning(text: &str, len_max: usize) -> &str {
    &text[..text.floor_char_boundary(len_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_bounded_and_a_complaint_is_one() {
        let words = |text: &str| vec![ContentBlock::text(text)];
        let long = bounded(CallToolResult::success(words(&"é".repeat(ANSWER_LEN_MAX)))).expect("an answer");
        assert_eq!(
            (long["cut"].clone(), long["text"].as_str().map(str::len)),
            (json!(true), Some(ANSWER_LEN_MAX))
        );
        let complaint = bounded(CallToolResult::error(words(&"no ".repeat(1000)))).expect_err("a complaint");
        assert_eq!(complaint.len(), COMPLAINT_LEN_MAX);
        let typed = bounded(CallToolResult::structured(json!({ "sum": 3 }))).expect("an answer");
        assert_eq!(typed, json!({ "sum": 3 }));
        let huge =
            bounded(CallToolResult::structured(json!({ "x": "y".repeat(2 * ANSWER_LEN_MAX) }))).expect("cut");
        assert_eq!(huge["cut"], json!(true));
    }
}
