//! The picture of stacks: a frame is as wide as the share of the looks that saw it, and stands on the
//! one that called it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

const WIDTH: f64 = 1200.0;
const FRAME: f64 = 16.0;
/// Room above for the title.
const TOP: f64 = 40.0;
/// Frames that would be narrower are left out.
const NARROWEST: f64 = 1.5;
/// Of a letter, about.
const LETTER: f64 = 6.2;

/// A function, and what it calls.
#[derive(Default)]
struct Node<'a> {
    looks: u32,
    calls: BTreeMap<&'a str, Node<'a>>,
}

impl Node<'_> {
    /// Frames above each other, as far as they are wide enough.
    fn height(&self, all: u32) -> u32 {
        let calls = self.calls.values().filter(|call| width(call.looks, all) >= NARROWEST);
        1 + calls.map(|call| call.height(all)).max().unwrap_or(0)
    }
}

fn width(looks: u32, all: u32) -> f64 {
    WIDTH * f64::from(looks) / f64::from(all.max(1))
}

/// Draws how often each stack was seen, outermost function first.
pub(super) fn draw(title: &str, stacks: &BTreeMap<Vec<String>, u32>) -> String {
    let mut root = Node::default();
    for (stack, looks) in stacks {
        root.looks += looks;
        let mut node = &mut root;
        for name in stack {
            node = node.calls.entry(name).or_default();
            node.looks += looks;
        }
    }
    let all = root.looks;
    let height = TOP + FRAME * f64::from(root.height(all)) + 4.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"8\" y=\"18\" font-size=\"14\" font-weight=\"bold\">{}</text>\n\
         <text x=\"8\" y=\"33\" fill=\"#555555\">CPU of our process, {all} looks; a frame stands on \
         the one that called it, and says its share when it is pointed at</text>\n",
        escaped(title)
    );
    frame("all", &root, (0.0, height - 4.0 - FRAME), all, &mut svg);
    svg.push_str("</svg>\n");
    svg
}

fn frame(name: &str, node: &Node<'_>, (x, y): (f64, f64), all: u32, svg: &mut String) {
    let wide = width(node.looks, all);
    let share = f64::from(node.looks) * 100.0 / f64::from(all.max(1));
    // Writing to memory cannot fail.
    let _ = write!(
        svg,
        "<g><title>{} {share:.1} %</title><rect x=\"{x:.1}\" y=\"{y:.0}\" width=\"{:.1}\" \
         height=\"{:.0}\" fill=\"{}\"/>",
        escaped(name),
        (wide - 0.5).max(0.5),
        FRAME - 1.0,
        color(name)
    );
    let shown = shown(name, wide - 6.0);
    if !shown.is_empty() {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.0}\">{}</text>",
            x + 3.0,
            y + 11.0,
            escaped(&shown)
        );
    }
    svg.push_str("</g>\n");
    let mut x = x;
    for (name, call) in &node.calls {
        let wide = width(call.looks, all);
        if wide >= NARROWEST {
            frame(name, call, (x, y - FRAME), all, svg);
        }
        x += wide;
    }
}

/// As much of the end of the name as there is room for: there stands what the function does.
fn shown(name: &str, room: f64) -> String {
    let fits = |letters: usize| u32::try_from(letters).is_ok_and(|n| f64::from(n) * LETTER <= room);
    let letters = name.chars().count();
    if fits(letters) {
        return name.to_owned();
    }
    let kept = (3..letters).rev().find(|kept| fits(kept + 1));
    let end = |kept| name.chars().skip(letters - kept).collect::<String>();
    kept.map_or_else(String::new, |kept| format!("…{}", end(kept)))
}

/// Our own functions, those of others, and the kernel's.
fn color(name: &str) -> &'static str {
    match name.split_once("::") {
        Some((of, _)) if of.starts_with("syncline") => "#e8a15c",
        Some(_) => "#f0d08a",
        None if name == "all" => "#dddddd",
        None => "#a9c1d9",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_as_wide_as_their_share_and_the_narrow_are_left_out() {
        let stack = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let stacks = BTreeMap::from([
            (stack(&["syncline_a::read", "recv"]), 750),
            (stack(&["syncline_a::read", "b::<odd>"]), 249),
            (stack(&["c::rare"]), 1),
        ]);
        let svg = draw("a to b", &stacks);
        for part in [
            "a to b",
            "<title>syncline_a::read 99.9 %</title>",
            "width=\"899.5\"",
            "b::&lt;odd&gt; 24.9 %",
            "</svg>",
        ] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert!(!svg.contains("c::rare"), "{svg}");
        assert_eq!(shown("a::long::name", 50.0), "…g::name");
        assert_eq!(shown("a::long::name", 10.0), "");
    }
}
