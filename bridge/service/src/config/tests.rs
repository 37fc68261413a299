//! Options, files and variables in, one configuration or one plain complaint out.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use secrecy::ExposeSecret;

use helix_core::egress::Cloud;

use crate::mcp::McpTransport;

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
    assert_eq!(Config::load(None, &variables(&[])).expect("valid").llm.cloud, Cloud::Off);
    let home = Config::load(None, &variables(&[("HELIX_CLOUD", "home")])).expect("valid");
    assert_eq!(home.llm.cloud, Cloud::Home);
    let path = file("cloud.json", r#"{"cloud": false}"#);
    let environment = [("SUPERVISOR_TOKEN", "s"), ("HELIX_OPTIONS", path.to_str().expect("utf-8"))];
    let error = Config::load(None, &variables(&environment)).expect_err("invalid").to_string();
    assert!(error.contains("`cloud`") && error.contains("a word in quotation marks"), "{error}");
}

#[test]
fn a_key_comes_from_a_file_that_nobody_else_can_read_and_is_in_no_complaint() {
    const KEY: &str = "AIza-80614-secret";
    let path = file("gemini.key", &format!("{KEY}\n"));
    let name: &'static str = path.to_string_lossy().into_owned().leak();
    let load = |more: &[(&'static str, &'static str)]| {
        let mut all = vec![("HELIX_GEMINI_KEY_FILE", name)];
        all.extend_from_slice(more);
        Config::load(None, &variables(&all))
    };
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
    mode(0o640);
    let error = load(&[]).expect_err("open").to_string();
    assert!(error.contains("mode 640") && error.contains("chmod 600") && !error.contains(KEY), "{error}");
    mode(0o600);
    let config = load(&[]).expect("valid");
    assert!(config.llm.gemini_key.is_some() && !format!("{config:?}").contains(KEY));
    assert!(load(&[("HELIX_GEMINI_KEY", "1234")]).is_err(), "one of both");
    std::fs::write(&path, format!("{KEY} {KEY}")).expect("written");
    let error = load(&[]).expect_err("two words").to_string();
    assert!(error.contains("holds no key") && !error.contains(KEY), "{error}");
}

#[test]
fn searches_and_tool_servers_are_checked_before_they_are_asked() {
    const KEY: &str = "80614-secret";
    let toml = |text: &str| {
        let path = file("web.toml", text);
        Config::load(Some(&path), &variables(&[])).map_err(|error| error.to_string())
    };
    let config = toml(
        "searxng_url = \"http://nas:8888\"\ntavily_key = \"80614-secret\"\n\
         [[mcp_servers]]\nname = \"nas\"\nurl = \"http://nas:8080/mcp\"\nkey = \"80614-secret\"",
    )
    .expect("valid");
    assert_eq!(
        (config.search.searxng_url.as_deref(), config.tool_servers.len()),
        (Some("http://nas:8888"), 1)
    );
    assert!(config.search.tavily_key.is_some() && !format!("{config:?}").contains(KEY));
    let error = toml("searxng_url = \"http://searx.example.com\"").expect_err("in the clear");
    assert!(error.contains("searxng_url") && error.contains("https://"), "{error}");
    for wrong in [
        "name = \"NAS\"\nurl = \"http://nas/\"",
        "name = \"nas\"\nurl = \"nas\"",
        "name = \"nas\"\nurl = \"http://nas.example.com/\"",
        "name = \"nas\"",
        "name = \"nas\"\nurl = \"http://nas/\"\nkey = 80614",
        "name = \"nas\"\nurl = \"http://nas/\"\nkeey = \"80614-secret\"",
        "name = \"nas\"\nurl = \"http://nas/\"\ncommand = \"/bin/true\"",
        "name = \"nas\"\nurl = \"http://nas/\"\nenv = { KEY = \"80614-secret\" }",
        "name = \"nas\"\ncommand = \"bin-day\"",
        "name = \"nas\"\ncommand = \"/bin/true\"\nkey = \"80614-secret\"",
        "name = \"nas\"\ncommand = \"/bin/true\"\nenv = { KEY = [80614] }",
        "name = \"nas\"\ncommand = \"/bin/true\"\n[mcp_servers.env]\nKEY = [80614]",
        "name = \"nas\"\ncommand = \"/bin/true\"\nenv_files = { KEY = \"/nowhere\" }",
    ] {
        let error = toml(&format!("[[mcp_servers]]\n{wrong}")).expect_err(wrong);
        assert!(!error.contains("80614") && !error.is_empty(), "{wrong}: {error}");
    }
    let list = "[{ name = \"nas\", url = \"http://nas/mcp\" }, { name = \"desk\", url = \"http://desk/\" }]";
    let config = Config::load(None, &variables(&[("HELIX_MCP_SERVERS", list)])).expect("valid");
    assert_eq!(config.tool_servers.len(), 2);
    let twice = "[{ name = \"nas\", url = \"http://nas/\" }, { name = \"nas-2\", url = \"http://nas/\" }]";
    let error =
        Config::load(None, &variables(&[("HELIX_MCP_SERVERS", twice)])).expect_err("alike").to_string();
    assert!(error.contains("mcp_servers") && error.contains("nas-2"), "{error}");
}

