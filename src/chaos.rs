//! A bad network to try out: loses, doubles, reorders, delays and damages datagrams on their way to and from the socket.
//!
//! It sits between a state machine and its sockets, so that nobody needs a special kernel or root to see what loss does.
//! Like the machines it is handed `now` and dice; the event loops ask it for its deadline. A way, `W`, is whatever the loop
//! needs to send a datagram on: it is kept and given back.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::crypto::Dice;
use crate::transport::{Micros, Time};

/// Most datagrams that one direction holds back; more are lost, as in a router.
pub const HELD_COUNT_MAX: usize = 65_536;

/// Longest delay: above it no connection comes about anyway.
const DELAY_MAX: Duration = Duration::from_secs(10);

/// A reordered datagram comes later than the others by up to this much: a few of a busy sender's overtake it.
const REORDER_DELAY_MAX: Micros = Micros::from_millis(20);

/// Chances are counted in millionths.
const CERTAIN: u64 = 1_000_000;

/// How bad the network is; read from `loss=5%,dup=1%,reorder=0.02,delay=25ms,corrupt=1%,seed=7`, each part once or not at
/// all. It holds for each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weather {
    /// How many of a million datagrams never come.
    pub loss: u32,
    /// How many come twice.
    pub dup: u32,
    /// How many are overtaken by later ones.
    pub reorder: u32,
    /// How many have a bit turned over.
    pub corrupt: u32,
    /// How long each takes.
    pub delay: Micros,
    /// The same seed and the same datagrams give the same fate.
    pub seed: u64,
}

/// Why a description of a network cannot be read, in words for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WeatherError {
    /// No `=`.
    #[error("{0:?} is no part of a network: write name=value, as in loss=5%,delay=25ms")]
    NoValue(String),
    /// No such name.
    #[error("a network has loss, dup, reorder, corrupt, delay and seed, but no {0:?}")]
    UnknownName(String),
    /// The same name again.
    #[error("{0} stands there twice")]
    Twice(String),
    /// No chance.
    #[error("{0}={1} is no chance; write a percentage from 0% to 100%, or a number from 0 to 1")]
    Chance(String, String),
    /// No delay.
    #[error("delay={0} is no delay; write it with its unit, as in 25ms, 0.5s or 800us, up to 10 s")]
    Delay(String),
    /// No seed.
    #[error("seed={0} is no seed; a seed is a whole number")]
    Seed(String),
}

impl FromStr for Weather {
    type Err = WeatherError;

    fn from_str(text: &str) -> Result<Self, WeatherError> {
        let mut weather = Self::default();
        let mut seen = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (name, value) = part.split_once('=').ok_or_else(|| WeatherError::NoValue(part.to_owned()))?;
            if seen.contains(&name) {
                return Err(WeatherError::Twice(name.to_owned()));
            }
            seen.push(name);
            let chance = || chance(value).ok_or_else(|| WeatherError::Chance(name.to_owned(), value.to_owned()));
            match name {
                "loss" => weather.loss = chance()?,
                "dup" => weather.dup = chance()?,
                "reorder" => weather.reorder = chance()?,
                "corrupt" => weather.corrupt = chance()?,
                "delay" => weather.delay = delay(value).ok_or_else(|| WeatherError::Delay(value.to_owned()))?,
                "seed" => weather.seed = value.parse().map_err(|_| WeatherError::Seed(value.to_owned()))?,
                _ => return Err(WeatherError::UnknownName(name.to_owned())),
            }
        }
        Ok(weather)
    }
}

/// Reads back as the same weather.
impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, millionths) in [("loss", self.loss), ("dup", self.dup), ("reorder", self.reorder), ("corrupt", self.corrupt)] {
            write!(f, "{name}={}%,", f64::from(millionths) / 10_000.0)?;
        }
        write!(f, "delay={}us,seed={}", self.delay.as_micros(), self.seed)
    }
}

/// Millionths, from `5%` or `0.05`.
fn chance(text: &str) -> Option<u32> {
    let (number, whole) = match text.strip_suffix('%') {
        Some(percent) => (percent, 100.0),
        None => (text, 1.0),
    };
    let part: f64 = number.parse::<f64>().ok().filter(|number| (0.0..=whole).contains(number))? / whole;
    // A duration rounds for us: as many microseconds as there are millionths.
    u32::try_from(Duration::try_from_secs_f64(part).ok()?.as_micros()).ok()
}

