//! Random stories of keeping order, held against a model that knows nothing but the rules of protocol.md, "Keeping order".
//!
//! Everybody does everything to everybody, entitled or not. Each command must end as the model says, in the same refusal if it
//! is one; in the end the room has the members and roles of the model.

use super::tests::{World, create, join, leave, member, post};
use super::*;
use crate::message::{Account, Deed, RefusalCode, Role, Target, Visibility};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const USERS: [&str; 3] = ["owner", "bob", "carol"];

/// What one does, and to whom.
#[derive(Debug, Clone)]
enum Step {
    Join,
    Leave,
    Post,
    Do(usize, Deed),
}

#[derive(Debug)]
struct Model {
    visibility: Visibility,
    roles: BTreeMap<usize, Role>,
    /// Who was ever a member.
    known: BTreeSet<usize>,
    banned: BTreeSet<usize>,
    invited: BTreeSet<usize>,
    muted: BTreeSet<usize>,
}

impl Model {
    fn is_moderator(&self, user: usize) -> bool {
        matches!(self.roles.get(&user), Some(Role::Owner | Role::Moderator))
    }

    /// Nobody learns of a hidden room that they were never in.
    fn not_member(&self, user: usize) -> RefusalCode {
        let is_told = self.visibility == Visibility::Public || self.known.contains(&user);
        if is_told { RefusalCode::NotMember } else { RefusalCode::NoSuchRoom }
    }

    fn step(&mut self, user: usize, step: &Step) -> Result<(), RefusalCode> {
        match step {
            Step::Join => self.join(user),
            _ if !self.roles.contains_key(&user) => Err(self.not_member(user)),
            Step::Leave if self.roles[&user] == Role::Owner && self.roles.len() > 1 => Err(RefusalCode::OwnerStays),
            Step::Leave => {
                self.roles.remove(&user);
                Ok(())
            }
            Step::Post if self.muted.contains(&user) && !self.is_moderator(user) => Err(RefusalCode::Muted),
            Step::Post => Ok(()),
            Step::Do(whom, _) if *whom == user => Err(RefusalCode::SelfMessage),
            Step::Do(whom, deed) => self.deed(user, *whom, deed),
        }
    }

    fn join(&mut self, user: usize) -> Result<(), RefusalCode> {
        if self.roles.contains_key(&user) {
            return Ok(());
        }
        if self.banned.contains(&user) {
            return Err(RefusalCode::Banned);
        }
        if self.visibility == Visibility::InviteOnly && !self.invited.contains(&user) {
            return Err(RefusalCode::InviteOnly);
        }
        let role = if self.roles.is_empty() { Role::Owner } else { Role::Member };
        self.invited.remove(&user);
        self.roles.insert(user, role);
        self.known.insert(user);
        Ok(())
    }

    fn deed(&mut self, user: usize, whom: usize, deed: &Deed) -> Result<(), RefusalCode> {
        let is_invitation = *deed == Deed::Invite;
        if !(self.is_moderator(user) || is_invitation && self.visibility != Visibility::InviteOnly) {
            return Err(RefusalCode::NotModerator);
        }
        let (own, role) = (self.roles[&user], self.roles.get(&whom).copied());
        if !is_invitation && own == Role::Moderator && matches!(role, Some(Role::Owner | Role::Moderator)) {
            return Err(RefusalCode::NotOwner);
        }
        match deed {
            Deed::Invite if role.is_some() => return Err(RefusalCode::BadSetting),
            Deed::Invite if self.banned.contains(&whom) => return Err(RefusalCode::Banned),
            Deed::Invite => _ = self.invited.insert(whom),
            Deed::Unban if !self.banned.remove(&whom) => return Err(RefusalCode::NotInRoom),
            Deed::Unban => {}
            Deed::Ban(_) => {
                self.banned.insert(whom);
                self.invited.remove(&whom);
                self.roles.remove(&whom);
            }
            Deed::Kick(_) | Deed::Mute(_) | Deed::Role(_) if role.is_none() => return Err(RefusalCode::NotInRoom),
            Deed::Kick(_) => _ = self.roles.remove(&whom),
            Deed::Mute(0) => _ = self.muted.remove(&whom),
            Deed::Mute(_) => _ = self.muted.insert(whom),
            Deed::Role(_) if own != Role::Owner => return Err(RefusalCode::NotOwner),
            Deed::Role(given) => {
                self.roles.insert(whom, *given);
                if *given == Role::Owner {
                    self.roles.insert(user, Role::Moderator);
                }
            }
        }
        Ok(())
    }
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let role = prop_oneof![1 => Just(Role::Owner), 2 => Just(Role::Moderator), 1 => Just(Role::Member)];
    let deed = prop_oneof![
        2 => Just(Deed::Invite),
        1 => Just(Deed::Kick(String::new())),
        1 => Just(Deed::Ban("noise".into())),
        1 => Just(Deed::Unban),
        1 => Just(Deed::Mute(0)),
        2 => Just(Deed::Mute(3_600)),
        3 => role.prop_map(Deed::Role),
    ];
    let step = prop_oneof![
        5 => Just(Step::Join),
        3 => Just(Step::Leave),
        4 => Just(Step::Post),
        8 => (0..USERS.len(), deed).prop_map(|(whom, deed)| Step::Do(whom, deed)),
    ];
    proptest::collection::vec((0..USERS.len(), step), 1..80)
}

fn action(step: &Step) -> Action {
    match step {
        Step::Join => join("#ops"),
        Step::Leave => leave("#ops"),
        Step::Post => post("#ops", "tea?"),
        Step::Do(whom, deed) => {
            Action::Moderate { room: Target::Room("#ops".into()), user: USERS[*whom].into(), deed: deed.clone() }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn order_is_kept_by_whom_the_rules_name(
        visibility in prop_oneof![Just(Visibility::Public), Just(Visibility::Unlisted), Just(Visibility::InviteOnly)],
        steps in steps(),
    ) {
        let mut world = World::new();
        let accounts: Vec<Account> = USERS.iter().map(|name| world.register(name)).collect();
        let log = super::tests::stored(world.act(member(&accounts[0]), create("#ops", visibility))).log;
        let mut model = Model {
            visibility,
            roles: BTreeMap::from([(0, Role::Owner)]),
            known: BTreeSet::from([0]),
            banned: BTreeSet::new(),
            invited: BTreeSet::new(),
            muted: BTreeSet::new(),
        };
        for (user, step) in &steps {
            let ran = world.act(member(&accounts[*user]), action(step)).map(|_| ()).map_err(|refusal| refusal.code());
            prop_assert_eq!(ran, model.step(*user, step), "{} {:?}", USERS[*user], step);
        }
        for (user, account) in accounts.iter().enumerate() {
            let page = who(&world.reader, account.user, &Target::Log(log), 0).unwrap();
            let found = page.map_err(|refusal| refusal.code()).map(|page| {
                page.members.iter().map(|member| (accounts.iter().position(|of| of.user == member.user).unwrap(), member.role)).collect()
            });
            let is_member = model.roles.contains_key(&user);
            prop_assert_eq!(found, if is_member { Ok(model.roles.clone()) } else { Err(model.not_member(user)) });
        }
    }
}
