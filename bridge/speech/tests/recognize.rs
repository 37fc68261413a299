//! The real child with the real model: what is said comes out.

mod support;

use helix_core::Language;
use helix_core::transcribe::{Priority, RecognizeError, Recognizer};
use helix_speech::supervisor::{Config, Status};
use support::{Engine, VOICES, config, noise, request, sentences, speak};

#[tokio::test]
async fn sentences_come_out_letter_by_letter() {
    let engine = Engine::ready(config()).await;
    for (index, sentence) in sentences().iter().step_by(5).enumerate() {
        let voice = VOICES[index % VOICES.len()];
        assert_eq!(engine.hear(&speak(voice, sentence)).await.as_ref(), Ok(sentence), "{voice}");
    }
    engine.stop().await;
}

#[tokio::test]
async fn the_engine_says_what_it_is() {
    let engine = Engine::ready(config()).await;
    let status = engine.whisper.status().borrow().clone();
    let Status::Ready(ready) = status else { panic!("{status:?}") };
    assert_eq!(ready.model, "ggml-home-test.en");
    assert_eq!(ready.languages, ["en"]);
    assert!(ready.build.contains("whisper.cpp 1."), "{}", ready.build);
    assert!((1..=4).contains(&ready.threads));
    engine.stop().await;
}

#[tokio::test]
async fn ten_minutes_of_silence_and_noise_give_no_words() {
    let engine = Engine::ready(config()).await;
    let half_a_minute = 30 * 16_000;
    for (index, loudness) in [0, 3, 30, 300, 3000].into_iter().cycle().take(20).enumerate() {
        let heard = engine.hear(&noise(half_a_minute, loudness, index as u32 + 1)).await;
        assert_eq!(heard.as_deref(), Ok(""), "noise of {loudness}");
    }
    engine.stop().await;
}

#[tokio::test]
async fn audio_too_short_for_a_word_is_nothing() {
    let engine = Engine::ready(config()).await;
    for samples_len in [0, 1, 160, 1600] {
        assert_eq!(engine.hear(&noise(samples_len, 300, 7)).await.as_deref(), Ok(""), "{samples_len}");
    }
    engine.stop().await;
}

#[tokio::test]
async fn ten_minutes_at_once_are_refused_in_plain_words() {
    let engine = Engine::ready(config()).await;
    let refused = engine.hear(&noise(600 * 16_000, 300, 1)).await;
    let Err(RecognizeError::Unavailable(text)) = &refused else { panic!("{refused:?}") };
    assert!(text.contains("600 s") && text.contains("30 s"), "{text}");
    assert_eq!(
        engine.hear(&speak(VOICES[0], "Cancel everything.")).await.as_deref(),
        Ok("Cancel everything.")
    );
    engine.stop().await;
}

#[tokio::test]
async fn a_language_that_the_model_lacks_is_refused_in_plain_words() {
    let engine = Engine::ready(config()).await;
    let mut german = request(&noise(16_000, 300, 1), Priority::Final);
    german.language = Language::parse("de-AT").expect("valid");
    let refused = engine.whisper.transcribe(german).await;
    assert!(
        matches!(&refused, Err(RecognizeError::Unavailable(text)) if text.contains("language")),
        "{refused:?}"
    );
    engine.stop().await;
}

#[tokio::test]
async fn a_multilingual_model_takes_the_languages_that_it_reports() {
    let model_path = support::random_weights("tiny");
    let engine = Engine::ready(Config { model_path, ..config() }).await;
    let status = engine.whisper.status().borrow().clone();
    let Status::Ready(ready) = status else { panic!("{status:?}") };
    assert!(ready.languages.len() >= 99, "{:?}", ready.languages);
    let samples = noise(16_000, 300, 1);
    for (language, understood) in
        [("de-AT", true), ("pt_BR", true), ("nb", true), ("zh-Hans", true), ("xx", false)]
    {
        let mut asked = request(&samples, Priority::Final);
        asked.language = Language::parse(language).expect("valid");
        let heard = engine.whisper.transcribe(asked).await;
        assert_eq!(heard.is_ok(), understood, "{language}: {heard:?}");
    }
    engine.stop().await;
}

#[tokio::test]
async fn requests_at_the_same_time_do_not_mix() {
    let engine = Engine::ready(config()).await;
    let sentences: Vec<String> = sentences().into_iter().step_by(37).take(6).collect();
    let spoken: Vec<_> = sentences.iter().map(|sentence| speak(VOICES[0], sentence)).collect();
    let mut hearing = tokio::task::JoinSet::new();
    for (index, samples) in spoken.iter().enumerate() {
        let (whisper, samples) = (engine.whisper.clone(), samples.clone());
        hearing.spawn(async move { (index, whisper.transcribe(request(&samples, Priority::Final)).await) });
    }
    while let Some(heard) = hearing.join_next().await {
        let (index, transcript) = heard.expect("no panic");
        assert_eq!(transcript.expect("transcribed").text.expose(), &sentences[index]);
    }
    engine.stop().await;
}
