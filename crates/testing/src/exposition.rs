//! A strict reader of Prometheus' text format 0.0.4, written from the format's description and not from our writer.
//!
//! What scrapers forgive is an error here: samples outside their family, a family in pieces, untyped ones, names against
//! the conventions, duplicates, buckets that do not add up.

use std::collections::{BTreeMap, BTreeSet};

/// Names and values.
pub type Labels = BTreeMap<String, String>;

/// What was read.
#[derive(Debug, Default)]
pub struct Scrape {
    /// Family → its type.
    pub families: BTreeMap<String, String>,
    /// Name and labels → value.
    pub samples: BTreeMap<(String, Labels), f64>,
}

impl Scrape {
    /// Reads the whole of a reply.
    ///
    /// # Errors
    /// The line, and what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let body = text.strip_suffix('\n').ok_or("no end of line at the end")?;
        let mut scrape = Self::default();
        let mut open: Option<Open> = None;
        let mut help: Option<&str> = None;
        for (number, line) in body.split('\n').enumerate() {
            let at = |what: &str| format!("line {}: {what}: {line}", number + 1);
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, words) = rest.split_once(' ').ok_or_else(|| at("no help"))?;
                if words.is_empty() || words.contains('\\') || help.replace(name).is_some() {
                    return Err(at("bad help"));
                }
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').ok_or_else(|| at("no type"))?;
                if help.take() != Some(name) {
                    return Err(at("no help before its type"));
                }
                if let Some(open) = open.take() {
                    open.close()?;
                }
                check_family(name, kind).map_err(|what| at(&what))?;
                if scrape.families.insert(name.into(), kind.into()).is_some() {
                    return Err(at("a family twice"));
                }
                open = Some(Open::new(name, kind));
            } else if let Some(comment) = line.strip_prefix("# ") {
                if number > 0 || comment.is_empty() {
                    return Err(at("a comment amid the samples"));
                }
            } else {
                let sample = sample(line).map_err(|what| at(&what))?;
                let open = open.as_mut().ok_or_else(|| at("no family"))?;
                open.add(&sample).map_err(|what| at(&what))?;
                let (name, labels, value) = sample;
                if (scrape.samples)
                    .insert((name, labels.into_iter().collect()), value)
                    .is_some()
                {
                    return Err(at("a sample twice"));
                }
            }
        }
        match (open, help) {
            (Some(open), None) => open.close()?,
            _ => return Err("no sample at the end".into()),
        }
        Ok(scrape)
    }

    /// A sample's value, by all of its labels.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let own = |(label, value): &(&str, &str)| ((*label).into(), (*value).into());
        let key = (name.to_owned(), labels.iter().map(own).collect());
        self.samples.get(&key).copied()
    }

    /// The sum of the samples of that name that have these labels, perhaps with others.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |all: &Labels| {
            let mut wanted = labels.iter();
            wanted.all(|(label, value)| all.get(*label).is_some_and(|own| own == value))
        };
        let samples = self.samples.iter();
        let wanted = samples.filter(|((own, labels), _)| own == name && has(labels));
        wanted.map(|(_, value)| value).sum()
    }

    /// Every name that can be asked for.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        let names = self.samples.keys();
        names.map(|(name, _)| name.as_str()).collect()
    }
}

type Sample = (String, Vec<(String, String)>, f64);

/// The family whose samples are being read.
struct Open<'a> {
    name: &'a str,
    kind: &'a str,
    /// The labels' names, which all samples share.
    labels: Option<BTreeSet<String>>,
    /// A histogram that is not whole yet: its labels, and the bounds and counts of its buckets.
    buckets: Option<(Labels, Vec<(f64, f64)>)>,
    sum: bool,
}

impl<'a> Open<'a> {
    fn new(name: &'a str, kind: &'a str) -> Self {
        Self {
            name,
            kind,
            labels: None,
            buckets: None,
            sum: false,
        }
    }

    fn close(self) -> Result<(), String> {
        match self {
            Self {
                labels: Some(_),
                buckets: None,
                ..
            } => Ok(()),
            Self { name, .. } => Err(format!("{name} has no samples, or not all")),
        }
    }

    fn add(&mut self, (name, labels, value): &Sample) -> Result<(), String> {
        let suffix = name.strip_prefix(self.name).ok_or("of another family")?;
        let mut own: Labels = labels.iter().cloned().collect();
        if own.len() != labels.len() {
            return Err("a label twice".into());
        }
        if self.kind != "gauge" && *value < 0.0 {
            return Err("negative".into());
        }
        let bound = own.remove("le");
        let names = own.keys().cloned().collect();
        if *self
            .labels
            .get_or_insert_with(|| own.keys().cloned().collect())
            != names
        {
            return Err("other labels than the sample before".into());
        }
        match (self.kind, suffix, bound) {
            ("counter" | "gauge", "", None) => Ok(()),
            ("histogram", "_bucket", Some(bound)) => self.bucket(own, &bound, *value),
            ("histogram", "_sum", None) => {
                let (labels, buckets) = self.buckets.as_ref().ok_or("a sum before its buckets")?;
                let last = buckets.last().map(|(bound, _)| *bound);
                if *labels != own || last != Some(f64::INFINITY) || self.sum {
                    return Err("a sum out of place".into());
                }
                self.sum = true;
                Ok(())
            }
            ("histogram", "_count", None) => {
                let (labels, buckets) = self.buckets.take().ok_or("a count before its buckets")?;
                let all = buckets.last().map(|(_, count)| *count);
                let right = labels == own && all == Some(*value) && self.sum;
                self.sum = false;
                if right {
                    Ok(())
                } else {
                    Err("not as many as in the last bucket".into())
                }
            }
            _ => Err(format!("not a sample of a {}", self.kind)),
        }
    }

