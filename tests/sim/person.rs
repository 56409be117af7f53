//! Somebody in a simulated world: a client with its sockets and its disk, and everything it told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use udpchat::client::{Client, ClientEvent, Followed, Place, PostOutcome, Tag};
use udpchat::message::{DeviceId, EventBody, EventPage, LogId, Refusal, RefusalCode, Reply, Seq, Target, UserId};
use udpchat::transport::{Path, Time};

use super::disk::{Disk, Heads};
use super::robot::Bot;

/// What an answer that is waited for must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// As it likes.
    Anything,
    /// It ends a signing in.
    SignIn,
    /// It begins the follow of what is called so.
    Follow(String),
    /// A page that ends with the newest event; this place or a later one.
    Newest(Seq),
}

/// Whether somebody whose device is logged out can come back with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prospect {
    /// They can.
    Welcome,
    /// The right password was refused: it was changed in that moment, or the account is no more.
    Doubtful,
    /// They were told that the account is no more, or are a bot, which has no password: they never do.
    Out,
}

/// A log that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    pub called: String,
    /// Whether the server has said on this connection that nothing is missing.
    pub is_live: bool,
}

/// One process of one user at one device.
pub struct Person {
    pub name: String,
    /// The person whose profile this process shares, if it is not the profile's first.
    pub leader: Option<usize>,
    /// Who the server says this is.
    pub user: Option<UserId>,
    /// Whether the user has no password.
    pub is_guest: bool,
    /// Whose bot this is, if it is one.
    pub bot: Option<Bot>,
    /// Means no good: asks for everything that can be asked.
    pub is_hostile: bool,
    pub prospect: Prospect,
    /// The device of the present key.
    device: Option<DeviceId>,
    pub address: SocketAddr,
    /// The address of the socket before, which is listened to until something comes through the present one.
    pub address_before: Option<SocketAddr>,
    /// How often the client asked for a new socket.
    pub socket_wishes: u32,
    /// The machine sleeps: nothing reaches the client and no time passes for it.
    pub is_asleep: bool,
    /// `None` while crashed.
    pub client: Option<Client>,
    /// Everything the client told since its last start.
    pub events: Vec<ClientEvent>,
    /// What was displayed, by log, over all starts.
    pub seen: BTreeMap<LogId, Vec<Followed>>,
    /// What became of each message, by its place in the outbox.
    pub outcomes: BTreeMap<Place, PostOutcome>,
    /// Messages in the order they were written: place, where to, text.
    pub written: Vec<(Place, String, String)>,
    /// How far each log was committed when an event was displayed, in step with `seen`.
    pub seen_at: BTreeMap<LogId, Vec<Seq>>,
    /// Pages of history that were read, and how far their logs were committed by then.
    pub pages: Vec<(EventPage, Seq)>,
    /// The newest place of each log that was displayed, read or told to be stored.
    pub known: BTreeMap<LogId, Seq>,
    /// Answers that carry anything, as bytes, and how far each log was committed when they came.
    pub answers: Vec<(Heads, Vec<u8>)>,
    /// Requests without an answer.
    pub asked: BTreeMap<Tag, Asked>,
    answered: BTreeSet<Tag>,
    /// What is to be followed, by what it is called.
    pub follows: BTreeMap<String, Target>,
    /// The log of each call, once it was followed.
    pub logs: BTreeMap<String, LogId>,
    /// What is followed, as far as the server has said.
    pub followed: BTreeMap<LogId, Follow>,
    /// Conversations that somebody began and that are not followed yet.
    pub conversations: Vec<LogId>,
    /// Faults in the chain of a followed log; nothing may ever put one here.
    pub broken: Vec<String>,
    pub key_seed: [u8; 32],
}

impl Person {
    /// Somebody at the address of the `index`th who has not started a client.
    pub fn new(name: &str, index: usize, key_seed: [u8; 32]) -> Self {
        let host = u8::try_from(index + 1).unwrap();
        Self {
            name: name.to_owned(),
            leader: None,
            user: None,
            is_guest: false,
            bot: None,
            is_hostile: false,
            prospect: Prospect::Welcome,
            device: None,
            address: SocketAddr::from(([198, 51, 100, host], 5_000)),
            address_before: None,
            socket_wishes: 0,
            is_asleep: false,
            client: None,
            events: Vec::new(),
            seen: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            written: Vec::new(),
            seen_at: BTreeMap::new(),
            pages: Vec::new(),
            known: BTreeMap::new(),
            answers: Vec::new(),
            asked: BTreeMap::new(),
            answered: BTreeSet::new(),
            follows: BTreeMap::new(),
            logs: BTreeMap::new(),
            followed: BTreeMap::new(),
            conversations: Vec::new(),
            broken: Vec::new(),
            key_seed,
        }
    }

    /// The client, unless it crashed or its machine sleeps.
    pub fn awake(&mut self) -> Option<&mut Client> {
        self.client.as_mut().filter(|_| !self.is_asleep)
    }

    /// A datagram has come to one of the client's sockets.
    pub fn hear(&mut self, now: Time, path: Path, to: SocketAddr, datagram: &mut [u8]) {
        let to_present = to == self.address;
        let Some(client) = self.awake() else { return };
        let heard_count = client.heard_count();
        client.handle_datagram(now, path, datagram);
        if to_present && client.heard_count() > heard_count {
            self.address_before = None;
        }
    }

    /// The client starts anew: what it was asked and told is forgotten.
    pub fn on_start(&mut self, client: Client) {
        self.client = Some(client);
        self.events.clear();
        self.asked.clear();
        self.answered.clear();
        self.followed.clear();
        self.device = None;
    }

