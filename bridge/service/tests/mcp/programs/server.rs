//! A tool server as a program, without any library: it does well or ill, as its first argument says. The second names a file
//! that it writes its process id into.

use std::io::{BufRead, Write};
use std::process::{Command, exit, id};

const READS: &str = r#""annotations":{"readOnlyHint":true}"#;
const OUTSIDE: &str = r#""_meta":{"helix/needs":{"keys":["API_KEY"],"hosts":["nas.local","api.example.com"]}}"#;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    std::fs::write(&arguments[1], id().to_string()).expect("its number is written");
    match arguments[0].as_str() {
        "gone" => exit(3),
        "silent" => forever(),
        "garbage" => flood(b"{\"not\": json]\n"),
        "loud" => {
            std::thread::spawn(|| loop {
                eprintln!("{}", "so much to say ".repeat(1000));
            });
        }
        _ => {}
    }
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let Some(id) = number(&line) else { continue };
        let asked = |method: &str| line.contains(&format!("\"{method}\""));
        if asked("initialize") {
            let version = text(&line, "protocolVersion").unwrap_or_default();
            let about = r#""serverInfo":{"name":"a program","version":"1"}"#;
            answer(&id, &format!(r#"{{"protocolVersion":"{version}","capabilities":{{"tools":{{}}}},{about}}}"#));
        } else if asked("tools/list") {
            answer(&id, &format!(r#"{{"tools":[{}]}}"#, tools(&arguments[0]).join(",")));
        } else if asked("tools/call") {
            call(&id, &text(&line, "name").unwrap_or_default(), &arguments);
        } else {
            println!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"unknown"}}}}"#);
        }
    }
}

fn tools(mode: &str) -> Vec<String> {
    let tool = |name: &str, more: &str| {
        let schema = r#""inputSchema":{"type":"object"}"#;
        format!(r#"{{"name":"{name}","description":"A tool.",{schema}{more}}}"#)
    };
    let reads = |name: &str| tool(name, &format!(",{READS}"));
    match mode {
        "thousands" => (0..5000).map(|nth| reads(&format!("t{nth}"))).collect(),
        "huge" => (0..150_000).map(|nth| reads(&format!("t{nth}"))).collect(),
        _ => {
            let reading = ["about", "children", "end", "flood", "hang", "line"].map(reads);
            let mut tools = Vec::from(reading);
            tools.push(tool("ask", &format!(",{READS},{OUTSIDE}")));
            tools.push(tool("wipe", ""));
            tools.push(tool("rename", r#","annotations":{"readOnlyHint":false}"#));
            tools
        }
    }
}

fn call(id: &str, tool: &str, arguments: &[String]) {
    match tool {
        "about" => {
            let env: Vec<_> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
            let folder = std::env::current_dir().expect("a folder");
            let inside = std::fs::read_dir(&folder).expect("it can be listed").count();
            let env = format!("{env:?}");
            say(id, &format!(r#"{{"env":{env},"folder":{folder:?},"inside":{inside},"args":{arguments:?}}}"#));
        }
        "children" => {
            let child = Command::new("/bin/sleep").arg("1000").spawn().expect("a child");
            say(id, &format!(r#"{{"child":{}}}"#, child.id()));
        }
        "end" => exit(3),
        "flood" => flood(b"{\"not\": json]\n"),
        "line" => flood(b"no end "),
        "hang" => forever(),
        _ => say(id, r#"{"done":true}"#),
    }
}

fn say(id: &str, content: &str) {
    answer(id, &format!(r#"{{"content":[],"structuredContent":{content}}}"#));
}

fn answer(id: &str, result: &str) {
    println!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
}

fn flood(bytes: &[u8]) {
    let bytes = bytes.repeat(1000);
    while std::io::stdout().lock().write_all(&bytes).is_ok() {}
    forever()
}

fn forever() {
    loop {
        std::thread::park();
    }
}

fn number(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("\"id\":")?;
    Some(rest.chars().take_while(char::is_ascii_digit).collect())
}

fn text(line: &str, key: &str) -> Option<String> {
    let (_, rest) = line.rsplit_once(&format!("\"{key}\":\""))?;
    Some(rest.split('"').next()?.to_owned())
}
