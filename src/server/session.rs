//! One connection's conversation with the server: whom it speaks for, what it asked and what is still unanswered.
//!
//! ```text
//! Identifying ──key unknown──► Stranger ──register / log in / guest──► SignedIn
//!      └───────key known──────────────────────────────────────────────────┤
//!                                                          device revoked ▼
//!                                                                      Leaving
//! ```
//!
//! Requests begin in the order they came. Commands run one behind the other without waiting; a read waits for the commands
//! before it, so that people see what they wrote; a request that needs a password hashed runs alone.

use super::refused::Refused;
use crate::message::{Account, LogId, PasswordChange, Request, Seq};
use crate::transport::{Budget, Time};
use std::collections::{BTreeSet, VecDeque};

/// Requests of one session that may be unanswered at a time; more wait unread in its stream.
pub(super) const REQUESTS_IN_FLIGHT_MAX: u32 = 64;

/// Reads of one session at a time: their replies can be long, and all must fit its streams.
const READS_IN_FLIGHT_MAX: u32 = 2;

/// Bytes of unanswered requests above which a session begins no further one.
const IN_FLIGHT_LEN_MAX: usize = 64 * 1024;

/// Whom a session speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// The readers are asked whose key it is; again, if the answer on its way may be out of date.
    Identifying { again: bool },
    /// Nobody yet.
    Stranger,
    /// This user and device.
    SignedIn(Account),
    /// Nobody any more; what it was told last is still on its way.
    Leaving,
}

/// Whether the workers keep up with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// They do.
    Free,
    /// They do not: it was told so and stands in the queue of those that wait.
    Waiting,
    /// Its turn has come; whether there is room shows.
    Trying,
}

/// How a request shares its session with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// One behind the other through the ledger.
    Command,
    /// Together, behind all commands.
    Read,
    /// Alone.
    Exclusive,
}

/// A request as it was read from the stream.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) tag: u32,
    pub(super) request: Request,
    pub(super) lane: Lane,
    /// Its length on the wire.
    pub(super) len: usize,
    /// What a repeat of it must be equal in; nothing for a read, which is never a repeat.
    pub(super) fingerprint: [u8; 32],
}

impl Received {
    pub(super) fn new(tag: u32, request: Request, len: usize) -> Self {
        let lane = lane_of(&request);
        let fingerprint = if lane == Lane::Read { [0; 32] } else { request.fingerprint() };
        Self { tag, request, lane, len, fingerprint }
    }
}

/// Where the next piece of a session's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uploading {
    /// On its way, if there is one.
    Idle,
    /// It is here and waits unread, until fewer are being written.
    Waiting,
    /// It is being written.
    Writing,
}

/// One logged-in device, or one about to be.
#[derive(Debug)]
pub(super) struct Session {
    /// The device key that the handshake proved.
    pub(super) key: [u8; 32],
    pub(super) standing: Standing,
    /// A request that was read and must still wait.
    pub(super) next: Option<Box<Received>>,
    /// Parts of files that were asked for and wait for their stream, so that nothing waits behind them; at most
    /// [`super::bulk::FILE_READS_WAITING_MAX`].
    pub(super) file_reads: VecDeque<Received>,
    /// Set by a refusal that may pass: later posts are refused too until the session says `resume`, so that order holds.
    pub(super) is_halted: bool,
    pub(super) pace: Pace,
    /// When it was last told that it is slowed.
    pub(super) told_slowed_at: Option<Time>,
    /// Logs it follows whose followers have fallen behind, in turn.
    pub(super) behind: VecDeque<LogId>,
    /// Whether a page for one of them is being read.
    pub(super) is_reading_page: bool,
    /// Logs it follows.
    pub(super) follows: BTreeSet<LogId>,
    /// Logs before the user's eyes, whether they are followed or not yet.
    pub(super) in_view: Vec<LogId>,
    /// What it may still tell that is not stored.
    pub(super) utterances: Budget,
    /// What its device's other sessions were refused.
    pub(super) refused: Refused,
    /// Messages whose receipts it is told; at most [`super::receipts::RECEIPTS_PER_SESSION_MAX`].
    pub(super) watched: BTreeSet<(LogId, Seq)>,
    /// Where the next piece of its file is.
    pub(super) uploading: Uploading,
    commands: u32,
    reads: u32,
    exclusives: u32,
    in_flight_len: usize,
    /// The unanswered requests that are no reads, each by the beginning of its fingerprint.
    under_way: Vec<u64>,
}