#[test]
fn a_tool_server_may_be_a_program_with_variables_from_the_entry_or_from_files() {
    let key = file("plugin.key", "80614-secret");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("kept to oneself");
    let text = format!(
        "[[mcp_servers]]\nname = \"bins\"\ncommand = \"/opt/bin-day\"\nargs = [\"/opt/bins.ics\"]\nmay_change = true\n\
         env = {{ DAYS = 7, TZ = \"Europe/Berlin\" }}\nenv_files = {{ API_KEY = {key:?} }}"
    );
    let config = Config::load(Some(&file("plugin.toml", &text)), &variables(&[])).expect("valid");
    let McpTransport::Stdio(program) = &config.tool_servers[0].transport else { panic!("a program") };
    let env: Vec<_> =
        program.env.iter().map(|(name, value)| format!("{name}={}", value.expose_secret())).collect();
    assert_eq!(env, ["API_KEY=80614-secret", "DAYS=7", "TZ=Europe/Berlin"]);
    assert_eq!(
        (program.args.as_slice(), config.tool_servers[0].may_change),
        (&["/opt/bins.ics".to_owned()][..], true)
    );
    assert!(!format!("{config:?}").contains("80614"));
    let at = format!("[[mcp_servers]]\nname = \"nas\"\nurl = \"http://nas/mcp\"\nkey_file = {key:?}");
    let config = Config::load(Some(&file("plugin-url.toml", &at)), &variables(&[])).expect("valid");
    let McpTransport::Http { key: Some(key), .. } = &config.tool_servers[0].transport else {
        panic!("a key")
    };
    assert_eq!((key.expose_secret(), config.tool_servers[0].may_change), ("80614-secret", false));
    let twice = text.replace("DAYS", "API_KEY");
    let error = Config::load(Some(&file("plugin-twice.toml", &twice)), &variables(&[]))
        .expect_err("twice")
        .to_string();
    assert!(error.contains("bins") && error.contains("env_files"), "{error}");
}

#[test]
fn language_models_are_named_together_with_their_server_and_their_budget() {
    let load = |pairs: &[(&'static str, &'static str)]| {
        Config::load(None, &variables(pairs)).map_err(|error| error.to_string())
    };
    let error = load(&[("HELIX_ROUTER_MODEL", "gemma")]).expect_err("no server");
    assert!(error.contains("router_model") && error.contains("ollama_url"), "{error}");
    let error = load(&[("HELIX_OLLAMA_URL", "nas:11434")]).expect_err("no address");
    assert!(error.contains("http://192.168.1.5:11434"), "{error}");
    let error = load(&[("HELIX_OPENAI_URL", "http://api.example.com/v1")]).expect_err("in the clear");
    assert!(error.contains("https://"), "{error}");
    let error = load(&[("HELIX_CLOUD_USD_DAY", "-1")]).expect_err("below nought");
    assert!(error.contains("cloud_usd_day"), "{error}");
    let error = load(&[("HELIX_CLOUD_USD_DAY", "much")]).expect_err("no number");
    assert!(error.contains("expected a number"), "{error}");
    let config = load(&[
        ("HELIX_OLLAMA_URL", "http://nas:11434"),
        ("HELIX_ROUTER_MODEL", "gemma"),
        ("HELIX_CLOUD_USD_DAY", "0.5"),
    ]);
    let settings = config.expect("valid").llm;
    assert_eq!((settings.budget.micros_day, settings.budget.micros_month), (Some(500_000), Some(10_000_000)));
}

#[test]
fn tasks_stay_on_this_machine_unless_an_address_and_a_database_are_named() {
    let own = Config::load(None, &variables(&[])).expect("valid").tasks;
    assert!(own.listen.is_none() && own.database.is_none() && own.runner_token.is_none());
    let named = [
        ("HELIX_TASKS_LISTEN", "0.0.0.0:10302"),
        ("HELIX_TASKS_DATABASE", "postgres://me:sesame-4711@nas/helix"),
        ("HELIX_RUNNER_TOKEN_FILE", "/run/secrets/runner"),
    ];
    let config = Config::load(None, &variables(&named)).expect("valid");
    assert_eq!(config.tasks.listen.map(|address| address.port()), Some(10302));
    assert!(config.tasks.database.is_some() && !format!("{config:?}").contains("4711"));
    let wrong = variables(&[("HELIX_TASKS_DATABASE", "mysql://me:sesame-4711@nas/helix")]);
    let error = Config::load(None, &wrong).expect_err("no PostgreSQL").to_string();
    assert!(error.contains("tasks_database") && !error.contains("4711"), "{error}");
}

#[test]
fn a_registry_is_named_by_its_host_and_who_one_is_there_by_both_or_neither() {
    const PASSWORD: &str = "sesame-4711";
    let load = |pairs: &[(&'static str, &'static str)]| {
        Config::load(None, &variables(pairs)).map_err(|error| error.to_string())
    };
    assert!(load(&[]).expect("valid").tasks.registry.is_none());
    let config = load(&[
        ("HELIX_REGISTRY", "192.168.1.10:5000/helix"),
        ("HELIX_REGISTRY_PULL", "127.0.0.1:5000"),
        ("HELIX_REGISTRY_USER", "helix"),
        ("HELIX_REGISTRY_PASSWORD", PASSWORD),
    ])
    .expect("valid");
    assert!(!format!("{config:?}").contains(PASSWORD));
    let registry = config.tasks.registry.expect("one");
    assert_eq!((registry.to_string().as_str(), registry.plain), ("192.168.1.10:5000/helix/", true));
    let wrong: [&[(&str, &str)]; 5] = [
        &[("HELIX_REGISTRY", "not a host")],
        &[("HELIX_REGISTRY", "nas:5000"), ("HELIX_REGISTRY_USER", "helix")],
        &[("HELIX_REGISTRY", "nas:5000"), ("HELIX_REGISTRY_PASSWORD", PASSWORD)],
        &[("HELIX_REGISTRY", "nas:5000"), ("HELIX_REGISTRY_PULL", "http://nas:5000")],
        &[("HELIX_REGISTRY_PULL", "nas:5000")],
    ];
    for wrong in wrong {
        let error = load(wrong).expect_err("wrong");
        assert!(error.contains("registry") && !error.contains(PASSWORD), "{error}");
    }
}
