//! Shapes of requests and answers, as the three kinds of servers take and send them.

use std::time::Duration;

use helix_core::egress::{Privacy, Purpose};
use helix_core::llm::{Ended, Message, Origin, Role, Tool, ToolCall, Usage};
use serde_json::json;

use super::super::catalogue::Catalogue;
use super::*;

fn chat() -> Chat {
    let mut chat =
        Chat::new("Be brief.", "Is it cold?", Origin::addressed(Purpose::Answer, Privacy::Public, None));
    chat.output_max = 80;
    chat
}

fn schema() -> Value {
    json!({ "type": "object", "required": ["cold"], "properties": { "cold": { "type": "boolean" } } })
}

fn call() -> ToolCall {
    ToolCall {
        id: "c1".into(),
        name: "weather".into(),
        arguments: [("room".to_owned(), json!("bath"))].into_iter().collect(),
        signature: Some("sig".into()),
    }
}

/// A chat with a schema, a tool, and a call that was answered.
fn full() -> Chat {
    let tool = Tool {
        name: "weather".into(),
        description: "The weather.".into(),
        parameters: json!({ "type": "object" }),
    };
    let mut chat = chat();
    chat.messages.push(Message { role: Role::Caller(vec![call()]), text: Pii::default() });
    chat.messages.push(Message { role: Role::Tool(call()), text: Pii::new("4 °C".into()) });
    Chat { schema: Some(schema()), tools: vec![tool], ..chat }
}

fn body(dialect: Dialect, model: &str, chat: &Chat, stream: bool) -> (String, Value) {
    let think = Catalogue::built_in().family(model).think(chat.schema.is_some());
    let wire = dialect.chat(Asked { model, chat, stream, think, keep_alive_min: None });
    let body = wire.body.expect("a body");
    (wire.path, serde_json::from_str(body.expose()).expect("JSON"))
}

/// The answer and what was heard of a stream that came in these lines; an error where it broke off.
fn stream(dialect: Dialect, lines: &str) -> Result<(Answer, String), Garbled> {
    let (mut draft, mut heard) = (Draft::default(), String::new());
    for line in lines.lines() {
        if dialect.take_line(&mut draft, line.as_bytes(), &mut |piece| heard.push_str(piece))? {
            break;
        }
    }
    let answer = draft.finish("m", &mut |piece| heard.push_str(piece))?;
    Ok((answer, heard))
}

#[test]
fn ollama_gets_the_schema_as_format_and_is_told_to_keep_the_model_for_ever() {
    let (path, body) = body(Dialect::Ollama, "qwen3:4b-instruct", &full(), true);
    assert_eq!(path, "api/chat");
    assert_eq!((&body["model"], &body["stream"]), (&json!("qwen3:4b-instruct"), &json!(true)));
    assert_eq!((&body["keep_alive"], &body["format"]), (&json!(-1), &schema()));
    assert_eq!(body["options"], json!({ "num_ctx": 8192, "num_predict": 80, "temperature": 0.0 }));
    assert_eq!(body.get("think"), None, "a model without thoughts is not told about them");
    assert_eq!(body["messages"][0]["role"], "system");
    assert_eq!(body["messages"][2]["tool_calls"][0]["function"]["arguments"], json!({ "room": "bath" }));
    assert_eq!(
        (&body["messages"][3]["role"], &body["messages"][3]["content"]),
        (&json!("tool"), &json!("4 °C"))
    );
    assert_eq!(body["tools"][0]["function"]["name"], "weather");
}

#[test]
fn silent_thoughts_are_switched_by_family() {
    assert_eq!(body(Dialect::Ollama, "qwen3:8b", &chat(), false).1["think"], json!(false));
    assert_eq!(body(Dialect::Ollama, "deepseek-r1:8b", &chat(), false).1["think"], json!(true));
    assert_eq!(body(Dialect::Ollama, "qwen3.5:4b", &full(), false).1["think"], json!("low"));
    let config = |model: &str| body(Dialect::Gemini, model, &chat(), false).1["generationConfig"].clone();
    let thinking = |model: &str| config(model)["thinkingConfig"].clone();
    assert_eq!(thinking("gemini-3.5-flash-lite"), json!({ "thinkingLevel": "minimal" }));
    assert_eq!(thinking("gemini-2.5-flash"), json!({ "thinkingBudget": 0 }));
}

