//! `docs/evaluation.md`: one table of all figures and a section for each group. A group replaces what is its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;

use super::Findings;
use crate::figure::Figure;

const HEAD: &str = include_str!("introduction.md");
/// What comes last in the introduction.
const GROUPS_BEGIN: &str = "\n## All figures\n";
const TABLE_HEAD: &str =
    "| figure | value | goal | holds | peer | n |\n| --- | ---: | --- | --- | ---: | ---: |\n";
/// Misses of one list that are shown; the others are counted.
const SHOWN_MAX: usize = 40;
/// Of one miss this much is shown, in characters: a command may concern a hundred lamps.
const MISS_LEN_MAX: usize = 320;

/// Puts the findings on the page and prints them for people.
pub(super) fn write(findings: &Findings) -> Result<()> {
    eprintln!("{}", table(&findings.figures));
    if !findings.whole {
        eprintln!("{}", findings.details);
        return Ok(());
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/evaluation.md");
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(&path, merged(&old, findings))?;
    Ok(())
}

fn merged(old: &str, findings: &Findings) -> String {
    // Below the introduction, which is no group's and has headings of its own.
    let old = old.split_once(GROUPS_BEGIN).map_or("", |(_, groups)| groups);
    let mut parts = old.split("\n## ");
    let own = format!("| `{}.", findings.group);
    let rows = parts.next().unwrap_or_default().lines().filter(|line| line.starts_with("| `"));
    let mut rows: Vec<String> = rows.filter(|row| !row.starts_with(&own)).map(str::to_owned).collect();
    rows.extend(findings.figures.iter().map(row));
    rows.sort();
    let mut sections: BTreeMap<&str, &str> = parts.filter_map(|part| part.split_once('\n')).collect();
    sections.insert(findings.group, &findings.details);
    let mut page = format!("{HEAD}{TABLE_HEAD}{}\n", rows.join("\n"));
    for (group, text) in sections {
        let _ = write!(page, "\n## {group}\n\n{}\n", text.trim());
    }
    page
}

/// All figures, for people.
pub(super) fn table(figures: &[Figure]) -> String {
    TABLE_HEAD.to_owned() + &figures.iter().map(row).collect::<Vec<_>>().join("\n")
}

/// A list that is folded away, cut where it gets long.
pub(super) fn folded(title: &str, misses: &[String]) -> String {
    let mut text = format!("<details><summary>{title}: {} misses</summary>\n\n", misses.len());
    for miss in misses.iter().take(SHOWN_MAX) {
        let cut = miss.char_indices().nth(MISS_LEN_MAX).map_or(miss.as_str(), |(at, _)| &miss[..at]);
        let _ = writeln!(text, "- {cut}{}", if cut.len() < miss.len() { " …" } else { "" });
    }
    if misses.len() > SHOWN_MAX {
        let _ = writeln!(text, "- and {} more", misses.len() - SHOWN_MAX);
    }
    text + "\n</details>\n"
}

fn row(figure: &Figure) -> String {
    let holds = match figure.holds {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "",
    };
    let peer = figure.peer.map(|peer| peer.to_string()).unwrap_or_default();
    let Figure { name, value, unit, goal, n, .. } = figure;
    format!("| `{name}` | {value} {unit} | {goal} | {holds} | {peer} | {n} |")
}

#[cfg(test)]
mod tests {
    use super::{Figure, Findings, GROUPS_BEGIN, HEAD, SHOWN_MAX, folded, merged};

    fn findings(group: &'static str, value: f64) -> Findings {
        let name = format!("{group}.right").into();
        let figure = Figure {
            name,
            value,
            unit: "%",
            peer: None,
            ratio: None,
            n: 9,
            goal: ">= 85 %",
            holds: Some(true),
        };
        Findings {
            group,
            figures: vec![figure],
            details: format!("Misses of {group}: {value}."),
            whole: true,
        }
    }

    #[test]
    fn a_group_replaces_its_own_part_and_keeps_the_others() {
        let page = merged("", &findings("speed", 1.0));
        let page = merged(&page, &findings("ohf", 2.0));
        let page = merged(&page, &findings("speed", 3.0));
        assert!(page.contains("| `speed.right` | 3 % | >= 85 % | yes |  | 9 |"), "{page}");
        assert!(page.contains("| `ohf.right` | 2 %") && page.contains("Misses of ohf: 2."), "{page}");
        assert!(!page.contains("speed: 1") && page.matches("| `speed").count() == 1, "{page}");
        assert!(page.starts_with(HEAD) && HEAD.ends_with(&format!("{GROUPS_BEGIN}\n")), "{page}");
        assert_eq!(page.matches("\n## ").count(), HEAD.matches("\n## ").count() + 2);
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let list = folded("en", &vec!["x".repeat(1_000); SHOWN_MAX + 2]);
        assert!(list.contains(&format!("en: {} misses", SHOWN_MAX + 2)) && list.contains("- and 2 more"));
        assert!(list.lines().all(|line| line.chars().count() < 400));
    }
}
