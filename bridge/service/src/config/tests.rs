//! Options, files and variables in, one configuration or one plain complaint out.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::*;

struct Variables(BTreeMap<&'static str, String>);

impl Environment for Variables {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

fn variables(pairs: &[(&'static str, &str)]) -> Variables {
    Variables(pairs.iter().map(|(k, v)| (*k, (*v).to_owned())).collect())
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("helix-config-{}-{name}", std::process::id()));
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn variables_win_over_the_file() {
    let path = file(
        "order.toml",
        "ha_url = \"http://file:8123/\"\nha_token = \"t\"\nthreads = 2\nlanguage = \"de\"\n",
    );
    let config = Config::load(Some(&path), &variables(&[("HELIX_THREADS", "3")])).expect("valid");
    let home = config.home.expect("set");
    assert_eq!((home.url.as_str(), home.token.expose_secret()), ("http://file:8123", "t"));
    assert!(matches!(config.speech, SpeechEngine::Child { threads: Some(3), .. }));
    assert_eq!(config.language.expect("set").as_str(), "de");
}

#[test]
fn an_unknown_key_in_the_file_is_an_error_that_names_line_and_key() {
    let path = file("unknown.toml", "language = \"de\"\npatiance = \"quick\"\n");
    let error = Config::load(Some(&path), &variables(&[])).expect_err("invalid").to_string();
    assert!(error.contains("line 2") && error.contains("patiance"), "{error}");
}

#[test]
fn an_unknown_option_of_the_app_is_only_a_warning() {
    let path = file("options.json", r#"{"language": "de", "colour": 1, "model": ""}"#);
    let environment = [("SUPERVISOR_TOKEN", "s"), ("HELIX_OPTIONS", path.to_str().expect("utf-8"))];
    let config = Config::load(None, &variables(&environment)).expect("valid");
    assert!(config.warnings[0].contains("colour"), "{:?}", config.warnings);
    assert_eq!(config.home.expect("supervised").shown_url(), "http://supervisor");
}

#[test]
fn an_ill_typed_option_names_its_key() {
    let path = file("typed.json", r#"{"asr_host": "x", "asr_port": "many"}"#);
    let environment = [("SUPERVISOR_TOKEN", "s"), ("HELIX_OPTIONS", path.to_str().expect("utf-8"))];
    let error = Config::load(None, &variables(&environment)).expect_err("invalid").to_string();
    assert!(error.contains("asr_port"), "{error}");
}

#[test]
fn a_number_as_token_stays_text() {
    let environment = [("HELIX_HA_URL", "http://h"), ("HELIX_HA_TOKEN", "12345")];
    let config = Config::load(None, &variables(&environment)).expect("valid");
    assert_eq!(config.home.expect("set").token.expose_secret(), "12345");
}

#[test]
fn half_an_access_is_an_error_and_none_is_not() {
    assert!(Config::load(None, &variables(&[])).expect("valid").home.is_none());
    let error = Config::load(None, &variables(&[("HELIX_HA_URL", "http://h")])).expect_err("no token");
    assert!(error.to_string().contains("token"));
}

#[test]
fn patience_is_named_and_each_number_can_be_overridden() {
    let quick = Config::load(None, &variables(&[("HELIX_PATIENCE", "quick"), ("HELIX_PLAIN_MS", "600")]));
    assert_eq!(quick.expect("valid").patience, Patience { plain_ms: 600, ..Patience::quick() });
    for wrong in [("HELIX_PATIENCE", "never"), ("HELIX_PLAIN_MS", "9000"), ("HELIX_COMPLETE_MS", "900")] {
        assert!(Config::load(None, &variables(&[wrong])).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_pin_that_is_wrong_is_told_without_its_digits() {
    for (name, text) in [("number", "language = \"de\"\npin = 482917\n"), ("short", "pin = \"482917123\"\n")]
    {
        let path = file(&format!("pin-{name}.toml"), text);
        let error = Config::load(Some(&path), &variables(&[])).expect_err("invalid").to_string();
        assert!(error.contains("pin") && !error.contains("4829"), "{error}");
    }
    let path = file("pin-options.json", r#"{"pin": 482917}"#);
    let options = path.to_string_lossy().into_owned();
    let environment = variables(&[("SUPERVISOR_TOKEN", "s"), ("HELIX_OPTIONS", &options)]);
    let error = Config::load(None, &environment).expect_err("invalid").to_string();
    assert!(error.contains("pin") && !error.contains("4829"), "{error}");
    let config = Config::load(None, &variables(&[("HELIX_PIN", "0482")])).expect("valid");
    assert!(config.pin.is_some() && !format!("{config:?}").contains("0482"));
}

#[test]
fn a_wrong_matrix_names_its_file_and_line() {
    let matrix = file("matrix.toml", "[margin]\nR1 = 7\n").to_string_lossy().into_owned();
    let error =
        Config::load(None, &variables(&[("HELIX_MATRIX", &matrix)])).expect_err("invalid").to_string();
    assert!(error.contains(&matrix) && error.contains("line 2") && error.contains("margin.R1"), "{error}");
}

#[test]
fn no_complaint_repeats_a_pin_or_a_token() {
    let texts = [
        "pin = 4711",
        "pin = 04711",
        "pin = \"4711",
        "pin = \"47114711471\"",
        "language = \"de\"\npni = \"4711\"",
        "ha_token = 4711",
        "pin = \"4711\"\npin = \"4711\"",
    ];
    for text in texts {
        let path = file("secret.toml", text);
        let error = Config::load(Some(&path), &variables(&[])).expect_err("invalid").to_string();
        assert!(!error.contains("4711") && !error.is_empty(), "{text}: {error}");
    }
    let path = file("secret.json", r#"{"pin": 4711}"#);
    let environment = [("SUPERVISOR_TOKEN", "s"), ("HELIX_OPTIONS", path.to_str().expect("utf-8"))];
    let error = Config::load(None, &variables(&environment)).expect_err("invalid").to_string();
    assert!(!error.contains("4711") && error.contains("`pin`: a text in quotation marks"), "{error}");
}

#[test]
fn what_may_leave_the_house_is_one_of_four_words() {
    assert_eq!(Config::load(None, &variables(&[])).expect("valid").cloud, Cloud::Off);
    let home = Config::load(None, &variables(&[("HELIX_CLOUD", "home")])).expect("valid");
    assert_eq!(home.cloud, Cloud::Home);
    let path = file("cloud.json", r#"{"cloud": false}"#);
    let environment = [("SUPERVISOR_TOKEN", "s"), ("HELIX_OPTIONS", path.to_str().expect("utf-8"))];
    let error = Config::load(None, &variables(&environment)).expect_err("invalid").to_string();
    assert!(error.contains("`cloud`") && error.contains("a word in quotation marks"), "{error}");
}
