//! An agent for tests, of nothing but the standard library: does what the instruction of its task says, well or badly.
//! Also both sides of the network probe.
#![allow(clippy::print_stderr, clippy::disallowed_methods, reason = "a program of its own")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;
use std::{env, fs, process, thread};

/// How often and after which pause a bridge is asked again that does not answer.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_millis(250);

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["probe", "listen", port] => {
            let listener =
                TcpListener::bind(("0.0.0.0", port.parse().expect("a port"))).expect("a free port");
            listener.incoming().for_each(drop);
        }
        ["probe", "dial", address] => {
            let address = address.parse().expect("an address");
            let reached = TcpStream::connect_timeout(&address, Duration::from_secs(3)).is_ok();
            process::exit(i32::from(!reached));
        }
        _ => work(),
    }
}

fn work() {
    let bridge = env::var("HELIX_BRIDGE").expect("HELIX_BRIDGE");
    let host = bridge.strip_prefix("http://").expect("http").to_owned();
    let file = env::var("HELIX_TASK_TOKEN_FILE").expect("HELIX_TASK_TOKEN_FILE");
    let token = fs::read_to_string(file).expect("the token");
    let task = ask(&host, &token, "GET", "/v1/task", "");
    let instruction = text(&task, "instruction");
    let (what, how) = instruction.split_once(' ').unwrap_or((&instruction, ""));
    match what {
        "answer" => tell(&host, &token, &task, "done"),
        "sleep" => {
            thread::sleep(Duration::from_millis(how.parse().expect("milliseconds")));
            tell(&host, &token, &task, "slept");
        }
        "report" => tell(&host, &token, &task, &report()),
        "eat" => eat(),
        "exit" => process::exit(how.parse().expect("a code")),
        _ => panic!("what is {instruction}?"),
    }
}

fn report() -> String {
    let names: Vec<_> = env::vars().map(|(name, _)| name).collect();
    let status = fs::read_to_string("/proc/self/status").expect("its status");
    let line = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().replace('\t', " ")
    };
    format!(
        "env={};uid={};capabilities={};no_new_privileges={};seccomp={};root_is_writable={};account_token={}",
        names.join(","),
        line("Uid:"),
        line("CapEff:"),
        line("NoNewPrivs:"),
        line("Seccomp:"),
        fs::write("/written", "x").is_ok(),
        fs::exists("/var/run/secrets/kubernetes.io").unwrap_or(true),
    )
}

fn eat() {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(vec![1; 1 << 20]);
    }
}

fn tell(host: &str, token: &str, task: &str, spoken: &str) {
    let (id, attempt) = (text(task, "id"), number(task, "attempt"));
    let result = format!(
        r#"{{"version":1,"task":"{id}","attempt":{attempt},"outcome":{{"kind":"done","spoken":"{spoken}"}}}}"#
    );
    ask(host, token, "PUT", "/v1/task/result", &result);
}

/// Everything may be asked for twice: an answer that does not come is asked for again, as the real agent does.
fn ask(host: &str, token: &str, method: &str, path: &str, body: &str) -> String {
    let mut answer = exchange(host, token, method, path, body);
    for _ in 0..TRIES {
        if answer.is_ok() {
            break;
        }
        thread::sleep(PAUSE);
        answer = exchange(host, token, method, path, body);
    }
    let answer = answer.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 20"), "{method} {path}: {answer}");
    answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

fn exchange(host: &str, token: &str, method: &str, path: &str, body: &str) -> std::io::Result<String> {
    let address = host.parse().expect("an address");
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(3))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        token.trim(),
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn text(json: &str, field: &str) -> String {
    let (_, rest) = json.split_once(&format!("\"{field}\":\"")).expect(field);
    rest.split('"').next().expect(field).to_owned()
}

fn number(json: &str, field: &str) -> u64 {
    let (_, rest) = json.split_once(&format!("\"{field}\":")).expect(field);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect(field)
}
