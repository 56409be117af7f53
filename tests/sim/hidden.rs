//! Who was away and has come back: what was done meanwhile to messages that they did read stays hidden, in whatever they ask for.

use udpchat::message::{
    CreateRoom, EditRequest, FollowFrom, HistoryFrom, HistoryRequest, ListKind, Mark, MarkRequest, Overlay, PickRequest, Reply,
    Request, RoomChanges, SearchRequest, Seq, Stored, Target, Template, Visibility,
};
use udpchat::transport::Micros;

use super::world::World;

const ROOM: &str = "#den";

/// Alice and Bob in a room whose members read what was said while they were in; Alice has written something. Bob follows.
fn two_in_a_den(world: &mut World) -> (usize, usize, Stored) {
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let (id, name, changes) = (world.id(alice), ROOM.to_owned(), RoomChanges::default());
    let (visibility, template) = (Visibility::Unlisted, Template::Plain);
    stored(&world.ask(alice, &Request::CreateRoom(CreateRoom { id, name, password: None, visibility, template, changes })));
    stored(&world.join(bob, ROOM));
    world.follow(bob, Target::Room(ROOM.into()), FollowFrom::Start);
    let place = world.write(alice, ROOM, "an early draft");
    assert!(world.drive(Micros::from_secs(10), |world| world.people[alice].outcomes.contains_key(&place)));
    let written = world.people[alice].outcomes[&place].clone().unwrap();
    (alice, bob, written)
}

fn stored(reply: &Reply) -> Stored {
    let Reply::Stored(stored) = reply else { panic!("not stored: {reply:?}") };
    stored.clone()
}

fn edit(world: &mut World, who: usize, seq: Seq, text: &str) {
    let id = world.id(who);
    stored(&world.ask(who, &Request::Edit(EditRequest { id, log: Target::Room(ROOM.into()), seq, text: text.into() })));
}

fn mark(world: &mut World, who: usize, seq: Seq, mark: Mark) {
    let id = world.id(who);
    stored(&world.ask(who, &Request::Mark(MarkRequest { id, log: Target::Room(ROOM.into()), seq, mark })));
}

/// Everything that tells what became of messages.
fn whatever_tells(seq: Seq) -> Vec<Request> {
    let log = || Target::Room(ROOM.into());
    let page = |from| Request::History(HistoryRequest { log: log(), from, count: 50 });
    let search = |words: &str, log| Request::Search(SearchRequest { words: words.into(), log, before: None, count: 50 });
    vec![
        page(HistoryFrom::Last),
        page(HistoryFrom::Before(Seq(seq.0 + 1))),
        page(HistoryFrom::After(Seq(0))),
        page(HistoryFrom::Around(seq)),
        search("draft", Some(log())),
        search("secret", Some(log())),
        search("draft", None),
        search("secret", None),
        Request::Pick(PickRequest { log: log(), kind: ListKind::Pinned, after: Seq(0) }),
        Request::Pick(PickRequest { log: log(), kind: ListKind::OpenThreads, after: Seq(0) }),
    ]
}

fn overlays(reply: &Reply) -> Vec<Overlay> {
    match reply {
        Reply::Page(page) => page.overlays.clone(),
        _ => Vec::new(),
    }
}

#[test]
pub fn what_became_of_a_message_while_somebody_was_away_stays_hidden_from_them() {
    let mut world = World::on_good_network(800);
    let (alice, bob, Stored { log, seq, .. }) = two_in_a_den(&mut world);
    let id = world.id(bob);
    stored(&world.ask(bob, &Request::LeaveRoom((id, Target::Log(log)))));
    edit(&mut world, alice, seq, "a secret draft");
    mark(&mut world, alice, seq, Mark::React("+1".into()));
    mark(&mut world, alice, seq, Mark::Pin);
    stored(&world.join(bob, ROOM));
    let after = world.people[bob].seen[&log].last().unwrap().cursor;
    world.follow(bob, Target::Log(log), FollowFrom::After(after.seq, after.hash.0));
    world.drive_for(Micros::from_secs(2));
    for request in whatever_tells(seq) {
        let reply = world.ask(bob, &request);
        assert!(!matches!(reply, Reply::Refused(_)), "{request:?}: {reply:?}");
        assert!(!holds(&reply.encode(0), b"secret"), "{request:?}: {reply:?}");
        assert_eq!(overlays(&reply), [], "{request:?}");
    }
    assert_eq!(world.texts(bob, log), ["an early draft"]);
    // What is done from now on is theirs to know; it hides what was done before.
    edit(&mut world, alice, seq, "a final draft");
    let around = Request::History(HistoryRequest { log: Target::Log(log), from: HistoryFrom::After(Seq(0)), count: 50 });
    let told = overlays(&world.ask(bob, &around));
    let texts: Vec<_> = told.iter().map(|overlay| overlay.edit.as_ref().map(|edit| edit.text.as_str())).collect();
    assert_eq!(texts, [Some("a final draft")]);
    assert!(told.iter().all(|overlay| overlay.reactions.is_empty() && !overlay.pinned), "{told:?}");
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
