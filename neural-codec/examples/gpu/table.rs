//! What was measured, line by line, and the bars that some numbers have to reach.

use std::fmt::Write;

use neural_codec::Result;

/// A table in the making.
#[derive(Default)]
pub(crate) struct Table {
    lines: String,
    bars: String,
    /// Parts that ended with an error.
    pub(crate) failures: usize,
}

impl Table {
    /// A line of its own.
    pub(crate) fn line(&mut self, line: &str) {
        // Writing to a string cannot fail; so of the others.
        let _ = writeln!(self.lines, "{line}");
    }

    /// A measurement that should be at least `limit`.
    pub(crate) fn at_least(&mut self, bar: &str, figure: f64, limit: f64) {
        self.bar(bar, figure, ("at least", limit), figure >= limit);
    }

    /// A measurement that should be at most `limit`.
    pub(crate) fn at_most(&mut self, bar: &str, figure: f64, limit: f64) {
        self.bar(bar, figure, ("at most", limit), figure <= limit);
    }

    fn bar(&mut self, bar: &str, figure: f64, (side, limit): (&str, f64), is_met: bool) {
        let verdict = if is_met { "met" } else { "MISSED" };
        let figure = if figure < 10.0 { format!("{figure:.2}") } else { format!("{figure:.0}") };
        let _ = writeln!(self.bars, "| {bar} | {figure} | {side} {limit} | {verdict} |");
    }

    /// A part of the measurements; one that fails costs its own numbers.
    pub(crate) fn part(&mut self, name: &str, measured: impl FnOnce(&mut Self) -> Result<()>) {
        if let Err(error) = measured(self) {
            self.failures += 1;
            self.line(&format!("FAILED: {name}: {error}"));
            let _ = writeln!(self.bars, "| {name} | - | - | FAILED |");
        }
    }

    /// The bars, then all lines.
    pub(crate) fn text(&self) -> String {
        format!("| bar | figure | limit | verdict |\n|---|---|---|---|\n{}\n{}", self.bars, self.lines)
    }
}
