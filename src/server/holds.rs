//! How often the server held somebody back: what its owner looks at when people say that it is slow.

/// Totals since the server started. None of them loses anything; each only makes somebody wait, or come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Holds {
    /// Sessions whose next request waited because the workers had too much to do.
    pub workers_full: u64,
    /// Sessions whose next request waited because too many of their own were unanswered.
    pub requests_full: u64,
    /// Sessions whose next request waited because they had not taken the replies so far.
    pub replies_full: u64,
    /// Followers that were no longer pushed to because their stream was full.
    pub follows_full: u64,
    /// Passwords that were not looked at because too many waited.
    pub passwords_full: u64,
    /// Values that were passed over because their session or its log told too much.
    pub utterances_full: u64,
    /// Values that were not kept because too many were.
    pub values_full: u64,
}
