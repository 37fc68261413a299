//! How many threads a decode gets.

use std::collections::HashSet;

/// More than this gains nothing for the small models of a home.
const MOST: usize = 4;

/// Physical cores minus one, 1 to 4: with every core busy two threads are slower than one.
pub(crate) fn default_count() -> u8 {
    let logical = std::thread::available_parallelism().map_or(1, usize::from);
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = physical_cores(&cpuinfo).map_or(logical, |cores| cores.min(logical));
    u8::try_from(cores.saturating_sub(1).clamp(1, MOST)).unwrap_or(1)
}

/// Counts pairs of socket and core; `None` where the kernel names none, as on ARM.
fn physical_cores(cpuinfo: &str) -> Option<usize> {
    let mut socket = "";
    let mut cores = HashSet::new();
    for line in cpuinfo.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        match key.trim() {
            "physical id" => socket = value.trim(),
            "core id" => {
                cores.insert((socket, value.trim()));
            }
            _ => {}
        }
    }
    (!cores.is_empty()).then_some(cores.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyper_threads_are_not_cores() {
        let cpuinfo = "physical id\t: 0\ncore id\t\t: 0\n\nphysical id\t: 0\ncore id\t\t: 1\n\n\
                       physical id\t: 0\ncore id\t\t: 0\n\nphysical id\t: 0\ncore id\t\t: 1\n";
        assert_eq!(physical_cores(cpuinfo), Some(2));
        assert_eq!(physical_cores("processor\t: 0\nBogoMIPS\t: 108.00\n"), None);
    }

    #[test]
    fn there_is_always_a_thread_and_never_a_crowd() {
        assert!((1..=4).contains(&default_count()));
    }
}
