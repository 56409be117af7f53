//! Reading beside the conversation: searching.

use super::world::World;

#[test]
fn a_message_is_found_by_its_words_in_any_language() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    for text in ["Deployed it", "今天部署完成", "lunch?"] {
        alice.run(&["send", "#ops", text]).well();
    }
    bob.run(&["join", "#ops"]).well();
    bob.run(&["send", "@alice", "deploys are my secret"]).well();
    // The index follows at a distance.
    let look = || alice.run(&["search", "deploy", "--json"]).well().texts();
    let newest = (0..100).map(|_| look()).find(|found| found.len() == 2).expect("the index catches up");
    assert_eq!(newest, ["deploys are my secret", "Deployed it"]);
    assert_eq!(bob.run(&["search", "部署", "--room", "#ops", "--json"]).well().texts(), ["今天部署完成"]);
    assert_eq!(bob.run(&["search", "deploy", "--room", "#ops", "-n", "1", "--json"]).well().texts(), ["Deployed it"]);
    bob.run(&["search", "nowhere"]).well();
    bob.run(&["search", "?!"]).with_status(1);
    bob.run(&["leave", "#ops"]).well();
    assert_eq!(bob.run(&["search", "deploy", "--json"]).well().texts(), ["deploys are my secret"]);

    let mut talk = alice.start(&[]);
    talk.type_in("/search DEPLOY\n");
    talk.wait_for("bob: deploys are my secret");
    talk.type_in("/search nowhere\n");
    talk.wait_until("it says so", |talk| talk.err.iter().any(|line| line.contains("nothing was found")));
    talk.type_in("/quit\n");
    let ended = talk.end().with_status(0);
    assert!(ended.out.iter().any(|line| line.contains("alice: Deployed it")), "{ended:?}");
}
