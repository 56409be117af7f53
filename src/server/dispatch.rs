//! Begins requests: may this session ask this now, and who does the work?
//!
//! Names, texts and passwords are parsed here, once; behind this file they cannot be wrong. What cannot be asked is answered
//! on the spot.

use super::job::Read;
use super::server::{Now, Server};
use super::session::{Lane, Received};
use super::steps::{Asked, Step};
use crate::auth::{SALT_LEN, Secret};
use crate::chat::{Action, Actor, Command};
use crate::message::{
    Account, BindBot, BotToken, CancelScheduled, ChangePassword, ChangeRoom, CreateRoom, Credentials, EditRequest, FollowRequest,
    GuestRequest, HistoryRequest, JoinRoom, MarkRead, MarkRequest, Moderate, NameError, PASSWORD_LEN_MAX, Password,
    PasswordChange, PickRequest, Reach, Refusal, RefusalCode, Reply, ReportMessage, Request, RequestId, RoomName, RoomSearch,
    SEARCH_LEN_MAX, ScheduleRequest, SetAccountState, Target, UserName,
};
use crate::transport::ConnectionHandle;

/// Events in a page of history at most.
const HISTORY_COUNT_MAX: u16 = 500;

impl Server {
    /// Begins a request whose lane lets it begin. Every path ends in exactly one reply, now or by a later step.
    pub(super) fn begin(&mut self, now: Now, handle: ConnectionHandle, received: Received) {
        let Received { tag, request, lane, len, fingerprint } = received;
        let asked = Asked { session: handle, tag, lane, len, fingerprint };
        let Some(session) = self.sessions.get_mut(&handle) else { return };
        session.begin(lane, len, &fingerprint);
        let account = session.account().cloned();
        let told = session.refused.as_to(&fingerprint);
        let may = told.and_then(|()| check_lengths(&request)).and_then(|()| self.pay_or_refuse(now, asked, &request));
        let begun = may.and_then(|()| match account {
            None => self.begin_for_stranger(now, asked, request),
            Some(account) => self.begin_for_account(now, asked, &account, request),
        });
        if let Err(refusal) = begun {
            self.finish(now, asked, &Reply::Refused(refusal));
        }
    }

    fn begin_for_stranger(&mut self, now: Now, asked: Asked, request: Request) -> Result<(), Refusal> {
        match request {
            Request::Register(credentials) => self.begin_register(now, asked, credentials, None),
            Request::RegisterInvited((credentials, code)) => self.begin_register(now, asked, credentials, Some(&code)),
            Request::LogIn(credentials) => {
                if let Some(origin) = self.origin(asked.session) {
                    self.allowance.take_log_in(now.at, origin, &credentials.name)?;
                }
                // A name or password that cannot be is answered like a wrong one, after the same work.
                let name = credentials.name.clone();
                self.read(Step::FindAccount(asked, credentials), Read::PasswordOf(name));
                Ok(())
            }
            Request::Guest(guest) => self.begin_guest(now, asked, &guest),
            Request::BindBot(bind) => self.begin_bind_bot(now, asked, &bind),
            _ => Err(not_signed_in()),
        }
    }

