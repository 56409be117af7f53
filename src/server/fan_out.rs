//! Tells what was committed: pushes events to live followers, lets the others catch up page by page.
//!
//! An event is encoded once and shared by every follower's stream. A follower whose stream is full is not pushed to any
//! further: it costs a cursor, not a queue. When its stream has drained it reads on from the store, its logs in turn.

use super::job::Answer;
use super::server::{Now, REPLY_QUEUE_LEN_MAX, Server};
use super::steps::Asked;
use crate::chat::{Beginning, Change, FollowItem, FollowPage, NewEvent, Outcome};
use crate::message::{FollowFrom, Hidden, LogId, Notice, Refusal, RefusalClass, RefusalCode, Reply, Seq, UserId};
use crate::transport::{ConnectionHandle, Micros, StreamId};

/// Bytes in a session's chat stream above which events are no longer pushed to it.
pub(super) const FOLLOW_QUEUE_LEN_MAX: usize = 16 * 1024;

/// Bytes in a session's chat stream below which it reads on.
pub(super) const FOLLOW_QUEUE_LOW_LEN: usize = 4 * 1024;

/// How long to wait before a page that could not be read is tried again.
const PAGE_RETRY_DELAY: Micros = Micros::from_secs(1);

impl Server {
    /// Tells everybody whom an outcome concerns.
    pub(super) fn tell(&mut self, now: Now, outcome: Outcome) {
        for event in &outcome.events {
            self.ask_voices_again(event);
            self.push(now, event);
        }
        self.apply_to_receipts(now, &outcome.changes);
        for change in outcome.changes {
            match change {
                Change::Left { log, user } => self.end_follows(now, log, user),
                Change::AccountEnded { user } => self.end_account(now, user),
                Change::AccountDisabled { user } => self.shut_account(now, user),
                Change::DeviceRevoked { device } => self.revoke(now, device),
                Change::ChoreDue { at_ms } => self.on_chore_due(now, at_ms),
                Change::GuestDue { user } => self.note_guest(now, user),
                Change::RoleChanged { account } => self.on_role_changed(&account),
                Change::SignedIn { .. } | Change::Entered { .. } | Change::Read { .. } | Change::ForgetWords => {}
            }
        }
    }

    /// Pushes an event to every live follower whose cursor is the event before it.
    fn push(&mut self, now: Now, event: &NewEvent) {
        let Some(followed) = self.follows.log_mut(event.log) else { return };
        followed.head = event.seq;
        let mut fallen_behind = Vec::new();
        for follower in &mut followed.followers {
            let is_live = follower.is_live || planted!(PushedOverAGap);
            if !is_live || follower.cursor >= event.seq {
                continue;
            }
            let Some(mut connection) = self.endpoint.connection(follower.session) else { continue };
            let has_room = connection.queued_len(StreamId::Chat) < FOLLOW_QUEUE_LEN_MAX
                && connection.unacked_len(StreamId::Chat) < REPLY_QUEUE_LEN_MAX;
            self.holds.follows_full += u64::from(!has_room);
            let fits = has_room && (follower.cursor == event.prev || planted!(PushedOverAGap));
            if fits && connection.send(now.at, StreamId::Chat, &event.told).is_ok() {
                follower.cursor = event.seq;
            } else {
                follower.is_live = false;
                fallen_behind.push(follower.session);
            }
        }
        for session in fallen_behind {
            self.fall_behind(session, event.log);
        }
        self.tell_receipts(now, event.log);
    }

    /// The session must read this log on from the store.
    fn fall_behind(&mut self, handle: ConnectionHandle, log: LogId) {
        let Some(session) = self.sessions.get_mut(&handle) else { return };
        if !session.behind.contains(&log) {
            session.behind.push_back(log);
        }
        self.catch_up(handle);
    }

    /// Reads the next page for a session with logs to catch up on, once its stream has room.
    pub(super) fn catch_up(&mut self, handle: ConnectionHandle) {
        let Some(session) = self.sessions.get_mut(&handle) else { return };
        if session.is_reading_page || session.behind.is_empty() {
            return;
        }
        let Some(mut connection) = self.endpoint.connection(handle) else { return };
        if connection.queued_len(StreamId::Chat) > FOLLOW_QUEUE_LOW_LEN {
            connection.notify_below(StreamId::Chat, FOLLOW_QUEUE_LOW_LEN);
            return;
        }
        if connection.unacked_len(StreamId::Chat) > REPLY_QUEUE_LEN_MAX {
            connection.notify_acked_below(StreamId::Chat, REPLY_QUEUE_LEN_MAX);
            return;
        }
        drop(connection);
        while let Some(log) = session.behind.pop_front() {
            if session.follows.contains(&log) {
                session.is_reading_page = true;
                self.read_page(handle, log);
                return;
            }
        }
    }

