//! The voice of the house: the real espeak-ng, and programs that fail in its place.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use helix::satellite::{Espeak, EspeakError};
use helix_core::{Language, Pii};
use tokio::sync::Mutex;

/// A program that was just written cannot be started while another test, about to start one, still holds it open.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

fn language(tag: &str) -> Language {
    Language::parse(tag).expect("a tag")
}

fn text(words: &str) -> Pii<String> {
    Pii::new(words.to_owned())
}

/// A program that lists one voice, and does `speak` when asked to speak.
fn program(name: &str, speak: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let voices = "echo 'Pty Language Age/Gender VoiceName'; echo ' 5  en --/M English'";
    let script = format!("#!/bin/sh\nif [ \"$1\" = --voices ]; then {voices}; exit; fi\n{speak}\n");
    std::fs::write(&path, script).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made executable");
    path
}

#[tokio::test]
async fn a_sentence_is_spoken_in_its_language() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let espeak = Espeak::find().await.expect("espeak-ng is installed");
    for (tag, words) in [("en", "The kitchen light is on."), ("de", "Das Licht in der Küche ist an.")] {
        let mut spoken = espeak.speak(&text(words), &language(tag)).await.expect("it speaks");
        assert_eq!(spoken.rate, 22_050);
        let (mut len, mut loudest) = (0, 0);
        while let Some(samples) = spoken.samples.next().await {
            let samples = samples.expect("sound");
            len += samples.len();
            loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0).max(loudest);
        }
        assert!((22_050..22_050 * 5).contains(&len), "{words:?} takes {len} samples");
        assert!(loudest > 3_000, "{words:?} is not silent: {loudest}");
    }
}

#[tokio::test]
async fn a_language_finds_the_nearest_voice() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let espeak = Espeak::find().await.expect("espeak-ng is installed");
    let voices = [
        ("de", "de"),
        ("de-AT", "de"),
        ("en-GB", "en-gb"),
        ("pt_BR", "pt-br"),
        ("zh-CN", "cmn"),
        ("xx", "en"),
    ];
    for (tag, voice) in voices {
        assert_eq!(espeak.voice(&language(tag)), voice, "{tag}");
    }
    assert!(espeak.languages().count() > 50);
}

#[tokio::test]
async fn a_missing_program_is_named_with_what_to_do() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let error = Espeak::at(Path::new("/nowhere/espeak-ng")).await.expect_err("there is none");
    assert!(matches!(error, EspeakError::Missing), "{error:?}");
    assert!(error.to_string().contains("install"), "{error}");
    let silent = Espeak::at(Path::new("/bin/true")).await.expect_err("it lists nothing");
    assert!(matches!(silent, EspeakError::NoVoices), "{silent:?}");
}

#[tokio::test]
async fn a_program_that_gives_no_sound_is_an_error() {
    let _turn = ONE_AT_A_TIME.lock().await;
    for (name, speak) in [("fails", "exit 1"), ("talks", "cat > /dev/null; head -c 44 /dev/zero")] {
        let espeak = Espeak::at(&program(name, speak)).await.expect("it lists a voice");
        let error = espeak.speak(&text("hello"), &language("en")).await.expect_err("no sound");
        assert!(matches!(error, EspeakError::NoSound | EspeakError::Failed(_)), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn speech_that_nobody_wants_any_more_ends_its_process() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let pid_file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("talker.pid");
    let header = r"RIFF\377\377\377\177WAVEfmt \020\000\000\000\001\000\001\000\042V\000\000D\254\000\000\002\000\020\000data\377\377\377\177";
    let speak = format!("echo $$ > '{}'; printf '{header}'; exec cat /dev/zero", pid_file.display());
    let espeak = Espeak::at(&program("talker", &speak)).await.expect("it lists a voice");
    let mut spoken = espeak.speak(&text("hello"), &language("en")).await.expect("it speaks");
    assert!(spoken.samples.next().await.is_some_and(|samples| samples.is_ok()));
    let pid = std::fs::read_to_string(pid_file).expect("it wrote its id");
    let process = Path::new("/proc").join(pid.trim());
    assert!(process.exists());
    drop(spoken);
    let gone = async {
        while process.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the process ends");
}