    fn bucket(&mut self, own: Labels, bound: &str, count: f64) -> Result<(), String> {
        let bound = match bound {
            "+Inf" => f64::INFINITY,
            bound => number(bound)?,
        };
        let (labels, buckets) = self
            .buckets
            .get_or_insert_with(|| (own.clone(), Vec::new()));
        let grows = buckets
            .last()
            .is_none_or(|(last, least)| *last < bound && *least <= count);
        if *labels != own || !grows || count.fract() != 0.0 {
            return Err("a bucket out of place".into());
        }
        buckets.push((bound, count));
        Ok(())
    }
}

fn check_family(name: &str, kind: &str) -> Result<(), String> {
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let fits = match kind {
        "counter" => ends(&["_total"]),
        "gauge" => !ends(&["_total", "_count", "_sum", "_bucket"]),
        "histogram" => ends(&["_seconds", "_bytes"]),
        _ => false,
    };
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !fits || !name.chars().all(letters) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(format!("no name for a {kind}"));
    }
    Ok(())
}

/// `name{label="value",…} 1.5`
fn sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or("no label")?;
            let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if !label.chars().all(letters) || !label.starts_with(|c: char| c.is_ascii_lowercase()) {
                return Err(format!("'{label}' is no label"));
            }
            let (value, after) = quoted(after)?;
            labels.push((label.to_owned(), value));
            match after.strip_prefix(',') {
                Some(after) => rest = after,
                None => {
                    rest = after.strip_prefix('}').ok_or("no end of the labels")?;
                    break;
                }
            }
        }
    }
    let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
    Ok((name.to_owned(), labels, number(value)?))
}

/// The text up to the closing quote, and what comes after that.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => value.push(match letters.next() {
                Some((_, 'n')) => '\n',
                Some((_, same @ ('\\' | '"'))) => same,
                _ => return Err("an escape that there is not".into()),
            }),
            other => value.push(other),
        }
    }
    Err("no closing quote".into())
}

/// A finite number, without a timestamp after it.
fn number(text: &str) -> Result<f64, String> {
    let plain = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    match text.parse::<f64>() {
        Ok(value) if text.chars().all(plain) => Ok(value),
        _ => Err(format!("'{text}' is no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Hello\n# HELP a_total Things.\n# TYPE a_total counter\na_total{b=\"x\\\"\\\\\\n\",c=\"\"} 1\n\
        # HELP d_seconds Times.\n# TYPE d_seconds histogram\nd_seconds_bucket{le=\"0.5\"} 1\nd_seconds_bucket{le=\"+Inf\"} 3\n\
        d_seconds_sum 2.5\nd_seconds_count 3\n# HELP e Now.\n# TYPE e gauge\ne -1\n";

    #[test]
    fn what_is_right_is_read() {
        let scrape = Scrape::read(GOOD).unwrap();
        assert_eq!(
            scrape.value("a_total", &[("b", "x\"\\\n"), ("c", "")]),
            Some(1.0)
        );
        assert_eq!(
            scrape.value("d_seconds_bucket", &[("le", "+Inf")]),
            Some(3.0)
        );
        assert_eq!(scrape.sum("d_seconds_bucket", &[]), 4.0);
        assert_eq!(scrape.families["e"], "gauge");
        assert_eq!(scrape.names().len(), 5);
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (right, wrong) in [
            ("e -1\n", "e -1"),
            ("e -1\n", "e -1\n\n"),
            ("e -1\n", "e -1\ne -1\n"),
            ("e -1\n", "e inf\n"),
            ("e -1\n", "e -1 1700000000\n"),
            ("e -1\n", "e{F=\"\"} 1\n"),
            ("e -1\n", "e{f=\"\",f=\"\"} 1\n"),
            ("e -1\n", "e{f=\"\\t\"} 1\n"),
            ("e -1\n", "e{f=\"} 1\n"),
            ("e -1\n", "e -1\ne{f=\"\"} 1\n"),
            ("e -1\n", ""),
            ("e gauge", "e untyped"),
            ("# HELP e Now.\n", ""),
            ("# HELP e Now.\n", "# Now\n"),
            ("a_total counter", "a_total gauge"),
            ("c=\"\"} 1", "c=\"\"} -1"),
            ("d_seconds_count 3", "d_seconds_count 2"),
            ("d_seconds_count 3\n", ""),
            ("d_seconds_sum 2.5\n", ""),
            ("{le=\"+Inf\"} 3", "{le=\"+Inf\"} 0"),
            ("{le=\"+Inf\"} 3", "{le=\"0.5\"} 3"),
            ("d_seconds_bucket{le=\"+Inf\"} 3\n", ""),
            (
                "# HELP e Now.\n# TYPE e gauge\ne -1\n",
                "# HELP a_total x\n# TYPE a_total counter\na_total 1\n",
            ),
        ] {
            let text = GOOD.replacen(right, wrong, 1);
            assert_ne!(text, GOOD, "{right}");
            assert!(Scrape::read(&text).is_err(), "{right} → {wrong}");
        }
    }
}
