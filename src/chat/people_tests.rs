//! Devices, profiles, invitations and the claim to be the first admin, over a real database.

use super::tests::{World, account, bind, code, device, member, register, stranger};
use super::*;
use crate::message::{About, AccountKind, CODE_LEN, Code, CodeHash, EventBody, RefusalCode, Reply, ServerRole, Tags, UserName};

const DAY_MS: u64 = 24 * 3_600_000;

fn hash(number: u8) -> CodeHash {
    Code::new([number; CODE_LEN]).hash()
}

fn invite(number: u8, uses: u32, days: u32) -> Action {
    Action::MakeInvitation { code: hash(number), uses, days }
}

fn register_with(name: &str, number: u8) -> Action {
    let name = UserName::parse(name).unwrap();
    Action::Register { name, password_hash: "phc".into(), device: device(), invitation: Some(hash(number)) }
}

/// A world whose first user is its admin, by the code of number 1.
fn with_admin() -> (World, crate::message::Account) {
    let mut world = World::new();
    world.db.set_claim(&hash(1)).unwrap();
    let admin = world.register("root");
    let claimed = world.act(member(&admin), Action::Claim { code: hash(1) }).unwrap();
    let Reply::Account(admin) = claimed.reply else { panic!() };
    assert_eq!(claimed.changes, [Change::RoleChanged { account: admin.clone() }]);
    (world, admin)
}

#[test]
fn devices_are_listed_and_revoked_one_by_one() {
    let mut world = World::new();
    let alice = account(world.act(stranger(1), register("alice")));
    let phone = account(world.act(stranger(2), bind(&alice)));
    let bob = world.register("bob");
    let listed: Vec<_> = devices(&world.reader, alice.user).unwrap().iter().map(|summary| summary.device).collect();
    assert_eq!(listed, [alice.device, phone.device]);
    let revoke = |device| Action::RevokeDevice { device };
    assert_eq!(code(world.act(member(&alice), revoke(bob.device))), RefusalCode::NoSuchDevice);
    assert_eq!(code(world.act(member(&alice), revoke(alice.device))), RefusalCode::NoSuchDevice);
    let id = world.fresh_id();
    let outcome = world.run(member(&alice), id, revoke(phone.device)).unwrap();
    assert_eq!(outcome.changes, [Change::DeviceRevoked { device: phone.device }]);
    assert_eq!(world.own(&alice).last(), Some(&EventBody::DeviceRevoked(phone.device)));
    assert!(world.run(member(&alice), id, revoke(phone.device)).unwrap().replayed);
    assert_eq!(code(world.act(member(&alice), revoke(phone.device))), RefusalCode::NoSuchDevice);
    assert_eq!(code(world.act(member(&phone), Action::Seen)), RefusalCode::DeviceRevoked);
    assert_eq!(devices(&world.reader, alice.user).unwrap().len(), 1);
}

#[test]
fn a_device_that_comes_is_noted() {
    let mut world = World::new();
    let alice = world.register("alice");
    let seen = |world: &World| devices(&world.reader, alice.user).unwrap()[0].last_seen_ms;
    let before = seen(&world);
    let outcome = world.act(member(&alice), Action::Seen).unwrap();
    assert_eq!((outcome.events.len(), outcome.changes.len()), (0, 0));
    assert!(seen(&world) > before);
}

