//! The server's caps, reached by one member whose jobs the test does, or does not.

use super::bulk::FILE_READS_WAITING_MAX;
use super::filing::CHUNKS_IN_FLIGHT_MAX;
use super::job::{Answer, Done, Job, Read};
use super::server::{COMMANDS_IN_FLIGHT_MAX, READS_IN_FLIGHT_MAX};
use super::session::REQUESTS_IN_FLIGHT_MAX;
use super::{AllowanceConfig, FileAnswer, FileJob, FileLimits, Now, Server, ServerConfig};
use crate::chat::KeyOwner;
use crate::crypto::{Dice, PublicKey, SecretKey, ServerSecrets};
use crate::message::{
    Account, AccountKind, ChangePassword, DeviceId, EventPage, FILE_CHUNK_LEN_MAX, FileChunk, FileOffer, FileRead, HistoryFrom,
    HistoryRequest, LogId, Password, PostRequest, Refusal, RefusalCode, Registration, Reply, Request, RequestId, Seq, ServerRole,
    Target, Told, UserId,
};
use crate::transport::{CloseCode, Config, ConnectionHandle, Endpoint, Micros, Path, StreamId, Time};
use std::sync::Arc;

const SERVER: &str = "192.0.2.1:4747";

const FILES: FileLimits = FileLimits { file_len_max: 1 << 20, user_len_max: 1 << 20 };

struct House {
    now: Time,
    server: Server,
    client: Endpoint,
    key: SecretKey,
    server_key: PublicKey,
    /// The connection that asks and hears.
    handle: ConnectionHandle,
    /// What the server gave out to be done.
    jobs: Vec<Job>,
    /// Whether the member hears anything.
    hears: bool,
    heard: Vec<Vec<u8>>,
}

impl House {
    /// A server with one member, signed in.
    fn with_member() -> Self {
        let now = Time::from_micros(1_000_000);
        let mut dice = Dice::from_seed([5; 32]);
        let secrets = ServerSecrets::in_memory(&mut dice, 0);
        let server_key = secrets.identity.public();
        let config = ServerConfig {
            endpoint: Config::server(),
            guests: true,
            guest_days: 30,
            registration: Registration::Open,
            follows_per_session_max: 64,
            allowances: AllowanceConfig::DEFAULT,
            files: FILES,
        };
        let server = Server::new(config, secrets, dice.fork(), Now { at: now, wall_ms: 1 });
        let mut client = Endpoint::client(Config::client(), dice.fork(), now);
        let key = SecretKey::generate(&mut dice);
        let handle = client.connect(now, SERVER.parse().unwrap(), &key, Some(server_key));
        let (jobs, heard) = (Vec::new(), Vec::new());
        let mut house = Self { now, server, client, key, server_key, handle, jobs, hears: true, heard };
        house.sign_in();
        house
    }

    /// The member's device connects once more, and that connection asks and hears from now on. Returns the one before.
    fn connect_again(&mut self) -> ConnectionHandle {
        let fresh = self.client.connect(self.now, SERVER.parse().unwrap(), &self.key, Some(self.server_key));
        let before = std::mem::replace(&mut self.handle, fresh);
        self.sign_in();
        before
    }

    fn sign_in(&mut self) {
        let house = self;
        let under_way = std::mem::take(&mut house.jobs);
        house.pass(200);
        // What else it gave out is its own business.
        let looks_up = |job: &Job| matches!(job, Job::Read(_, Read::KeyOwner(_)));
        let at = house.jobs.iter().position(looks_up).expect("the key is looked up");
        let Job::Read(ticket, _) = house.jobs.swap_remove(at) else { unreachable!("just looked") };
        house.jobs.clear();
        let (user, device, own_log) = (UserId(1), DeviceId(1), LogId(1));
        let account = Account { user, device, name: "alice".into(), kind: AccountKind::Person, role: ServerRole::User, own_log };
        house.done(Done::Read(ticket, Ok(Answer::KeyOwner(KeyOwner::Account { account, last_seen_ms: u64::MAX }))));
        house.heard.clear();
        house.jobs = under_way;
    }