fn delay(text: &str) -> Option<Micros> {
    let (number, per_s) = match (text.strip_suffix("us"), text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _, _) => (number, 1_000_000.0),
        (_, Some(number), _) => (number, 1_000.0),
        (_, _, Some(number)) => (number, 1.0),
        _ => return None,
    };
    let span = Duration::try_from_secs_f64(number.parse::<f64>().ok()? / per_s).ok().filter(|span| *span <= DELAY_MAX)?;
    u64::try_from(span.as_micros()).ok().map(Micros::new)
}

/// A network as bad as its weather, for both directions of a program's sockets.
#[derive(Debug)]
pub struct Chaos<W> {
    /// From the program.
    pub outgoing: Direction<W>,
    /// To the program.
    pub incoming: Direction<W>,
}

/// One direction: what was pushed comes out when its time has come, if it does.
#[derive(Debug)]
pub struct Direction<W> {
    weather: Weather,
    dice: Dice,
    /// By the instant of arrival; the number keeps those of one instant in order.
    held: BTreeMap<(Time, u64), (W, Vec<u8>)>,
    next_number: u64,
}

impl<W: Copy> Chaos<W> {
    /// This weather, in both directions, each with dice of its own.
    #[must_use]
    pub fn new(weather: Weather) -> Self {
        let mut seed = [0; 32];
        seed.iter_mut().zip(weather.seed.to_be_bytes()).for_each(|(to, from)| *to = from);
        let mut dice = Dice::from_seed(seed);
        Self { outgoing: Direction::new(weather, dice.fork()), incoming: Direction::new(weather, dice.fork()) }
    }

    /// When the next datagram of either direction arrives.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        [self.outgoing.poll_timeout(), self.incoming.poll_timeout()].into_iter().flatten().min()
    }
}

impl<W: Copy> Direction<W> {
    fn new(weather: Weather, dice: Dice) -> Self {
        Self { weather, dice, held: BTreeMap::new(), next_number: 0 }
    }

    /// Takes a datagram on its way.
    pub fn push(&mut self, now: Time, way: W, datagram: &[u8]) {
        // Every datagram rolls the same number of dice, so that one chance can be changed without changing the other fates.
        let [is_lost, is_doubled, is_late, is_damaged] =
            [self.weather.loss, self.weather.dup, self.weather.reorder, self.weather.corrupt].map(|chance| self.happens(chance));
        let (lateness, bit) = (self.dice.below(REORDER_DELAY_MAX.as_micros()), self.dice.u64());
        if is_lost {
            return;
        }
        let mut bytes = datagram.to_vec();
        if is_damaged && let Some(place) = bit.checked_rem(bytes.len() as u64) {
            bytes[place as usize] ^= 1 << (bit >> 61);
        }
        let lateness = if is_late { Micros::new(lateness + 1) } else { Micros::ZERO };
        let arrives_at = now + self.weather.delay + lateness;
        if is_doubled {
            self.hold(arrives_at, way, bytes.clone());
        }
        self.hold(arrives_at, way, bytes);
    }

    /// The next datagram that has arrived.
    pub fn poll(&mut self, now: Time) -> Option<(W, Vec<u8>)> {
        let first = self.held.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    /// Takes all that `next` writes and tells the way of, then leaves the next datagram that has arrived in `datagram`.
    pub fn carry(&mut self, now: Time, datagram: &mut Vec<u8>, mut next: impl FnMut(&mut Vec<u8>) -> Option<W>) -> Option<W> {
        while let Some(way) = next(datagram) {
            self.push(now, way, datagram);
        }
        let (way, arrived) = self.poll(now)?;
        *datagram = arrived;
        Some(way)
    }

    /// When the next one arrives.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.held.first_key_value().map(|((arrives_at, _), _)| *arrives_at)
    }

    fn happens(&mut self, chance: u32) -> bool {
        self.dice.below(CERTAIN) < u64::from(chance)
    }

