//! Findings that are accepted, each with its reason.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::root;

/// The lines of a file: words that a finding must equal, `*` for any, then the reason.
pub(super) struct Accepted {
    file: String,
    lines: Vec<Line>,
}

struct Line {
    words: Vec<String>,
    used: bool,
}

impl Accepted {
    /// Reads a file of `deploy/kubernetes/checks`. Blank lines and lines that start with `#` are comments.
    pub(super) fn read(name: &str) -> Result<Self> {
        let path = root().join("deploy/kubernetes/checks").join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self::parse(name, &text))
    }

    fn parse(name: &str, text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        let lines = lines.map(|line| Line { words: words(line), used: false }).collect();
        Self { file: name.to_owned(), lines }
    }

    /// Whether a line accepts this finding.
    pub(super) fn admits(&mut self, finding: &[&str]) -> bool {
        let fits = |line: &&mut Line| {
            line.words.len() >= finding.len()
                && line.words.iter().zip(finding).all(|(word, found)| word == "*" || word == found)
        };
        let mut admitted = false;
        for line in self.lines.iter_mut().filter(fits) {
            (line.used, admitted) = (true, true);
        }
        admitted
    }

    /// Fails if a line accepted nothing.
    pub(super) fn all_needed(&self) -> Result<()> {
        let unused = self.lines.iter().find(|line| !line.used);
        let unused = unused.map(|line| line.words.join(" "));
        ensure!(unused.is_none(), "{}: nothing needs the line: {}", self.file, unused.unwrap_or_default());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_needs_a_line_and_a_line_needs_a_finding() {
        let mut accepted = Accepted::parse("a.txt", "# why\nK-1  web  It is meant.\nK-2  *  Likewise.\n");
        assert!(accepted.admits(&["K-1", "web"]));
        assert!(!accepted.admits(&["K-1", "other"]));
        assert!(!accepted.admits(&["K-3", "web"]));
        assert!(accepted.all_needed().unwrap_err().to_string().contains("K-2"));
        assert!(accepted.admits(&["K-2", "other"]));
        accepted.all_needed().unwrap();
    }
}