#[test]
fn what_people_say_about_themselves_is_seen_by_name() {
    let mut world = World::new();
    let (alice, _) = (world.register("alice"), world.register("bob"));
    let say = |about: Option<&str>, tags: Option<&[&str]>| Action::SetProfile {
        about: about.map(|about| About::parse(about).unwrap()),
        tags: tags.map(|tags| Tags::parse(&tags.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()),
    };
    world.act(member(&alice), say(Some("climbs 山"), Some(&["rust", "音乐"]))).unwrap();
    world.act(member(&alice), say(None, Some(&["Go"]))).unwrap();
    let seen = profile(&world.reader, "@ALICE").unwrap().unwrap();
    assert_eq!((seen.name.as_str(), seen.about.as_str(), seen.tags), ("alice", "climbs 山", vec!["go".to_owned()]));
    assert_eq!((seen.kind, seen.role, seen.online), (AccountKind::Person, ServerRole::User, false));
    world.act(member(&alice), say(Some(""), Some(&[]))).unwrap();
    let bare = profile(&world.reader, "alice").unwrap().unwrap();
    assert_eq!((bare.about.as_str(), bare.tags.len()), ("", 0));
    assert_eq!(profile(&world.reader, "carol").unwrap().unwrap_err().code(), RefusalCode::NoSuchUser);
    assert_eq!(profile(&world.reader, "not a name").unwrap().unwrap_err().code(), RefusalCode::BadName);
}

#[test]
fn the_claim_makes_one_admin_once() {
    let (mut world, admin) = with_admin();
    assert_eq!(admin.role, ServerRole::Admin);
    let bob = world.register("bob");
    for number in [1, 2] {
        assert_eq!(code(world.act(member(&bob), Action::Claim { code: hash(number) })), RefusalCode::WrongClaim);
    }
    assert_eq!(profile(&world.reader, "root").unwrap().unwrap().role, ServerRole::Admin);
    assert_eq!(code(world.act(member(&bob), invite(3, 1, 1))), RefusalCode::NotAdmin);
    // A code that was printed anew counts again.
    world.db.set_claim(&hash(2)).unwrap();
    assert!(world.act(member(&bob), Action::Claim { code: hash(2) }).is_ok());
}

#[test]
fn a_guest_cannot_be_admin_and_leaves_the_claim_to_others() {
    let mut world = World::new();
    world.db.set_claim(&hash(1)).unwrap();
    let visitor = account(world.act(stranger(5), super::tests::guest("visitor")));
    assert_eq!(code(world.act(member(&visitor), Action::Claim { code: hash(1) })), RefusalCode::NotForGuests);
    // Who registers with it is admin at once: so a server that takes nobody gets its first user.
    let root = account(world.act(stranger(6), register_with("root", 1)));
    assert_eq!(root.role, ServerRole::Admin);
    assert_eq!(code(world.act(stranger(7), register_with("other", 1))), RefusalCode::WrongInvitation);
}

#[test]
fn an_invitation_is_used_up() {
    let (mut world, admin) = with_admin();
    world.act(member(&admin), invite(3, 2, 1)).unwrap();
    assert_eq!(code(world.act(member(&admin), invite(3, 1, 1))), RefusalCode::IdReused);
    let bob = account(world.act(stranger(11), register_with("bob", 3)));
    // A repeat and a name that is taken cost nothing.
    assert_eq!(account(world.act(stranger(11), register_with("bob", 3))), bob);
    assert_eq!(code(world.act(stranger(12), register_with("bob", 3))), RefusalCode::NameTaken);
    account(world.act(stranger(12), register_with("carol", 3)));
    assert_eq!(code(world.act(stranger(13), register_with("dave", 3))), RefusalCode::WrongInvitation);
    assert_eq!(code(world.act(stranger(13), register_with("dave", 9))), RefusalCode::WrongInvitation);
}

#[test]
fn an_invitation_grows_old_and_makes_room() {
    let (mut world, admin) = with_admin();
    world.act(member(&admin), invite(3, 5, 1)).unwrap();
    world.later(DAY_MS);
    assert_eq!(code(world.act(stranger(13), register_with("dave", 3))), RefusalCode::WrongInvitation);
    for (uses, days) in [(0, 1), (1, 0), (INVITATION_USES_MAX + 1, 1), (1, INVITATION_DAYS_MAX + 1)] {
        assert_eq!(code(world.act(member(&admin), invite(4, uses, days))), RefusalCode::OutOfRange);
    }
    let make = |number: u64| {
        let mut bytes = [0; CODE_LEN];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Action::MakeInvitation { code: Code::new(bytes).hash(), uses: 1, days: 1 }
    };
    for number in 0..INVITATIONS_MAX {
        world.act(member(&admin), make(number)).unwrap();
    }
    assert_eq!(code(world.act(member(&admin), make(INVITATIONS_MAX))), RefusalCode::LimitReached);
    world.later(DAY_MS);
    world.act(member(&admin), make(INVITATIONS_MAX)).unwrap();
}