#[test]
fn an_answer_of_ollama_is_read_piece_by_piece_and_whole() {
    let lines = r#"{"model":"q","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}
{"model":"q","message":{"role":"assistant","content":"It is "},"done":false}
{"model":"q","message":{"role":"assistant","content":"4 °C."},"done":false}
{"model":"q","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":27,"eval_count":12}
"#;
    let (answer, heard) = stream(Dialect::Ollama, lines).expect("whole");
    assert_eq!((answer.text.expose().as_str(), heard.as_str()), ("It is 4 °C.", "It is 4 °C."));
    assert_eq!((answer.usage, answer.ended), (Usage { input: 27, output: 12 }, Ended::Stop));
    let whole =
        br#"{"model":"q","message":{"content":"cut","tool_calls":null},"done":true,"done_reason":"length"}"#;
    assert!(Dialect::Ollama.answer(whole, "q").is_err(), "null where a list belongs");
    let whole =
        br#"{"model":"q","message":{"content":"cut"},"done":true,"done_reason":"length","eval_count":1}"#;
    assert_eq!(Dialect::Ollama.answer(whole, "q").expect("whole").ended, Ended::Length);
}

#[test]
fn calls_of_ollama_are_read_also_with_arguments_in_a_text() {
    for arguments in [r#"{"room":"bath"}"#, r#""{\"room\":\"bath\"}""#] {
        let line = format!(
            r#"{{"message":{{"tool_calls":[{{"function":{{"name":"weather","arguments":{arguments}}}}}]}},"done":true}}"#
        );
        let answer = Dialect::Ollama.answer(line.as_bytes(), "q").expect("whole");
        assert_eq!((answer.calls[0].name.as_str(), answer.ended), ("weather", Ended::Calls));
        assert_eq!(answer.calls[0].arguments["room"], "bath");
    }
}

#[test]
fn an_error_inside_a_stream_and_half_a_stream_are_no_answers() {
    let half = "{\"message\":{\"content\":\"It is\"},\"done\":false}\n";
    assert_eq!(stream(Dialect::Ollama, half).expect_err("half"), Garbled::Nonsense("its answer broke off"));
    let failed = format!("{half}{{\"error\":\"out of memory\"}}\n");
    assert_eq!(
        stream(Dialect::Ollama, &failed).expect_err("failed"),
        Garbled::Failed("out of memory".into())
    );
    let half = "data: {\"choices\":[{\"delta\":{\"content\":\"It\"}}]}\n";
    assert!(stream(Dialect::OpenAi, half).is_err());
    let half = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"It\"}]}}]}\n";
    assert!(stream(Dialect::Gemini, half).is_err());
    assert_eq!(stream(Dialect::Ollama, "{\"mess\n").expect_err("cut"), Garbled::Nonsense("broken JSON"));
}

#[test]
fn gemini_gets_its_schema_its_calls_back_with_their_signature_and_no_key_in_its_path() {
    let (path, body) = body(Dialect::Gemini, "gemini-3.5-flash-lite", &full(), true);
    assert_eq!(path, "v1beta/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse");
    assert_eq!(body["systemInstruction"]["parts"][0]["text"], "Be brief.");
    assert_eq!(body["generationConfig"]["responseJsonSchema"], schema());
    assert_eq!(body["generationConfig"].get("temperature"), None);
    let called = &body["contents"][1]["parts"][0];
    assert_eq!((&called["thoughtSignature"], &called["functionCall"]["id"]), (&json!("sig"), &json!("c1")));
    let result = &body["contents"][2]["parts"][0]["functionResponse"];
    assert_eq!((&result["name"], &result["response"]["result"]), (&json!("weather"), &json!("4 °C")));
    assert_eq!(body["contents"][2]["role"], "user");
}