    /// Reads again what could not be read.
    pub(super) fn retry_pages(&mut self, now: Now) {
        while let Some((at, handle)) = self.page_retries.front().copied() {
            if at > now.at {
                return;
            }
            self.page_retries.pop_front();
            self.catch_up(handle);
        }
    }

    /// A reader knows where a follow begins.
    pub(super) fn on_beginning(&mut self, now: Now, asked: Asked, (user, from): (UserId, FollowFrom), beginning: Beginning) {
        let following = match beginning {
            Beginning::Following(following) => following,
            Beginning::Forked { log, at } => {
                self.finish(now, asked, &Reply::Done);
                self.notify(now, asked.session, &Notice::Forked((log, at)));
                return;
            }
        };
        let (log, after) = (following.log, following.after);
        self.finish(now, asked, &Reply::Following(following));
        if let Some(session) = self.sessions.get_mut(&asked.session).filter(|session| session.is_open()) {
            session.follows.insert(log);
            let had_from = match from {
                FollowFrom::After(..) => Seq(0),
                FollowFrom::Start | FollowFrom::Now => after,
            };
            self.follows.add(log, asked.session, user, after, had_from);
            self.fall_behind(asked.session, log);
            self.on_followed(now, asked.session, log);
        }
    }

    /// A reader has what a follower may read next.
    pub(super) fn on_page(
        &mut self,
        now: Now,
        handle: ConnectionHandle,
        log: LogId,
        epoch: u64,
        result: Result<Answer, Refusal>,
    ) {
        let Some(session) = self.sessions.get_mut(&handle) else { return };
        session.is_reading_page = false;
        // Ended or begun anew since the page was asked for: the page speaks of another follow.
        let is_same = self.follows.follower_mut(log, handle).is_some_and(|(follower, _)| follower.epoch == epoch);
        match result {
            Ok(Answer::FollowPage(page)) if is_same => self.on_same_page(now, handle, log, page),
            Err(refusal) if is_same && matches!(refusal.class, RefusalClass::Later | RefusalClass::Rate) => {
                session.behind.push_back(log);
                self.page_retries.push_back((now.at + PAGE_RETRY_DELAY, handle));
                return;
            }
            Err(refusal) if is_same => {
                self.end_follow(log, handle);
                self.notify(now, handle, &Notice::Unfollowed((log, refusal)));
            }
            _ => {}
        }
        self.catch_up(handle);
    }

    fn on_same_page(&mut self, now: Now, handle: ConnectionHandle, log: LogId, page: FollowPage) {
        let mut cursor = None;
        for item in page.items {
            match item {
                FollowItem::Event { seq, told, .. } => {
                    self.send(now, handle, StreamId::Chat, &told);
                    cursor = Some(seq);
                }
                FollowItem::Hidden { to, hash } => {
                    self.notify(now, handle, &Notice::Hidden(Hidden { log, to, hash }));
                    cursor = Some(to);
                }
            }
        }
        let Some((follower, told_head)) = self.follows.follower_mut(log, handle) else { return };
        follower.cursor = cursor.unwrap_or(follower.cursor).max(follower.cursor);
        // Who is no member any more reads on to the refusal, and is never live.
        if page.member && follower.cursor >= told_head.max(page.head) {
            follower.is_live = true;
            let at = follower.cursor;
            self.notify(now, handle, &Notice::CaughtUp((log, at)));
        } else if let Some(session) = self.sessions.get_mut(&handle) {
            session.behind.push_back(log);
        }
        self.tell_receipts(now, log);
    }

    /// Ends a follow that its session no longer wants.
    pub(super) fn end_follow(&mut self, log: LogId, handle: ConnectionHandle) {
        self.follows.remove(log, handle);
        if let Some(session) = self.sessions.get_mut(&handle) {
            session.follows.remove(&log);
        }
    }

    /// The user is no longer a member: nothing more of this log leaves for them.
    fn end_follows(&mut self, now: Now, log: LogId, user: UserId) {
        if planted!(LeaverStillTold) {
            return;
        }
        self.presence.forget_log(user, log);
        for handle in self.follows.remove_user(log, user) {
            if let Some(session) = self.sessions.get_mut(&handle) {
                session.follows.remove(&log);
            }
            let refusal = Refusal::new(RefusalCode::NotMember, "you are no longer a member");
            self.notify(now, handle, &Notice::Unfollowed((log, refusal)));
        }
    }
}