    /// Lets so many milliseconds pass.
    fn pass(&mut self, millis: u64) {
        let to_server = Path { remote: "198.51.100.1:5000".parse().unwrap(), local: None };
        let to_client = Path { remote: SERVER.parse().unwrap(), local: None };
        let mut bytes = Vec::new();
        for _ in 0..millis {
            self.now = self.now + Micros::from_millis(1);
            let now = Now { at: self.now, wall_ms: 1 };
            self.client.handle_timeout(self.now);
            while self.client.poll_transmit(self.now, &mut bytes).is_some() {
                self.server.handle_datagram(now, to_server, &mut bytes);
            }
            self.server.handle_turn(now);
            while self.server.poll_transmit(now, &mut bytes).is_some() {
                if self.hears {
                    self.client.handle_datagram(self.now, to_client, &mut bytes);
                }
            }
            while let Some(job) = self.server.poll_job() {
                self.jobs.push(job);
            }
            while self.client.poll_event().is_some() {}
            for stream in StreamId::all() {
                while let Some(message) = self.client.connection(self.handle).and_then(|mut end| end.recv(self.now, stream)) {
                    self.heard.push(message);
                }
            }
        }
    }

    /// The member's connection as the server knows it.
    fn server_handle(&self) -> ConnectionHandle {
        *self.server.sessions.keys().next().expect("the member is there")
    }

    fn done(&mut self, done: Done) {
        self.server.handle_done(Now { at: self.now, wall_ms: 1 }, done);
        self.pass(100);
    }

    fn ask(&mut self, tag: u32, request: &Request) {
        let message: Arc<[u8]> = request.encode(tag).into();
        self.client.connection(self.handle).unwrap().send(self.now, StreamId::Chat, &message).unwrap();
    }

    fn post(&mut self, tag: u32, text_len: usize) {
        let id = RequestId([u8::try_from(tag).unwrap(); 16]);
        self.ask(
            tag,
            &Request::Post(PostRequest {
                id,
                to: Target::Room("#ops".into()),
                text: "x".repeat(text_len),
                reply_to: None,
                payload: None,
            }),
        );
    }

    /// The codes of what was heard since the last look; it is all refusals.
    fn refusals(&mut self) -> Vec<RefusalCode> {
        let code = |message: Vec<u8>| match Reply::decode(&message) {
            Ok((_, Reply::Refused(refusal))) => refusal.code(),
            other => panic!("{other:?}"),
        };
        std::mem::take(&mut self.heard).into_iter().map(code).collect()
    }

    fn ask_history(&mut self, tag: u32) {
        let log = Target::Room("#ops".into());
        self.ask(tag, &Request::History(HistoryRequest { log, from: HistoryFrom::Last, count: 500 }));
    }
}

fn refused() -> Refusal {
    Refusal::new(RefusalCode::NoSuchRoom, "no such room")
}

#[test]
fn a_session_with_too_many_unanswered_requests_waits_unread() {
    let mut house = House::with_member();
    for tag in 0..100 {
        house.post(tag, 1);
    }
    house.pass(500);
    assert_eq!(house.jobs.len(), REQUESTS_IN_FLIGHT_MAX as usize);
    assert_eq!(house.server.holds().requests_full, 1);
    let Job::Command(ordered) = house.jobs.remove(0) else { panic!("a command") };
    house.done(Done::Command(super::Ticket(ordered.ticket), Err(refused())));
    assert_eq!(house.jobs.len(), REQUESTS_IN_FLIGHT_MAX as usize, "one out, one in");
}