#[test]
fn an_answer_of_gemini_leaves_out_thoughts_and_counts_them() {
    let lines = r#"data: {"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"It is "}],"role":"model"},"index":0}],"modelVersion":"gemini-3.5-flash-lite","usageMetadata":{"promptTokenCount":9}}

data: {"candidates":[{"content":{"parts":[{"text":"cold."}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":4,"thoughtsTokenCount":3,"totalTokenCount":16}}
"#;
    let (answer, heard) = stream(Dialect::Gemini, lines).expect("whole");
    assert_eq!((answer.text.expose().as_str(), heard.as_str()), ("It is cold.", "It is cold."));
    assert_eq!(answer.usage, Usage { input: 9, output: 7 });
    assert_eq!(answer.model, "gemini-3.5-flash-lite");
    let call = br#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"weather","args":{"room":"bath"},"id":"x"},"thoughtSignature":"sig"}]},"finishReason":"STOP"}]}"#;
    let answer = Dialect::Gemini.answer(call, "m").expect("whole");
    assert_eq!((answer.ended, answer.calls[0].signature.as_deref()), (Ended::Calls, Some("sig")));
    let blocked = br#"{"promptFeedback":{"blockReason":"SAFETY"}}"#;
    assert_eq!(Dialect::Gemini.answer(blocked, "m").expect("whole").ended, Ended::Filtered);
}

#[test]
fn a_refusal_of_gemini_says_in_its_body_what_its_status_does_not() {
    let wrong_key = br#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#;
    let refusal = |status, body: &[u8]| Dialect::Gemini.refusal(status, body, "host", "m");
    assert!(matches!(refusal(400, wrong_key), Some(LlmError::Unauthorized { .. })));
    let full = br#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"23.5s"}]}}"#;
    let Some(LlmError::RateLimited { retry_after, .. }) = refusal(429, full) else { panic!("limited") };
    assert_eq!(retry_after, Some(Duration::from_millis(23_500)));
    for hostile in ["-1s", "1e300s", "NaNs", "s", "later"] {
        let body = format!(r#"{{"error":{{"details":[{{"retryDelay":"{hostile}"}}]}}}}"#);
        let retry_after = match refusal(429, body.as_bytes()) {
            Some(LlmError::RateLimited { retry_after, .. }) => retry_after,
            Some(other) => panic!("{other}"),
            None => None,
        };
        assert_eq!(retry_after, None, "{hostile}");
    }
}

#[test]
fn openai_gets_a_strict_schema_and_calls_with_arguments_in_a_text() {
    let (path, body) = body(Dialect::OpenAi, "any", &full(), true);
    assert_eq!(path, "chat/completions");
    assert_eq!(body["response_format"]["json_schema"]["schema"], schema());
    assert_eq!(body["stream_options"]["include_usage"], true);
    assert_eq!(body["messages"][2]["tool_calls"][0]["function"]["arguments"], "{\"room\":\"bath\"}");
    assert_eq!(body["messages"][3]["tool_call_id"], "c1");
}

#[test]
fn an_answer_of_openai_is_read_whole_and_its_calls_are_put_together() {
    let lines = r#": keep-alive

data: {"model":"q","choices":[{"index":0,"delta":{"role":"assistant","content":null,"reasoning_content":"hm"},"finish_reason":null}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"weather","arguments":""}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"room\":"}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"bath\"}"}},{"index":1,"id":"c2","function":{"name":"clock","arguments":""}}]}}]}

data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}

data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":5}}

data: [DONE]
"#;
    let (answer, heard) = stream(Dialect::OpenAi, lines).expect("whole");
    assert_eq!(
        (heard.as_str(), answer.ended, answer.usage),
        ("", Ended::Calls, Usage { input: 11, output: 5 })
    );
    let names: Vec<_> = answer.calls.iter().map(|call| (call.id.as_str(), call.name.as_str())).collect();
    assert_eq!(names, [("c1", "weather"), ("c2", "clock")]);
    assert_eq!(answer.calls[0].arguments["room"], "bath");
    let whole = br#"{"model":"q","choices":[{"message":{"role":"assistant","content":"<think>hm</think>Yes.","tool_calls":[]},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    let answer = Dialect::OpenAi.answer(whole, "q").expect("whole");
    assert_eq!((answer.text.expose().as_str(), answer.usage.output), ("Yes.", 2));
}

