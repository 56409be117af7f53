//! Whom a text names: `@` and the name of a member, found also where no space stands around it.
//!
//! The server looks, so that every client finds the same people. A name may be followed by anything that cannot be the rest of
//! a word: in `今天@小明部署完成` no space ends the name, so the longest name of a member that the text begins with behind the
//! `@` is meant; `@bobsled` does not name Bob.

use super::turn::Speaker;
use crate::message::{LogId, UserId, UserName};
use crate::store::{StoreError, Tables};

/// Most users that a text names; further ones are not looked for.
pub const MENTIONS_MAX: usize = 32;

/// Most `@` of a text that are looked at, so that a text of nothing else costs little.
const SIGNS_MAX: usize = 64;

/// Most beginnings of a text behind its `@` that are tried as names: each is parsed and looked up while others wait for the ledger.
const TRIES_MAX: usize = 256;

/// Longest name, in characters (protocol.md, "Requests").
const NAME_CHARS_MAX: usize = 32;

/// The members of `log` that `text` names, each once, in the order of the text.
pub(super) fn mentions(tables: &Tables, log: LogId, text: &str) -> Result<Vec<UserId>, StoreError> {
    let (mut named, mut tries_left) = (Vec::new(), TRIES_MAX);
    for (at, _) in text.match_indices('@').take(SIGNS_MAX) {
        // An address such as joe@example.org names nobody.
        let is_inside_word = text[..at].chars().next_back().is_some_and(is_of_spaced_script);
        if is_inside_word || named.len() >= MENTIONS_MAX {
            continue;
        }
        if let Some(user) = tables.member_called(log, &candidates(&text[at + 1..], &mut tries_left))?
            && !named.contains(&user)
        {
            named.push(user);
        }
    }
    Ok(named)
}

/// Those of the named for whom the mention counts: whoever wrote it has read it.
pub(super) fn others(named: &[UserId], speaker: &Speaker) -> Vec<UserId> {
    named.iter().copied().filter(|user| *user != speaker.user.id).collect()
}

/// The skeletons of the names that `rest` can begin with, the longest first, as far as `tries_left` goes.
fn candidates(rest: &str, tries_left: &mut usize) -> Vec<String> {
    let mut skeletons: Vec<String> = Vec::new();
    for (at, last) in rest.char_indices().take(NAME_CHARS_MAX) {
        let end = at + last.len_utf8();
        if last.is_whitespace() || last == '@' {
            break;
        }
        let next = rest[end..].chars().next();
        let is_cut_word = is_of_spaced_script(last) && next.is_some_and(is_of_spaced_script);
        if is_cut_word {
            continue;
        }
        if *tries_left == 0 {
            break;
        }
        *tries_left -= 1;
        if let Ok(name) = UserName::parse(&rest[..end]) {
            skeletons.push(name.skeleton());
        }
    }
    skeletons.reverse();
    skeletons
}

/// Whether words of this letter or digit are set apart by spaces, so that a name ends only where the word does. From Thai on
/// (U+0E00), most scripts run words together.
fn is_of_spaced_script(c: char) -> bool {
    (c.is_alphanumeric() || c == '_') && c < '\u{0e00}'
}

#[cfg(test)]
mod tests {
    use super::super::tests::{World, create, join, member};
    use super::*;
    use crate::message::Visibility;

    #[test]
    fn names_are_found_with_and_without_spaces_around_them() {
        let mut world = World::new();
        let called = ["alice", "小明", "小明明", "bob", "bob-smith", "outsider"];
        let people = called.map(|name| world.register(name));
        let made = world.act(member(&people[0]), create("#ops", Visibility::Public)).unwrap();
        for person in &people[1..5] {
            world.act(member(person), join("#ops")).unwrap();
        }
        let log = made.events[0].log;
        let named = |text: &str| -> Vec<&str> {
            let users = world.reader.snapshot(|tables| mentions(tables, log, text)).unwrap();
            users.iter().map(|user| called[people.iter().position(|person| person.user == *user).unwrap()]).collect()
        };
        for (text, expected) in [
            ("今天@小明部署完成", &["小明"][..]),
            ("@小明明部署", &["小明明"]),
            ("@Alice, @BOB: look", &["alice", "bob"]),
            ("@bob-smith and @bob.", &["bob-smith", "bob"]),
            ("@bob-jones", &["bob"]),
            ("@bob@alice", &["bob"]),
            ("@bob @bob @bob", &["bob"]),
            ("请@bob看一下", &["bob"]),
            ("@bobsled", &[]),
            ("@bob2", &[]),
            ("mail joe@bob", &[]),
            ("@outsider @nobody @ @@", &[]),
            ("nobody", &[]),
        ] {
            assert_eq!(named(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_of_signs_costs_little() {
        let mut tries_left = TRIES_MAX;
        assert_eq!(candidates(&"x".repeat(10_000), &mut tries_left).len(), 0);
        assert_eq!(candidates(&"明".repeat(10_000), &mut tries_left).len(), NAME_CHARS_MAX);
        let all: usize = (0..SIGNS_MAX).map(|_| candidates(&"明".repeat(NAME_CHARS_MAX), &mut tries_left).len()).sum();
        assert_eq!(all, TRIES_MAX - NAME_CHARS_MAX, "over all signs of a text");
        let mut world = World::new();
        let alice = world.register("alice");
        let log = world.act(member(&alice), create("#ops", Visibility::Public)).unwrap().events[0].log;
        let text = format!("{}@alice", "@x ".repeat(SIGNS_MAX));
        assert_eq!(world.reader.snapshot(|tables| mentions(tables, log, &text)).unwrap(), []);
    }
}
