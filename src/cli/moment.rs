//! A time of the server as people and programs read it, always in UTC.

use time::OffsetDateTime;

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
}
