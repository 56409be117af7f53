//! Guests in a whole world: who does not come back is forgotten, who is there is not.

use udpchat::message::{GuestRequest, RefusalCode, Reply, Request};
use udpchat::transport::Micros;

use super::world::World;

fn come(world: &mut World, name: &str) -> usize {
    let guest = world.add(name);
    let request = GuestRequest { id: world.id(guest), name: name.into(), device: "sim".into() };
    assert!(matches!(world.ask(guest, &Request::Guest(request)), Reply::Account(_)));
    guest
}

#[test]
fn a_guest_who_left_is_forgotten_after_the_configured_time_and_one_who_stays_is_not() {
    let mut world = World::on_good_network(70);
    let (here, gone) = (come(&mut world, "here"), come(&mut world, "gone"));
    world.kill_client(gone);
    // The server of these worlds forgets guests after a day; it looks once more an hour later.
    world.drive_for(Micros::from_secs(23 * 3_600));
    assert!(matches!(world.ask(here, &Request::WhoIs("@gone".into())), Reply::Profile(_)));
    // A restart in between forgets nothing.
    world.kill_server();
    world.start_server();
    world.drive_for(Micros::from_secs(4 * 3_600));
    let Reply::Refused(refusal) = world.ask(here, &Request::WhoIs("@gone".into())) else { panic!("still there") };
    assert_eq!(refusal.code(), RefusalCode::NoSuchUser);
    assert!(matches!(world.ask(here, &Request::WhoAmI), Reply::Account(_)), "who is there stays");
    // Who comes back too late hears why.
    world.start_client(gone);
    world.drive_for(Micros::from_secs(5));
    assert!(world.client(gone).account().is_none());
}
