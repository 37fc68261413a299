//! `helix transcribe`: recordings of all kinds, and engines that do not work.

use hound::{SampleFormat, WavSpec};

use crate::command::{Place, model};
use crate::sound::{SENTENCE, file, samples, spec, spoken};

#[test]
fn recordings_of_all_usual_forms_are_understood() {
    let place = Place::new("forms");
    let words = samples(&place);
    let float = WavSpec { sample_format: SampleFormat::Float, ..spec(48_000, 1, 32) };
    let files = [
        spoken(&place).to_string_lossy().into_owned(),
        file(&place, "studio.wav", spec(44_100, 2, 24), &words),
        file(&place, "float.wav", float, &words),
        file(&place, "wide.wav", spec(22_050, 1, 32), &words),
    ];
    let arguments: Vec<&str> = ["transcribe"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let done = place.helix(&arguments).hearing().run().works();
    let heard: Vec<_> = done.out.lines().map(|line| line.trim_end_matches('.').to_lowercase()).collect();
    assert_eq!(heard, [SENTENCE; 4], "{done:#?}");
}

#[test]
fn a_recording_without_words_gives_an_empty_line() {
    let place = Place::new("empty");
    let none = file(&place, "none.wav", spec(16_000, 1, 16), &[]);
    let tenth = file(&place, "tenth.wav", spec(16_000, 1, 16), &[0; 1600]);
    let second = file(&place, "second.wav", spec(8000, 1, 8), &vec![0; 16_000]);
    let done = place.helix(&["transcribe", &none, &tenth, &second]).hearing().run().works();
    assert_eq!(done.out, "\n\n\n");
}

#[test]
fn one_bad_file_is_told_and_the_others_are_transcribed() {
    let place = Place::new("bad");
    let long = file(&place, "long.wav", spec(16_000, 1, 16), &vec![0; 16_000 * 600]);
    let too_long = file(&place, "day.wav", spec(8000, 1, 8), &vec![0; 16_000 * 660]);
    let text = file_of_text(&place);
    let nine = file(&place, "nine.wav", spec(16_000, 9, 16), &[0; 1600]);
    let good = spoken(&place);
    let good = good.to_string_lossy();
    let arguments = ["transcribe", "--json", &long, &too_long, "no.wav", &text, "/", &nine, &good];
    let done = place.helix(&arguments).hearing().run();
    let done = done.complains(&["600 s", "10 minutes", "no.wav", "text.wav", "ffmpeg", "9 channels"]);
    let objects = done.objects();
    assert_eq!(objects.len(), 7);
    assert!(objects[..6].iter().all(|object| object["error"].is_string() && object["file"].is_string()));
    assert_eq!(objects[6]["text"].as_str().unwrap().trim_end_matches('.').to_lowercase(), SENTENCE);
}

fn file_of_text(place: &Place) -> String {
    place.file("text.wav", "turn on the kitchen light\n")
}

#[test]
fn a_language_that_the_model_or_nobody_knows_is_told() {
    let place = Place::new("tongue");
    let good = spoken(&place);
    let transcribe = |language: &str| {
        let arguments = ["transcribe", good.to_str().expect("UTF-8"), "--language", language];
        place.helix(&arguments).hearing().run()
    };
    transcribe("de").complains(&["does not understand this language"]);
    transcribe("de!").complains(&["`de!` is not a language tag"]);
}

#[test]
fn without_a_model_it_says_how_to_get_one() {
    let place = Place::new("nomodel");
    let transcribe = || place.helix(&["transcribe", "x.wav"]);
    transcribe().with("HELIX_LANGUAGE", "en").run().complains(&["not downloaded yet", "`helix model pull "]);
    transcribe().with("HELIX_MODEL", "small").run().complains(&["`helix model pull small`"]);
    transcribe().with("HELIX_MODEL", "smal").run().complains(&["\"smal\"", "small", "helix model list"]);
    transcribe().with("HELIX_MODEL", "/no/such.bin").run().complains(&["/no/such.bin", "`model`"]);
    let pull = place.helix(&["model", "pull", "tiny"]).with("HELIX_MODEL_HUB", crate::command::NOWHERE).run();
    pull.complains(&["127.0.0.1:9"]);
}

#[test]
fn a_model_that_is_none_is_told_from_one_that_is_cut_off() {
    let place = Place::new("badmodel");
    let whole = std::fs::read(model()).expect("the model");
    let recording = spoken(&place);
    let told = |name: &str, content: &[u8], words: &[&str]| {
        let file = place.file(name, content);
        let helix = place.helix(&["transcribe", recording.to_str().expect("UTF-8")]).hearing();
        let done = helix.with("HELIX_MODEL", &file).run().complains(&[&file, "helix model pull"]);
        done.complains(words);
        let doctor = place.helix(&["doctor"]).hearing().with("HELIX_MODEL", &file).run();
        doctor.complains(&[]).says("broken   model").says("broken   speech");
    };
    told("cut.bin", &whole[..whole.len() / 2], &["incomplete"]);
    told("page.bin", b"<!DOCTYPE html><html><body>404</body></html>", &["a web page"]);
    told("other.bin", b"GGUF\x03\0\0\0 and so on", &["not a Whisper model"]);
    told("empty.bin", b"", &["empty"]);
}

#[test]
fn without_the_engine_it_says_how_to_build_it() {
    let place = Place::new("noengine");
    let recording = spoken(&place);
    let helix = place.helix(&["transcribe", recording.to_str().expect("UTF-8")]).hearing();
    let done = helix.with("HELIX_STT_DIR", "/nowhere").run();
    done.complains(&["helix-stt", "/nowhere", "bridge/stt/build", "stt_dir"]);
}

#[test]
fn another_speech_server_can_do_the_work_and_may_be_away() {
    let place = Place::new("external");
    let recording = spoken(&place);
    let server = place.lonely_bridge();
    server_is_ready(&place);
    let asking = |arguments: &[&str], port: u16| {
        let helix = place.helix(arguments).with("HELIX_DATA_DIR", place.path("other"));
        helix.with("HELIX_ASR_HOST", "127.0.0.1").with("HELIX_ASR_PORT", port.to_string()).run()
    };
    let transcribe = ["transcribe", recording.to_str().expect("UTF-8")];
    let port = server.address.port();
    let done = asking(&transcribe, port).works();
    assert_eq!(done.out.trim().trim_end_matches('.').to_lowercase(), SENTENCE);
    let doctor = asking(&["doctor"], port);
    doctor.says("works    model           that of the external speech server").says("works    speech");
    server.stops_well();
    asking(&transcribe, port).complains(&[&port.to_string(), "does not answer", "asr_host"]);
    let doctor = asking(&["doctor"], port).complains(&[]);
    doctor.says("broken   speech").says("check asr_host and asr_port");
}

fn server_is_ready(place: &Place) {
    let ready = crate::command::until(std::time::Duration::from_secs(30), || {
        let doctor = place.helix(&["doctor"]).hearing().run();
        doctor.out.contains("works    speech").then_some(())
    });
    ready.expect("the speech engine is ready");
}
