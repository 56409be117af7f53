//! Ends requests: takes what the workers made of jobs and does the next step, which is often the reply.

use super::dispatch::{room_name, secret, user_name};
use super::job::{Answer, Read, Ticket};
use super::server::{COMMANDS_IN_FLIGHT_MAX, Now, Server};
use super::session::Standing;
use super::steps::{Asked, Step};
use crate::auth::{Task, Verdict};
use crate::chat::{Action, Actor, Change, Command, KeyOwner, Outcome};
use crate::message::{Account, DeviceName, Notice, Refusal, RefusalClass, RefusalCode, Reply, RequestId, UserId, Welcome};
use crate::transport::{CloseCode, ConnectionHandle};

/// What the server calls itself in its greeting.
const SERVER_NAME: &str = concat!("udpchat ", env!("CARGO_PKG_VERSION"));

/// How old the note of a device's last coming may be, in milliseconds.
const SEEN_EVERY_MS: u64 = 3_600_000;

impl Server {
    /// The ledger is through with a command. The asker hears first, then everybody else.
    pub(super) fn on_committed(&mut self, now: Now, ticket: Ticket, result: Result<Outcome, Refusal>) {
        self.commands_in_flight -= 1;
        let step = self.pending.remove(&ticket);
        if matches!(step, Some(Step::Chore)) {
            self.on_chore_done(now, &result);
        }
        if let Some(Step::PostFile(_, held)) = &step {
            self.let_go(*held, result.is_ok());
        }
        let asked = step.and_then(|step| step.asked());
        match result {
            Ok(outcome) => {
                self.apply_sign_ins(now, &outcome.changes);
                if let Some(asked) = asked {
                    self.finish(now, asked, &outcome.reply);
                }
                self.tell(now, outcome);
            }
            Err(refusal) => {
                if let Some(asked) = asked {
                    self.refuse_copies(asked, &refusal);
                    if refusal.class == RefusalClass::Later
                        && let Some(session) = self.sessions.get_mut(&asked.session)
                    {
                        session.is_halted = true;
                    }
                    self.finish(now, asked, &Reply::Refused(refusal));
                }
            }
        }
        if let Some(asked) = asked {
            self.pump(now, asked.session);
        }
    }

    /// A session that was just bound to an account must be so before it hears of it.
    fn apply_sign_ins(&mut self, now: Now, changes: &[Change]) {
        for change in changes {
            if let Change::SignedIn { key, account } = change {
                self.ask_again(|session| session.key == *key);
                for handle in self.by_key.get(key).cloned().unwrap_or_default() {
                    self.sign_in(now, handle, account.clone());
                }
            }
        }
    }

