//! A configuration as a flat list: `section.key` and value.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Config;

/// Every key that is set, with its value as TOML writes it. Addresses of sources are without user, password and query.
#[must_use]
pub fn listed(config: &Config) -> BTreeMap<String, String> {
    // Plain data: there is nothing that could not be written.
    let table = Table::try_from(config).unwrap_or_default();
    flat(&table)
}

/// The keys that a file's text sets.
#[must_use]
pub fn set_by(text: &str) -> BTreeMap<String, String> {
    flat(&text.parse().unwrap_or_default())
}

/// The keys whose values differ.
#[must_use]
pub fn differing(one: &Config, other: &Config) -> Vec<String> {
    let (one, other) = (listed(one), listed(other));
    let keys: std::collections::BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let keys = keys.into_iter();
    keys.filter(|key| one.get(*key) != other.get(*key))
        .cloned()
        .collect()
}

fn flat(table: &Table) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    gather(table, "", &mut found);
    found
}

fn gather(table: &Table, prefix: &str, found: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        match value {
            Value::Table(inner) => gather(inner, &format!("{name}."), found),
            value => drop(found.insert(name, value.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_flat_and_differences_named() {
        let one = Config::parse("[engine]\nthreads = 3\n[live.clients]\nsources = true").unwrap();
        let found = listed(&one);
        assert_eq!(found["engine.threads"], "3");
        assert_eq!(found["live.clients.sources"], "true");
        assert_eq!(found["server.listen"], "\"127.0.0.1:8080\"");
        assert!(!found.contains_key("engine.model"));
        let two = Config::parse("[engine]\nthreads = 4\nmodel = 'a'").unwrap();
        let differ = differing(&one, &two);
        assert_eq!(
            differ,
            ["engine.model", "engine.threads", "live.clients.sources"]
        );
        let text = "[engine]\nthreads = 0\n";
        assert_eq!(
            set_by(text).into_keys().collect::<Vec<_>>(),
            ["engine.threads"]
        );
    }

    #[test]
    fn a_password_is_not_listed() {
        let text = "[[live.sources]]\nname = 'a'\nmodality = 'ultrasound'\n\
                    source = { kind = 'http', url = 'http://nurse:secret@cam/s?key=hidden' }";
        let found = listed(&Config::parse(text).unwrap());
        let sources = &found["live.sources"];
        assert!(sources.contains("http://cam/s"), "{sources}");
        assert!(
            !sources.contains("secret") && !sources.contains("hidden"),
            "{sources}"
        );
    }
}
