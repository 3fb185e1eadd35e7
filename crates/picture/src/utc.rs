//! The time of day, for people, for the names of files and for what is written into them.

use std::time::{Duration, SystemTime};

/// A time in UTC, as ISO 8601 writes it.
#[derive(Clone, Copy, Debug)]
pub struct Utc {
    date: [u64; 3],
    time: [u64; 3],
    millis: u32,
}

/// The last second that has a year of four digits: whatever a broken clock says, the years are counted to their end.
const LAST: u64 = 253_402_300_799;

impl Utc {
    /// Of a moment; before 1970 it is 1970, after 9999 the last second of that.
    #[must_use]
    pub fn new(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or_default().min(Duration::from_secs(LAST));
        let (mut days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        let mut year = 1970;
        while days >= days_of(year) {
            days -= days_of(year);
            year += 1;
        }
        let february = days_of(year) - 337;
        let mut month = 1;
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if days < length {
                break;
            }
            days -= length;
            month += 1;
        }
        Self {
            date: [year, month, days + 1],
            time: [seconds / 3600, seconds / 60 % 60, seconds % 60],
            millis: since.subsec_millis(),
        }
    }

    /// `2026-11-27T18:12:46.123Z`.
    #[must_use]
    pub fn extended(self) -> String {
        let ([year, month, day], [hour, minute, second], millis) =
            (self.date, self.time, self.millis);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }

    /// `20261127T181246.123Z`.
    #[must_use]
    pub fn basic(self) -> String {
        self.extended().replace(['-', ':'], "")
    }
}

fn days_of(year: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    365 + u64::from(leap)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `date -u -d @SECONDS` says.
    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"),
            (1_795_803_166, "2026-11-27T18:12:46.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (LAST, "9999-12-31T23:59:59.000Z"),
            (u64::MAX >> 1, "9999-12-31T23:59:59.000Z"),
        ] {
            let Some(time) = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
            else {
                continue;
            };
            assert_eq!(Utc::new(time).extended(), text);
        }
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_803_166_045);
        assert_eq!(Utc::new(time).basic(), "20261127T181246.045Z");
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(Utc::new(before).basic(), "19700101T000000.000Z");
    }
}
