//! A running bridge, seen from outside.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use helix_wyoming::describe::{Describe, Info};
use helix_wyoming::{Decoder, Event};

use crate::command::{PATIENCE, is_alive, signal, until, wait};

/// A running bridge; killed when dropped.
pub(crate) struct Bridge {
    child: Child,
    log: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Bridge {
    /// Waits until its port is open.
    pub(crate) fn new(child: Child, log: PathBuf) -> Self {
        let mut bridge = Self { child, log, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let line = bridge.logs("the Wyoming port is open");
        let address = line.split("address=").nth(1).expect("the line has the address");
        bridge.address = address.trim().parse().expect("an address");
        bridge
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for a line of the log.
    #[track_caller]
    pub(crate) fn logs(&mut self, words: &str) -> String {
        let line = until(PATIENCE, || {
            let found = self.log().lines().find(|line| line.contains(words)).map(str::to_owned);
            found.or_else(|| self.child.try_wait().ok().flatten().map(|_| String::new()))
        });
        match line {
            Some(line) if !line.is_empty() => line,
            _ => panic!("no `{words}` in the log:\n{}", self.log()),
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    pub(crate) fn describe(&self) -> Info {
        let mut stream = TcpStream::connect(self.address).expect("the port answers");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        stream.write_all(&Event::from(Describe {}).encode()).expect("sent");
        let (mut decoder, mut bytes) = (Decoder::default(), [0; 4096]);
        loop {
            if let Some(frame) = decoder.next_frame().expect("Wyoming") {
                let Event::Info(info) = Event::parse(frame).expect("a whole event") else {
                    panic!("another event than info")
                };
                return info;
            }
            let len = stream.read(&mut bytes).expect("an answer");
            assert!(len > 0, "the bridge closed the connection");
            decoder.push(&bytes[..len]);
        }
    }

    /// The processes that the bridge has started.
    pub(crate) fn children(&self) -> Vec<u32> {
        let own = self.child.id().to_string();
        let parent_of = |pid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            Some(stat.rsplit(')').next()?.split_whitespace().nth(1)?.to_owned())
        };
        let pids = std::fs::read_dir("/proc").expect("proc").flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| parent_of(pid).as_ref() == Some(&own)).collect()
    }

    /// How many clients are connected to its port.
    pub(crate) fn connections(&self) -> usize {
        let port = format!(":{:04X}", self.address.port());
        let table = std::fs::read_to_string("/proc/net/tcp").expect("proc");
        let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
        // State 01: established.
        rows.filter(|row| row[1].ends_with(&port) && row[3] == "01").count()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Ends it as a service manager does: exit code 0 within 5 s, and no process is left.
    #[track_caller]
    pub(crate) fn stops_well(mut self) {
        let children = self.children();
        self.signal("TERM");
        let status = wait(&mut self.child, Duration::from_secs(5));
        let status = status.unwrap_or_else(|| panic!("it runs 5 s after SIGTERM:\n{}", self.log()));
        assert_eq!(status.code(), Some(0), "{}", self.log());
        for pid in children {
            // Killed with it, if not before.
            let gone = until(Duration::from_secs(1), || (!is_alive(pid)).then_some(()));
            assert!(gone.is_some(), "its child {pid} is left:\n{}", self.log());
        }
    }

    /// Waits for its end after a signal.
    pub(crate) fn ended(&mut self) {
        wait(&mut self.child, PATIENCE).expect("it ends");
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What an HTTP server answers to GET.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    let connected = until(Duration::from_secs(10), || TcpStream::connect(address).ok());
    let mut stream = connected.expect("the port is open");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answered");
    text
}

/// An address that nobody has.
pub(crate) fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}