impl Session {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self {
            key,
            standing: Standing::Identifying { again: false },
            next: None,
            file_reads: VecDeque::new(),
            is_halted: false,
            pace: Pace::Free,
            told_slowed_at: None,
            behind: VecDeque::new(),
            is_reading_page: false,
            follows: BTreeSet::new(),
            in_view: Vec::new(),
            utterances: Budget::default(),
            watched: BTreeSet::new(),
            refused: Refused::default(),
            under_way: Vec::new(),
            uploading: Uploading::Idle,
            commands: 0,
            reads: 0,
            exclusives: 0,
            in_flight_len: 0,
        }
    }

    /// The account, once signed in.
    pub(super) fn account(&self) -> Option<&Account> {
        match &self.standing {
            Standing::SignedIn(account) => Some(account),
            Standing::Identifying { .. } | Standing::Stranger | Standing::Leaving => None,
        }
    }

    /// Whether requests are taken at all.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.standing, Standing::Identifying { .. } | Standing::Leaving)
    }

    /// Whether so many requests are unanswered that no further one may begin, of whatever lane.
    pub(super) fn is_full(&self) -> bool {
        let in_flight = self.commands + self.reads + self.exclusives;
        in_flight >= REQUESTS_IN_FLIGHT_MAX || self.in_flight_len >= IN_FLIGHT_LEN_MAX
    }

    /// Whether a request of this lane may begin now.
    pub(super) fn may_begin(&self, lane: Lane) -> bool {
        let in_flight = self.commands + self.reads + self.exclusives;
        match lane {
            _ if !self.is_open() || self.is_full() => false,
            Lane::Command => self.exclusives == 0,
            Lane::Read => self.exclusives == 0 && self.commands == 0 && self.reads < READS_IN_FLIGHT_MAX,
            Lane::Exclusive => in_flight == 0,
        }
    }

    /// A request of this lane and length began.
    pub(super) fn begin(&mut self, lane: Lane, len: usize, fingerprint: &[u8; 32]) {
        *self.count(lane) += 1;
        self.in_flight_len += len;
        if lane != Lane::Read {
            self.under_way.push(beginning(fingerprint));
        }
    }

    /// A request of this lane and length was answered.
    pub(super) fn end(&mut self, lane: Lane, len: usize, fingerprint: &[u8; 32]) {
        self.in_flight_len -= len;
        let count = self.count(lane);
        assert!(*count > 0, "a request ends once");
        *count -= 1;
        let under_way = beginning(fingerprint);
        if lane != Lane::Read
            && let Some(at) = self.under_way.iter().position(|other| *other == under_way)
        {
            self.under_way.swap_remove(at);
        }
    }

    /// Whether the same request, or one that cannot be told from it so quickly, is unanswered.
    pub(super) fn is_under_way(&self, fingerprint: &[u8; 32]) -> bool {
        self.under_way.contains(&beginning(fingerprint))
    }

    fn count(&mut self, lane: Lane) -> &mut u32 {
        match lane {
            Lane::Command => &mut self.commands,
            Lane::Read => &mut self.reads,
            Lane::Exclusive => &mut self.exclusives,
        }
    }
}

/// The first bytes of a fingerprint.
fn beginning(fingerprint: &[u8; 32]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&fingerprint[..8]);
    u64::from_le_bytes(first)
}