#[test]
fn while_the_ledger_has_too_much_to_do_sessions_wait_and_are_told_once() {
    let mut house = House::with_member();
    // All others have as much under way as there may be, less one.
    house.server.commands_in_flight = COMMANDS_IN_FLIGHT_MAX - 1;
    for tag in 0..3 {
        house.post(tag, 1);
    }
    house.pass(500);
    assert_eq!(house.jobs.len(), 1);
    assert!(house.server.holds().workers_full >= 1);
    assert_eq!(house.heard.len(), 1, "slowed, once");
    let Some(Job::Command(ordered)) = house.jobs.pop() else { panic!("a command") };
    house.done(Done::Command(super::Ticket(ordered.ticket), Err(refused())));
    assert_eq!(house.jobs.len(), 1, "the next one");
}

#[test]
fn while_the_readers_have_too_much_to_do_sessions_wait() {
    let mut house = House::with_member();
    house.server.reads_in_flight = READS_IN_FLIGHT_MAX;
    house.ask_history(1);
    house.pass(500);
    assert!(house.jobs.is_empty());
    assert!(house.server.holds().workers_full >= 1);
    house.server.reads_in_flight = 0;
    house.pass(100);
    assert_eq!(house.jobs.len(), 1);
}

#[test]
fn who_does_not_take_the_replies_gets_no_more_until_they_are_taken() {
    let mut house = House::with_member();
    house.hears = false;
    for tag in 0..10 {
        house.ask_history(tag);
    }
    let event = Told { author: "alice".into(), event: vec![7; 40_000] };
    let page = EventPage {
        log: LogId(1),
        room: "#ops".into(),
        after: Seq(0),
        hash: [0; 32],
        events: vec![event],
        overlays: Vec::new(),
        more: false,
    };
    let mut answered = 0;
    house.pass(300);
    assert_eq!(house.jobs.len(), 2, "two reads at a time");
    while let Some(Job::Read(ticket, _)) = house.jobs.pop() {
        answered += 1;
        house.done(Done::Read(ticket, Ok(Answer::History(page.clone()))));
    }
    assert!((2..=4).contains(&answered), "{answered} pages wait in the stream");
    assert!(house.server.holds().replies_full >= 1);
    house.hears = true;
    house.pass(4_000);
    let pages = house.heard.iter().filter(|message| matches!(Reply::decode(message), Ok((_, Reply::Page(_))))).count();
    assert_eq!(pages, answered);
    assert!(!house.jobs.is_empty(), "and then the next");
}

#[test]
fn a_page_of_history_and_a_name_have_a_longest() {
    let mut house = House::with_member();
    let (log, from) = (Target::Room("#ops".into()), HistoryFrom::Last);
    house.ask(1, &Request::History(HistoryRequest { log, from, count: 501 }));
    house.ask(2, &Request::Who((Target::Room(format!("#{}", "x".repeat(128))), 0)));
    house.pass(300);
    assert_eq!(house.refusals(), [RefusalCode::OutOfRange, RefusalCode::BadName]);
    assert!(house.jobs.is_empty(), "no reader is bothered");
}

#[test]
fn what_one_connection_was_refused_no_delayed_copy_does_on_another() {
    let mut house = House::with_member();
    let before = house.connect_again();
    house.post(1, 1);
    house.pass(100);
    let Some(Job::Command(ordered)) = house.jobs.pop() else { panic!("a command") };
    house.done(Done::Command(super::Ticket(ordered.ticket), Err(refused())));
    assert_eq!(house.refusals(), [RefusalCode::NoSuchRoom]);
    let now = std::mem::replace(&mut house.handle, before);
    house.post(1, 1);
    house.pass(100);
    assert!(house.jobs.is_empty(), "the copy is not judged anew");
    assert_eq!(house.refusals(), [RefusalCode::NoSuchRoom]);
    house.post(2, 1);
    house.pass(100);
    assert_eq!(house.jobs.len(), 1, "another message is");
    house.jobs.clear();
    house.handle = now;
    house.post(1, 1);
    house.pass(100);
    assert_eq!(house.jobs.len(), 1, "who was told no may ask again");
}

