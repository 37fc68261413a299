//! The guide shows what is there.

const GUIDE: &str = include_str!("../../../README.md");
const FILES: [&str; 4] = [
    include_str!("../src/lib.rs"),
    include_str!("../src/main.rs"),
    include_str!("plugin.rs"),
    include_str!("../kind/agent.toml"),
];

#[test]
fn every_piece_of_code_in_the_guide_stands_in_the_example() {
    let mut pieces = 0;
    for fenced in GUIDE.split("```").skip(1).step_by(2) {
        let (language, piece) = fenced.split_once('\n').expect("a language");
        if language == "rust" || !piece.starts_with("[[mcp_servers]]") {
            assert!(FILES.iter().any(|file| file.contains(piece)), "{piece}");
            pieces += 1;
        }
    }
    assert_eq!(pieces, 6);
}