    fn begin_for_account(&mut self, now: Now, asked: Asked, account: &Account, request: Request) -> Result<(), Refusal> {
        match request {
            // Asked for before, and the first answer was lost: the device is bound by now.
            Request::Register(Credentials { name, .. })
            | Request::RegisterInvited((Credentials { name, .. }, _))
            | Request::LogIn(Credentials { name, .. })
            | Request::Guest(GuestRequest { name, .. })
            | Request::BindBot(BindBot { name, .. }) => {
                let is_same = user_name(&name)?.skeleton() == user_name(&account.name)?.skeleton();
                if !is_same {
                    let sentence = format!("this device belongs to @{}; log out first or use another profile", account.name);
                    return Err(Refusal::new(RefusalCode::AlreadySignedIn, sentence));
                }
                self.finish(now, asked, &Reply::Account(account.clone()));
            }
            Request::LogOut(id) => self.command(now, Step::Answer(asked), asked, id, Action::LogOut),
            Request::ChangePassword(change) => self.begin_change(now, asked, account, change)?,
            Request::DeleteAccount(delete) => self.begin_deletion(now, asked, account, delete)?,
            Request::WhoAmI => self.finish(now, asked, &Reply::Account(account.clone())),
            Request::Devices => self.read(Step::Answer(asked), Read::Devices(account.user)),
            Request::RevokeDevice(revoke) => {
                let action = Action::RevokeDevice { device: revoke.device };
                self.command(now, Step::Answer(asked), asked, revoke.id, action);
            }
            Request::WhoIs(name) => self.begin_who_is(asked, &name)?,
            Request::SetProfile(profile) => self.begin_profile(now, asked, &profile)?,
            Request::Claim((id, code)) => self.begin_claim(now, asked, account, id, &code)?,
            Request::MakeInvitation(wished) => self.begin_invitation(now, asked, &wished),
            Request::SetAccountState(SetAccountState { id, user, state }) => {
                self.command(now, Step::Answer(asked), asked, id, Action::SetAccountState { user, state });
            }
            Request::CreateBot(_) | Request::RenewBot(_) | Request::RevokeBot(_) | Request::Bots(_) => {
                self.begin_about_bots(now, asked, account, request)?;
            }
            Request::CreateRoom(create) => self.begin_create(now, asked, &create)?,
            Request::JoinRoom(join) => {
                let name = room_name(&join.name)?;
                if let Some(origin) = self.origin(asked.session).filter(|_| join.password.is_some()) {
                    self.allowance.take_room(now.at, origin, account.user, &name)?;
                }
                self.read(Step::FindRoom(asked, join), Read::RoomPassword(name));
            }
            Request::LeaveRoom((id, room)) => self.command(now, Step::Answer(asked), asked, id, Action::LeaveRoom { room }),
            Request::ListRooms(search) => self.read(Step::Answer(asked), Read::Rooms(account.user, search)),
            Request::Moderate(_)
            | Request::RoomSettings(_)
            | Request::ReportMessage(_)
            | Request::Reports(_)
            | Request::Audit(_)
            | Request::OpenTicket(_)
            | Request::Ignore(_)
            | Request::Ignored => self.begin_about_room(now, asked, account.user, request)?,
            Request::Who((room, after)) => self.read(Step::Answer(asked), Read::Who(account.user, room, after)),
            Request::Memberships(after) => self.read(Step::Answer(asked), Read::Memberships(account.user, after)),
            Request::ChangeRoom(change) => self.begin_change_room(now, asked, change)?,
            Request::Post(post) => self.begin_post(now, asked, post)?,
            Request::Edit(edit) => self.begin_edit(now, asked, edit)?,
            Request::Mark(MarkRequest { id, log, seq, mark }) => {
                self.command(now, Step::Answer(asked), asked, id, Action::Mark { log, seq, mark });
            }
            Request::Pick(pick) => self.read(Step::Answer(asked), Read::Pick(account.user, pick)),
            Request::Schedule(schedule) => self.begin_schedule(now, asked, schedule)?,
            Request::ListScheduled(after) => self.read(Step::Answer(asked), Read::Scheduled(account.user, after)),
            Request::CancelScheduled(CancelScheduled { id, number }) => {
                self.command(now, Step::Answer(asked), asked, id, Action::CancelScheduled(number));
            }
            Request::Receipts(message) => self.begin_receipts(now, asked, account, message)?,
            Request::EndReceipts((log, seq)) => {
                self.end_receipts(log, seq, asked.session);
                self.finish(now, asked, &Reply::Done);
            }
            Request::Resume => {
                if let Some(session) = self.sessions.get_mut(&asked.session) {
                    session.is_halted = false;
                }
                self.finish(now, asked, &Reply::Done);
            }
            Request::OfferFile(_) | Request::FileChunk(_) | Request::PostFile(_) | Request::ReadFile(_) => {
                self.begin_about_file(asked, account, request)?;
            }
            Request::Follow(follow) => self.begin_follow(asked, account, follow)?,
            Request::Unfollow(log) => {
                self.end_follow(log, asked.session);
                self.finish(now, asked, &Reply::Done);
            }
            Request::History(history) => self.begin_history(asked, account, history)?,
            Request::InView(logs) => self.begin_in_view(now, asked, logs)?,
            Request::SetLatest(set) => self.begin_set_latest(now, asked, account, set)?,
            Request::Typing(log) => self.begin_typing(now, asked, log)?,
            Request::SetAway(text) => self.begin_away(now, asked, account, text)?,
            Request::MarkRead(MarkRead { id, log, seq }) => {
                self.command(now, Step::Answer(asked), asked, id, Action::MarkRead { log, seq });
            }
            Request::Search(search) => self.read(Step::Answer(asked), Read::Search(account.user, search)),
        }
        Ok(())
    }

