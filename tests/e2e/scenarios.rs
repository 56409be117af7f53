//! What people and programs use it for, from beginning to end: a class, a community, customer service.

use std::fs;

use serde_json::Value;

use super::person::Person;
use super::program::{Program, json};
use super::world::World;

/// The place of a message that is sent with these words behind `send`.
fn send(person: &Person, words: &[&str]) -> String {
    let sent = person.run(&[&["send", "--json"], words].concat()).well();
    json(sent.only_line())["seq"].to_string()
}

/// A message, as `history` shows it now.
fn message(person: &Person, room: &str, seq: &str) -> Value {
    let shown = person.history(room).json();
    shown.into_iter().find(|line| line["seq"].as_u64() == seq.parse().ok()).expect("it is there")
}

#[test]
fn a_class_announces_asks_answers_and_hands_in() {
    let world = World::new();
    let (teacher, anna, ben) = (world.person("teacher"), world.person("anna"), world.person("ben"));
    teacher.run(&["create", "#maths", "--template", "class", "--topic", "fractions", "--tag", "school"]).well();
    let mut pupils = Vec::new();
    for pupil in [&anna, &ben] {
        pupil.run(&["join", "#maths"]).well();
        pupils.push(pupil.follow("#maths"));
    }
    // What all are to read is the teacher's to say.
    let lesson = send(&teacher, &["#maths", "today: fractions"]);
    anna.run(&["send", "#maths", "hello everybody"]).saying(4, "answer");
    let homework = r#"{"due":"2026-12-01","exercises":[3,4]}"#;
    teacher
        .run(&["send", "#maths", "--in", "1s", "--payload-kind", "homework", "--payload", homework, "exercises 3 and 4"])
        .well();
    for pupil in &mut pupils {
        pupil.wait_for("today: fractions");
        pupil.wait_for("exercises 3 and 4");
        let told = json(pupil.out.iter().find(|line| line.contains("exercises")).unwrap());
        assert_eq!((&told["payload"]["kind"], &told["payload"]["content"]["due"]), (&"homework".into(), &"2026-12-01".into()));
    }
    // A question answers its lesson, and is open until its asker or the teacher says that it is answered.
    let question = send(&anna, &["#maths", "--reply-to", &lesson, "what is a numerator?"]);
    let open = |person: &Person| person.run(&["threads", "#maths", "--open"]).well().out.len();
    assert_eq!(open(&teacher), 1);
    pupils[1].wait_for("what is a numerator?");
    let answer = send(&ben, &["#maths", "--reply-to", &question, "the upper number"]);
    teacher.run(&["react", "#maths", &answer, "👍"]).well();
    ben.run(&["resolve", "#maths", &question]).with_status(4);
    anna.run(&["resolve", "#maths", &question]).well();
    assert_eq!((open(&teacher), open(&ben)), (0, 0));
    let (told, answered) = (message(&ben, "#maths", &question), message(&ben, "#maths", &answer));
    assert_eq!((&told["resolved"], &told["replies"], told["reply_to"].to_string()), (&true.into(), &1.into(), lesson));
    assert_eq!((&answered["reactions"][0]["reaction"], answered["reply_to"].to_string()), (&"👍".into(), question));
    // Who hands in does so between two.
    fs::write(anna.home().join("exercises.txt"), "3/4 = 6/8\n").unwrap();
    let handed_in = send(&anna, &["@teacher", "--file", "exercises.txt", "here you are"]);
    teacher.run(&["get", "@anna", &handed_in, "--output", "anna.txt"]).well();
    assert_eq!(fs::read(teacher.home().join("anna.txt")).unwrap(), b"3/4 = 6/8\n");
    ben.run(&["get", "#maths", &handed_in, "--output", "-"]).with_status(1);
    // Who comes late reads what was said.
    let carl = world.person("carl");
    carl.run(&["join", "#maths"]).well();
    let texts = ["today: fractions", "exercises 3 and 4", "what is a numerator?", "the upper number"];
    let read = carl.history("#maths").texts();
    assert!(read.len() == texts.len() && texts.iter().all(|text| read.iter().any(|read| read == text)), "{read:?}");
}

