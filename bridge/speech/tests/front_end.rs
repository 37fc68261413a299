//! Sound through the front end: of every form, with and without speech, with and without noise.

mod support;

use std::f64::consts::TAU;

use helix_core::VoiceActivity;
use helix_core::transcribe::VAD_FRAME_LEN;
use helix_speech::activity::Earshot;
use helix_speech::convert::{Converter, Pcm};
use helix_speech::denoise::Denoiser;
use support::{noise, speak};

const HERTZ: f64 = 440.0;

/// One second of a tone at half loudness, as bytes of this form, the same in every channel.
fn tone(pcm: Pcm) -> Vec<u8> {
    let value = |index: u32| (TAU * HERTZ * f64::from(index) / f64::from(pcm.rate)).sin() / 2.0;
    let bytes = |sample: f64| match pcm.width {
        1 => vec![(sample * 127.0 + 128.0) as u8],
        2 => ((sample * 32_767.0) as i16).to_le_bytes().to_vec(),
        3 => ((sample * 8_388_607.0) as i32).to_le_bytes()[..3].to_vec(),
        _ => ((sample * 2_147_483_647.0) as i32).to_le_bytes().to_vec(),
    };
    (0..pcm.rate).flat_map(|index| bytes(value(index)).repeat(pcm.channels.into())).collect()
}

fn convert(pcm: Pcm, bytes: &[u8], piece_len: usize) -> Vec<i16> {
    let mut converter = Converter::new(pcm).expect("an accepted form");
    let mut out = Vec::new();
    for piece in bytes.chunks(piece_len) {
        converter.push(piece, &mut out);
    }
    converter.finish(&mut out);
    out
}

/// How a converted tone differs from the pure one: what remains beside it, root mean square in the scale of 16
/// bit, and by how many samples it is shifted.
fn difference(samples: &[i16]) -> (f64, f64) {
    let middle = 1_000..15_000;
    let angle = |index: usize| TAU * HERTZ * index as f64 / 16_000.0;
    let share = |part: fn(f64) -> f64| -> f64 {
        let products = middle.clone().map(|index| f64::from(samples[index]) * part(angle(index)));
        products.sum::<f64>() * 2.0 / middle.len() as f64
    };
    let (sine, cosine) = (share(f64::sin), share(f64::cos));
    let rest = middle.clone().map(|index| {
        let tone = sine * angle(index).sin() + cosine * angle(index).cos();
        (f64::from(samples[index]) - tone).powi(2)
    });
    let rest = (rest.sum::<f64>() / middle.len() as f64).sqrt();
    let loudness = sine.hypot(cosine);
    assert!((16_000.0..16_500.0).contains(&loudness), "loudness {loudness}");
    (rest, cosine.atan2(sine) / (TAU * HERTZ) * 16_000.0)
}

#[test]
fn a_tone_of_every_form_is_the_same_tone() {
    for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
        for width in 1..=4 {
            for channels in [1, 2, 8] {
                let pcm = Pcm { rate, width, channels };
                let samples = convert(pcm, &tone(pcm), 4096);
                assert_eq!(samples.len(), 16_000, "{pcm:?}");
                let (rest, shift) = difference(&samples);
                assert!(rest < if width == 1 { 160.0 } else { 2.0 }, "{pcm:?}: {rest}");
                assert!(shift.abs() < 1.1, "{pcm:?}: shifted by {shift} samples");
            }
        }
    }
}

#[test]
fn the_length_of_the_pieces_makes_no_difference() {
    for pcm in [
        Pcm { rate: 16_000, width: 2, channels: 1 },
        Pcm { rate: 44_100, width: 3, channels: 2 },
        Pcm { rate: 8_000, width: 1, channels: 1 },
    ] {
        let bytes = tone(pcm);
        let whole = convert(pcm, &bytes, bytes.len());
        for piece_len in [1, 2, 3, 7, 1024, 4095] {
            assert!(convert(pcm, &bytes, piece_len) == whole, "{pcm:?} in pieces of {piece_len}");
        }
    }
}

#[test]
fn speech_at_16_khz_passes_unchanged() {
    let samples = noise(16_000, 20_000, 3);
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    assert_eq!(convert(Pcm { rate: 16_000, width: 2, channels: 1 }, &bytes, 2048), *samples);
}

#[test]
fn the_loudest_samples_do_not_wrap_around() {
    for (width, frame) in
        [(2, vec![0xff, 0x7f]), (3, vec![0xff, 0xff, 0x7f]), (4, vec![0xff, 0xff, 0xff, 0x7f])]
    {
        let pcm = Pcm { rate: 48_000, width, channels: 1 };
        let samples = convert(pcm, &frame.repeat(48_000), 999);
        assert!(samples[800..15_000].iter().all(|&sample| sample > 32_000), "{width} bytes");
    }
}

