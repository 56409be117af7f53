//! Files in a simulated world: over bad networks and killed servers, onto full disks, and gone with their messages.

use std::collections::BTreeSet;

use udpchat::client::{ClientEvent, Download, Upload, UploadState};
use udpchat::message::{
    Attachment, ChangeRoom, Deed, FILE_PIECE_LEN_MAX, FileHasher, FileOffer, History, LogId, Mark, MarkRequest, Moderate,
    PasswordChange, PostFile, RefusalCode, Reply, Request, RoomChanges, Seq, Target,
};
use udpchat::transport::Micros;

use super::net::{Bottleneck, Faults};
use super::world::World;

const MINUTE: Micros = Micros::from_secs(60);

/// Bytes that no two parts of are equal.
fn content(len: usize) -> Vec<u8> {
    (0..len as u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

fn offer_of(bytes: &[u8]) -> FileOffer {
    let mut hasher = FileHasher::default();
    hasher.update(bytes);
    FileOffer { hash: hasher.finish(), len: bytes.len() as u64 }
}

/// Sends a file; `meanwhile` sees how many bytes are there. Whatever happens, it ends.
fn send(world: &mut World, who: usize, bytes: &[u8], mut meanwhile: impl FnMut(&mut World, u64)) -> Result<(), RefusalCode> {
    let (now, mut heard) = (world.now, world.people[who].events.len());
    let mut upload = Upload::begin(world.client(who), now, offer_of(bytes));
    let mut state = UploadState::Going;
    world.drive(MINUTE.times(20), |world| {
        let (now, person) = (world.now, &mut world.people[who]);
        let client = person.client.as_mut().expect("it runs");
        while heard < person.events.len() && state == UploadState::Going {
            state = upload.handle_event(client, now, &person.events[heard]);
            heard += 1;
        }
        while let Some((offset, len)) = upload.wanted() {
            let from = usize::try_from(offset).unwrap();
            upload.send(client, now, bytes[from..from + len].to_vec());
        }
        world.settle();
        meanwhile(world, upload.here_len());
        state != UploadState::Going
    });
    match state {
        UploadState::Whole => Ok(()),
        UploadState::Refused(refusal) => Err(refusal.code()),
        UploadState::Going => panic!("it does not end: {upload:?}"),
    }
}

/// Writes a message with a file to `#ops`.
fn post(world: &mut World, who: usize, bytes: &[u8]) -> Reply {
    post_with(world, who, bytes, "see")
}

fn post_with(world: &mut World, who: usize, bytes: &[u8], text: &str) -> Reply {
    let FileOffer { hash, len } = offer_of(bytes);
    let file = Attachment { name: "tea.bin".into(), media: String::new(), len, hash };
    let id = world.id(who);
    world.ask(who, &Request::PostFile(PostFile { id, to: Target::Room("#ops".into()), text: text.to_owned(), file }))
}

fn stored(reply: &Reply) -> (LogId, Seq) {
    let Reply::Stored(stored) = reply else { panic!("not stored: {reply:?}") };
    (stored.log, stored.seq)
}

/// Reads the file of a message.
fn fetch(world: &mut World, who: usize, (log, seq): (LogId, Seq)) -> Result<Vec<u8>, RefusalCode> {
    let mut download = Download::new(Target::Log(log), seq);
    let (mut asked, mut bytes, mut refused) = (BTreeSet::new(), Vec::new(), None);
    let mut heard = world.people[who].events.len();
    let ended = world.drive(MINUTE.times(20), |world| {
        let (now, person) = (world.now, &mut world.people[who]);
        let client = person.client.as_mut().expect("it runs");
        while heard < person.events.len() {
            match &person.events[heard] {
                ClientEvent::Reply { tag, reply } if asked.remove(tag) => match reply {
                    Reply::FilePiece(piece) => download.take(piece.clone()).unwrap(),
                    Reply::Refused(refusal) => refused = Some(refusal.code()),
                    other => panic!("{other:?}"),
                },
                _ => {}
            }
            heard += 1;
        }
        while let Some(piece) = download.poll_bytes() {
            bytes.extend(piece);
        }
        if refused.is_none() {
            asked.extend(std::iter::from_fn(|| download.poll_read()).map(|read| client.request(now, &Request::ReadFile(read))));
        }
        world.settle();
        refused.is_some() || download.is_whole()
    });
    assert!(ended, "{download:?}");
    refused.map_or(Ok(bytes), Err)
}

/// Alice and Bob in `#ops`.
fn two_in_a_room(world: &mut World) -> (usize, usize) {
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    world.create(alice, "#ops");
    world.join(bob, "#ops");
    (alice, bob)
}

#[test]
fn a_file_arrives_whole_over_loss_a_killed_server_and_a_lost_connection() {
    for seed in 0..4 {
        let faults = Faults { jitter: Micros::from_millis(20), corrupt: 20, ..Faults::lossy(Micros::from_millis(25), 100) };
        let mut world = World::new(700 + seed, faults);
        let (alice, bob) = two_in_a_room(&mut world);
        let bytes = content(600_000);
        let (mut kill_count, mut cut_count, mut least) = (0, 0, 0);
        let sent = send(&mut world, alice, &bytes, |world, here_len| {
            assert!(here_len >= least, "what was there is there still");
            least = here_len;
            if kill_count == 0 && here_len > 100_000 {
                kill_count += 1;
                world.kill_server();
                world.drive_for(Micros::from_secs(2));
                world.start_server();
            }
            if cut_count == 0 && here_len > 300_000 {
                cut_count += 1;
                world.net.set_faults(Faults::lossy(Micros::from_millis(25), 1_000));
                world.drive_for(MINUTE);
                world.net.set_faults(faults);
            }
        });
        assert_eq!((sent, kill_count, cut_count), (Ok(()), 1, 1), "seed {seed}");
        let place = stored(&post(&mut world, alice, &bytes));
        assert_eq!(fetch(&mut world, bob, place), Ok(bytes), "seed {seed}");
        assert_eq!(world.sweep_files(), 0, "nothing is left over");
    }
}

#[test]
fn a_message_with_a_file_that_is_asked_for_twice_is_there_once() {
    let mut world = World::on_good_network(710);
    let (alice, bob) = two_in_a_room(&mut world);
    let bytes = content(1_000);
    send(&mut world, alice, &bytes, |_, _| {}).unwrap();
    let FileOffer { hash, len } = offer_of(&bytes);
    let file = Attachment { name: "tea.bin".into(), media: String::new(), len, hash };
    let (id, to) = (world.id(alice), Target::Room("#ops".into()));
    let request = |text: &str| Request::PostFile(PostFile { id, to: to.clone(), text: text.into(), file: file.clone() });
    let first = stored(&world.ask(alice, &request("see")));
    world.kill_server();
    world.start_server();
    assert_eq!(stored(&world.ask(alice, &request("see"))), first, "though nothing of it is on its way any more");
    let Reply::Refused(refusal) = world.ask(alice, &request("look")) else { panic!("it is another message") };
    assert_eq!(refusal.code(), RefusalCode::IdReused);
    assert_eq!(fetch(&mut world, bob, first), Ok(bytes));
}

#[test]
fn a_full_disk_refuses_files_keeps_what_is_there_and_heals() {
    let mut world = World::on_good_network(720);
    let (alice, bob) = two_in_a_room(&mut world);
    let bytes = content(400_000);
    world.limit_file_room(150_000);
    let mut least = 0;
    assert_eq!(send(&mut world, alice, &bytes, |_, here_len| least = here_len), Err(RefusalCode::ReadOnly));
    assert!(least > 100_000, "{least}");
    let place = world.write(alice, "#ops", "the disk is full");
    assert!(world.drive(MINUTE, |world| world.people[alice].outcomes.contains_key(&place)), "nobody else is held up");
    world.limit_file_room(u64::MAX);
    let mut first = None;
    let sent = send(&mut world, alice, &bytes, |_, here_len| first = first.or((here_len > 0).then_some(here_len)));
    assert!(sent.is_ok() && first.is_some_and(|first| first >= least), "it goes on where it was: {first:?}");
    // The database has no room for the message: the file waits for the next try.
    world.set_disk_full(true);
    let long = "x".repeat(16_000);
    let Reply::Refused(refusal) = post_with(&mut world, alice, &bytes, &long) else { panic!("there is no room") };
    assert_eq!(refusal.code(), RefusalCode::ReadOnly);
    world.set_disk_full(false);
    let place = stored(&post_with(&mut world, alice, &bytes, &long));
    assert_eq!(fetch(&mut world, bob, place), Ok(bytes));
}

#[test]
fn a_file_goes_when_its_last_message_is_deleted_or_erased_by_age() {
    let mut world = World::on_good_network(730);
    let (alice, bob) = two_in_a_room(&mut world);
    let bytes = content(5_000);
    let places: Vec<_> = [alice, bob]
        .into_iter()
        .map(|who| {
            send(&mut world, who, &bytes, |_, _| {}).unwrap();
            stored(&post(&mut world, who, &bytes))
        })
        .collect();
    let (log, first) = places[0];
    let id = world.id(alice);
    let delete = MarkRequest { id, log: Target::Log(log), seq: first, mark: Mark::Delete };
    stored(&world.ask(alice, &Request::Mark(delete)));
    assert_eq!(fetch(&mut world, bob, places[0]), Err(RefusalCode::NoSuchFile));
    assert_eq!(world.sweep_files(), 0, "another message has it");
    assert_eq!(fetch(&mut world, alice, places[1]), Ok(bytes.clone()));
    // The newest message is kept, which is another one.
    stored(&{
        let written = world.write(alice, "#ops", "something else");
        assert!(world.drive(MINUTE, |world| world.people[alice].outcomes.contains_key(&written)));
        let id = world.id(alice);
        let changes = RoomChanges { retain_posts: Some(1), ..RoomChanges::default() };
        let change = ChangeRoom { id, room: Target::Log(log), password: PasswordChange::Keep, changes };
        world.ask(alice, &Request::ChangeRoom(change))
    });
    world.drive_for(MINUTE);
    assert_eq!(fetch(&mut world, bob, places[1]), Err(RefusalCode::NoSuchFile));
    assert_eq!((world.sweep_files(), world.sweep_files()), (1, 0), "its bytes are gone");
}

#[test]
pub fn a_message_that_was_told_has_its_file_after_a_power_cut() {
    let mut world = World::on_good_network(750);
    let (alice, bob) = two_in_a_room(&mut world);
    let bytes = content(70_000);
    send(&mut world, alice, &bytes, |_, _| {}).unwrap();
    let place = stored(&post(&mut world, alice, &bytes));
    world.cut_power();
    world.start_server();
    assert_eq!(fetch(&mut world, bob, place), Ok(bytes));
}

#[test]
fn a_file_on_its_way_is_sent_again_after_a_power_cut() {
    let mut world = World::on_good_network(751);
    let (alice, bob) = two_in_a_room(&mut world);
    let bytes = content(300_000);
    let (mut cut_count, mut least) = (0, u64::MAX);
    let sent = send(&mut world, alice, &bytes, |world, here_len| {
        if cut_count == 0 && here_len > 100_000 {
            cut_count += 1;
            world.cut_power();
            world.drive_for(Micros::from_secs(2));
            world.start_server();
        } else if cut_count > 0 {
            least = least.min(here_len);
        }
    });
    assert_eq!((sent, cut_count, least), (Ok(()), 1, 0), "nothing of it was synced");
    let place = stored(&post(&mut world, alice, &bytes));
    assert_eq!(fetch(&mut world, bob, place), Ok(bytes));
}

#[test]
fn who_may_not_read_the_message_gets_no_file() {
    let mut world = World::on_good_network(740);
    let (alice, bob) = two_in_a_room(&mut world);
    let (late, eve) = (world.register("late"), world.register("eve"));
    let bytes = content(500);
    send(&mut world, alice, &bytes, |_, _| {}).unwrap();
    let place = stored(&post(&mut world, alice, &bytes));
    let log = Target::Log(place.0);
    let changes = RoomChanges { history: Some(History::SinceJoin), ..RoomChanges::default() };
    let id = world.id(alice);
    let change = ChangeRoom { id, room: log.clone(), password: PasswordChange::Keep, changes };
    stored(&world.ask(alice, &Request::ChangeRoom(change)));
    world.join(late, "#ops");
    assert_eq!(fetch(&mut world, bob, place), Ok(bytes.clone()));
    assert_eq!(fetch(&mut world, late, place), Err(RefusalCode::NoSuchFile), "it was before their time");
    assert_eq!(fetch(&mut world, eve, place), Err(RefusalCode::NotMember));
    let id = world.id(alice);
    let ban = Moderate { id, room: log, user: "bob".into(), deed: Deed::Ban(String::new()) };
    stored(&world.ask(alice, &Request::Moderate(ban)));
    assert_eq!(fetch(&mut world, bob, place), Err(RefusalCode::NotMember));
    // Who knows the hash is nobody: the bytes have to be sent.
    let known = post(&mut world, late, &bytes);
    assert!(matches!(&known, Reply::Refused(refusal) if refusal.code() == RefusalCode::FileMissing), "{known:?}");
}

/// Both ways, on a network without faults.
const ROUND_TRIP: Micros = Micros::from_millis(50);

/// Sends a file to `#ops`; where it is.
fn put(world: &mut World, who: usize, bytes: &[u8]) -> (LogId, Seq) {
    send(world, who, bytes, |_, _| {}).unwrap();
    stored(&post(world, who, bytes))
}

#[test]
fn a_file_takes_the_time_of_its_path_and_not_a_round_trip_for_each_piece() {
    let mut world = World::on_good_network(750);
    world.work_delay_max = Micros::ZERO;
    let (alice, bob) = two_in_a_room(&mut world);
    let bytes = content(4 << 20);
    let place = put(&mut world, alice, &bytes);
    let began_at = world.now;
    assert_eq!(fetch(&mut world, bob, place), Ok(bytes.clone()));
    let round_trips = (world.now - began_at).as_micros() / ROUND_TRIP.as_micros();
    let pieces = bytes.len() / FILE_PIECE_LEN_MAX;
    // The window opens from ten packets to what a session may have on its way, then that much comes in each round trip.
    assert!((8..=30).contains(&round_trips), "{round_trips} round trips for {pieces} pieces");
}

#[test]
fn a_message_does_not_wait_for_the_file_that_was_asked_for_before_it() {
    let mut world = World::on_good_network(751);
    let (alice, bob) = two_in_a_room(&mut world);
    let bytes = content(2 << 20);
    let place = put(&mut world, alice, &bytes);
    // A megabit a second: what was asked for ahead takes twelve seconds.
    let slow = Bottleneck { bytes_per_sec: 125_000, queue_len_max: 32_000 };
    let (server, bobs) = (world.server_address, world.people[bob].address);
    let faults = Faults { bottleneck: Some(slow), ..Faults::none(Micros::from_millis(25)) };
    world.net.set_link(server, bobs, Some(faults));
    let mut download = Download::new(Target::Log(place.0), place.1);
    let now = world.now;
    let first = Request::ReadFile(download.poll_read().unwrap());
    let tag = world.client(bob).request(now, &first);
    let Reply::FilePiece(piece) = world.answer(bob, tag) else { panic!("no piece") };
    download.take(piece).unwrap();
    download.poll_bytes();
    let now = world.now;
    let client = world.client(bob);
    let asked_count =
        std::iter::from_fn(|| download.poll_read()).map(|read| client.request(now, &Request::ReadFile(read))).count();
    assert!(asked_count > 30, "{asked_count}");
    world.drive_for(Micros::from_secs(2));
    let written_at = world.now;
    let written = world.write(bob, "#ops", "meanwhile");
    assert!(world.drive(MINUTE, |world| world.people[bob].outcomes.contains_key(&written)));
    let waited = world.now - written_at;
    assert!(waited < Micros::from_millis(1_000), "{waited:?}");
    assert_eq!(fetch(&mut world, bob, place), Ok(bytes), "and the file comes all the same");
}
