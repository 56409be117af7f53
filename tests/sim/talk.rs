//! Two people who talk: numbered messages in both directions, and when each of them was said and heard.

use std::sync::Arc;

use udpchat::transport::{CLEAN_RUN_MIN, ConnectionHandle, Micros, SendError, Stats, StreamId, Time};

use super::net::Faults;
use super::pair::Pair;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// One direction of one stream.
#[derive(Debug, Default)]
pub struct Lane {
    pub said: Vec<(Time, Arc<[u8]>)>,
    pub heard_at: Vec<Time>,
}

impl Lane {
    /// How long each message took, the shortest first.
    pub fn latencies(&self) -> Vec<Micros> {
        let mut spans: Vec<Micros> = self.said.iter().zip(&self.heard_at).map(|((said, _), heard)| *heard - *said).collect();
        spans.sort();
        spans
    }

    pub fn is_all_heard(&self) -> bool {
        self.said.len() == self.heard_at.len()
    }
}

/// By speaker and stream.
type Lanes = [[Lane; StreamId::COUNT]; 2];

/// A connected pair and what was said on it.
pub struct Talk {
    pub pair: Pair,
    pub client: ConnectionHandle,
    pub server: ConnectionHandle,
    /// By speaker and stream.
    lanes: Lanes,
    /// Whether the listener of each lane reads.
    reads: [[bool; StreamId::COUNT]; 2],
}

impl Talk {
    /// Connects over a network with these faults.
    pub fn new(seed: u64, faults: Faults) -> Self {
        Self::of(Pair::new(seed, faults))
    }

    /// Connects this pair.
    pub fn of(mut pair: Pair) -> Self {
        let (client, server) = pair.connect();
        Self { pair, client, server, lanes: Default::default(), reads: [[true; StreamId::COUNT]; 2] }
    }

    /// Connects over a network that so far loses nothing, and talks until no copies are sent any more.
    pub fn clean(seed: u64, faults: Faults) -> Self {
        let mut talk = Self::new(seed, faults);
        for _ in 0..CLEAN_RUN_MIN {
            for side in [Side::Client, Side::Server] {
                talk.say(side, StreamId::Chat, 100).unwrap();
            }
            talk.pass(Micros::from_millis(100));
        }
        assert!(talk.finish(Micros::from_secs(1)));
        talk.pass(Micros::from_secs(1));
        assert_eq!((talk.stats(Side::Client).copies, talk.stats(Side::Server).copies), (1, 1));
        talk
    }

    /// What one end counted and measured.
    pub fn stats(&mut self, side: Side) -> Stats {
        let end = match side {
            Side::Client => self.pair.client.connection(self.client),
            Side::Server => self.pair.server.connection(self.server),
        };
        end.expect("connected").stats()
    }

    pub fn lane(&self, side: Side, stream: StreamId) -> &Lane {
        &self.lanes[side as usize][usize::from(stream.number())]
    }

    /// Whether the listener of a lane reads.
    pub fn set_reads(&mut self, side: Side, stream: StreamId, reads: bool) {
        self.reads[side as usize][usize::from(stream.number())] = reads;
    }

    /// Says a message of this length now.
    pub fn say(&mut self, side: Side, stream: StreamId, len: usize) -> Result<(), SendError> {
        let lane = &mut self.lanes[side as usize][usize::from(stream.number())];
        let count = lane.said.len();
        let message: Arc<[u8]> = (0..len).map(|at| (count * 31 + at * 7 + side as usize) as u8).collect();
        let now = self.pair.now;
        let (endpoint, handle) = match side {
            Side::Client => (&mut self.pair.client, self.client),
            Side::Server => (&mut self.pair.server, self.server),
        };
        endpoint.connection(handle).ok_or(SendError::Closed)?.send(now, stream, &message)?;
        lane.said.push((now, message));
        self.pair.settle();
        Ok(())
    }

    /// Lets a time pass.
    pub fn pass(&mut self, span: Micros) {
        self.until(span, |_| false);
    }

    /// Runs until everything said was heard; `false` if that takes longer than `limit`.
    pub fn finish(&mut self, limit: Micros) -> bool {
        self.until(limit, |lanes| lanes.iter().flatten().all(Lane::is_all_heard))
    }

    fn until(&mut self, limit: Micros, done: impl Fn(&Lanes) -> bool) -> bool {
        let (lanes, reads, client, server) = (&mut self.lanes, &self.reads, self.client, self.server);
        self.pair.drive(limit, |pair| {
            hear(pair, client, server, lanes, *reads);
            done(lanes)
        })
    }
}

/// Takes every message that came and holds it against what was said: once, whole and in order.
fn hear(
    pair: &mut Pair,
    client: ConnectionHandle,
    server: ConnectionHandle,
    lanes: &mut Lanes,
    reads: [[bool; StreamId::COUNT]; 2],
) {
    let now = pair.now;
    let mut heard = false;
    for side in [Side::Client, Side::Server] {
        let (endpoint, handle) = match side {
            Side::Client => (&mut pair.server, server),
            Side::Server => (&mut pair.client, client),
        };
        for stream in StreamId::all() {
            let at = usize::from(stream.number());
            let lane = &mut lanes[side as usize][at];
            // Only looks when something can have come, so that idle connections are not touched at every step.
            let may_have_come = lane.heard_at.len() < lane.said.len() && reads[side as usize][at];
            while let Some(message) =
                endpoint.connection(handle).filter(|_| may_have_come).and_then(|mut end| end.recv(now, stream))
            {
                let wanted = lane.said.get(lane.heard_at.len()).map(|(_, message)| &message[..]);
                assert_eq!(Some(&message[..]), wanted, "{side:?} {stream:?} message {}", lane.heard_at.len());
                lane.heard_at.push(now);
                heard = true;
            }
        }
    }
    if heard {
        pair.settle();
    }
}
