//! Says when a session's next request may begin, and holds it to its user's allowance: what a healthy client does in bulk
//! waits unread, everything else is refused.
//!
//! A session that must wait is not read: its stream fills, and the transport holds its sender back. Nothing is lost and the
//! order stays.

use super::allowance::{AllowanceCounters, Origin, Payer};
use super::bulk::{has_file_room, has_page_room};
use super::server::{COMMANDS_IN_FLIGHT_MAX, Now, READS_IN_FLIGHT_MAX, REPLY_QUEUE_LEN_MAX, Server};
use super::session::{Lane, Pace, Received};
use super::steps::{Asked, Step};
use crate::message::{Notice, Refusal, Request, RoomName};
use crate::transport::{ConnectionHandle, Micros, StreamId, Time};

/// How often a session is told at most that it is slowed.
const SLOWED_NOTICE_INTERVAL: Micros = Micros::from_secs(10);

/// What becomes of a request beyond its user's allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excess {
    /// It waits for the budget of messages.
    PostWaits,
    /// It waits for the budget of requests: a client that comes back follows and reads in bulk.
    ReadWaits,
    /// It is refused: a person asked for it, and is told when to ask again.
    Refused,
    /// The same, from a budget of the device: it takes devices away, and must not stand behind what these ask.
    DoorRefused,
}

fn excess_of(request: &Request) -> Excess {
    match request {
        Request::Post(_) | Request::PostFile(_) => Excess::PostWaits,
        Request::Resume
        | Request::Follow(_)
        | Request::Unfollow(_)
        | Request::History(_)
        | Request::Search(_)
        | Request::Pick(_)
        | Request::ListScheduled(_)
        | Request::Receipts(_)
        | Request::EndReceipts(_)
        | Request::Memberships(_)
        | Request::ListRooms(_)
        | Request::Who(_)
        | Request::RoomSettings(_)
        | Request::Reports(_)
        | Request::Audit(_)
        | Request::Ignored
        | Request::InView(_)
        | Request::SetLatest(_)
        | Request::Typing(_)
        | Request::MarkRead(_)
        | Request::OfferFile(_)
        | Request::FileChunk(_)
        | Request::ReadFile(_)
        | Request::SetAway(_) => Excess::ReadWaits,
        Request::LogOut(_) | Request::ChangePassword(_) | Request::RevokeDevice(_) | Request::DeleteAccount(_) => {
            Excess::DoorRefused
        }
        Request::Register(_)
        | Request::RegisterInvited(_)
        | Request::LogIn(_)
        | Request::Guest(_)
        | Request::BindBot(_)
        | Request::CreateBot(_)
        | Request::RenewBot(_)
        | Request::RevokeBot(_)
        | Request::Bots(_)
        | Request::WhoAmI
        | Request::Devices
        | Request::WhoIs(_)
        | Request::SetProfile(_)
        | Request::Claim(_)
        | Request::MakeInvitation(_)
        | Request::SetAccountState(_)
        | Request::CreateRoom(_)
        | Request::ChangeRoom(_)
        | Request::JoinRoom(_)
        | Request::LeaveRoom(_)
        | Request::OpenTicket(_)
        | Request::Moderate(_)
        | Request::ReportMessage(_)
        | Request::Ignore(_)
        | Request::Schedule(_)
        | Request::CancelScheduled(_)
        | Request::Edit(_)
        | Request::Mark(_) => Excess::Refused,
    }
}

impl Server {
    /// What people and addresses were held up for.
    #[must_use]
    pub fn allowance_counters(&self) -> AllowanceCounters {
        self.allowance.counters()
    }

    /// Where the session comes from; `None` once its connection is gone.
    pub(super) fn origin(&mut self, handle: ConnectionHandle) -> Option<Origin> {
        self.endpoint.connection(handle).map(|mut connection| Origin::of(connection.path().remote.ip()))
    }