#[test]
fn of_two_copies_the_second_waits_for_the_answer_to_the_first() {
    for answer_is_heard in [true, false] {
        let mut house = House::with_member();
        house.post(1, 1);
        house.pass(100);
        let before = house.connect_again();
        house.post(1, 1);
        house.pass(100);
        assert_eq!(house.jobs.len(), 1, "the copy waits");
        if answer_is_heard {
            let Some(Job::Command(ordered)) = house.jobs.pop() else { panic!("a command") };
            house.done(Done::Command(super::Ticket(ordered.ticket), Err(refused())));
            assert_eq!(house.refusals(), [RefusalCode::NoSuchRoom]);
            assert!(house.jobs.is_empty(), "it is not judged anew");
        } else {
            house.client.close(house.now, before, CloseCode::Done, "");
            house.pass(100);
            assert_eq!(house.jobs.len(), 2, "nobody was told what became of the first");
        }
    }
}

#[test]
fn a_copy_is_woken_also_by_an_answer_that_no_ledger_gave() {
    let mut house = House::with_member();
    let password = || Password::new("long enough".to_owned());
    let change = Request::ChangePassword(ChangePassword {
        id: RequestId([1; 16]),
        old: password(),
        new: password(),
        revoke_others: false,
    });
    house.ask(1, &change);
    house.pass(100);
    house.connect_again();
    house.ask(1, &change);
    house.pass(100);
    assert_eq!(house.jobs.len(), 1, "the copy waits");
    let Some(Job::Read(ticket, _)) = house.jobs.pop() else { panic!("a look-up") };
    house.done(Done::Read(ticket, Err(Refusal::new(RefusalCode::Busy, "later"))));
    assert_eq!(house.jobs.len(), 1, "its turn has come");
}

#[test]
fn what_may_be_taken_later_is_judged_anew_on_another_connection() {
    let mut house = House::with_member();
    let before = house.connect_again();
    house.post(1, 1);
    house.pass(100);
    let Some(Job::Command(ordered)) = house.jobs.pop() else { panic!("a command") };
    house.done(Done::Command(super::Ticket(ordered.ticket), Err(Refusal::new(RefusalCode::Busy, "later"))));
    house.handle = before;
    house.post(1, 1);
    house.pass(100);
    assert_eq!(house.jobs.len(), 1);
}

#[test]
fn while_too_many_pieces_are_being_written_the_next_waits_unread() {
    let mut house = House::with_member();
    let offer = FileOffer { hash: [7; 32], len: 100 };
    let piece = |offset: u64| Request::FileChunk(FileChunk { offer, offset, bytes: vec![1; 50] });
    house.ask(1, &Request::OfferFile(offer));
    house.pass(200);
    let Some(Job::File(ticket, FileJob::Offer { .. })) = house.jobs.pop() else { panic!("an offer") };
    house.done(Done::File(ticket, Ok(FileAnswer::Here(0))));
    // All others have as many as there may be.
    house.server.uploads.chunks_in_flight = CHUNKS_IN_FLIGHT_MAX;
    for (tag, offset) in [(2, 0), (3, 50)] {
        let message: Arc<[u8]> = piece(offset).encode(tag).into();
        house.client.connection(house.handle).unwrap().send(house.now, StreamId::BULK, &message).unwrap();
    }
    house.pass(200);
    assert!(house.jobs.is_empty());
    assert_eq!(house.server.holds().workers_full, 1);
    // One of theirs is written.
    house.server.uploads.chunks_in_flight -= 1;
    house.server.pump_upload(Now { at: house.now, wall_ms: 1 }, house.server_handle());
    house.pass(100);
    let Some(Job::File(ticket, FileJob::Write { .. })) = house.jobs.pop() else { panic!("a piece") };
    assert!(house.jobs.is_empty(), "one at a time");
    house.done(Done::File(ticket, Ok(FileAnswer::Here(50))));
    assert!(matches!(house.jobs.pop(), Some(Job::File(_, FileJob::Write { .. }))), "and then the next");
}

