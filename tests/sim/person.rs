//! Somebody in a simulated world: a client with its sockets and its disk, and everything it told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use udpchat::client::{Client, ClientEvent, Followed, Place, PostOutcome};
use udpchat::message::LogId;
use udpchat::transport::{Path, Time};

/// One user at one device.
pub struct Person {
    pub name: String,
    pub address: SocketAddr,
    /// The address of the socket before, which is listened to until something comes through the present one.
    pub address_before: Option<SocketAddr>,
    /// How often the client asked for a new socket.
    pub socket_wishes: u32,
    /// The machine sleeps: nothing reaches the client and no time passes for it.
    pub is_asleep: bool,
    /// `None` while crashed.
    pub client: Option<Client>,
    /// Everything the client told since its last start.
    pub events: Vec<ClientEvent>,
    /// What was displayed, by log, over all starts.
    pub seen: BTreeMap<LogId, Vec<Followed>>,
    /// What became of each message, by its place in the outbox.
    pub outcomes: BTreeMap<Place, PostOutcome>,
    /// Messages in the order they were written: place, where to, text.
    pub written: Vec<(Place, String, String)>,
    /// Rooms followed now, for a client that starts again.
    pub rooms_followed: BTreeSet<String>,
    /// Rooms left for good.
    pub rooms_shunned: BTreeSet<String>,
    /// Faults in the chain of a followed log; nothing may ever put one here.
    pub broken: Vec<String>,
    pub key_seed: [u8; 32],
}

impl Person {
    /// Somebody at the address of the `index`th who has not started a client.
    pub fn new(name: &str, index: usize, key_seed: [u8; 32]) -> Self {
        let host = u8::try_from(index + 1).unwrap();
        Self {
            name: name.to_owned(),
            address: SocketAddr::from(([198, 51, 100, host], 5_000)),
            address_before: None,
            socket_wishes: 0,
            is_asleep: false,
            client: None,
            events: Vec::new(),
            seen: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            written: Vec::new(),
            rooms_followed: BTreeSet::new(),
            rooms_shunned: BTreeSet::new(),
            broken: Vec::new(),
            key_seed,
        }
    }

    /// The client, unless it crashed or its machine sleeps.
    pub fn awake(&mut self) -> Option<&mut Client> {
        self.client.as_mut().filter(|_| !self.is_asleep)
    }

    /// A datagram has come to one of the client's sockets.
    pub fn hear(&mut self, now: Time, path: Path, to: SocketAddr, datagram: &mut [u8]) {
        let to_present = to == self.address;
        let Some(client) = self.awake() else { return };
        let heard_count = client.heard_count();
        client.handle_datagram(now, path, datagram);
        if to_present && client.heard_count() > heard_count {
            self.address_before = None;
        }
    }

    /// Takes what the client tells, and gives it the socket it may wish for.
    pub fn collect(&mut self, now: Time) {
        if self.awake().is_some_and(Client::take_socket_wish) {
            self.address_before = Some(self.address);
            self.address.set_port(self.address.port() + 1);
            self.socket_wishes += 1;
            if let Some(client) = self.awake() {
                client.on_local_path_changed(now);
            }
        }
        while let Some(event) = self.awake().and_then(Client::poll_event) {
            match &event {
                ClientEvent::Event(followed) => self.seen.entry(followed.log).or_default().push((**followed).clone()),
                ClientEvent::Posted { place, outcome, .. } => {
                    let before = self.outcomes.insert(*place, outcome.clone());
                    assert!(before.is_none_or(|before| before == *outcome), "one message, one outcome");
                }
                ClientEvent::Broken { .. } | ClientEvent::Forked { .. } | ClientEvent::OutboxFailed(_) => {
                    self.broken.push(format!("{event:?}"));
                }
                _ => {}
            }
            self.events.push(event);
        }
    }

    /// Whether one of the client's sockets is bound to this address.
    pub fn listens_at(&self, address: SocketAddr) -> bool {
        self.address == address || self.address_before == Some(address)
    }
}

/// The text of a posted message.
pub fn text_of(followed: &Followed) -> Option<String> {
    match followed.event.content() {
        udpchat::message::EventBody::Posted(post) => Some(post.text),
        _ => None,
    }
}
