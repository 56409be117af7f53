//! An account that is disabled while it is in use: its connections hear why and end, and from then on nothing is told to it or
//! taken from it.

use std::fs;
use std::path::Path;

use udpchat::client::{ClientEvent, Upload, UploadState};
use udpchat::message::{
    AccountState, FileHasher, FileOffer, FollowFrom, LogId, RefusalCode, Reply, Request, SetAccountState, Target,
};
use udpchat::transport::{CloseCode, CloseReason, Micros};

use super::disk;
use super::net::Faults;
use super::world::World;

const MINUTE: Micros = Micros::from_secs(60);

/// An admin in `#ops`, and bob, who follows it.
fn admin_and_bob(seed: u64) -> (World, usize, usize, LogId) {
    let mut world = World::on_good_network(seed);
    let (admin, bob) = (world.register("admin"), world.register("bob"));
    disk::alter(&world.disk.data_path(), "UPDATE users SET role = 1 WHERE name = 'admin'");
    world.kill_client(admin);
    world.start_client(admin);
    let Reply::Stored(made) = world.create(admin, "#ops") else { panic!("it is made") };
    world.join(bob, "#ops");
    world.follow(bob, Target::Log(made.log), FollowFrom::Now);
    (world, admin, bob, made.log)
}

fn set(world: &mut World, admin: usize, state: AccountState) -> Reply {
    let id = world.id(admin);
    world.ask(admin, &Request::SetAccountState(SetAccountState { id, user: "@bob".into(), state }))
}

fn is_told(world: &World, who: usize) -> bool {
    let is_refusal = |event: &ClientEvent| match event {
        ClientEvent::SignedOut(refusal) => refusal.code() == RefusalCode::AccountDisabled,
        _ => false,
    };
    world.people[who].events.iter().any(is_refusal)
}

fn closed_as(world: &World, who: usize) -> Option<(CloseCode, String)> {
    world.people[who].events.iter().find_map(|event| match event {
        ClientEvent::Offline { reason: CloseReason::Peer { code, reason }, .. } => Some((*code, reason.clone())),
        _ => None,
    })
}

#[test]
fn whose_account_is_disabled_is_told_why_and_then_nothing_more_until_it_is_enabled() {
    for loss in [0, 200] {
        let (mut world, admin, bob, log) = admin_and_bob(80 + loss);
        world.net.set_faults(Faults::lossy(Micros::from_millis(25), loss));
        world.write(admin, "#ops", "before");
        assert!(world.drive(MINUTE, |world| world.texts(bob, log) == ["before"]));
        assert_eq!(set(&mut world, admin, AccountState::Disabled), Reply::Done);
        world.write(admin, "#ops", "behind bob's back");
        assert!(world.drive(MINUTE, |world| is_told(world, bob) && closed_as(world, bob).is_some()), "loss {loss}");
        let (code, sentence) = closed_as(&world, bob).expect("it is closed");
        assert_eq!((code, sentence.as_str()), (CloseCode::Revoked, "this account was disabled; ask the server's admins"));
        world.drive_for(MINUTE);
        assert!(world.client(bob).account().is_none(), "who comes back is nobody");
        assert_eq!(world.texts(bob, log), ["before"]);
        assert_eq!(set(&mut world, admin, AccountState::Enabled), Reply::Done);
        world.kill_client(bob);
        world.start_client(bob);
        world.follow(bob, Target::Log(log), FollowFrom::Start);
        assert!(world.drive(MINUTE, |world| world.texts(bob, log).ends_with(&["before".into(), "behind bob's back".into()])));
    }
}

/// How many bytes of files are there that belong to no message; each user's are in a folder.
fn partial_len(world: &World) -> u64 {
    let entries = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let files = entries(&world.disk.data_path().join("files/partial")).into_iter().flat_map(|folder| entries(&folder));
    files.map(|file| fs::metadata(file).unwrap().len()).sum()
}

#[test]
fn of_a_file_that_is_being_sent_nothing_more_is_written() {
    let (mut world, admin, bob, _) = admin_and_bob(90);
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let mut hasher = FileHasher::default();
    hasher.update(&bytes);
    let (now, mut heard) = (world.now, world.people[bob].events.len());
    let offer = FileOffer { hash: hasher.finish(), len: bytes.len() as u64 };
    let mut upload = Upload::begin(world.client(bob), now, offer);
    let mut state = UploadState::Going;
    let mut go_on = |world: &mut World| {
        let (now, person) = (world.now, &mut world.people[bob]);
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
        upload.here_len()
    };
    assert!(world.drive(MINUTE, |world| go_on(world) > 200_000));
    let (id, now) = (world.id(admin), world.now);
    let disable = SetAccountState { id, user: "bob".into(), state: AccountState::Disabled };
    let tag = world.client(admin).request(now, &Request::SetAccountState(disable));
    let is_done = |event: &ClientEvent| matches!(event, ClientEvent::Reply { tag: of, reply: Reply::Done } if *of == tag);
    assert!(world.drive(MINUTE, |world| {
        go_on(world);
        world.people[admin].events.iter().any(is_done)
    }));
    let len = partial_len(&world);
    assert!((200_000..1_000_000).contains(&len), "{len} bytes are there");
    world.drive(MINUTE, |world| {
        go_on(world);
        false
    });
    assert_eq!(partial_len(&world), len);
    assert!(is_told(&world, bob));
}