#[test]
fn the_models_of_a_server_are_read_and_those_that_it_only_passes_on_are_marked() {
    let tags = br#"{"models":[{"name":"qwen3:4b-instruct","model":"qwen3:4b-instruct","size":1},{"name":"big:cloud","remote_model":"big","remote_host":"https://ollama.com:443"}]}"#;
    let listed = Dialect::Ollama.listed(tags).expect("read");
    let places: Vec<_> = listed.iter().map(|model| (model.name.as_str(), model.remote.as_deref())).collect();
    assert_eq!(places, [("qwen3:4b-instruct", None), ("big:cloud", Some("ollama.com"))]);
    let models = br#"{"models":[{"name":"models/gemini-3.8-flash","supportedGenerationMethods":["generateContent"]},{"name":"models/embed","supportedGenerationMethods":["embedContent"]}]}"#;
    let listed = Dialect::Gemini.listed(models).expect("read");
    assert_eq!(listed, [Listed { name: "gemini-3.8-flash".into(), remote: None }]);
    assert_eq!(Dialect::OpenAi.listed(br#"{"data":[{"id":"x"}]}"#).expect("read").len(), 1);
}

#[test]
fn what_a_model_can_do_is_told_by_its_server_before_its_name() {
    let shown = |can: &str| {
        let body = format!(r#"{{"license":"","modelfile":"","template":"","capabilities":[{can}]}}"#);
        abilities(body.as_bytes())
    };
    assert_eq!(shown(r#""completion","tools""#), Some(Abilities { tools: true, thinking: false }));
    assert_eq!(shown(""), None);
    let family = Catalogue::built_in().family("qwen3:8b");
    assert!(Dialect::Ollama.capabilities(family, None).tools);
    assert!(!Dialect::Ollama.capabilities(family, shown(r#""completion""#)).tools);
    let deepseek = Catalogue::built_in().family("deepseek-r1:8b");
    assert!(!Dialect::Ollama.capabilities(deepseek, shown(r#""completion","tools","thinking""#)).tools);
}

#[test]
fn vectors_are_one_per_text_and_of_one_length() {
    let read = |dialect: Dialect, body: &str, wanted| dialect.vectors(body.as_bytes(), wanted);
    assert_eq!(
        read(Dialect::Ollama, r#"{"embeddings":[[0.5,1.0],[2.0,3.0]]}"#, 2),
        Ok(vec![vec![0.5, 1.0], vec![2.0, 3.0]])
    );
    assert!(read(Dialect::Ollama, r#"{"embeddings":[[0.5,1.0],[2.0]]}"#, 2).is_err());
    assert!(read(Dialect::Ollama, r#"{"embeddings":[[0.5,1.0]]}"#, 2).is_err());
    assert!(read(Dialect::Ollama, r#"{"embeddings":[[],[]]}"#, 2).is_err());
    let shuffled = r#"{"data":[{"index":1,"embedding":[2.0]},{"index":0,"embedding":[1.0]}]}"#;
    assert_eq!(read(Dialect::OpenAi, shuffled, 2), Ok(vec![vec![1.0], vec![2.0]]));
}

/// Every prefix of what servers send, and every byte of it replaced: an answer or an error, never a panic.
#[test]
fn nothing_that_a_server_sends_brings_us_down() {
    let samples: [&[u8]; 6] = [
        br#"{"model":"q","message":{"content":"<think>\u00e9</think>x","thinking":"t","tool_calls":[{"function":{"name":"n","arguments":{"a":1}}}]},"done":true,"done_reason":"stop","eval_count":1}"#,
        br#"data: {"candidates":[{"content":{"parts":[{"text":"a"},{"functionCall":{"name":"n","args":{}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}"#,
        br#"data: {"choices":[{"delta":{"content":"a","tool_calls":[{"index":0,"id":"i","function":{"name":"n","arguments":"{}"}}]},"finish_reason":"stop"}]}"#,
        br#"{"models":[{"name":"a","remote_host":"https://x:1/"}],"data":[{"id":"i"}]}"#,
        br#"{"embeddings":[[1.0]],"data":[{"index":0,"embedding":[1e40]}]}"#,
        br#"{"error":{"status":"S","details":[{"reason":"API_KEY_INVALID","retryDelay":"1s"}]}}"#,
    ];
    for sample in samples {
        for at in 0..sample.len() {
            everything_reads(&sample[..at]);
            for byte in [0, b'"', b'\\', b'{', b'9', b'-', 0x80, 0xff] {
                let mut changed = sample.to_vec();
                changed[at] = byte;
                everything_reads(&changed);
            }
        }
    }
}

fn everything_reads(bytes: &[u8]) {
    for dialect in [Dialect::Ollama, Dialect::Gemini, Dialect::OpenAi] {
        let mut draft = Draft::default();
        let _ = dialect.take_line(&mut draft, bytes, &mut |_| ());
        let _ = draft.finish("m", &mut |_| ());
        let _ = (dialect.answer(bytes, "m"), dialect.listed(bytes), dialect.vectors(bytes, 1));
        let _ =
            (dialect.refusal(400, bytes, "h", "m"), dialect.refusal(429, bytes, "h", "m"), abilities(bytes));
    }
}
