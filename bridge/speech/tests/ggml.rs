//! Model files as they come: whole, cut off, of other formats, damaged.

#[path = "support/ggml_file.rs"]
mod ggml_file;

use std::io::Cursor;

use helix_speech::ggml::{self, Foreign, GgmlError, Kind, Shape, Weights};

fn inspect(file: &[u8]) -> Result<Shape, GgmlError> {
    ggml::inspect(&mut Cursor::new(file))
}

fn with_number(mut file: Vec<u8>, at: usize, number: u32) -> Vec<u8> {
    file[at..at + 4].copy_from_slice(&number.to_le_bytes());
    file
}

#[test]
fn a_whole_model_tells_its_shape() {
    let shape = inspect(&ggml_file::model(51_864)).expect("a whole model");
    assert!(shape.english_only());
    assert_eq!(shape.n_audio_state, 32);
    assert_eq!(shape.n_mels, 80);
    assert_eq!(shape.weights, Weights::Q8_0);
    assert_eq!(shape.kind(), Kind::Custom);
}

#[test]
fn a_multilingual_vocabulary_is_told_from_an_english_one() {
    assert!(!inspect(&ggml_file::model(51_865)).expect("a whole model").english_only());
    assert!(!inspect(&ggml_file::model(51_866)).expect("a whole model").english_only());
}

#[test]
fn a_model_cut_off_anywhere_is_found_to_be_incomplete() {
    let whole = ggml_file::model(51_864);
    let tensors_at = ggml_file::tensors_at(&whole);
    let every_part = [4, 20, 47, 48, 55, 56, 1000, 64_376, 70_000, tensors_at - 1, tensors_at + 5];
    let in_tensors = (tensors_at + 30..whole.len()).step_by(9_973);
    for len in every_part.into_iter().chain(in_tensors).chain([whole.len() - 1]) {
        let error = inspect(&whole[..len]).expect_err(&format!("cut off after {len} bytes"));
        assert!(matches!(error, GgmlError::Truncated { .. }), "cut off after {len} bytes: {error}");
        assert!(error.to_string().contains("helix model pull"), "{error}");
    }
}

#[test]
fn a_model_cut_off_between_two_tensors_is_found_to_be_incomplete() {
    let whole = ggml_file::model(51_864);
    let first_end = ggml_file::tensors_at(&whole) + 4 * 5 + "encoder.positional_embedding".len() + 32 * 4;
    let error = inspect(&whole[..first_end]).expect_err("one tensor of many");
    assert!(matches!(error, GgmlError::Tensors { found: 1, needed: 50 }), "{error}");
}

#[test]
fn bytes_after_the_last_tensor_are_refused() {
    let mut file = ggml_file::model(51_864);
    file.extend_from_slice(b"more");
    assert!(matches!(inspect(&file), Err(GgmlError::Implausible { value: 4, .. })));
}

#[test]
fn other_formats_are_named() {
    let cases: [(&[u8], Foreign); 6] = [
        (b"GGUF\x03\0\0\0", Foreign::Gguf),
        (b"\n<!DOCTYPE html><html><body>Log in</body></html>", Foreign::WebPage),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", Foreign::LfsPointer),
        (b"PK\x03\x04archive/data.pkl", Foreign::Archive),
        (b"{\"error\":\"Repository not found\"}", Foreign::Unknown),
        (&[0xff, 0xfe, 0, 0, 1, 2, 3], Foreign::Unknown),
    ];
    for (start, expected) in cases {
        match inspect(start) {
            Err(GgmlError::Foreign(found)) => assert_eq!(found, expected),
            other => panic!("{expected:?}: {other:?}"),
        }
    }
}

#[test]
fn an_empty_file_is_incomplete() {
    assert!(matches!(inspect(b""), Err(GgmlError::Truncated { len: 0, .. })));
}

#[test]
fn numbers_that_no_whisper_model_has_are_refused() {
    let whole = ggml_file::model(51_864);
    for (index, name) in ["n_vocab", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer"]
        .into_iter()
        .chain(["n_text_ctx", "n_text_state", "n_text_head", "n_text_layer", "n_mels"])
        .enumerate()
    {
        for value in [0, u32::MAX] {
            match inspect(&with_number(whole.clone(), 4 + 4 * index, value)) {
                Err(GgmlError::Implausible { field, .. }) => assert_eq!(field, name),
                other => panic!("{name} = {value}: {other:?}"),
            }
        }
    }
}

#[test]
fn no_damaged_byte_causes_a_panic_or_a_long_walk() {
    let whole = ggml_file::model(51_864);
    let tensors_at = ggml_file::tensors_at(&whole);
    let header_and_tensor = (0..60).chain(tensors_at..tensors_at + 40);
    for at in header_and_tensor {
        for value in [0x00, 0x7f, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = value;
            let _ = inspect(&damaged);
        }
    }
}

#[test]
fn a_tensor_of_a_size_beyond_all_numbers_is_incomplete_not_a_crash() {
    let whole = ggml_file::model(51_864);
    let dims_at = ggml_file::tensors_at(&whole) + 12;
    let huge = with_number(with_number(whole, dims_at, u32::MAX), dims_at + 4, u32::MAX);
    assert!(matches!(inspect(&huge), Err(GgmlError::Truncated { .. })));
}
