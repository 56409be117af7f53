//! A time of the server as people and programs read it, always in UTC.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// A point in time, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(OffsetDateTime);

impl Moment {
    /// The moment `time_ms` milliseconds after the beginning of 1970; one that no calendar has counts as 1970.
    #[must_use]
    pub fn from_ms(time_ms: u64) -> Self {
        let nanos = i128::from(time_ms) * 1_000_000;
        Self(OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH))
    }

    /// Reads `2026-12-01T09:00Z`, with or without seconds.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let (date, time) = word.strip_suffix('Z')?.split_once('T')?;
        let [year, month, day] = numbers(date, '-')?[..] else { return None };
        let (hour, minute, second) = match numbers(time, ':')?[..] {
            [hour, minute] => (hour, minute, 0),
            [hour, minute, second] => (hour, minute, second),
            _ => return None,
        };
        let small = |number: u16| u8::try_from(number).ok();
        let date = Date::from_calendar_date(i32::from(year), Month::try_from(small(month)?).ok()?, small(day)?).ok()?;
        let time = Time::from_hms(small(hour)?, small(minute)?, small(second)?).ok()?;
        Some(Self(PrimitiveDateTime::new(date, time).assume_utc()))
    }

    /// Milliseconds since the beginning of 1970.
    #[must_use]
    pub fn ms(self) -> u64 {
        u64::try_from(self.0.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
    }

    /// RFC 3339 with milliseconds: `2026-03-01T09:52:11.204Z`.
    #[must_use]
    pub fn rfc_3339(self) -> String {
        let (date, time) = self.parts();
        format!("{date}T{time}.{:03}Z", self.0.millisecond())
    }

    /// `2026-03-01 09:52:11Z`.
    #[must_use]
    pub fn date_and_time(self) -> String {
        let (date, time) = self.parts();
        format!("{date} {time}Z")
    }

    /// `09:52`.
    #[must_use]
    pub fn minute(self) -> String {
        format!("{:02}:{:02}", self.0.hour(), self.0.minute())
    }

    fn parts(self) -> (String, String) {
        let at = self.0;
        let date = format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day());
        (date, format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second()))
    }
}

/// Numbers of digits only, with `between` between them.
fn numbers(words: &str, between: char) -> Option<Vec<u16>> {
    let number = |word: &str| word.chars().all(|c| c.is_ascii_digit()).then(|| word.parse().ok())?;
    words.split(between).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc() {
        let moment = Moment::from_ms(1_772_358_731_204);
        assert_eq!(moment.rfc_3339(), "2026-03-01T09:52:11.204Z");
        assert_eq!(moment.date_and_time(), "2026-03-01 09:52:11Z");
        assert_eq!(moment.minute(), "09:52");
        assert_eq!(Moment::from_ms(u64::MAX), Moment::from_ms(0));
    }

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        assert_eq!(Moment::parse("2026-03-01T09:52:11Z").map(Moment::ms), Some(1_772_358_731_000));
        assert_eq!(Moment::parse("2026-03-01T09:52Z").map(Moment::ms), Some(1_772_358_720_000));
        for word in ["2026-03-01", "2026-02-30T09:52Z", "2026-03-01T24:00Z", "2026-03-01T09:52", "+-1-1T1:1Z", "tomorrow"] {
            assert_eq!(Moment::parse(word), None, "{word}");
        }
    }
}