#[test]
fn what_is_above_half_the_rate_is_filtered_out_and_not_folded_back() {
    let pcm = Pcm { rate: 48_000, width: 2, channels: 1 };
    let high = |index: u32| (TAU * 11_000.0 * f64::from(index) / 48_000.0).sin() * 16_000.0;
    let bytes: Vec<u8> = (0..48_000).flat_map(|index| (high(index) as i16).to_le_bytes()).collect();
    let samples = convert(pcm, &bytes, 4096);
    assert!(samples[500..15_500].iter().all(|&sample| sample.abs() < 40));
}

#[test]
fn other_forms_are_refused_with_those_that_are_accepted() {
    for (rate, width, channels) in [
        (0, 2, 1),
        (7_999, 2, 1),
        (96_001, 2, 1),
        (u32::MAX, 2, 1),
        (16_000, 0, 1),
        (16_000, 5, 1),
        (16_000, 2, 0),
        (16_000, 2, 9),
    ] {
        let refused = Converter::new(Pcm { rate, width, channels }).expect_err("out of bounds");
        assert!(refused.to_string().contains("8000 to 96000"), "{refused}");
    }
}

/// The share of frames in which the detector hears speech.
fn heard(samples: &[i16]) -> f64 {
    let mut detector = Earshot::default();
    let frames = samples.chunks_exact(VAD_FRAME_LEN);
    let all = frames.len();
    frames.filter(|frame| detector.probability(frame) > 0.5).count() as f64 / all as f64
}

#[test]
fn speech_is_told_from_silence_and_noise() {
    let speech = speak("flite:slt", "Please set the temperature to eighteen degrees.");
    assert!(heard(&speech) > 0.5, "{}", heard(&speech));
    assert!(heard(&vec![0; 48_000]) < 0.02);
    assert!(heard(&noise(48_000, 1_000, 5)) < 0.1, "{}", heard(&noise(48_000, 1_000, 5)));
}

#[test]
fn a_frame_of_another_length_is_no_crash() {
    let mut detector = Earshot::default();
    for len in [0, 1, 255, 257, 5_000] {
        assert!((0.0..=1.0).contains(&detector.probability(&vec![1_000; len])));
    }
}

fn denoise(samples: &[i16], piece_len: usize) -> Vec<i16> {
    let mut denoiser = Denoiser::default();
    let mut out = Vec::new();
    for piece in samples.chunks(piece_len) {
        denoiser.push(piece, &mut out);
    }
    denoiser.finish(&mut out);
    out
}

fn decibels(samples: &[i16]) -> f64 {
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    10.0 * (energy / samples.len() as f64).log10()
}

/// Noise that falls with its frequency, as that of an extractor hood does.
fn rumble(samples_len: usize) -> Vec<i16> {
    let mut low = 0.0;
    let low_pass = |&sample: &i16| {
        low = 0.95 * low + 0.05 * f64::from(sample);
        (3.0 * low) as i16
    };
    noise(samples_len, 6_000, 11).iter().map(low_pass).collect()
}

fn likeness(a: &[i16], b: &[i16]) -> f64 {
    let product =
        |a: &[i16], b: &[i16]| -> f64 { a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum() };
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

#[test]
fn noise_goes_and_speech_stays_at_its_place() {
    let mut clean = vec![0; 16_000];
    clean.extend_from_slice(&speak("flite:slt", "Please set the temperature to eighteen degrees."));
    let rumble = rumble(clean.len());
    let noisy: Vec<i16> = clean.iter().zip(&rumble).map(|(&a, &b)| a.saturating_add(b)).collect();
    let denoised = denoise(&noisy, 512);
    assert_eq!(denoised.len(), noisy.len());
    let pause = 8_000..15_000;
    let gone = decibels(&noisy[pause.clone()]) - decibels(&denoised[pause]);
    assert!(gone > 12.0, "{gone:.1} dB less noise in the pause");
    let speech = 17_000..clean.len() - 1_000;
    let shifted =
        |by: usize| likeness(&denoised[speech.start + by - 2..speech.end + by - 2], &clean[speech.clone()]);
    let best = (0..=4).max_by(|&a, &b| shifted(a).total_cmp(&shifted(b))).expect("five shifts");
    assert!(shifted(best) > 0.9, "likeness {:.3} at a shift of {best} - 2", shifted(best));
    assert!(shifted(best) > likeness(&noisy[speech.clone()], &clean[speech.clone()]));
}

#[test]
fn the_denoiser_does_not_depend_on_the_length_of_the_pieces() {
    let samples = noise(20_001, 4_000, 9);
    let whole = denoise(&samples, samples.len());
    assert_eq!(whole.len(), samples.len());
    assert!(denoise(&samples, 320) == whole);
    assert!(denoise(&samples, 77) == whole);
}
