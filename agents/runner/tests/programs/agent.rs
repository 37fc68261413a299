//! An agent that does what its token says, good or bad. The token is its first line, and the rest of its line leads to the
//! bridge; or, in a cluster, the token is in a file, and it dials. On stdout it tells what it was allowed.

use std::env;
use std::ffi::{OsString, c_char, c_int, c_long, c_void};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Command, exit};
use std::time::Duration;

unsafe extern "C" {
    fn fork() -> c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn ptrace(request: c_long, pid: c_int, address: *mut c_void, data: *mut c_void) -> c_long;
    fn signal(signal: c_int, handler: usize) -> usize;
    fn getuid() -> u32;
    fn getppid() -> c_int;
    fn execv(path: *const c_char, arguments: *const *const c_char) -> c_int;
    fn setrlimit(resource: c_int, limit: *const [u64; 2]) -> c_int;
}

const SIGTERM: c_int = 15;
const SIGXCPU: c_int = 24;
const IGNORE: usize = 1;

fn main() {
    let line = token();
    let mut words = line.split_whitespace();
    let mode = words.next().unwrap_or_default().to_owned();
    let argument = words.next().unwrap_or_default().to_owned();
    match mode.as_str() {
        "exit" => {
            eprintln!("the last words");
            exit(argument.parse().unwrap_or(1));
        }
        "echo" => {
            let _ = io::copy(&mut io::stdin().lock(), &mut io::stdout().lock());
            exit(0);
        }
        "report" => report(&argument),
        "ask" => ask(&argument),
        "tell" => tell(line.trim_end(), &argument),
        "wait" => wait(),
        "ignore" => {
            unsafe { signal(SIGTERM, IGNORE) };
            say("ignoring");
            wait();
        }
        "deaf" => {
            unsafe { signal(SIGTERM, IGNORE) };
            wait();
        }
        "spin" => {
            if argument == "stubbornly" {
                unsafe { signal(SIGXCPU, IGNORE) };
            }
            let mut number = 0u64;
            loop {
                number = std::hint::black_box(number.wrapping_add(1));
            }
        }
        "memory" => {
            let mut all = Vec::new();
            for _ in 0..640 {
                all.push(vec![1u8; 16 << 20]);
                std::hint::black_box(&all);
            }
            exit(0);
        }
        "stdout" => endless(io::stdout()),
        "stderr" => endless(io::stderr()),
        "forks" => {
            for _ in 0..10_000 {
                unsafe { fork() };
            }
            wait();
        }
        _ => exit(65),
    }
}

/// Where the token is, if it does not come by the line.
fn token_file() -> Option<OsString> {
    env::var_os("HELIX_TASK_TOKEN_FILE")
}

fn token() -> String {
    let mut line = String::new();
    match token_file() {
        Some(file) => line = fs::read_to_string(file).unwrap_or_default(),
        None => drop(io::stdin().lock().read_line(&mut line)),
    }
    if line.is_empty() {
        exit(70);
    }
    line
}

/// Both directions of the way to the bridge.
struct Bridge {
    to: Box<dyn Write>,
    from: Box<dyn BufRead>,
}

