//! Language models against a real Ollama with a real small model. Its words are nonsense; what is shown is that chats,
//! streams, schemas, vectors and errors are understood as this server has them.

mod real_ollama {
    use std::sync::Arc;
    use std::time::Duration;

    use anyhow::{Context, Result};
    use helix::clock::{SystemCalendar, SystemClock};
    use helix::llm::{Duty, LlmSettings, Models, Parts};
    use helix_core::Pii;
    use helix_core::egress::{Privacy, Purpose};
    use helix_core::llm::{Chat, Ended, LanguageModel, LlmError, Message, Origin, Tool};
    use helix_tests::ollama::Ollama;
    use serde_json::{Value, json};

    fn models(url: &str) -> Result<Models> {
        let settings = LlmSettings {
            ollama_url: Some(url.to_owned()),
            named: [(Duty::Router, Ollama::MODEL.to_owned())].into(),
            ..LlmSettings::default()
        };
        // Nothing may leave: without a ledger nothing could.
        let parts = Parts {
            ledger: None,
            book: None,
            calendar: Arc::new(SystemCalendar),
            clock: SystemClock::start(),
        };
        Ok(Models::new(&settings, parts)?)
    }

    fn chat(text: &str) -> Chat {
        let origin = Origin::addressed(Purpose::Understand, Privacy::Others, None);
        Chat { output_max: 24, ..Chat::new("You are a helpful assistant.", text, origin) }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn everything_that_helix_asks_of_it_is_answered() -> Result<()> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ollama = Ollama::start("models")?;
        let models = models(ollama.url())?;
        models.look_at(false).await;
        let router = models.router();
        assert_eq!(router.ready(), Ok(()));
        assert!(router.capabilities().tools, "the server says that its template knows tools");
        it_chats(&*router).await?;
        it_streams(&*router).await?;
        it_follows_a_schema(&*router).await?;
        it_reads_what_tools_brought(&*router).await?;
        it_makes_vectors(&*router).await?;
        a_model_that_is_missing_comes_with_its_command(&models);
        who_goes_away_does_not_keep_it_busy(&*router).await?;
        the_command_shows_it(&ollama)?;
        ollama.stop()?;
        let error = router.chat(&chat("Hello?")).await.expect_err("it is stopped");
        assert_eq!(error.code(), "llm-unreachable");
        Ok(())
    }

    async fn it_chats(router: &dyn LanguageModel) -> Result<()> {
        let answer = router.chat(&chat("Say hello in one short sentence.")).await?;
        assert!(!answer.text.expose().is_empty() && answer.usage.input > 5 && answer.usage.output > 0);
        assert!(answer.model.starts_with(Ollama::MODEL), "{}", answer.model);
        let short = Chat { output_max: 1, ..chat("Count from one to a hundred.") };
        assert_eq!(router.chat(&short).await?.ended, Ended::Length);
        Ok(())
    }

    async fn it_streams(router: &dyn LanguageModel) -> Result<()> {
        let mut pieces = Vec::new();
        let asked = chat("Name three fruits.");
        let answer = router.stream(&asked, &mut |piece| pieces.push(piece.to_owned())).await?;
        assert!(pieces.len() > 3, "{} pieces", pieces.len());
        assert_eq!(&pieces.concat(), answer.text.expose());
        Ok(())
    }

    /// The only thing about its words that holds: the server lets none out that break the schema.
    async fn it_follows_a_schema(router: &dyn LanguageModel) -> Result<()> {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["act", "level"],
            "properties": {
                "act": { "enum": ["on", "off"] },
                "level": { "type": "integer", "minimum": 0, "maximum": 9 },
            },
        });
        let asked = Chat { output_max: 80, schema: Some(schema), ..chat("Turn on the light at level 4.") };
        let answer = router.chat(&asked).await?;
        let value: Value = serde_json::from_str(answer.text.expose())?;
        assert!(["on", "off"].iter().any(|act| value["act"] == *act), "{value}");
        let refused = Chat { schema: Some(json!({ "type": "nonsense" })), ..asked };
        let error = router.chat(&refused).await.expect_err("no schema");
        assert!(matches!(error, LlmError::Server { .. } | LlmError::Rejected { .. }), "{error}");
        Ok(())
    }

    async fn it_reads_what_tools_brought(router: &dyn LanguageModel) -> Result<()> {
        use helix_core::llm::{Role, ToolCall};
        let call = ToolCall {
            id: String::new(),
            name: "temperature".into(),
            arguments: [("room".to_owned(), json!("bath"))].into_iter().collect(),
            signature: None,
        };
        let mut asked = chat("How warm is it in the bath?");
        asked.tools.push(Tool {
            name: "temperature".into(),
            description: "How warm a room is.".into(),
            parameters: json!({ "type": "object", "properties": { "room": { "type": "string" } } }),
        });
        asked.messages.push(Message { role: Role::Caller(vec![call.clone()]), text: Pii::default() });
        asked.messages.push(Message { role: Role::Tool(call), text: Pii::new("21 °C".into()) });
        let answer = router.chat(&asked).await?;
        assert!(answer.usage.input > 60, "the tool and its result were read: {:?}", answer.usage);
        Ok(())
    }

    async fn it_makes_vectors(router: &dyn LanguageModel) -> Result<()> {
        let texts = ["light on", "turn the lamp on", "weather"].map(|text| Pii::new(text.to_owned()));
        let origin = Origin::addressed(Purpose::Understand, Privacy::Home, None);
        let vectors = router.embed(&texts, &origin).await?;
        assert_eq!(vectors.iter().map(Vec::len).collect::<Vec<_>>(), [576; 3]);
        Ok(())
    }

    fn a_model_that_is_missing_comes_with_its_command(models: &Models) {
        let error = models.local_agent().ready().expect_err("it has no such model");
        assert!(error.to_string().contains("ollama pull deepseek-r1:8b"), "{error}");
    }

    async fn who_goes_away_does_not_keep_it_busy(router: &dyn LanguageModel) -> Result<()> {
        let long = Chat { output_max: 4000, ..chat("Tell me a very long story about a lamp.") };
        let given_up = tokio::time::timeout(Duration::from_millis(700), router.chat(&long)).await;
        assert!(given_up.is_err(), "a story takes longer");
        let next = tokio::time::timeout(Duration::from_secs(20), router.chat(&chat("Hello."))).await;
        next.context("the server still tells its story to nobody")??;
        Ok(())
    }

    fn the_command_shows_it(ollama: &Ollama) -> Result<()> {
        let shown =
            std::process::Command::new(helix_tests::bridge::binary(helix_tests::bridge::Profile::Debug)?)
                .args(["models", "--json"])
                .env("HELIX_OLLAMA_URL", ollama.url())
                .env("HELIX_ROUTER_MODEL", Ollama::MODEL)
                .env("HELIX_DATA_DIR", std::env::temp_dir().join("helix-models-nobody"))
                .output()?;
        let shown: Value = serde_json::from_slice(&shown.stdout)?;
        let [router, agent] = [&shown["duties"][0], &shown["duties"][1]];
        assert_eq!((&router["in_use"], &router["wrong"]), (&json!(Ollama::MODEL), &Value::Null), "{shown}");
        assert!(agent["wrong"].as_str().is_some_and(|text| text.contains("ollama pull")), "{shown}");
        Ok(())
    }
}
