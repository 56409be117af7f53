//! Ctrl-C and SIGTERM: whoever waits says goodbye, so that others see at once that they are gone, and reads on later where they
//! were.

use super::program::Program;
use super::world::World;

fn count(watcher: &Program, presence: &str) -> usize {
    let told = format!(r#""user":"alice","user_id":1,"presence":"{presence}""#);
    watcher.out.iter().filter(|line| line.contains(&told)).count()
}

#[test]
fn who_is_interrupted_says_goodbye_and_is_offline_at_once() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#hall"]).well();
    bob.run(&["join", "#hall"]).well();
    let mut watcher = bob.start(&["latest", "#hall", "--watch", "--json"]);
    watcher.wait_for(r#""state":"online""#);
    let waiting: [&[&str]; 4] =
        [&["tail", "-f", "#hall"], &["follow", "#hall", "--cursor", "c"], &["latest", "#hall", "--watch"], &[]];
    let runs = waiting.iter().flat_map(|args| [(*args, 130), (*args, 143)]);
    for (before, (args, status)) in runs.enumerate() {
        let waits = alice.start(args);
        watcher.wait_until("alice is there", |watcher| count(watcher, "online") == before + 1);
        if status == 130 {
            waits.interrupt();
        } else {
            waits.terminate();
        }
        // Its input stays open: nothing else ends it.
        watcher.wait_until("alice is gone", |watcher| count(watcher, "offline") == before + 1);
        waits.end().with_status(status);
        let out = bob.run(&["who", "#hall"]).well().out;
        assert!(out.contains(&"@alice  owner".to_owned()), "{args:?}: {out:?}");
    }
    watcher.interrupt();
    watcher.end().with_status(130);
}

#[test]
fn who_follows_reads_on_behind_what_came_before_ctrl_c() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#hall"]).well();
    bob.run(&["join", "#hall"]).well();
    for text in ["one", "two", "three"] {
        bob.run(&["send", "#hall", text]).well();
        let mut follower = alice.start(&["follow", "#hall", "--cursor", "c", "--from", "start", "--json"]);
        follower.wait_for_posts(1);
        follower.interrupt();
        let ended = follower.end().with_status(130);
        assert_eq!(ended.texts(), [text]);
        assert!(ended.err.is_empty(), "{ended:?}");
    }
}