    fn hold(&mut self, arrives_at: Time, way: W, bytes: Vec<u8>) {
        if self.held.len() < HELD_COUNT_MAX {
            self.held.insert((arrives_at, self.next_number), (way, bytes));
            self.next_number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_000);

    fn weather(text: &str) -> Weather {
        text.parse().unwrap()
    }

    fn refusal(text: &str) -> String {
        text.parse::<Weather>().unwrap_err().to_string()
    }

    /// What comes of 10,000 datagrams, each with its number, by the order of arrival.
    fn pass(weather: Weather, at: Time) -> Vec<Vec<u8>> {
        let mut direction = Chaos::new(weather).outgoing;
        for number in 0..10_000_u32 {
            direction.push(NOW + Micros::new(u64::from(number)), (), &number.to_be_bytes());
        }
        std::iter::from_fn(|| direction.poll(at)).map(|((), bytes)| bytes).collect()
    }

    fn all() -> Vec<Vec<u8>> {
        (0..10_000_u32).map(|number| number.to_be_bytes().to_vec()).collect()
    }

    #[test]
    fn a_network_is_read_in_percent_or_as_a_part() {
        let read = weather("loss=5%, dup=0.01,reorder=2.5%,corrupt=0,delay=25ms,seed=7");
        let delay = Micros::from_millis(25);
        assert_eq!(read, Weather { loss: 50_000, dup: 10_000, reorder: 25_000, corrupt: 0, delay, seed: 7 });
        assert_eq!(weather(&read.to_string()), read);
        assert_eq!(weather("delay=0.5s").delay, Micros::from_millis(500));
        assert_eq!(weather("delay=800us,loss=100%"), Weather { delay: Micros::new(800), loss: 1_000_000, ..Weather::default() });
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        assert_eq!(refusal("loss"), "\"loss\" is no part of a network: write name=value, as in loss=5%,delay=25ms");
        assert_eq!(refusal(""), "\"\" is no part of a network: write name=value, as in loss=5%,delay=25ms");
        assert_eq!(refusal("los=5%"), "a network has loss, dup, reorder, corrupt, delay and seed, but no \"los\"");
        assert_eq!(refusal("loss=1%,loss=2%"), "loss stands there twice");
        for chance in ["5", "101%", "-1%", "nan", "much", ""] {
            let sentence = refusal(&format!("dup={chance}"));
            assert!(sentence.starts_with(&format!("dup={chance} is no chance")), "{sentence}");
        }
        for delay in ["25", "25 m", "-1ms", "11s", "inf s", "ms"] {
            assert!(refusal(&format!("delay={delay}")).contains("is no delay"), "{delay}");
        }
        assert!(refusal("seed=x").contains("whole number"));
    }

    #[test]
    fn fair_weather_changes_nothing() {
        assert_eq!(pass(Weather::default(), NOW + Micros::from_secs(1)), all());
    }

    #[test]
    fn a_delay_holds_everything_back_in_order() {
        let slow = weather("delay=1s");
        assert!(pass(slow, NOW + Micros::new(999_999)).is_empty());
        assert_eq!(pass(slow, NOW + Micros::from_secs(2)), all());
        let mut direction = Chaos::new(slow).incoming;
        direction.push(NOW, (), b"x");
        assert_eq!(direction.poll_timeout(), Some(NOW + Micros::from_secs(1)));
    }

    #[test]
    fn about_as_many_are_lost_and_doubled_as_was_asked() {
        let end = NOW + Micros::from_secs(1);
        let lost = 10_000 - pass(weather("loss=5%"), end).len();
        assert!((400..600).contains(&lost), "{lost}");
        let doubled = pass(weather("dup=5%"), end).len() - 10_000;
        assert!((400..600).contains(&doubled), "{doubled}");
        assert!(pass(weather("loss=100%"), end).is_empty());
    }

    #[test]
    fn reordered_ones_are_overtaken_and_all_come() {
        let mut passed = pass(weather("reorder=5%"), NOW + Micros::from_secs(1));
        assert_ne!(passed, all());
        passed.sort();
        assert_eq!(passed, all());
    }

    #[test]
    fn a_damaged_one_differs_in_one_bit() {
        let passed = pass(weather("corrupt=100%"), NOW + Micros::from_secs(1));
        for (passed, sent) in passed.iter().zip(all()) {
            let turned: u32 = passed.iter().zip(&sent).map(|(passed, sent)| (passed ^ sent).count_ones()).sum();
            assert_eq!(turned, 1);
        }
        Chaos::new(weather("corrupt=100%")).outgoing.push(NOW, (), b"");
    }

    #[test]
    fn a_seed_replays_and_another_does_not() {
        let end = NOW + Micros::from_secs(1);
        let bad = "loss=10%,dup=10%,reorder=10%,corrupt=10%";
        assert_eq!(pass(weather(&format!("{bad},seed=1")), end), pass(weather(&format!("{bad},seed=1")), end));
        assert_ne!(pass(weather(&format!("{bad},seed=1")), end), pass(weather(&format!("{bad},seed=2")), end));
    }

    #[test]
    fn what_is_held_back_has_a_cap() {
        let mut direction = Chaos::new(weather("delay=10s")).outgoing;
        for _ in 0..HELD_COUNT_MAX + 5 {
            direction.push(NOW, (), b"x");
        }
        assert_eq!(direction.held.len(), HELD_COUNT_MAX);
    }
}