#[test]
fn a_community_is_found_by_what_it_likes_and_joined() {
    let world = World::new();
    let (founder, other) = (world.person("founder"), world.person("other"));
    founder.run(&["create", "#climbing", "--tag", "sport", "--tag", "Outdoors", "--topic", "rocks and ropes"]).well();
    founder.run(&["create", "#climbing-board", "--invite-only", "--tag", "sport"]).well();
    other.run(&["create", "#chess", "--tag", "sport", "--tag", "indoors"]).well();
    founder.run(&["send", "#climbing", "who is at the wall on Sunday?"]).well();
    founder.run(&["profile", "--about", "on rocks since 1999", "--tag", "outdoors"]).well();
    let mut wall = founder.follow("#climbing");

    let mei = world.person("美");
    let found = |words: &[&str]| {
        let listed = mei.run(&[&["rooms", "--json"], words].concat()).well().json();
        listed.iter().map(|line| line["room"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(&["--tag", "sport"]), ["#chess", "#climbing"], "what is hidden is not found");
    assert_eq!((found(&["--tag", "outdoors"]), found(&["ropes"])), (vec!["#climbing".to_owned()], vec!["#climbing".to_owned()]));
    mei.run(&["join", "#climbing"]).well();
    assert_eq!(mei.history("#climbing").texts(), ["who is at the wall on Sunday?"]);
    let who = mei.run(&["who", "#climbing"]).well().out.join("\n");
    assert!(who.contains("@founder  owner  online"), "{who}");
    assert!(mei.run(&["whois", "@founder"]).well().out.join("\n").contains("on rocks since 1999"));
    let seq = send(&mei, &["#climbing", "我 @founder 星期天来"]);
    wall.wait_for("星期天来");
    let told = json(wall.out.iter().find(|line| line.contains("星期天来")).unwrap());
    assert_eq!(told["mentions"].as_array().map(Vec::len), Some(1), "{told}");
    founder.run(&["react", "#climbing", &seq, "🧗"]).well();
    // The two go on by themselves, and the room stays among one's own until one leaves it.
    founder.run(&["send", "@美", "I bring the rope"]).well();
    assert_eq!(mei.history("@founder").texts(), ["I bring the rope"]);
    let own = mei.run(&["rooms", "--mine", "--json"]).well().json();
    let own: Vec<&str> = own.iter().filter_map(|line| line["room"].as_str()).collect();
    assert!(own.contains(&"#climbing") && own.contains(&"@founder"), "{own:?}");
    mei.run(&["leave", "#climbing"]).well();
    mei.run(&["history", "#climbing"]).saying(4, "not a member");
}

/// The first line of JSON that a bot is told of this type, with this in it.
fn hear(bot: &mut Program, kind: &str, part: &str) -> Value {
    let mark = format!(r#""type":"{kind}""#);
    let is_it = |line: &&String| line.contains(&mark) && line.contains(part);
    bot.wait_until(&format!("{kind} {part}"), |bot| bot.out.iter().any(|line| is_it(&line)));
    json(bot.out.iter().find(is_it).expect("waited for"))
}

#[test]
fn a_visitor_is_answered_by_a_bot_and_handed_to_a_person() {
    let world = World::with(&["--guests"]);
    let (owner, helper, bot) = (world.person("owner"), world.person("helper"), world.person("bot"));
    owner.run(&["create", "#desk", "--template", "ticket"]).well();
    for (name, staff) in [("@helper", &helper), ("@bot", &bot)] {
        owner.run(&["invite", "#desk", name]).well();
        staff.run(&["join", "#desk"]).well();
    }
    let mut desk = helper.follow("#desk");
    // A bot is a program that reads lines of JSON and writes lines.
    let mut robot = bot.start(&["--json"]);
    hear(&mut robot, "state", "online");

    let visitor = world.newcomer("visitor", "visitor");
    visitor.run(&["register", &visitor.url, "--guest"]).well();
    visitor.run(&["ticket", "#desk"]).well();
    visitor.run(&["send", "#desk-visitor", "my parcel is late"]).well();
    let mut waiting = visitor.follow("#desk-visitor");

    let invited = hear(&mut robot, "invited_to", "desk-visitor");
    let ticket = format!("#{}", invited["name"].as_str().expect("the ticket's name"));
    robot.type_in(&format!("/join {ticket}\n"));
    let asked = hear(&mut robot, "posted", "parcel is late");
    assert_eq!((&asked["room"], &asked["author"]), (&"#desk-visitor".into(), &"visitor".into()));
    robot.type_in(&format!("/reply {} parcels take three days; write 'person' to talk to one\n", asked["seq"]));
    waiting.wait_for("parcels take three days");
    visitor.run(&["send", &ticket, "person, please"]).well();
    hear(&mut robot, "posted", "person, please");
    robot.type_in(&format!("I fetch somebody\n/msg #desk @helper please see to {ticket}\n"));
    waiting.wait_for("I fetch somebody");

    desk.wait_for("please see to #desk-visitor");
    helper.run(&["join", &ticket]).well();
    helper.run(&["room", &ticket, "--ticket", "assigned"]).well();
    assert_eq!(helper.history(&ticket).texts().len(), 4, "who takes over reads what was said");
    helper.run(&["send", &ticket, "it is on its way, here is the paper"]).well();
    fs::write(helper.home().join("paper.txt"), "parcel 7").unwrap();
    let paper = send(&helper, &[&ticket, "--file", "paper.txt"]);
    waiting.wait_for("paper.txt");
    visitor.run(&["get", &ticket, &paper]).well();
    assert_eq!(fs::read(visitor.home().join("paper.txt")).unwrap(), b"parcel 7");
    helper.run(&["room", &ticket, "--ticket", "resolved"]).well();
    waiting.wait_for(r#""ticket":"resolved""#);
    robot.type_in("/quit\n");
    robot.end().with_status(0);

    // Others see nothing of it; the staff has a transcript.
    let other = world.person("other");
    other.run(&["history", &ticket]).with_status(1);
    let transcript = helper.run(&["export", &ticket, "--text"]).well().out.join("\n");
    for text in ["visitor: my parcel is late", "parcels take three days", "person, please", "helper: it is on its way"] {
        assert!(transcript.contains(text), "{text}: {transcript}");
    }
    // Who comes again opens the same ticket.
    visitor.run(&["ticket", "#desk"]).well();
    assert!(visitor.run(&["room", &ticket]).well().out.join("\n").contains("ticket open"));
}