    /// Takes what the client tells, and gives it the socket it may wish for.
    pub fn collect(&mut self, now: Time, disk: &Disk) {
        if self.awake().is_some_and(Client::take_socket_wish) {
            self.address_before = Some(self.address);
            self.address.set_port(self.address.port() + 1);
            self.socket_wishes += 1;
            if let Some(client) = self.awake() {
                client.on_local_path_changed(now);
            }
        }
        while let Some(event) = self.awake().and_then(Client::poll_event) {
            self.note_account();
            match &event {
                ClientEvent::Event(followed) => self.on_displayed(disk, followed),
                ClientEvent::Posted { place, outcome, .. } => {
                    if let Ok(stored) = outcome {
                        assert!(stored.seq <= head(disk, stored.log), "I1: {stored:?} is told before it is on the disk");
                        self.know(stored.log, stored.seq);
                    }
                    let before = self.outcomes.insert(*place, outcome.clone());
                    assert!(before.is_none_or(|before| before == *outcome), "I4: one message, one outcome");
                }
                ClientEvent::Broken { .. } | ClientEvent::Forked { .. } | ClientEvent::OutboxFailed(_) => {
                    self.broken.push(format!("{event:?}"));
                }
                ClientEvent::Reply { tag, reply } => self.on_reply(disk, *tag, reply),
                ClientEvent::CaughtUp { log, at, .. } => {
                    assert!(*at <= head(disk, *log), "I3: {at} of {log} is not on the disk");
                    self.followed.entry(*log).and_modify(|followed| followed.is_live = true);
                }
                ClientEvent::Unfollowed { log, .. } => {
                    if let Some(followed) = self.followed.remove(log) {
                        self.follows.remove(&followed.called);
                    }
                }
                ClientEvent::SignedOut(refusal) => self.on_signed_out(refusal),
                ClientEvent::Online { welcome, .. } => welcome.refusal.iter().for_each(|refusal| self.on_signed_out(refusal)),
                ClientEvent::Offline { .. } => self.followed.values_mut().for_each(|followed| followed.is_live = false),
                _ => {}
            }
            self.events.push(event);
        }
    }

    fn note_account(&mut self) {
        let Some(account) = self.client.as_ref().and_then(Client::account) else { return };
        assert!(self.user.is_none_or(|user| user == account.user), "I10: {} is another user now", self.name);
        self.is_guest |= account.is_guest();
        (self.user, self.device) = (Some(account.user), Some(account.device));
    }

    /// The device speaks for nobody any more. People log in again with another one.
    fn on_signed_out(&mut self, refusal: &Refusal) {
        if refusal.code() == RefusalCode::AccountDeleted || self.bot.is_some() {
            self.prospect = Prospect::Out;
        }
    }

    fn know(&mut self, log: LogId, seq: Seq) {
        let known = self.known.entry(log).or_default();
        *known = seq.max(*known);
    }

    fn on_displayed(&mut self, disk: &Disk, followed: &Followed) {
        let (log, seq) = (followed.log, followed.event.head.seq);
        assert!(seq <= head(disk, log), "I3: {} is shown {seq} of {log}, which is not on the disk", self.name);
        let revoked_at = self.device.and_then(|device| disk.revoked.get(&device));
        let shut = revoked_at.map(|heads| heads.get(&log).copied().unwrap_or_default());
        assert!(shut.is_none_or(|shut| seq <= shut), "I5: a device revoked at {shut:?} of {log} is shown {seq}");
        if let EventBody::DirectOpened(conversation, ..) = followed.event.content() {
            self.conversations.push(conversation);
        }
        self.know(log, seq);
        self.seen.entry(log).or_default().push(followed.clone());
        self.seen_at.entry(log).or_default().push(head(disk, log));
    }

    fn on_reply(&mut self, disk: &Disk, tag: Tag, reply: &Reply) {
        assert!(self.answered.insert(tag), "I7: {tag:?} is answered twice: {reply:?}");
        if !matches!(reply, Reply::Done | Reply::Stored(_) | Reply::Account(_) | Reply::Following(_)) {
            self.answers.push((disk.heads.clone(), reply.encode(0)));
        }
        match (self.asked.remove(&tag), reply) {
            (Some(Asked::Follow(called)), Reply::Following(following)) => {
                self.logs.insert(called.clone(), following.log);
                self.followed.insert(following.log, Follow { called, is_live: false });
            }
            (Some(Asked::Follow(called)), _) => {
                self.follows.remove(&called);
            }
            (Some(Asked::SignIn), Reply::Refused(refusal)) if refusal.code() == RefusalCode::WrongPassword => {
                self.prospect = self.prospect.max(Prospect::Doubtful);
            }
            (Some(Asked::Newest(known)), Reply::Page(page)) => {
                let mut events = page.events.iter().map(|told| udpchat::message::Event::decode(&told.event).unwrap());
                let last = events.next_back().map_or(page.after, |event| event.head.seq);
                assert!(last >= known, "I6: the newest page of {} ends at {last}, and {known} was known", page.log);
                self.know(page.log, last);
                self.pages.push((page.clone(), head(disk, page.log)));
            }
            _ => {}
        }
    }

    /// Whether one of the client's sockets is bound to this address.
    pub fn listens_at(&self, address: SocketAddr) -> bool {
        self.address == address || self.address_before == Some(address)
    }
}

/// How far a log is committed.
fn head(disk: &Disk, log: LogId) -> Seq {
    disk.heads.get(&log).copied().unwrap_or_default()
}

/// The text of a posted message.
pub fn text_of(followed: &Followed) -> Option<String> {
    match followed.event.content() {
        EventBody::Posted(post) => Some(post.text),
        _ => None,
    }
}