    /// Whether the request may begin; if not, the session is pumped again when what it waits for is over.
    pub(super) fn may_begin(&mut self, now: Now, handle: ConnectionHandle, received: &Received) -> bool {
        let Received { lane, request, .. } = received;
        if self.is_under_way_elsewhere(handle, received) {
            return false;
        }
        let Some(session) = self.sessions.get_mut(&handle) else { return false };
        if !session.may_begin(*lane) {
            self.holds.requests_full += u64::from(session.is_full());
            return false;
        }
        let is_full = match lane {
            Lane::Command => self.commands_in_flight >= COMMANDS_IN_FLIGHT_MAX,
            Lane::Read | Lane::Exclusive => {
                self.reads_in_flight >= READS_IN_FLIGHT_MAX || self.commands_in_flight >= COMMANDS_IN_FLIGHT_MAX
            }
        };
        if is_full {
            let before = std::mem::replace(&mut session.pace, Pace::Waiting);
            if before != Pace::Waiting {
                self.holds.workers_full += 1;
                self.stalled.push_back(handle);
            }
            if before == Pace::Free {
                self.notify(now, handle, &Notice::Slowed);
            }
            return false;
        }
        session.pace = Pace::Free;
        let Some(mut connection) = self.endpoint.connection(handle) else { return false };
        if connection.unacked_len(StreamId::Chat) > REPLY_QUEUE_LEN_MAX {
            connection.notify_acked_below(StreamId::Chat, REPLY_QUEUE_LEN_MAX);
            self.holds.replies_full += 1;
            return false;
        }
        let has_room = match request {
            Request::History(_) => has_page_room(&mut connection),
            Request::ReadFile(_) => has_file_room(&mut connection),
            _ => true,
        };
        self.holds.replies_full += u64::from(!has_room);
        drop(connection);
        has_room && self.pays_or_waits(now, handle, request)
    }

    /// Pays for a request that is about to begin; if it must wait, the session is pumped again when it may.
    fn pays_or_waits(&mut self, now: Now, handle: ConnectionHandle, request: &Request) -> bool {
        let excess = excess_of(request);
        let user = self.sessions.get(&handle).and_then(|session| session.account()).map(|account| account.user);
        let (Some(user), Some(origin)) = (user, self.origin(handle)) else { return true };
        let paid = match excess {
            Excess::PostWaits => self.allowance.take_post(now.at, origin, user),
            Excess::ReadWaits => self.allowance.take_read(now.at, origin, user),
            Excess::Refused | Excess::DoorRefused => Ok(()),
        };
        let Err(wait) = paid else { return true };
        self.throttled.insert((now.at + wait, handle));
        let Some(session) = self.sessions.get_mut(&handle) else { return false };
        if session.told_slowed_at.is_none_or(|told_at| now.at - told_at >= SLOWED_NOTICE_INTERVAL) {
            session.told_slowed_at = Some(now.at);
            self.notify(now, handle, &Notice::Slowed);
        }
        false
    }

    /// Pays for a request that does not wait.
    pub(super) fn pay_or_refuse(&mut self, now: Now, asked: Asked, request: &Request) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get(&asked.session) else { return Ok(()) };
        let payer = match (session.account(), excess_of(request)) {
            // Of somebody who is nobody yet, nothing waits.
            (None, _) => Payer::Stranger,
            (Some(_), Excess::PostWaits | Excess::ReadWaits) => return Ok(()),
            (Some(account), Excess::Refused) => Payer::User(account.user),
            (Some(account), Excess::DoorRefused) => Payer::Door(account.device),
        };
        let Some(origin) = self.origin(asked.session) else { return Ok(()) };
        self.allowance.take_request(now.at, origin, payer)
    }

    /// Pays for a new account.
    pub(super) fn pay_for_registration(&mut self, now: Now, asked: Asked) -> Result<(), Refusal> {
        match self.origin(asked.session) {
            Some(origin) => self.allowance.take_registration(now.at, origin),
            None => Ok(()),
        }
    }

    /// Gives back what was paid for a password that was right, or that nobody looked at.
    pub(super) fn give_back(&mut self, now: Now, step: &Step) {
        let Some(asked) = step.asked() else { return };
        let Some(origin) = self.origin(asked.session) else { return };
        let user = self.sessions.get(&asked.session).and_then(|session| session.account()).map(|account| account.user);
        match (step, user) {
            (Step::FindAccount(_, credentials) | Step::BindDevice(_, credentials, _), _) => {
                self.allowance.give_back_log_in(now.at, origin, &credentials.name);
            }
            (Step::FindOwn(..) | Step::ReplaceOwn(..) | Step::FindOwnToDelete(..) | Step::Delete(..), Some(user)) => {
                self.allowance.give_back_own(origin, user);
            }
            (Step::FindRoom(_, join) | Step::JoinRoom(_, join, _), Some(user)) if join.password.is_some() => {
                if let Ok(name) = RoomName::parse(&join.name) {
                    self.allowance.give_back_room(origin, user, &name);
                }
            }
            _ => {}
        }
    }

    /// When the first session that waits for its budget may go on.
    pub(super) fn throttled_until(&self) -> Option<Time> {
        self.throttled.first().map(|(at, _)| *at)
    }

    /// Lets those go on whose budgets have come back.
    pub(super) fn resume_throttled(&mut self, now: Now) {
        while let Some((at, handle)) = self.throttled.first().copied().filter(|(at, _)| *at <= now.at) {
            self.throttled.remove(&(at, handle));
            self.pump(now, handle);
        }
    }
}