/// The lane a request runs in.
fn lane_of(request: &Request) -> Lane {
    match request {
        Request::LeaveRoom(_)
        | Request::MarkRead(_)
        | Request::Moderate(_)
        | Request::ReportMessage(_)
        | Request::Ignore(_)
        | Request::OpenTicket(_)
        | Request::Post(_)
        | Request::Edit(_)
        | Request::Mark(_)
        | Request::Schedule(_)
        | Request::CancelScheduled(_)
        | Request::Resume
        | Request::RevokeDevice(_)
        | Request::SetProfile(_)
        | Request::Claim(_)
        | Request::CreateBot(_)
        | Request::RenewBot(_)
        | Request::RevokeBot(_)
        | Request::SetAccountState(_)
        | Request::MakeInvitation(_) => Lane::Command,
        Request::CreateRoom(create) if create.password.is_none() => Lane::Command,
        Request::ChangeRoom(change) if !matches!(change.password, PasswordChange::Set(_)) => Lane::Command,
        Request::WhoAmI
        | Request::Devices
        | Request::Bots(_)
        | Request::WhoIs(_)
        | Request::ListRooms(_)
        | Request::RoomSettings(_)
        | Request::Reports(_)
        | Request::Audit(_)
        | Request::Ignored
        | Request::Who(_)
        | Request::Memberships(_)
        | Request::Follow(_)
        | Request::Unfollow(_)
        | Request::History(_)
        | Request::InView(_)
        | Request::SetLatest(_)
        | Request::Typing(_)
        | Request::SetAway(_)
        | Request::OfferFile(_)
        | Request::FileChunk(_)
        | Request::ReadFile(_)
        | Request::Search(_)
        | Request::Pick(_)
        | Request::Receipts(_)
        | Request::EndReceipts(_)
        | Request::ListScheduled(_) => Lane::Read,
        Request::Register(_)
        | Request::RegisterInvited(_)
        | Request::LogIn(_)
        | Request::Guest(_)
        | Request::BindBot(_)
        | Request::LogOut(_)
        | Request::ChangePassword(_)
        | Request::DeleteAccount(_)
        | Request::CreateRoom(_)
        | Request::ChangeRoom(_)
        | Request::PostFile(_)
        | Request::JoinRoom(_) => Lane::Exclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger() -> Session {
        let mut session = Session::new([1; 32]);
        assert!(!session.may_begin(Lane::Command), "nothing begins before the key is looked up");
        session.standing = Standing::Stranger;
        session
    }

    #[test]
    fn a_read_waits_for_the_commands_before_it() {
        let mut session = stranger();
        session.begin(Lane::Command, 10, &[1; 32]);
        assert!(session.may_begin(Lane::Command));
        assert!(!session.may_begin(Lane::Read));
        session.end(Lane::Command, 10, &[1; 32]);
        assert!(session.may_begin(Lane::Read));
    }

    #[test]
    fn a_password_runs_alone() {
        let mut session = stranger();
        session.begin(Lane::Read, 10, &[1; 32]);
        assert!(!session.may_begin(Lane::Exclusive));
        session.end(Lane::Read, 10, &[1; 32]);
        session.begin(Lane::Exclusive, 10, &[1; 32]);
        assert!(!session.may_begin(Lane::Command) && !session.may_begin(Lane::Read));
    }

    #[test]
    fn requests_in_flight_have_a_cap() {
        let mut session = stranger();
        for _ in 0..REQUESTS_IN_FLIGHT_MAX {
            assert!(session.may_begin(Lane::Command));
            session.begin(Lane::Command, 10, &[1; 32]);
        }
        assert!(!session.may_begin(Lane::Command));
    }

    #[test]
    fn long_requests_in_flight_have_a_cap_in_bytes() {
        let mut session = stranger();
        session.begin(Lane::Command, IN_FLIGHT_LEN_MAX, &[1; 32]);
        assert!(!session.may_begin(Lane::Command));
        session.end(Lane::Command, IN_FLIGHT_LEN_MAX, &[1; 32]);
        assert!(session.may_begin(Lane::Command));
    }
}
