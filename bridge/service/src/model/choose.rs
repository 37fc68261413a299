//! Which model a home gets when nobody chose one: by its language and the processor.

use std::thread;

use helix_core::Language;

/// What matters of a processor for decoding speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpu {
    /// Cores that this process may use.
    pub cores: usize,
    /// Whether it has the wide instructions that 8 bit weights need: AVX2, or the dot product of ARMv8.2.
    pub wide: bool,
}

impl Cpu {
    /// The processor of this machine.
    pub fn detect() -> Self {
        Self { cores: thread::available_parallelism().map_or(1, usize::from), wide: wide() }
    }
}

#[cfg(target_arch = "x86_64")]
fn wide() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "aarch64")]
fn wide() -> bool {
    std::arch::is_aarch64_feature_detected!("dotprod")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn wide() -> bool {
    false
}

/// The name of the model to use where nobody chose one.
///
/// Base decodes a 2.5 s command in 170 ms on two cores with AVX2; small takes about three times as long.
/// English needs no more than base. Other languages gain much from small, so they get it from four cores on.
/// A processor without wide instructions gets tiny. An English-only model is given to English homes alone.
pub fn default_model(language: &Language, cpu: Cpu) -> &'static str {
    let english = language.primary() == "en";
    match (english, cpu.wide, cpu.cores) {
        (true, true, 2..) => "base.en-q8_0",
        (true, _, _) => "tiny.en-q8_0",
        (false, true, 4..) => "small-q8_0",
        (false, true, 2..) => "base-q8_0",
        (false, _, _) => "tiny-q8_0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Catalogue;

    fn every_cpu() -> impl Iterator<Item = Cpu> {
        (0..=64).flat_map(|cores| [true, false].map(|wide| Cpu { cores, wide }))
    }

    #[test]
    fn an_english_only_model_is_never_given_to_a_home_of_another_language() {
        for tag in ["de", "de-CH", "fr", "pt-BR", "zh-Hans", "nl_BE", "eng", "enm"] {
            let language = Language::parse(tag).expect("a tag");
            for cpu in every_cpu() {
                let model =
                    Catalogue::builtin().find(default_model(&language, cpu)).expect("in the catalogue");
                assert!(!model.english_only(), "{tag} {cpu:?} {}", model.name);
            }
        }
    }

    #[test]
    fn an_english_home_gets_an_english_model_and_a_weak_processor_a_tiny_one() {
        for tag in ["en", "en-GB", "EN_us"] {
            let language = Language::parse(tag).expect("a tag");
            for cpu in every_cpu() {
                let model =
                    Catalogue::builtin().find(default_model(&language, cpu)).expect("in the catalogue");
                assert!(model.english_only(), "{tag} {cpu:?}");
                assert_eq!(model.name.starts_with("tiny"), !cpu.wide || cpu.cores < 2, "{cpu:?}");
            }
        }
    }

    #[test]
    fn a_german_home_gets_a_larger_model_with_more_cores() {
        let german = Language::parse("de").expect("a tag");
        let given = |cores, wide| default_model(&german, Cpu { cores, wide });
        assert_eq!(given(2, true), "base-q8_0");
        assert_eq!(given(4, true), "small-q8_0");
        assert_eq!(given(16, false), "tiny-q8_0");
    }

    #[test]
    fn this_machine_has_at_least_one_core() {
        assert!(Cpu::detect().cores >= 1);
    }
}
