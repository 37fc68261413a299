//! The child without its supervisor: what it does with bytes that are no orders, and how it ends.

mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use helix_speech::protocol::{
    Cancel, Decode, DecodeId, FailureCode, Load, Message, Order, Reader, Report, VERSION,
};
use support::{model, noise, stt_binary};

struct Stt {
    process: Child,
    reader: Reader,
}

impl Stt {
    fn start() -> Self {
        let process = Command::new(stt_binary())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("helix-stt starts");
        Self { process, reader: Reader::default() }
    }

    fn loaded(path: &Path) -> Self {
        let mut stt = Self::start();
        stt.write(&load(path));
        stt
    }

    fn write(&mut self, bytes: &[u8]) {
        let input = self.process.stdin.as_mut().expect("a pipe");
        // The child may have ended at the first wrong byte.
        let _ = input.write_all(bytes).and_then(|()| input.flush());
    }

    #[allow(clippy::unwrap_in_result, reason = "what cannot be read fails the test")]
    fn report(&mut self) -> Option<Report> {
        let output = self.process.stdout.as_mut().expect("a pipe");
        let mut bytes = [0; 4096];
        loop {
            if let Some(report) = self.reader.next_message().expect("a report") {
                return Some(report);
            }
            match output.read(&mut bytes).expect("the pipe can be read") {
                0 => return None,
                len => self.reader.push(&bytes[..len]),
            }
        }
    }

    /// Closes standard input; the exit status.
    #[allow(clippy::unwrap_in_result, reason = "what cannot be waited for fails the test")]
    fn end(mut self) -> Option<i32> {
        drop(self.process.stdin.take());
        self.process.wait().expect("it was started").code()
    }

    /// The failure that ends the child, whose exit status must be that of its code.
    fn fatal(mut self) -> (FailureCode, String) {
        let report = self.report();
        let Some(Report::Failed(failed)) = report else { panic!("{report:?}") };
        assert!(!failed.remedy.is_empty(), "{failed:?}");
        assert_eq!(self.report(), None);
        assert_eq!(
            self.process.wait().expect("it was started").code(),
            failed.code.exit_status().map(i32::from)
        );
        (failed.code, failed.text)
    }
}

fn load(path: &Path) -> Vec<u8> {
    Order::Load(Load { version: VERSION, model_path: path.to_string_lossy().into_owned(), threads: Some(1) })
        .encode()
}

fn decode(id: u64, samples_len: usize) -> Vec<u8> {
    let samples = noise(samples_len, 3_000, 1).to_vec();
    Order::Decode(Decode { id: DecodeId(id), language: "en".into(), full_window: true, samples }).encode()
}

#[test]
fn bytes_that_are_no_orders_end_it_with_a_message() {
    let long_line = vec![b'x'; 100_000];
    let too_much = b"{\"type\":\"decode\",\"payload_length\":18446744073709551615}\n";
    let odd = b"{\"type\":\"decode\",\"data\":{\"id\":1,\"language\":\"en\"},\"payload_length\":3}\nabc";
    let cases: [&[u8]; 8] = [
        b"\x00\xff\xfe\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"[]\n",
        b"{\"type\":\"describe\"}\n",
        b"{\"type\":\"load\"}\n",
        too_much,
        odd,
        &long_line,
    ];
    for bytes in cases {
        let mut stt = Stt::start();
        stt.write(bytes);
        let (code, text) = stt.fatal();
        assert_eq!(code, FailureCode::ProtocolBroken, "{text}");
    }
}

#[test]
fn garbage_after_a_load_ends_it_with_a_message() {
    let mut stt = Stt::loaded(&model());
    assert!(matches!(stt.report(), Some(Report::Ready(_))));
    stt.write(b"no order\n");
    assert_eq!(stt.fatal().0, FailureCode::ProtocolBroken);
}