impl Bridge {
    fn reach() -> Self {
        if token_file().is_none() {
            return Self { to: Box::new(io::stdout().lock()), from: Box::new(io::stdin().lock()) };
        }
        let address = env::var("HELIX_BRIDGE").unwrap_or_default();
        let address = address.strip_prefix("http://").unwrap_or(&address);
        // The network of a new pod is there a moment after it.
        for _ in 0..60 {
            if let Ok(stream) = TcpStream::connect(address)
                && let Ok(from) = stream.try_clone()
            {
                return Self { to: Box::new(stream), from: Box::new(BufReader::new(from)) };
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        exit(72);
    }

    fn exchange(&mut self, request: &str) -> String {
        let _ = self.to.write_all(request.as_bytes());
        let _ = self.to.flush();
        let mut len = 0;
        loop {
            let mut header = String::new();
            if self.from.read_line(&mut header).unwrap_or(0) == 0 {
                exit(71);
            }
            if let Some(rest) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                len = rest.trim().parse().unwrap_or(0);
            }
            if header.trim_end().is_empty() {
                break;
            }
        }
        let mut body = vec![0; len];
        let _ = self.from.read_exact(&mut body);
        String::from_utf8_lossy(&body).into_owned()
    }
}

fn wait() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

fn say(what: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{what}");
    let _ = stdout.flush();
}

fn endless(mut to: impl Write) -> ! {
    let much = [b'x'; 64 * 1024];
    let mut silent = 0;
    while silent < 3 {
        silent = if to.write_all(&much).is_ok() { 0 } else { silent + 1 };
    }
    // Nobody listens: it goes on to exist.
    wait();
}

/// Sends a request whose path is the argument, and then does nothing.
fn ask(path: &str) -> ! {
    let mut bridge = Bridge::reach();
    let _ = write!(bridge.to, "GET {path}/{} HTTP/1.1\r\nHost: bridge\r\n\r\n", std::process::id());
    let _ = bridge.to.flush();
    wait();
}

/// Gets its task, tells a result, and ends with the code of the argument.
fn tell(token: &str, argument: &str) -> ! {
    let mut bridge = Bridge::reach();
    let task = bridge.exchange(&format!("GET /v1/task HTTP/1.1\r\nHost: bridge\r\nAuthorization: Bearer {token}\r\n\r\n"));
    let id = task.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let body = format!(
        r#"{{"version":1,"task":"{id}","attempt":1,"outcome":{{"kind":"done","spoken":"Found."}}}}"#
    );
    bridge.exchange(&format!(
        "PUT /v1/task/result HTTP/1.1\r\nHost: bridge\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    exit(argument.split('/').next().and_then(|code| code.parse().ok()).unwrap_or(0));
}

/// Tries everything that an agent may not do. The argument is the address of somebody who listens.
fn report(listener: &str) -> ! {
    let tried = |what: &str, done: bool| say(&format!("{what}={}", if done { "done" } else { "refused" }));
    let connects = |address: &str| {
        address.to_socket_addrs().ok().and_then(|mut all| all.next()).is_some_and(|address| {
            TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok()
        })
    };
    tried("connect-listener", connects(listener));
    tried("connect-outside", connects("1.1.1.1:443"));
    // Whether it arrives, the listener knows.
    let _ = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"x", listener));
    tried("connect-docker", UnixStream::connect("/var/run/docker.sock").is_ok());
    tried("read-passwd", File::open("/etc/passwd").is_ok_and(|mut file| file.read(&mut [0; 64]).is_ok_and(|len| len > 40)));
    tried("read-other", (2..4096).any(|pid| fs::read(format!("/proc/{pid}/environ")).is_ok_and(|read| !read.is_empty())));
    tried("read-memory", std::process::id() != 1 && File::open("/proc/1/mem").is_ok());
    for (what, path) in [("write-root", "/helix-was-here"), ("write-cwd", "helix-was-here"), ("write-tmp", "/tmp/helix-was-here")] {
        tried(what, fs::write(path, "x").is_ok());
    }
    tried("trace", unsafe { ptrace(0x4206, getppid(), std::ptr::null_mut(), std::ptr::null_mut()) } == 0);
    tried("kill-parent", unsafe { kill(getppid().max(2), 0) } == 0);
    tried("kill-all", unsafe { kill(-1, 0) } == 0);
    tried("more-files", unsafe { setrlimit(7, &[1 << 20, 1 << 20]) } == 0);
    tried("shell", Command::new("/bin/sh").args(["-c", "true"]).status().is_ok());
    let path = c"/bin/true";
    tried("exec", unsafe { execv(path.as_ptr(), [path.as_ptr(), std::ptr::null()].as_ptr()) } == 0);
    say(&format!("uid={}", unsafe { getuid() }));
    let names: Vec<_> = env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    say(&format!("env={}", names.join(",")));
    exit(0);
}
