//! A server's side of the handshake: strangers in, half-open connections out.
//!
//! HELLO, VERSION and RETRY are answered without keeping anything. An INIT that passes the gate costs public-key work once
//! and a place in the half-open table; repeated, it gets the same answer again (protocol.md, "Admission").

use std::collections::BTreeMap;

use super::admission::{Admission, Gate, HelloPolicy, Others, Verdict};
use super::config::Config;
use super::connecting::prologue;
use super::connection::{Connection, Role};
use super::counters::Counters;
use super::endpoint::count;
use super::half_open::{HALF_OPEN_TIMEOUT, HalfOpen, HalfOpenKey, HalfOpenTable};
use super::occupant::{Established, Occupant, Peer, Unconfirmed};
use super::path::Path;
use super::slots::{ConnectionHandle, Slots};
use super::time::Time;
use crate::crypto::{Dice, PublicKey, SUITE, ServerSecrets, mac1, respond, retry_mac, same_mac};
use crate::wire::{
    ConnectionId, DATA_FLAGS, HEADER_LEN, HandshakePacket, Header, Hello, HelloReply, Init, Resp, Retry, TAG_LEN, VERSION,
    Versions,
};

/// Length of a stateless reset in bytes: a header and a tag, as the shortest data packet has.
pub const RESET_LEN: usize = HEADER_LEN + TAG_LEN;

/// What a server knows besides its connections.
#[derive(Debug)]
pub(super) struct Acceptor {
    admission: Admission,
    secrets: ServerSecrets,
    server_key: PublicKey,
    gate: Gate,
    half_open: HalfOpenTable,
    /// Confirmed connections of each device, oldest first.
    devices: BTreeMap<PublicKey, Vec<ConnectionHandle>>,
}

/// The parts of the endpoint that an opening may touch.
pub(super) struct Surroundings<'a> {
    pub(super) now: Time,
    pub(super) config: &'a Config,
    pub(super) slots: &'a mut Slots<Occupant>,
    pub(super) counters: &'a mut Counters,
    pub(super) dice: &'a mut Dice,
}

/// What is said to an opening; `message2` may be kept in the half-open table.
#[derive(Debug)]
pub(super) enum Answer {
    /// Anything but a RESP.
    Stateless(HandshakePacket<'static>),
    /// A RESP.
    Resp { client_id: ConnectionId, attempt: u8, message2: Box<[u8]> },
}

impl Answer {
    /// The packet's bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Stateless(packet) => packet.encode(),
            Self::Resp { client_id, attempt, message2 } => {
                HandshakePacket::Resp(Resp { client_id: *client_id, attempt: *attempt, noise: message2 }).encode()
            }
        }
    }
}

impl Acceptor {
    /// A server that nobody has spoken to.
    pub(super) fn new(admission: Admission, secrets: ServerSecrets, now: Time, dice: &mut Dice) -> Self {
        Self {
            gate: Gate::new(&admission, now, dice),
            admission,
            server_key: secrets.identity.public(),
            secrets,
            half_open: HalfOpenTable::default(),
            devices: BTreeMap::new(),
        }
    }

    /// The connection with this ID, if it lives.
    pub(super) fn find(&self, slots: &Slots<Occupant>, id: ConnectionId) -> Option<ConnectionHandle> {
        let name = self.secrets.connection_name(id.0).filter(|name| name.boot == self.secrets.boot)?;
        slots.find(name.slot, name.generation)
    }

    /// The stateless reset for a packet of `trigger_len` bytes to a connection that this server once had: shorter than its
    /// trigger, so that two ends cannot reset each other for ever.
    pub(super) fn reset(&mut self, now: Time, id: ConnectionId, trigger_len: usize, dice: &mut Dice) -> Option<Vec<u8>> {
        self.secrets.connection_name(id.0).filter(|_| trigger_len > RESET_LEN && self.gate.may_reset(now))?;
        let header = Header { connection_id: ConnectionId(dice.array()), packet_number_low: dice.u32() };
        let mut reset = header.encode().to_vec();
        assert!(reset.first() == Some(&DATA_FLAGS), "a reset looks like a data packet");
        reset.extend_from_slice(&self.secrets.reset_token(id.0));
        Some(reset)
    }

    /// The connection's first packet opened. Returns the device's oldest connection if it has too many now.
    pub(super) fn confirm(&mut self, key: &HalfOpenKey, device: PublicKey, handle: ConnectionHandle) -> Option<ConnectionHandle> {
        self.half_open.remove(key);
        let connections = self.devices.entry(device).or_default();
        connections.push(handle);
        (connections.len() > self.admission.device_connection_count_max).then(|| connections.remove(0))
    }

    /// The connection is gone.
    pub(super) fn forget(&mut self, occupant: &Occupant, handle: ConnectionHandle) {
        if let Some(half_open) = &occupant.half_open {
            self.half_open.remove(&half_open.key);
        }
        if let Peer::Established(established) = &occupant.peer
            && let Some(connections) = self.devices.get_mut(&established.peer)
        {
            connections.retain(|other| *other != handle);
            if connections.is_empty() {
                self.devices.remove(&established.peer);
            }
        }
    }

