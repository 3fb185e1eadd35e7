//! What an entry is called: all that is known of it but its bytes, so that one renaming is one step of its life.

use std::fmt;

use dicom::Uid;

use crate::spool::hex_of;

/// Hex digits of a key.
const KEY: usize = 32;

/// What a destination is called in the configuration: up to 32 small letters, digits and signs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteName(String);

impl RouteName {
    /// `None` for what is no name.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let good = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        };
        let fits = (1..=32).contains(&name.len()) && name.bytes().all(good);
        fits.then(|| Self(name.into()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RouteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What makes an entry the same as another: to one destination, one key is sent once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey(String);

impl EntryKey {
    /// Of an object, by its SOP Instance UID: one that is made again of the same is known.
    #[must_use]
    pub fn of(instance: &Uid) -> Self {
        Self::named(instance.as_str())
    }

    /// Of any text, of which nothing is seen.
    #[must_use]
    pub fn named(text: &str) -> Self {
        Self(hex_of(text).chars().take(KEY).collect())
    }
}

/// How far an entry is, its name's ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryStage {
    /// To be sent.
    Waiting,
    /// The destination will not have it: set aside, so that others come through.
    Refused,
    /// Acknowledged: nothing but the name is left.
    Sent,
}

impl EntryStage {
    const ENDINGS: [(Self, &str); 3] = [
        (Self::Waiting, "dcm"),
        (Self::Refused, "refused"),
        (Self::Sent, "sent"),
    ];
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OutboxEntry {
    /// Its place in the order.
    pub serial: u64,
    pub key: EntryKey,
    pub route: RouteName,
}

impl OutboxEntry {
    pub fn name(&self, stage: EntryStage) -> String {
        let mut endings = EntryStage::ENDINGS.iter();
        let ending = endings
            .find(|(own, _)| *own == stage)
            .map_or("", |(_, ending)| ending);
        format!(
            "{:016x}.{}.{}.{ending}",
            self.serial, self.key.0, self.route.0
        )
    }

    pub fn of(name: &str) -> Option<(Self, EntryStage)> {
        let mut parts = name.split('.');
        let (serial, key) = (parts.next()?, parts.next()?);
        let route = RouteName::new(parts.next()?)?;
        let ending = parts.next()?;
        let (stage, _) = EntryStage::ENDINGS
            .into_iter()
            .find(|(_, own)| *own == ending)?;
        let entry = Self {
            serial: u64::from_str_radix(serial, 16).ok()?,
            key: EntryKey(key.into()),
            route,
        };
        (entry.name(stage) == name && key.len() == KEY).then_some((entry, stage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_all() {
        let entry = OutboxEntry {
            serial: 0x1f,
            key: EntryKey::named("a text"),
            route: RouteName::new("pacs-1").unwrap(),
        };
        for (stage, _) in EntryStage::ENDINGS {
            assert_eq!(
                OutboxEntry::of(&entry.name(stage)),
                Some((entry.clone(), stage))
            );
        }
        let name = entry.name(EntryStage::Sent);
        for other in [
            "",
            "a.dcm",
            &name[1..],
            &name[..name.len() - 1],
            &format!("{name}.x"),
        ] {
            assert_eq!(OutboxEntry::of(other), None, "{other}");
        }
        for bad in ["", "PACS", "a.b", "a/b", "..", "ü", &"a".repeat(33)] {
            assert_eq!(RouteName::new(bad), None, "{bad}");
        }
    }
}
