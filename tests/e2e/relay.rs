//! A bad network on loopback: loses, doubles and holds back datagrams as its seed says, each way, for any number of clients.
//!
//! Each client gets a socket of its own towards the server, so that the server sees as many addresses as there are clients.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use udpchat::crypto::Dice;

/// How often an idle way looks whether it is still wanted.
const LOOK_DELAY: Duration = Duration::from_millis(20);

/// Longer than any datagram of the protocol.
const DATAGRAM_LEN_MAX: usize = 65_536;

/// What happens to datagrams each way; rates in hundredths.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    pub loss: u64,
    /// Of all of them.
    pub delay: Duration,
    pub duplicate: u64,
    /// How many are held back, while others pass.
    pub reorder: u64,
    /// For at most this long.
    pub reorder_delay: Duration,
}

impl Faults {
    /// Nothing happens to them.
    pub const NONE: Self = Self::late(Duration::ZERO);

    /// They take their time.
    pub const fn late(delay: Duration) -> Self {
        Self { loss: 0, delay, duplicate: 0, reorder: 0, reorder_delay: Duration::ZERO }
    }

    /// Loses so many of a hundred each way, reorders and doubles some.
    pub const fn lossy(loss: u64) -> Self {
        Self { loss, delay: Duration::ZERO, duplicate: 3, reorder: 10, reorder_delay: Duration::from_millis(8) }
    }
}

/// What all ways share.
#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    is_cut: AtomicBool,
    lost_count: AtomicU64,
    doubled_count: AtomicU64,
    held_count: AtomicU64,
}

/// The network, for as long as it is held.
#[derive(Debug)]
pub struct Relay {
    /// Where clients find it.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    inward: Option<JoinHandle<()>>,
}

impl Relay {
    /// A network in front of `server`.
    pub fn start(server: SocketAddr, faults: Faults, seed: u8) -> Self {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = front.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::default());
        let mut inward = Inward {
            way: Way::new(faults, Dice::from_seed([seed; 32]), Arc::clone(&shared)),
            front: Arc::new(front),
            server,
            backs: BTreeMap::new(),
            faults,
            seed,
        };
        Self { address, shared, inward: Some(thread::spawn(move || inward.run())) }
    }

    /// Cuts the network, or heals it.
    pub fn set_cut(&self, is_cut: bool) {
        self.shared.is_cut.store(is_cut, Ordering::Relaxed);
    }

    /// How many datagrams it has lost, doubled and held back so far.
    pub fn fault_counts(&self) -> [u64; 3] {
        let Shared { lost_count, doubled_count, held_count, .. } = &*self.shared;
        [lost_count, doubled_count, held_count].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(inward) = self.inward.take() {
            // A panic there has been printed already.
            drop(inward.join());
        }
    }
}

/// From clients to the server; makes the way back for each new client.
struct Inward {
    way: Way<SocketAddr>,
    front: Arc<UdpSocket>,
    server: SocketAddr,
    backs: BTreeMap<SocketAddr, (Arc<UdpSocket>, JoinHandle<()>)>,
    faults: Faults,
    seed: u8,
}

impl Inward {
    fn run(&mut self) {
        let mut buffer = vec![0; DATAGRAM_LEN_MAX];
        while !self.way.is_over() {
            if let Some((len, client)) = self.way.wait_for_datagram(&self.front, &mut buffer) {
                self.meet(client);
                self.way.take(client, &buffer[..len]);
            }
            for (client, datagram) in self.way.due() {
                // A server that is down refuses; that is its own kind of loss.
                drop(self.backs[&client].0.send_to(&datagram, self.server));
            }
        }
        for (_, (_, back)) in std::mem::take(&mut self.backs) {
            drop(back.join());
        }
    }

    fn meet(&mut self, client: SocketAddr) {
        if self.backs.contains_key(&client) {
            return;
        }
        let back = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
        let mut seed = [self.seed; 32];
        seed[0] = u8::try_from(1 + self.backs.len() % 255).expect("it is at most 255");
        let mut way = Way::new(self.faults, Dice::from_seed(seed), Arc::clone(&self.way.shared));
        let (socket, front) = (Arc::clone(&back), Arc::clone(&self.front));
        let thread = thread::spawn(move || {
            let mut buffer = vec![0; DATAGRAM_LEN_MAX];
            while !way.is_over() {
                if let Some((len, _)) = way.wait_for_datagram(&socket, &mut buffer) {
                    way.take((), &buffer[..len]);
                }
                for ((), datagram) in way.due() {
                    drop(front.send_to(&datagram, client));
                }
            }
        });
        self.backs.insert(client, (back, thread));
    }
}

/// One way of datagrams, each with its destination.
struct Way<T> {
    faults: Faults,
    dice: Dice,
    shared: Arc<Shared>,
    queue: BTreeMap<(Instant, u64), (T, Vec<u8>)>,
    taken_count: u64,
}

impl<T: Copy> Way<T> {
    fn new(faults: Faults, dice: Dice, shared: Arc<Shared>) -> Self {
        Self { faults, dice, shared, queue: BTreeMap::new(), taken_count: 0 }
    }

    fn is_over(&self) -> bool {
        self.shared.is_over.load(Ordering::Relaxed)
    }

    /// One datagram, or none when one that is held back is due or it is time to look around.
    fn wait_for_datagram(&self, socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let next = self.queue.keys().next();
        let wait = next.map_or(LOOK_DELAY, |(at, _)| at.saturating_duration_since(Instant::now()).min(LOOK_DELAY));
        socket.set_read_timeout(Some(wait.max(Duration::from_micros(100)))).expect("it is not zero");
        socket.recv_from(buffer).ok()
    }

    fn take(&mut self, to: T, datagram: &[u8]) {
        let Faults { loss, delay, duplicate, reorder, reorder_delay } = self.faults;
        if self.strikes(loss) || self.shared.is_cut.load(Ordering::Relaxed) {
            self.shared.lost_count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let copies = if self.strikes(duplicate) { 2 } else { 1 };
        self.shared.doubled_count.fetch_add(copies - 1, Ordering::Relaxed);
        for _ in 0..copies {
            let mut at = Instant::now() + delay;
            if self.strikes(reorder) {
                self.shared.held_count.fetch_add(1, Ordering::Relaxed);
                let held_us = u64::try_from(reorder_delay.as_micros()).expect("it is short");
                at += Duration::from_micros(self.dice.below(held_us + 1));
            }
            self.taken_count += 1;
            self.queue.insert((at, self.taken_count), (to, datagram.to_vec()));
        }
    }

    fn due(&mut self) -> Vec<(T, Vec<u8>)> {
        let later = self.queue.split_off(&(Instant::now(), u64::MAX));
        std::mem::replace(&mut self.queue, later).into_values().collect()
    }

    fn strikes(&mut self, hundredths: u64) -> bool {
        hundredths > 0 && self.dice.below(100) < hundredths
    }
}