    /// Answers a handshake packet, or does not; also names the half-open connection whose deadline moved.
    pub(super) fn handle_opening(
        &mut self,
        path: Path,
        packet: &HandshakePacket<'_>,
        world: &mut Surroundings<'_>,
    ) -> (Option<Answer>, Option<ConnectionHandle>) {
        match packet {
            HandshakePacket::Hello(hello) if self.admission.hello == HelloPolicy::Answer => {
                (Some(self.tell_key(path, hello, world)), None)
            }
            HandshakePacket::Foreign(foreign) if self.admission.hello == HelloPolicy::Answer => {
                count(&mut world.counters.versions_sent);
                let versions = Versions { client_id: foreign.client_id, supported: vec![VERSION] };
                (Some(Answer::Stateless(HandshakePacket::Versions(versions))), None)
            }
            HandshakePacket::Init(init) => self.on_init(path, init, world),
            _ => {
                count(&mut world.counters.dropped_unexpected);
                (None, None)
            }
        }
    }

    fn tell_key(&mut self, path: Path, hello: &Hello, world: &mut Surroundings<'_>) -> Answer {
        count(&mut world.counters.hellos_answered);
        let Hello { client_id, attempt, .. } = *hello;
        let cookie = self.gate.cookie(world.now, path.remote, client_id, world.dice);
        let reply = HelloReply { client_id, attempt, server_key: self.server_key.0, cookie };
        Answer::Stateless(HandshakePacket::HelloReply(reply))
    }

    fn on_init(
        &mut self,
        path: Path,
        init: &Init<'_>,
        world: &mut Surroundings<'_>,
    ) -> (Option<Answer>, Option<ConnectionHandle>) {
        let Init { client_id, attempt, .. } = *init;
        if init.suite != SUITE || !same_mac(&init.mac1, &mac1(&self.server_key, &init.authenticated())) {
            count(&mut world.counters.dropped_forged);
            return (None, None);
        }
        let key = (client_id, path.remote);
        if let Some(half_open) = self.half_open.entry(&key) {
            if *half_open.message1 != *init.noise {
                count(&mut world.counters.dropped_unexpected);
                return (None, None);
            }
            if let Some(unconfirmed) = world.slots.occupant_mut(half_open.handle).and_then(|occupant| occupant.half_open.as_mut())
            {
                unconfirmed.expires_at = world.now + HALF_OPEN_TIMEOUT;
            }
            return (Some(Answer::Resp { client_id, attempt, message2: half_open.message2.clone() }), None);
        }
        if self.half_open.is_full() {
            count(&mut world.counters.dropped_half_open);
            return (None, None);
        }
        let Some(handle) = world.slots.next_handle() else {
            count(&mut world.counters.dropped_connections);
            return (None, None);
        };
        let others = if self.devices.is_empty() { Others::Nobody } else { Others::Established };
        match self.gate.judge(world.now, path.remote, client_id, init.cookie.as_ref(), others, world.dice) {
            Verdict::Refuse => {
                count(&mut world.counters.dropped_limit);
                (None, None)
            }
            Verdict::AskCookie(cookie) => {
                count(&mut world.counters.retries_sent);
                let mac = retry_mac(&self.server_key, &init.mac1, &cookie);
                (Some(Answer::Stateless(HandshakePacket::Retry(Retry { client_id, cookie, mac }))), None)
            }
            Verdict::Admit => self.admit(path, init, handle, world),
        }
    }

    /// Does the public-key work and makes a half-open connection in the place that `handle` names.
    fn admit(
        &mut self,
        path: Path,
        init: &Init<'_>,
        handle: ConnectionHandle,
        world: &mut Surroundings<'_>,
    ) -> (Option<Answer>, Option<ConnectionHandle>) {
        let Init { client_id, attempt, .. } = *init;
        let local_id = self.secrets.connection_id(handle.slot, handle.wire_generation());
        let payload = [&local_id[..], &self.secrets.reset_token(local_id)].concat();
        let prologue = prologue(SUITE, client_id);
        let Ok(response) = respond(&self.secrets.identity, &prologue, init.noise, &payload, world.dice) else {
            count(&mut world.counters.dropped_forged);
            return (None, None);
        };
        let datagram_len = u16::try_from(init.packet_len).unwrap_or(u16::MAX);
        let local_id = ConnectionId(local_id);
        let mut connection =
            Connection::new(Role::Server, world.config, response.keys, local_id, client_id, path, datagram_len, None, world.now);
        // A first attempt that brings a cookie back was preceded by one that was not lost.
        connection.seed_loss(attempt.saturating_sub(u8::from(init.cookie.is_some())));
        let established = Established { connection, peer: response.peer, is_news: true };
        let mut occupant = Occupant::new(Peer::Established(Box::new(established)), local_id);
        let key = (client_id, path.remote);
        occupant.half_open = Some(Unconfirmed { key, expires_at: world.now + HALF_OPEN_TIMEOUT });
        let inserted = world.slots.insert(occupant);
        assert!(inserted == Some(handle), "a place that was announced is given");
        let message2: Box<[u8]> = response.message2.into();
        self.half_open.insert(key, HalfOpen { handle, message1: init.noise.into(), message2: message2.clone() });
        count(&mut world.counters.handshakes_begun);
        (Some(Answer::Resp { client_id, attempt, message2 }), Some(handle))
    }
}