    fn begin_change(&mut self, now: Now, asked: Asked, account: &Account, change: ChangePassword) -> Result<(), Refusal> {
        if account.is_guest() {
            return Err(Refusal::new(RefusalCode::NotForGuests, "a guest has no password"));
        }
        good_password(&change.new)?;
        if let Some(origin) = self.origin(asked.session) {
            self.allowance.take_own(now.at, origin, account.user)?;
        }
        let id = change.id;
        self.read(Step::FindOwn(asked, change), Read::OwnPassword(account.user, id));
        Ok(())
    }

    fn begin_follow(&mut self, asked: Asked, account: &Account, follow: FollowRequest) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get(&asked.session) else { return Ok(()) };
        if session.follows.len() >= self.config.follows_per_session_max {
            let sentence = format!("a session follows at most {} logs", self.config.follows_per_session_max);
            return Err(Refusal::new(RefusalCode::LimitReached, sentence));
        }
        self.read(Step::BeginFollow(asked, account.user, follow.from), Read::BeginFollow(account.user, follow));
        Ok(())
    }

    fn begin_history(&mut self, asked: Asked, account: &Account, history: HistoryRequest) -> Result<(), Refusal> {
        if history.count == 0 || history.count > HISTORY_COUNT_MAX {
            let sentence = format!("a page of history has 1 to {HISTORY_COUNT_MAX} events");
            return Err(Refusal::new(RefusalCode::OutOfRange, sentence));
        }
        self.read(Step::Answer(asked), Read::History(account.user, history));
        Ok(())
    }

    /// Orders an action of the asking session.
    pub(super) fn command(&mut self, now: Now, step: Step, asked: Asked, id: RequestId, action: Action) {
        let Some(session) = self.sessions.get(&asked.session) else { return };
        let actor = match session.account() {
            Some(account) => Actor::Member { user: account.user, device: account.device },
            None => Actor::Stranger { key: session.key },
        };
        let salt = self.salt();
        self.order(step, Command { actor, id, fingerprint: asked.fingerprint, time_ms: now.wall_ms, salt, action });
    }

    /// Fresh random bytes for a hash or an event.
    pub(super) fn salt(&mut self) -> [u8; SALT_LEN] {
        let mut salt = [0; SALT_LEN];
        self.dice.fill(&mut salt);
        salt
    }

    /// Ends a request with its reply, and begins what waited behind it.
    pub(super) fn finish(&mut self, now: Now, asked: Asked, reply: &Reply) {
        self.reply(now, asked.session, asked.tag, reply);
        self.end(asked);
    }

    /// Counts a request as answered.
    pub(super) fn end(&mut self, asked: Asked) {
        if let Some(session) = self.sessions.get_mut(&asked.session) {
            session.end(asked.lane, asked.len, &asked.fingerprint);
        }
        if asked.lane != Lane::Read {
            self.wake_siblings(asked.session);
        }
    }
}

/// Longest name of anything in a request, in bytes: no name that exists is longer, `#` or `@` included.
const NAME_LEN_MAX: usize = 128;