    /// A reader is through with a question.
    pub(super) fn on_read(&mut self, now: Now, ticket: Ticket, result: Result<Answer, Refusal>) {
        self.reads_in_flight -= 1;
        let Some(step) = self.pending.remove(&ticket) else { return };
        let asked = step.asked();
        // A device that was logged out meanwhile is told nothing more.
        let is_open = |asked: Asked| self.sessions.get(&asked.session).is_some_and(|session| session.is_open());
        if let Some(asked) = asked.filter(|asked| !is_open(*asked)) {
            self.end(asked);
            return;
        }
        match (step, result) {
            (Step::Identify { session }, result) => self.on_identified(now, session, result),
            (Step::Page { session, log, epoch }, result) => self.on_page(now, session, log, epoch, result),
            (Step::Voice { session, log, epoch, utterance }, result) => {
                self.on_voice(now, (session, log, epoch), utterance, result.is_ok());
            }
            (step, Err(refusal)) => {
                self.give_back(now, &step);
                if let Some(asked) = step.asked() {
                    self.finish(now, asked, &Reply::Refused(refusal));
                }
            }
            (Step::BeginFollow(asked, user, from), Ok(Answer::Beginning(beginning))) => {
                self.on_beginning(now, asked, (user, from), beginning);
            }
            (Step::Receipts(asked, user, seen_count), Ok(Answer::Recipients(recipients))) => {
                self.on_recipients(now, asked, (user, seen_count), recipients);
            }
            (Step::SetLatest(asked, set), Ok(Answer::Heard)) => self.on_heard(now, asked, set),
            (Step::FindAccount(asked, credentials), Ok(Answer::Password(found))) => {
                let kept = found.as_ref().map(|(_, hash)| hash.clone());
                let password = secret(&credentials.password);
                self.hash(Step::BindDevice(asked, credentials, found), Task::Verify { password, kept });
            }
            (step @ Step::FindOwn(asked, _), Ok(Answer::Changed(first_reply))) => {
                self.give_back(now, &step);
                self.finish(now, asked, &first_reply);
            }
            (Step::FindOwn(asked, change), Ok(Answer::OwnPassword(kept))) => {
                let verified = kept.clone().unwrap_or_default();
                let (old, new, salt) = (secret(&change.old), secret(&change.new), self.salt());
                self.hash(Step::ReplaceOwn(asked, change, verified), Task::Replace { old, kept, new, salt });
            }
            (step @ Step::FindOwnToDelete(asked, _), Ok(Answer::Changed(_))) => {
                self.give_back(now, &step);
                let sentence = "this id was used before for something else; use a new one";
                self.finish(now, asked, &Reply::Refused(Refusal::new(RefusalCode::IdReused, sentence)));
            }
            (Step::FindOwnToDelete(asked, delete), Ok(Answer::OwnPassword(kept))) => {
                let (password, verified) = (secret(&delete.password), kept.clone().unwrap_or_default());
                self.hash(Step::Delete(asked, delete, verified), Task::Verify { password, kept });
            }
            (Step::FindRoom(asked, join), Ok(Answer::RoomPassword(hash))) => {
                if let (Some(hash), Some(password)) = (hash, join.password.clone()) {
                    let task = Task::Verify { password: secret(&password), kept: Some(hash.clone()) };
                    self.hash(Step::JoinRoom(asked, join, hash), task);
                } else {
                    // Without a hash or without a password there is nothing to verify; the rules judge.
                    self.join(now, asked, &join, None);
                    self.give_back(now, &Step::FindRoom(asked, join));
                }
            }
            (Step::FindFile(asked, offset), Ok(Answer::File(file))) => self.read_file(asked, file, offset),
            (Step::Answer(asked), Ok(answer)) => self.on_answer(now, asked, answer),
            (step, Ok(answer)) => unreachable!("{step:?} never asks for {answer:?}"),
        }
        if let Some(asked) = asked {
            self.pump(now, asked.session);
        }
    }

    fn on_answer(&mut self, now: Now, asked: Asked, answer: Answer) {
        match answer {
            Answer::Devices(mut devices) => {
                for summary in &mut devices {
                    summary.online = !self.presence.sessions_of(summary.device).is_empty();
                }
                self.finish(now, asked, &Reply::Devices(devices));
            }
            Answer::Profile(mut profile) => {
                profile.online = self.presence.is_online(profile.user);
                self.finish(now, asked, &Reply::Profile(profile));
            }
            Answer::Bots(mut page) => {
                for bot in &mut page.bots {
                    bot.online = self.presence.is_online(bot.user);
                }
                self.finish(now, asked, &Reply::Bots(page));
            }
            Answer::Rooms(page) => self.finish(now, asked, &Reply::Rooms(page)),
            Answer::RoomSettings(settings) => self.finish(now, asked, &Reply::RoomSettings(settings)),
            Answer::Reports(page) => self.finish(now, asked, &Reply::Reports(page)),
            Answer::Ignored(people) => self.finish(now, asked, &Reply::Ignored(people)),
            Answer::Members(mut page) => {
                for member in &mut page.members {
                    member.availability = self.presence.availability(member.user);
                }
                self.finish(now, asked, &Reply::Members(page));
            }
            Answer::Memberships(memberships) => self.finish(now, asked, &Reply::Memberships(memberships)),
            Answer::History(page) => self.finish_on_bulk(now, asked, &Reply::Page(page)),
            Answer::Found(page) => self.finish_on_bulk(now, asked, &Reply::Found(page)),
            Answer::Scheduled(page) => self.finish_on_bulk(now, asked, &Reply::ScheduledPosts(page)),
            Answer::Picked(page) => self.finish_on_bulk(now, asked, &Reply::Picked(page)),
            Answer::KeyOwner(_)
            | Answer::Password(_)
            | Answer::OwnPassword(_)
            | Answer::File(_)
            | Answer::Changed(_)
            | Answer::RoomPassword(_)
            | Answer::Beginning(_)
            | Answer::Recipients(_)
            | Answer::Heard
            | Answer::FollowPage(_) => unreachable!("these answers have steps of their own"),
        }
    }

