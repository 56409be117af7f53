//! Random stories of messages that are written, answered, edited, marked and deleted, held against what their events say.
//!
//! A reader who folds the log's events, one by one, comes to the same state as a model that knew the rules, and both equal what
//! history lays over the messages: so the tables beside the log say nothing that the log does not say.

use super::tests::{World, create, join, member, stored};
use super::*;
use crate::message::{
    Account, Event, EventBody, HistoryFrom, HistoryRequest, LogId, Mark, Notice, RefusalCode, Seq, Target, Text, Visibility,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const USERS: [&str; 3] = ["owner", "bob", "carol"];
const REACTIONS: [&str; 2] = ["👍", "😀"];

#[derive(Debug, Clone, Copy)]
enum Step {
    Post,
    Answer,
    Edit,
    Mark(usize),
}

/// A message, however one came to know of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct State {
    author: usize,
    text: Option<String>,
    root: Option<Seq>,
    edited: bool,
    reactions: BTreeSet<(String, usize)>,
    pinned: bool,
    resolved: bool,
}

type States = BTreeMap<Seq, State>;

fn mark_of(number: usize) -> Mark {
    let reaction = || REACTIONS[number % 2].to_owned();
    match number {
        0 => Mark::Delete,
        1 | 2 => Mark::React(reaction()),
        3 | 4 => Mark::Unreact(reaction()),
        5 => Mark::Pin,
        6 => Mark::Unpin,
        7 => Mark::Resolve,
        _ => Mark::Reopen,
    }
}

fn root_of(states: &States, seq: Seq) -> Seq {
    states.get(&seq).and_then(|state| state.root).unwrap_or(seq)
}

/// What the rules let `user` do to the message; whether it changes anything.
fn apply(states: &mut States, user: usize, seq: Seq, mark: &Mark) -> Result<bool, RefusalCode> {
    let Some(state) = states.get_mut(&seq).filter(|state| state.text.is_some()) else { return Err(RefusalCode::NoSuchPost) };
    let (own, moderator) = (state.author == user, user == 0);
    let allowed = match mark {
        Mark::Resolve | Mark::Reopen if state.root.is_some() => return Err(RefusalCode::NoSuchPost),
        Mark::Delete | Mark::Resolve | Mark::Reopen => own || moderator,
        Mark::Pin | Mark::Unpin => moderator,
        Mark::React(_) | Mark::Unreact(_) => true,
    };
    if !allowed {
        let is_pin = matches!(mark, Mark::Pin | Mark::Unpin);
        return Err(if is_pin { RefusalCode::NotModerator } else { RefusalCode::NotYourPost });
    }
    let (changed, undone) = match mark {
        Mark::Delete => {
            let State { author, root, resolved, .. } = state.clone();
            *state = State { author, root, resolved, ..State::default() };
            (true, false)
        }
        Mark::React(shown) => (state.reactions.insert((shown.clone(), user)), false),
        Mark::Unreact(shown) => (state.reactions.remove(&(shown.clone(), user)), true),
        Mark::Pin => (!std::mem::replace(&mut state.pinned, true), false),
        Mark::Unpin => (std::mem::replace(&mut state.pinned, false), true),
        Mark::Resolve => (!std::mem::replace(&mut state.resolved, true), false),
        Mark::Reopen => (std::mem::replace(&mut state.resolved, false), true),
    };
    if undone && !changed { Err(RefusalCode::NothingToUndo) } else { Ok(changed) }
}

/// What a reader makes of the log's events, as they are now.
fn fold(world: &World, accounts: &[Account], log: LogId) -> States {
    let page = follow_page(&world.reader, accounts[0].user, log, Seq(0), usize::MAX).unwrap().unwrap();
    let mut states = States::new();
    for item in page.items {
        let FollowItem::Event { told, .. } = item else { panic!("nothing is hidden here") };
        let Ok(Notice::Event(told)) = Notice::decode(&told) else { panic!("a notice of an event") };
        let event = Event::decode(&told.event).unwrap();
        let author = accounts.iter().position(|account| account.user == event.head.author).unwrap();
        let of = |states: &mut States, seq: Seq| states.remove(&seq).unwrap_or_default();
        let (seq, state) = match event.content() {
            EventBody::Posted(post) => {
                let root = post.root();
                (event.head.seq, State { author, text: Some(post.text), root, ..State::default() })
            }
            EventBody::Edited(edit) => {
                let state = of(&mut states, edit.post);
                (edit.post, State { text: Some(edit.text), edited: true, ..state })
            }
            EventBody::Reacted(seq, reaction) => {
                let mut state = of(&mut states, seq);
                state.reactions.insert((reaction, author));
                (seq, state)
            }
            EventBody::Unreacted(seq, reaction) => {
                let mut state = of(&mut states, seq);
                state.reactions.remove(&(reaction, author));
                (seq, state)
            }
            EventBody::Pinned(seq) => (seq, State { pinned: true, ..of(&mut states, seq) }),
            EventBody::Unpinned(seq) => (seq, State { pinned: false, ..of(&mut states, seq) }),
            EventBody::Resolved(seq) => (seq, State { resolved: true, ..of(&mut states, seq) }),
            EventBody::Reopened(seq) => (seq, State { resolved: false, ..of(&mut states, seq) }),
            EventBody::Deleted(seq) => {
                of(&mut states, seq);
                continue;
            }
            _ => continue,
        };
        states.insert(seq, state);
    }
    states.retain(|_, state| state.text.is_some());
    states
}

