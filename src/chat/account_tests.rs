//! Registering, logging in and out, devices and passwords, over a real database.

use super::tests::{World, account, bind, code, device, guest, key, member, post, register, stranger};
use super::*;
use crate::message::{Account, EventBody, RefusalCode, Reply, UserId};

fn owner(world: &World, number: u64) -> Account {
    match account_of_key(&world.reader, &key(number)).unwrap() {
        KeyOwner::Account { account, .. } => account,
        other => panic!("nobody is signed in: {other:?}"),
    }
}

#[test]
fn registering_makes_an_account_with_its_first_own_event() {
    let mut world = World::new();
    let outcome = world.act(stranger(1), register("Alice")).unwrap();
    let Reply::Account(alice) = outcome.reply.clone() else { panic!() };
    assert_eq!((alice.name.as_str(), alice.is_guest()), ("Alice", false));
    assert_eq!(outcome.changes, [Change::SignedIn { key: key(1), account: alice.clone() }]);
    assert_eq!(world.own(&alice), [EventBody::DeviceAdded(alice.device, "laptop".into())]);
    assert_eq!(owner(&world, 1), alice);
    assert_eq!(account_of_key(&world.reader, &key(2)).unwrap(), KeyOwner::Unknown);
    assert_eq!(password_of(&world.reader, "@alice").unwrap(), Some((alice.user, "hash of Alice".into())));
    assert_eq!(password_of_user(&world.reader, alice.user).unwrap(), Some("hash of Alice".into()));
    assert_eq!(password_of(&world.reader, "bob").unwrap(), None);
    assert_eq!(password_of(&world.reader, "not a name").unwrap(), None);
}

#[test]
fn registering_again_from_the_same_device_gives_the_same_account() {
    let mut world = World::new();
    let alice = account(world.act(stranger(1), register("alice")));
    let again = world.act(stranger(1), register("alice")).unwrap();
    assert!(again.replayed && again.events.is_empty());
    assert_eq!(again.changes, [Change::SignedIn { key: key(1), account: alice.clone() }]);
    assert_eq!(account(Ok(again)), alice);
    assert_eq!(account(world.act(member(&alice), register("alice"))), alice);
    assert_eq!(code(world.act(stranger(1), register("bob"))), RefusalCode::AlreadySignedIn);
    assert_eq!(code(world.act(stranger(1), guest("alice"))), RefusalCode::AlreadySignedIn);
    assert_eq!(world.own(&alice).len(), 1);
}

#[test]
fn a_name_that_looks_like_anothers_is_taken() {
    let mut world = World::new();
    world.register("alice");
    let refusal = world.act(stranger(9), register("alic\u{e9}")).map(|_| ()).err();
    assert_eq!(refusal, None, "an accent is another letter");
    let refusal = world.act(stranger(10), register("a1ice")).unwrap_err();
    assert_eq!(refusal.code(), RefusalCode::NameTaken);
    assert_eq!(refusal.sentence, "the name @a1ice looks like @alice, which is taken; choose another one");
    assert_eq!(code(world.act(stranger(10), guest("ALICE"))), RefusalCode::NameTaken);
    // The refused one left nothing behind and may choose another.
    let bob = account(world.act(stranger(10), register("bob")));
    assert_eq!(bob.user, UserId(3));
}

#[test]
fn a_guest_has_no_password() {
    let mut world = World::new();
    let guest = account(world.act(stranger(1), guest("visitor")));
    assert!(guest.is_guest());
    assert_eq!(password_of(&world.reader, "visitor").unwrap(), None);
    let change = Action::ChangePassword { verified: String::new(), password_hash: "new".into(), revoke_others: false };
    assert_eq!(code(world.act(member(&guest), change)), RefusalCode::NotForGuests);
    let login = Action::BindDevice { user: guest.user, verified: String::new(), device: device() };
    assert_eq!(code(world.act(stranger(2), login)), RefusalCode::WrongPassword);
}

#[test]
fn a_second_device_is_bound_once_and_told_in_the_own_log() {
    let mut world = World::new();
    let alice = world.register("alice");
    let phone = account(world.act(stranger(77), bind(&alice)));
    assert_eq!(phone.user, alice.user);
    assert_ne!(phone.device, alice.device);
    assert!(world.act(stranger(77), bind(&alice)).unwrap().replayed);
    let own = world.own(&alice);
    assert_eq!(own[1..], [EventBody::DeviceAdded(phone.device, "laptop".into())]);
    let stale = Action::BindDevice { user: alice.user, verified: "an older hash".into(), device: device() };
    assert_eq!(code(world.act(stranger(78), stale)), RefusalCode::WrongPassword);
    let bob = world.register("bob");
    assert_eq!(code(world.act(stranger(77), bind(&bob))), RefusalCode::AlreadySignedIn);
}

#[test]
fn logging_out_ends_the_device_for_good() {
    let mut world = World::new();
    let alice = account(world.act(stranger(1), register("alice")));
    let phone = account(world.act(stranger(2), bind(&alice)));
    let outcome = world.act(member(&alice), Action::LogOut).unwrap();
    assert_eq!((outcome.reply, outcome.changes), (Reply::Done, vec![Change::DeviceRevoked { device: alice.device }]));
    assert_eq!(world.own(&alice).last(), Some(&EventBody::DeviceRevoked(alice.device)));
    assert!(world.act(member(&alice), Action::LogOut).unwrap().replayed);
    assert_eq!(code(world.act(member(&alice), post("@alice", "x"))), RefusalCode::DeviceRevoked);
    assert_eq!(code(world.act(stranger(1), bind(&alice))), RefusalCode::DeviceRevoked);
    assert_eq!(code(world.act(stranger(1), register("alice"))), RefusalCode::DeviceRevoked);
    let KeyOwner::Refused(refusal) = account_of_key(&world.reader, &key(1)).unwrap() else { panic!() };
    assert_eq!(refusal.code(), RefusalCode::DeviceRevoked);
    assert_eq!(owner(&world, 2), phone);
}

#[test]
fn changing_the_password_can_revoke_the_other_devices() {
    let mut world = World::new();
    let alice = account(world.act(stranger(1), register("alice")));
    let others: Vec<_> = (2..5).map(|number| account(world.act(stranger(number), bind(&alice))).device).collect();
    let change = |verified: &str, new: &str| Action::ChangePassword {
        verified: verified.into(),
        password_hash: new.into(),
        revoke_others: true,
    };
    assert_eq!(code(world.act(member(&alice), change("stale", "new"))), RefusalCode::WrongPassword);
    let id = world.fresh_id();
    assert_eq!(first_password_change(&world.reader, alice.user, id).unwrap(), None);
    let outcome = world.run(member(&alice), id, change("hash of alice", "new")).unwrap();
    let revoked: Vec<_> = others.iter().map(|device| Change::DeviceRevoked { device: *device }).collect();
    assert_eq!((outcome.reply, outcome.changes, outcome.events.len()), (Reply::Done, revoked, 3));
    assert_eq!(password_of(&world.reader, "alice").unwrap(), Some((alice.user, "new".into())));
    // The repeat cannot be verified against the old hash any more; its first outcome stands.
    assert_eq!(first_password_change(&world.reader, alice.user, id).unwrap(), Some(Reply::Done));
    assert!(world.run(member(&alice), id, change("new", "other salt")).unwrap().replayed);
    assert_eq!(password_of(&world.reader, "alice").unwrap(), Some((alice.user, "new".into())));
}