#[test]
fn parts_of_files_wait_beside_other_requests_and_only_so_many() {
    let mut house = House::with_member();
    let read = FileRead { log: Target::Room("#ops".into()), seq: Seq(1), offset: 0 };
    let waiting_max = u32::try_from(FILE_READS_WAITING_MAX).unwrap();
    // Two are read, and all others that may wait do.
    for tag in 0..waiting_max + 2 {
        house.ask(tag, &Request::ReadFile(read.clone()));
    }
    house.post(100, 1);
    house.pass(300);
    assert_eq!(house.jobs.len(), 3, "the message waits for none of them");
    let Some(Job::Command(ordered)) = house.jobs.pop() else { panic!("a command") };
    house.done(Done::Command(super::Ticket(ordered.ticket), Err(refused())));
    // Beyond them one waits like any other request.
    house.ask(101, &Request::ReadFile(read));
    house.post(102, 1);
    house.pass(300);
    assert_eq!(house.jobs.len(), 2);
    let Job::Read(ticket, _) = house.jobs.remove(0) else { panic!("a question") };
    house.done(Done::Read(ticket, Err(refused())));
    assert_eq!(house.jobs.len(), 3, "and others behind it");
}

#[test]
fn a_question_for_a_file_that_is_longer_than_any_name_is_not_kept() {
    let mut house = House::with_member();
    let read = |name: String| Request::ReadFile(FileRead { log: Target::Room(name), seq: Seq(1), offset: 0 });
    for tag in 0..2 {
        house.ask(tag, &read("#ops".into()));
    }
    house.pass(100);
    house.ask(2, &read("x".repeat(1_000)));
    house.post(3, 1);
    house.pass(300);
    assert_eq!(house.jobs.len(), 2, "it waits unread, and what is behind it");
    house.jobs.remove(1);
    let Some(Job::Read(ticket, _)) = house.jobs.pop() else { panic!("a question") };
    house.done(Done::Read(ticket, Err(refused())));
    assert_eq!(house.refusals(), [RefusalCode::NoSuchRoom, RefusalCode::BadName]);
    assert!(matches!(house.jobs.pop(), Some(Job::Command(_))));
}

#[test]
fn what_is_no_piece_is_refused_on_a_bulk_stream_and_pieces_elsewhere() {
    let mut house = House::with_member();
    let offer = FileOffer { hash: [7; 32], len: 100 };
    house.ask(1, &Request::OfferFile(offer));
    house.ask(2, &Request::FileChunk(FileChunk { offer, offset: 0, bytes: vec![1] }));
    house.ask(3, &Request::OfferFile(FileOffer { hash: [7; 32], len: (1 << 20) + 1 }));
    house.pass(200);
    let Some(Job::File(ticket, FileJob::Offer { .. })) = house.jobs.pop() else { panic!("an offer") };
    house.done(Done::File(ticket, Ok(FileAnswer::Here(0))));
    let long = FileChunk { offer, offset: 0, bytes: vec![1; FILE_CHUNK_LEN_MAX + 1] };
    for (tag, request) in [(4, Request::WhoAmI), (5, Request::FileChunk(long))] {
        let message: Arc<[u8]> = request.encode(tag).into();
        house.client.connection(house.handle).unwrap().send(house.now, StreamId::BULK, &message).unwrap();
    }
    house.pass(300);
    let mut codes: Vec<(u32, RefusalCode)> = std::mem::take(&mut house.heard)
        .iter()
        .filter_map(|message| match Reply::decode(message) {
            Ok((tag, Reply::Refused(refusal))) => Some((tag, refusal.code())),
            _ => None,
        })
        .collect();
    codes.sort_by_key(|(tag, _)| *tag);
    let (malformed, too_long) = (RefusalCode::Malformed, RefusalCode::FileTooLong);
    assert_eq!(codes, [(2, malformed), (3, too_long), (4, malformed), (5, RefusalCode::BadPiece)]);
    assert!(house.jobs.is_empty(), "no disk is bothered");
}
