//! Where each datagram goes: to its connection, to the handshake it belongs to, or nowhere.

use super::connecting::{Completed, Connecting};
use super::connection::{Connection, Role as ConnectionRole};
use super::endpoint::{Endpoint, Role, count, len_u64};
use super::error::{CloseCode, CloseReason, PacketError};
use super::occupant::{Established, Peer};
use super::path::Path;
use super::slots::ConnectionHandle;
use super::time::Time;
use crate::wire::{ConnectionId, DATA_FLAGS, HandshakePacket, Header, TAG_LEN};

impl Endpoint {
    /// Takes one datagram that came over `path`. It is opened in place; whatever is wrong with it is counted and otherwise
    /// ignored.
    pub fn handle_datagram(&mut self, now: Time, path: Path, datagram: &mut [u8]) {
        count(&mut self.counters.datagrams_received);
        self.counters.bytes_received = self.counters.bytes_received.saturating_add(len_u64(datagram));
        if datagram.first() == Some(&DATA_FLAGS) {
            match Header::decode(datagram) {
                Ok(header) => self.on_data(now, path, header, datagram),
                Err(_) => count(&mut self.counters.dropped_malformed),
            }
            return;
        }
        match HandshakePacket::decode(datagram) {
            Ok(packet) => self.on_handshake(now, path, &packet),
            Err(_) => count(&mut self.counters.dropped_malformed),
        }
    }

    fn on_data(&mut self, now: Time, path: Path, header: Header, datagram: &mut [u8]) {
        let Some(handle) = self.route(now, path, &header, datagram) else { return };
        // Opening writes over the packet, so what may be a reset token is read before.
        let tail = datagram.last_chunk::<TAG_LEN>().copied();
        let room = self.config.reassembly_len_max.saturating_sub(self.beyond_len);
        let Some(occupant) = self.slots.occupant_mut(handle) else { return };
        let Peer::Established(established) = &mut occupant.peer else {
            count(&mut self.counters.dropped_unexpected);
            return;
        };
        match established.connection.handle_packet(now, &header, path, datagram, room) {
            Ok(()) => {
                count(&mut self.counters.packets_opened);
                self.on_opened(now, handle);
            }
            Err(PacketError::Forged | PacketError::Short) if self.on_reset(tail) => {}
            Err(PacketError::Forged) => count(&mut self.counters.dropped_forged),
            Err(PacketError::Replayed) => count(&mut self.counters.dropped_replayed),
            Err(PacketError::Crowded) => count(&mut self.counters.dropped_crowded),
            Err(PacketError::NoRoom) => count(&mut self.counters.dropped_no_room),
            Err(PacketError::Short | PacketError::Closed) => count(&mut self.counters.dropped_unexpected),
        }
        self.touch(handle);
    }

    /// Whom a data packet is for. What is for nobody is counted, and answered if that helps a forgotten peer.
    fn route(&mut self, now: Time, path: Path, header: &Header, datagram: &[u8]) -> Option<ConnectionHandle> {
        match &mut self.role {
            Role::Client(names) => {
                let found = names.by_id.get(&header.connection_id).copied();
                if found.is_none() && !self.on_reset(datagram.last_chunk().copied()) {
                    count(&mut self.counters.dropped_unknown);
                }
                found
            }
            Role::Server(acceptor) => {
                let found = acceptor.find(&self.slots, header.connection_id);
                if found.is_none() {
                    match acceptor.reset(now, header.connection_id, datagram.len(), &mut self.dice) {
                        Some(reset) => {
                            count(&mut self.counters.resets_sent);
                            self.answer(path, reset);
                        }
                        None => count(&mut self.counters.dropped_unknown),
                    }
                }
                found
            }
        }
    }

    /// A packet of this connection opened: on a server, the first one confirms it.
    fn on_opened(&mut self, now: Time, handle: ConnectionHandle) {
        let Role::Server(acceptor) = &mut self.role else { return };
        let Some(occupant) = self.slots.occupant_mut(handle) else { return };
        let Some(half_open) = occupant.half_open.take() else { return };
        let Peer::Established(established) = &occupant.peer else { return };
        let surplus = acceptor.confirm(&half_open.key, established.peer, handle);
        count(&mut self.counters.handshakes_completed);
        if let Some(oldest) = surplus {
            count(&mut self.counters.device_limit_closes);
            self.close(now, oldest, CloseCode::Limit, "too many connections of this device");
        }
    }