/// What history says of every message.
fn read(world: &World, accounts: &[Account], log: LogId) -> (States, BTreeMap<Seq, u32>) {
    let request = HistoryRequest { log: Target::Log(log), from: HistoryFrom::Last, count: 500 };
    let page = history(&world.reader, accounts[1].user, &request, PAGE_LEN_MAX).unwrap().unwrap();
    assert!(!page.more);
    let (mut states, mut counts) = (States::new(), BTreeMap::new());
    for told in &page.events {
        let event = Event::decode(&told.event).unwrap();
        let EventBody::Posted(post) = event.content() else { continue };
        let author = accounts.iter().position(|account| account.user == event.head.author).unwrap();
        let mut state = State { author, root: post.root(), text: Some(post.text), ..State::default() };
        if let Some(overlay) = page.overlays.iter().find(|overlay| overlay.seq == event.head.seq) {
            if let Some(edit) = &overlay.edit {
                (state.text, state.edited) = (Some(edit.text.clone()), true);
            }
            // Who shows it is told only of oneself; the others are counted.
            for shown in &overlay.reactions {
                let others = (0..shown.count - u32::from(shown.own)).map(|_| ());
                assert!(others.count() <= USERS.len());
                if shown.own {
                    state.reactions.insert((shown.reaction.clone(), 1));
                }
                counts.entry(event.head.seq).and_modify(|count| *count += shown.count).or_insert(shown.count);
            }
            (state.pinned, state.resolved) = (overlay.pinned, overlay.resolved);
        }
        states.insert(event.head.seq, state);
    }
    (states, counts)
}

fn steps() -> impl Strategy<Value = Vec<(usize, usize, Step)>> {
    let step = prop_oneof![
        3 => Just(Step::Post),
        2 => Just(Step::Answer),
        3 => Just(Step::Edit),
        8 => (0..9_usize).prop_map(Step::Mark)
    ];
    proptest::collection::vec((0..USERS.len(), 0..8_usize, step), 1..60)
}

fn play(world: &mut World, accounts: &[Account], log: LogId, states: &mut States, (user, pick, step): (usize, usize, Step)) {
    let actor = member(&accounts[user]);
    let target = Target::Log(log);
    let text = format!("text {}", world.fresh_id());
    let typed = Text::parse(text.clone()).unwrap();
    let about = states.keys().copied().nth(pick.min(states.len().saturating_sub(1)));
    match (step, about) {
        (Step::Post, _) | (_, None) => {
            let draft = Draft { to: target, text: typed, reply_to: None, payload: None };
            let seq = stored(world.act(actor, Action::Post(draft))).seq;
            states.insert(seq, State { author: user, text: Some(text), ..State::default() });
        }
        (Step::Answer, Some(about)) => {
            let ran = world.act(actor, Action::Post(Draft { to: target, text: typed, reply_to: Some(about), payload: None }));
            if states[&about].text.is_none() {
                assert_eq!(ran.unwrap_err().code(), RefusalCode::NoSuchPost);
                return;
            }
            let root = Some(root_of(states, about));
            states.insert(stored(ran).seq, State { author: user, text: Some(text), root, ..State::default() });
        }
        (Step::Edit, Some(about)) => {
            let ran = world.act(actor, Action::Edit { log: target, seq: about, text: typed });
            let state = states.get_mut(&about).unwrap();
            match &state.text {
                None => assert_eq!(ran.unwrap_err().code(), RefusalCode::NoSuchPost),
                Some(_) if state.author != user => assert_eq!(ran.unwrap_err().code(), RefusalCode::NotYourPost),
                Some(_) => {
                    stored(ran);
                    (state.text, state.edited) = (Some(text), true);
                }
            }
        }
        (Step::Mark(number), Some(about)) => {
            let mark = mark_of(number);
            let expected = apply(states, user, about, &mark);
            let ran = world.act(actor, Action::Mark { log: target, seq: about, mark: mark.clone() });
            match expected {
                Ok(changes) => assert_eq!(ran.unwrap().events.len(), usize::from(changes), "{mark:?}"),
                Err(code) => assert_eq!(ran.unwrap_err().code(), code, "{mark:?}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn rules_events_and_history_agree_on_every_message(steps in steps()) {
        let mut world = World::new();
        let accounts: Vec<Account> = USERS.iter().map(|name| world.register(name)).collect();
        let log = stored(world.act(member(&accounts[0]), create("#ops", Visibility::Public))).log;
        for account in &accounts[1..] {
            stored(world.act(member(account), join("#ops")));
        }
        let mut states = States::new();
        for step in steps {
            play(&mut world, &accounts, log, &mut states, step);
        }
        let replies = |states: &States, root: Seq| states.values().filter(|state| state.root == Some(root)).count();
        states.retain(|_, state| state.text.is_some());
        prop_assert_eq!(&fold(&world, &accounts, log), &states);
        let (mut shown, counts) = read(&world, &accounts, log);
        for (seq, state) in &states {
            prop_assert_eq!(counts.get(seq).copied().unwrap_or(0) as usize, state.reactions.len());
            // Of reactions, history names only one's own.
            let own: BTreeSet<_> = state.reactions.iter().filter(|(_, user)| *user == 1).cloned().collect();
            let read = shown.get_mut(seq).unwrap();
            prop_assert_eq!(&read.reactions, &own);
            read.reactions.clone_from(&state.reactions);
        }
        prop_assert_eq!(&shown, &states);
        for kind in [crate::message::ListKind::Threads, crate::message::ListKind::Pinned] {
            let request = crate::message::PickRequest { log: Target::Log(log), kind, after: Seq(0) };
            let page = pick(&world.reader, accounts[2].user, &request, PAGE_LEN_MAX).unwrap().unwrap();
            for overlay in &page.overlays {
                prop_assert_eq!(overlay.reply_count as usize, replies(&states, overlay.seq));
                prop_assert_eq!(overlay.pinned, states[&overlay.seq].pinned);
            }
        }
    }
}