/// Refuses names and passwords of a length that none has, before they are kept for a worker.
fn check_lengths(request: &Request) -> Result<(), Refusal> {
    let named = |target: &Target| match target {
        Target::Room(name) | Target::User(name) => name.len(),
        Target::Log(_) | Target::Own => 0,
    };
    let (name_len, passwords): (usize, [Option<&Password>; 2]) = match request {
        Request::Register(Credentials { name, password, device, .. })
        | Request::LogIn(Credentials { name, password, device, .. })
        | Request::RegisterInvited((Credentials { name, password, device, .. }, _)) => {
            (name.len().max(device.len()), [Some(password), None])
        }
        Request::Guest(guest) => (guest.name.len().max(guest.device.len()), [None, None]),
        Request::ChangePassword(change) => (0, [Some(&change.old), Some(&change.new)]),
        Request::DeleteAccount(delete) => (0, [Some(&delete.password), None]),
        Request::CreateRoom(CreateRoom { name, password, .. }) | Request::JoinRoom(JoinRoom { name, password, .. }) => {
            (name.len(), [password.as_ref(), None])
        }
        Request::ChangeRoom(ChangeRoom { room, password, .. }) => match password {
            PasswordChange::Set(password) => (named(room), [Some(password), None]),
            PasswordChange::Keep | PasswordChange::Remove => (named(room), [None, None]),
        },
        Request::LeaveRoom((_, target)) | Request::Who((target, _)) | Request::Receipts((target, _)) => {
            (named(target), [None, None])
        }
        Request::Post(post) | Request::Schedule(ScheduleRequest { post, .. }) => (named(&post.to), [None, None]),
        Request::Edit(EditRequest { log, .. })
        | Request::Mark(MarkRequest { log, .. })
        | Request::Pick(PickRequest { log, .. }) => (named(log), [None, None]),
        Request::PostFile(post) => (named(&post.to), [None, None]),
        Request::ReadFile(read) => (named(&read.log), [None, None]),
        Request::Follow(follow) => (named(&follow.log), [None, None]),
        Request::History(history) => (named(&history.log), [None, None]),
        Request::MarkRead(mark) => (named(&mark.log), [None, None]),
        Request::Search(search) => {
            check_search_len(&search.words)?;
            (search.log.as_ref().map_or(0, named), [None, None])
        }
        Request::WhoIs(name) => (name.len(), [None, None]),
        Request::BindBot(bind) => (bind.name.len().max(bind.device.len()), [None, None]),
        Request::SetAccountState(set) => (set.user.len(), [None, None]),
        Request::RevokeBot(revoke) => (revoke.name.len(), [None, None]),
        Request::CreateBot(wished) | Request::RenewBot(wished) => (longest_name(wished), [None, None]),
        Request::Moderate(Moderate { room, user, .. }) => (named(room).max(user.len()), [None, None]),
        Request::Ignore(ignore) => (ignore.user.len(), [None, None]),
        Request::ReportMessage(ReportMessage { room, .. })
        | Request::RoomSettings(room)
        | Request::Reports((room, _))
        | Request::Audit((room, _))
        | Request::OpenTicket((_, room)) => (named(room), [None, None]),
        Request::ListRooms(RoomSearch { text, tag, after, .. }) => {
            let len = |field: &Option<String>| field.as_ref().map_or(0, String::len);
            (len(text).max(len(tag)).max(len(after)), [None, None])
        }
        Request::Ignored
        | Request::Bots(_)
        | Request::LogOut(_)
        | Request::WhoAmI
        | Request::Devices
        | Request::RevokeDevice(_)
        | Request::SetProfile(_)
        | Request::Claim(_)
        | Request::MakeInvitation(_)
        | Request::Memberships(_)
        | Request::Resume
        | Request::Unfollow(_)
        | Request::EndReceipts(_)
        | Request::InView(_)
        | Request::SetLatest(_)
        | Request::Typing(_)
        | Request::OfferFile(_)
        | Request::FileChunk(_)
        | Request::SetAway(_)
        | Request::ListScheduled(_)
        | Request::CancelScheduled(_) => (0, [None, None]),
    };
    if name_len > NAME_LEN_MAX {
        return Err(Refusal::new(RefusalCode::BadName, format!("no name has more than {NAME_LEN_MAX} bytes")));
    }
    if passwords.into_iter().flatten().any(|password| password.as_bytes().len() > PASSWORD_LEN_MAX) {
        return Err(bad_password());
    }
    Ok(())
}

fn longest_name(wished: &BotToken) -> usize {
    let rooms = match &wished.scope.reach {
        Reach::Everywhere => None,
        Reach::Rooms(rooms) => rooms.iter().map(String::len).max(),
    };
    wished.name.len().max(rooms.unwrap_or(0))
}

/// Refuses what is too long to be searched for, before it is kept for a reader.
fn check_search_len(words: &str) -> Result<(), Refusal> {
    if words.len() > SEARCH_LEN_MAX {
        return Err(Refusal::new(RefusalCode::BadText, format!("search for at most {SEARCH_LEN_MAX} bytes of text")));
    }
    Ok(())
}

/// The name of a user, or why it cannot be one.
pub(super) fn user_name(typed: &str) -> Result<UserName, Refusal> {
    UserName::parse(typed).map_err(bad_name)
}

/// The name of a room, or why it cannot be one.
pub(super) fn room_name(typed: &str) -> Result<RoomName, Refusal> {
    RoomName::parse(typed).map_err(bad_name)
}

/// Why it cannot be a name.
pub(super) fn bad_name(error: NameError) -> Refusal {
    Refusal::new(RefusalCode::BadName, error.to_string())
}

/// The password's bytes for the hashing pool, if it has a length that a password can have.
pub(super) fn good_password(password: &Password) -> Result<Secret, Refusal> {
    if password.has_good_len() { Ok(secret(password)) } else { Err(bad_password()) }
}

fn bad_password() -> Refusal {
    Refusal::new(RefusalCode::BadPassword, "a password has 8 to 256 bytes")
}

/// The password's bytes for the hashing pool.
pub(super) fn secret(password: &Password) -> Secret {
    Secret::new(password.as_bytes().to_vec())
}

fn not_signed_in() -> Refusal {
    Refusal::new(RefusalCode::NotSignedIn, "register or log in first")
}
