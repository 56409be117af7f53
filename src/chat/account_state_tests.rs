//! Accounts disabled and enabled, told as stories over a real database.

use super::tests::{World, account, bind, code, create, join, member, post, stored, stranger};
use super::*;
use crate::message::{
    Account, AccountState, CODE_LEN, Code, DeviceName, GoodScope, RefusalCode, Right, RightSet, Target, UserName, Visibility,
};

fn set(user: &str, state: AccountState) -> Action {
    Action::SetAccountState { user: user.into(), state }
}

/// An admin, alice, and a bot of hers.
fn people() -> (World, Account, Account, Account) {
    let mut world = World::new();
    let (admin, alice) = (world.register("admin"), world.register("alice"));
    world.db.make_admin(admin.user).unwrap();
    let token = Code::new([7; CODE_LEN]);
    let name = UserName::parse("robot").unwrap();
    let scope = GoodScope { rooms: None, rights: RightSet::of(&[Right::Read]) };
    world.act(member(&alice), Action::CreateBot { name: name.clone(), token: token.hash(), scope }).unwrap();
    let bind = Action::BindBot { name, token: token.hash(), device: DeviceName::lenient("cellar") };
    let robot = account(world.act(stranger(900), bind));
    (world, admin, alice, robot)
}

#[test]
fn a_disabled_account_and_its_bots_do_nothing_until_it_is_enabled() {
    let (mut world, admin, alice, robot) = people();
    stored(world.act(member(&alice), create("#ops", Visibility::Public)));
    let ran = world.act(member(&admin), set("@alice", AccountState::Disabled)).unwrap();
    let ends = [alice.user, robot.user].map(|user| Change::AccountDisabled { user });
    assert_eq!(ran.changes, ends, "the connections of both end");
    for speaker in [&alice, &robot] {
        assert_eq!(code(world.act(member(speaker), post("#ops", "still here"))), RefusalCode::AccountDisabled);
        assert_eq!(may_ask(&world.reader, speaker.user).unwrap().unwrap_err().code(), RefusalCode::AccountDisabled);
    }
    assert_eq!(code(world.act(stranger(901), bind(&alice))), RefusalCode::WrongPassword, "who it is disabled for is not told");
    stored(world.act(member(&admin), join("#ops")));
    let seq = stored(world.act(member(&admin), post("#ops", "who reads this?"))).seq;
    let readers = |world: &World| {
        let found = recipients(&world.reader, admin.user, &Target::Room("#ops".into()), seq, world.time_ms()).unwrap().unwrap();
        (found.reader_count, found.devices.len(), found.unread.len())
    };
    assert_eq!(readers(&world), (0, 0, 0), "nobody waits for them");
    let ran = world.act(member(&admin), set("alice", AccountState::Enabled)).unwrap();
    assert!(ran.changes.is_empty());
    assert_eq!(readers(&world), (1, 1, 1));
    stored(world.act(member(&alice), post("#ops", "back")));
}

#[test]
fn only_admins_disable_accounts_and_none_of_admins() {
    let (mut world, admin, alice, robot) = people();
    let bob = world.register("bob");
    let disable = |name: &str| set(name, AccountState::Disabled);
    assert_eq!(code(world.act(member(&bob), disable("@alice"))), RefusalCode::NotAdmin);
    assert_eq!(code(world.act(member(&bob), disable("@nobody"))), RefusalCode::NotAdmin);
    assert_eq!(code(world.act(member(&robot), disable("@bob"))), RefusalCode::OutOfScope);
    assert_eq!(code(world.act(member(&admin), disable("@nobody"))), RefusalCode::NoSuchUser);
    assert_eq!(code(world.act(member(&admin), disable("@admin"))), RefusalCode::NotToAdmins);
    world.db.make_admin(alice.user).unwrap();
    assert_eq!(code(world.act(member(&admin), disable("@alice"))), RefusalCode::NotToAdmins);
    let id = world.fresh_id();
    let first = world.run(member(&admin), id, disable("@bob")).unwrap();
    let again = world.run(member(&admin), id, disable("@bob")).unwrap();
    assert!(again.replayed && again.reply == first.reply);
}