    /// The readers know whose key a fresh session has: greet it.
    fn on_identified(&mut self, now: Now, handle: ConnectionHandle, result: Result<Answer, Refusal>) {
        let Some(session) = self.sessions.get_mut(&handle) else { return };
        if session.standing == (Standing::Identifying { again: true }) {
            session.standing = Standing::Identifying { again: false };
            let key = session.key;
            self.read(Step::Identify { session: handle }, Read::KeyOwner(key));
            return;
        }
        let (account, refusal) = match result {
            Ok(Answer::KeyOwner(KeyOwner::Account { account, last_seen_ms })) => {
                self.note_seen(now, &account, last_seen_ms);
                (Some(account), None)
            }
            Ok(Answer::KeyOwner(KeyOwner::Refused(refusal))) => (None, Some(refusal)),
            Ok(_) => (None, None),
            Err(_) => {
                // Nobody knows whose key it is: better no session than one that takes a user for a stranger.
                if let Some(mut connection) = self.endpoint.connection(handle) {
                    connection.close(now.at, CloseCode::Restarting, "the server cannot look up who you are; come back");
                }
                return;
            }
        };
        if let Some(session) = self.sessions.get_mut(&handle) {
            session.standing = Standing::Stranger;
        }
        if let Some(account) = account.clone() {
            self.sign_in(now, handle, account);
        }
        let welcome = Welcome {
            server: SERVER_NAME.to_owned(),
            account,
            refusal,
            guests: self.config.guests,
            registration: self.config.registration,
            time_ms: now.wall_ms,
        };
        self.notify(now, handle, &Notice::Welcome(welcome));
        self.pump(now, handle);
    }

    /// Notes when a device comes, if that was long ago: once an hour is exact enough, and a reconnect costs no write.
    fn note_seen(&mut self, now: Now, account: &Account, last_seen_ms: u64) {
        if now.wall_ms.saturating_sub(last_seen_ms) < SEEN_EVERY_MS || self.commands_in_flight >= COMMANDS_IN_FLIGHT_MAX {
            return;
        }
        self.order_seen(now, account);
    }

    /// A guest is about to be forgotten: if they are there, it is noted.
    pub(super) fn note_guest(&mut self, now: Now, user: UserId) {
        let session = self.presence.sessions_of_user(user).first().and_then(|handle| self.sessions.get(handle));
        if let Some(account) = session.and_then(|session| session.account()).cloned() {
            self.order_seen(now, &account);
        }
    }

    fn order_seen(&mut self, now: Now, account: &Account) {
        let actor = Actor::Member { user: account.user, device: account.device };
        let (id, salt) = (RequestId(self.salt()), self.salt());
        let command = Command { actor, id, fingerprint: [0; 32], time_ms: now.wall_ms, salt, action: Action::Seen };
        self.order(Step::Unasked, command);
    }