    /// Ends the connection whose reset token ends a packet that did not open. `false` if there is none.
    fn on_reset(&mut self, tail: Option<[u8; TAG_LEN]>) -> bool {
        let Role::Client(names) = &self.role else { return false };
        let anybody = || names.by_reset_token.values().next().filter(|_| planted!(ResetOfAnybody));
        let found = tail.and_then(|tail| names.by_reset_token.get(&tail).or_else(anybody).copied());
        let Some(handle) = found else { return false };
        if let Some(occupant) = self.slots.occupant_mut(handle)
            && occupant.is_open()
        {
            occupant.peer = Peer::Ended(CloseReason::Reset);
            count(&mut self.counters.resets_received);
        }
        self.touch(handle);
        true
    }

    fn on_handshake(&mut self, now: Time, path: Path, packet: &HandshakePacket<'_>) {
        let client_id = match (&mut self.role, packet) {
            (Role::Server(_), _) => return self.on_opening(now, path, packet),
            (Role::Client(_), HandshakePacket::HelloReply(reply)) => reply.client_id,
            (Role::Client(_), HandshakePacket::Retry(retry)) => retry.client_id,
            (Role::Client(_), HandshakePacket::Resp(resp)) => resp.client_id,
            (Role::Client(_), HandshakePacket::Versions(versions)) => versions.client_id,
            (Role::Client(_), HandshakePacket::Hello(_) | HandshakePacket::Init(_) | HandshakePacket::Foreign(_)) => {
                return count(&mut self.counters.dropped_unexpected);
            }
        };
        self.on_answer(now, path, client_id, packet);
    }

    /// Server: a stranger, or a client that did not hear the answer.
    fn on_opening(&mut self, now: Time, path: Path, packet: &HandshakePacket<'_>) {
        let Role::Server(acceptor) = &mut self.role else { return };
        let mut world = super::accepting::Surroundings {
            now,
            config: &self.config,
            slots: &mut self.slots,
            counters: &mut self.counters,
            dice: &mut self.dice,
        };
        let (answer, touched) = acceptor.handle_opening(path, packet, &mut world);
        if let Some(handle) = touched {
            self.arm(handle);
        }
        if let Some(answer) = answer {
            self.answer(path, answer.encode());
        }
    }

    /// Client: an answer to one of its openings.
    fn on_answer(&mut self, now: Time, path: Path, client_id: ConnectionId, packet: &HandshakePacket<'_>) {
        let Role::Client(names) = &mut self.role else { return };
        let found = names.by_id.get(&client_id).copied();
        let occupant = found.and_then(|handle| self.slots.occupant_mut(handle));
        let (Some(handle), Some(occupant)) = (found, occupant) else {
            return count(&mut self.counters.dropped_unknown);
        };
        let Peer::Connecting(connecting) = &mut occupant.peer else {
            // The answer to an earlier attempt, after another one was faster.
            return count(&mut self.counters.dropped_unexpected);
        };
        if connecting.path().remote != path.remote {
            return count(&mut self.counters.dropped_unexpected);
        }
        let believed = match packet {
            HandshakePacket::HelloReply(reply) => connecting.on_hello_reply(reply),
            HandshakePacket::Retry(retry) => connecting.on_retry(now, retry),
            HandshakePacket::Versions(versions) => match Connecting::on_versions(versions) {
                None => false,
                Some(reason) => {
                    occupant.peer = Peer::Ended(reason);
                    true
                }
            },
            HandshakePacket::Resp(resp) => match connecting.on_resp(now, resp) {
                Err(_) => false,
                Ok(completed) => {
                    let token = completed.reset_token;
                    let established = establish(now, path, completed, &self.config);
                    occupant.peer = Peer::Established(Box::new(established));
                    occupant.reset_token = Some(token);
                    names.by_reset_token.insert(token, handle);
                    count(&mut self.counters.handshakes_completed);
                    true
                }
            },
            HandshakePacket::Hello(_) | HandshakePacket::Init(_) | HandshakePacket::Foreign(_) => false,
        };
        if !believed {
            count(&mut self.counters.dropped_forged);
        }
        self.touch(handle);
    }
}

/// A client's connection with fresh keys; its first packet goes out at once, because only a packet that opens confirms it to the server.
fn establish(now: Time, path: Path, completed: Completed, config: &super::config::Config) -> Established {
    let Completed { keys, client_id, server_id, server, rtt, datagram_len, lost_count, .. } = completed;
    let mut connection =
        Connection::new(ConnectionRole::Client, config, keys, client_id, server_id, path, datagram_len, rtt, now);
    connection.seed_loss(lost_count);
    Established { connection, peer: server, is_news: true }
}
