//! Facts and findings, as text and as JSON.

use std::fmt;

use picture::NOTICE;
use serde::Serialize;

/// How bad it is; the program's exit code is its place here: 0, 1, 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is wrong.
    Well,
    /// It works, but not as well as it could, or not for long.
    Warning,
    /// It does not work.
    Fault,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// What.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

/// Something that is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReportFact {
    /// Of what.
    pub name: String,
    /// How it is.
    pub value: String,
}

/// A part of the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReportSection {
    /// Its name.
    pub name: &'static str,
    /// What was seen.
    pub facts: Vec<ReportFact>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

impl ReportSection {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            facts: Vec::new(),
            findings: Vec::new(),
        }
    }

    pub(super) fn fact(&mut self, name: impl Into<String>, value: impl fmt::Display) {
        self.facts.push(ReportFact {
            name: name.into(),
            value: value.to_string(),
        });
    }

    pub(super) fn warning(&mut self, what: impl Into<String>, advice: impl Into<String>) {
        self.find(Severity::Warning, what.into(), advice.into());
    }

    pub(super) fn fault(&mut self, what: impl Into<String>, advice: impl Into<String>) {
        self.find(Severity::Fault, what.into(), advice.into());
    }

    fn find(&mut self, severity: Severity, what: String, advice: String) {
        self.findings.push(Finding {
            severity,
            what,
            advice,
        });
    }
}

/// The whole device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// Research use only. Not for clinical use.
    pub notice: &'static str,
    /// The program's version.
    pub version: &'static str,
    /// The worst of all findings.
    pub verdict: Severity,
    /// Its parts.
    pub sections: Vec<ReportSection>,
}

impl HealthReport {
    /// Of those parts.
    #[must_use]
    pub fn of(sections: Vec<ReportSection>) -> Self {
        let all = sections.iter().flat_map(|section| &section.findings);
        let worst = all.map(|finding| finding.severity).max();
        Self {
            notice: NOTICE,
            version: env!("CARGO_PKG_VERSION"),
            verdict: worst.unwrap_or(Severity::Well),
            sections,
        }
    }
}

impl fmt::Display for HealthReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for section in &self.sections {
            writeln!(f, "{}", section.name)?;
            let names = section.facts.iter().map(|fact| fact.name.chars().count());
            let width = names.max().unwrap_or(0);
            for ReportFact { name, value } in &section.facts {
                writeln!(f, "  {name:<width$}  {value}")?;
            }
            for finding in &section.findings {
                let mark = match finding.severity {
                    Severity::Fault => "FAULT",
                    Severity::Warning | Severity::Well => "WARNING",
                };
                writeln!(f, "  {mark}: {}", finding.what)?;
                writeln!(f, "    what to do: {}", finding.advice)?;
            }
            writeln!(f)?;
        }
        let verdict = match self.verdict {
            Severity::Well => "all is well",
            Severity::Warning => "there are warnings",
            Severity::Fault => "there are faults",
        };
        writeln!(f, "espmedsam {}: {verdict}\n{}", self.version, self.notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_is_the_verdict_and_each_has_its_advice() {
        let mut heat = ReportSection::new("heat");
        heat.fact("cpu", "81 °C");
        assert_eq!(HealthReport::of(vec![heat.clone()]).verdict, Severity::Well);
        heat.warning("it is hot", "cool it");
        let report = HealthReport::of(vec![heat.clone()]);
        assert_eq!(report.verdict, Severity::Warning);
        heat.fault("it burns", "run");
        let report = HealthReport::of(vec![heat, ReportSection::new("time")]);
        assert_eq!(report.verdict, Severity::Fault);
        let text = report.to_string();
        assert!(
            text.contains("  cpu  81 °C\n  WARNING: it is hot\n    what to do: cool it\n"),
            "{text}"
        );
        assert!(text.contains("FAULT: it burns") && text.ends_with(&format!("{NOTICE}\n")));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["verdict"], "fault");
        assert_eq!(json["sections"][0]["findings"][1]["advice"], "run");
    }
}