    /// The hashing pool is through with a password.
    pub(super) fn on_hashed(&mut self, now: Now, ticket: Ticket, verdict: Option<Verdict>) {
        let Some(step) = self.pending.remove(&ticket) else { return };
        let Some(asked) = step.asked() else { return };
        if verdict != Some(Verdict::Wrong) {
            self.give_back(now, &step);
        }
        match self.after_hash(now, step, verdict) {
            Ok(()) => {}
            Err(refusal) => self.finish(now, asked, &Reply::Refused(refusal)),
        }
        self.pump(now, asked.session);
    }

    fn after_hash(&mut self, now: Now, step: Step, verdict: Option<Verdict>) -> Result<(), Refusal> {
        let Some(verdict) = verdict else {
            self.holds.passwords_full += 1;
            return Err(Refusal::retry_after(RefusalCode::Busy, "too many people are signing in; try again in a moment", 2_000));
        };
        let (asked, id, action) = match (step, verdict) {
            (Step::Register(asked, wished, invitation), Verdict::Hashed(password_hash)) => {
                let (name, device) = (user_name(&wished.name)?, DeviceName::lenient(&wished.device));
                (asked, wished.id, Action::Register { name, password_hash, device, invitation })
            }
            (Step::BindDevice(asked, credentials, Some((user, verified))), Verdict::Right) => {
                (asked, credentials.id, Action::BindDevice { user, verified, device: DeviceName::lenient(&credentials.device) })
            }
            (Step::BindDevice(..), _) => {
                return Err(Refusal::new(RefusalCode::WrongPassword, "the name or the password is wrong"));
            }
            (Step::ReplaceOwn(asked, change, verified), Verdict::Hashed(password_hash)) => {
                let revoke_others = change.revoke_others;
                (asked, change.id, Action::ChangePassword { verified, password_hash, revoke_others })
            }
            (Step::ReplaceOwn(..), _) => return Err(Refusal::new(RefusalCode::WrongPassword, "the old password is wrong")),
            (Step::Delete(asked, delete, verified), Verdict::Right) => {
                (asked, delete.id, Action::DeleteAccount { verified: Some(verified), texts: delete.texts })
            }
            (Step::Delete(..), _) => return Err(Refusal::new(RefusalCode::WrongPassword, "the password is wrong")),
            (Step::CreateRoom(asked, id, mut wish), Verdict::Hashed(hash)) => {
                wish.password_hash = Some(hash);
                (asked, id, Action::CreateRoom(*wish))
            }
            (Step::ChangeRoom(asked, id, room, changes), Verdict::Hashed(hash)) => {
                (asked, id, Action::ChangeRoom { room, password_hash: Some(Some(hash)), changes })
            }
            (Step::JoinRoom(asked, join, hash), verdict) => {
                self.join(now, asked, &join, (verdict == Verdict::Right).then_some(hash));
                return Ok(());
            }
            (step, verdict) => unreachable!("{step:?} never leads to {verdict:?}"),
        };
        self.command(now, Step::Answer(asked), asked, id, action);
        Ok(())
    }

    fn join(&mut self, now: Now, asked: Asked, join: &crate::message::JoinRoom, verified: Option<String>) {
        match room_name(&join.name) {
            Ok(name) => self.command(now, Step::Answer(asked), asked, join.id, Action::JoinRoom { name, verified }),
            Err(refusal) => self.finish(now, asked, &Reply::Refused(refusal)),
        }
    }

    /// Asks for what a follower may read next.
    pub(super) fn read_page(&mut self, session: ConnectionHandle, log: crate::message::LogId) {
        if let Some((follower, _)) = self.follows.follower_mut(log, session) {
            let (user, cursor, epoch) = (follower.user, follower.cursor, follower.epoch);
            self.read(Step::Page { session, log, epoch }, Read::FollowPage(user, log, cursor));
        }
    }
}