#[test]
fn orders_in_the_wrong_place_end_it_with_a_message() {
    let mut stt = Stt::start();
    stt.write(&decode(1, 16_000));
    assert_eq!(stt.fatal().0, FailureCode::ProtocolBroken);
    let mut stt = Stt::loaded(&model());
    stt.write(&load(&model()));
    assert!(matches!(stt.report(), Some(Report::Ready(_))));
    assert_eq!(stt.fatal().0, FailureCode::ProtocolBroken);
}

#[test]
fn a_bridge_of_another_version_is_refused() {
    let mut stt = Stt::start();
    let load =
        Load { version: VERSION + 1, model_path: model().to_string_lossy().into_owned(), threads: None };
    stt.write(&Order::Load(load).encode());
    let (code, text) = stt.fatal();
    assert_eq!(code, FailureCode::ProtocolBroken);
    assert!(text.contains("version"), "{text}");
}

#[test]
fn every_bad_model_has_an_exit_status_of_its_own() {
    let folder = support::folder("exit-status");
    let cut = folder.join("cut.bin");
    let whole = std::fs::read(model()).expect("the model");
    std::fs::write(&cut, &whole[..100_000]).expect("the file is written");
    let (code, text) = Stt::loaded(&cut).fatal();
    assert_eq!(code, FailureCode::ModelUnusable, "{text}");
    let (code, text) = Stt::loaded(&folder.join("none.bin")).fatal();
    assert_eq!(code, FailureCode::ModelMissing, "{text}");
    let (code, text) = Stt::loaded(&folder).fatal();
    assert_eq!(code, FailureCode::ModelMissing, "{text}");
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}

#[test]
fn the_end_of_its_input_ends_it_even_in_mid_decode() {
    assert_eq!(Stt::start().end(), Some(0));
    let mut stt = Stt::loaded(&model());
    assert!(matches!(stt.report(), Some(Report::Ready(_))));
    stt.write(&decode(1, 30 * 16_000));
    assert_eq!(stt.end(), Some(0));
}

#[test]
fn a_cancelled_decode_is_answered_and_the_next_one_is_whole() {
    let mut stt = Stt::loaded(&model());
    assert!(matches!(stt.report(), Some(Report::Ready(_))));
    for id in (1..20).step_by(2) {
        stt.write(&decode(id, 30 * 16_000));
        stt.write(&Order::Cancel(Cancel { id: DecodeId(id) }).encode());
        stt.write(&decode(id + 1, 16_000));
        let report = stt.report();
        let Some(Report::Failed(failed)) = report else { panic!("{report:?}") };
        assert_eq!((failed.id, failed.code), (Some(DecodeId(id)), FailureCode::Cancelled));
        let report = stt.report();
        let Some(Report::Decoded(decoded)) = report else { panic!("{report:?}") };
        assert_eq!((decoded.id, decoded.text.as_str()), (DecodeId(id + 1), ""));
    }
    assert_eq!(stt.end(), Some(0));
}

#[test]
fn many_decodes_leak_less_than_is_worth_a_new_child() {
    let mut stt = Stt::loaded(&model());
    assert!(matches!(stt.report(), Some(Report::Ready(_))));
    let mut decoded = |ids: std::ops::Range<u64>| {
        for id in ids {
            let samples = noise(1_600, 3_000, 1).to_vec();
            let decode = Decode { id: DecodeId(id), language: "en".into(), full_window: false, samples };
            stt.write(&Order::Decode(decode).encode());
            if !id.is_multiple_of(10) {
                stt.write(&Order::Cancel(Cancel { id: DecodeId(id) }).encode());
            }
            assert!(stt.report().is_some());
        }
        support::resident_kb(stt.process.id())
    };
    let before = decoded(1..50);
    let after = decoded(50..450);
    assert!(after < before + 4 * 1024, "{before} kB before, {after} kB after 400 decodes");
}

#[test]
fn it_says_what_it_was_built_from() {
    let output = Command::new(stt_binary()).arg("--version").output().expect("helix-stt runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(
        output.status.success() && text.starts_with("helix-stt ") && text.contains("whisper.cpp"),
        "{text}"
    );
    let refused = Command::new(stt_binary()).arg("--serve").output().expect("helix-stt runs");
    assert_eq!(refused.status.code(), Some(2));
}
