//! Messages that were accepted from the user and have no outcome yet: on disk before anything is sent, in their order.
//!
//! All processes of a profile share the outbox. Whoever holds the [`SenderLock`] sends what is in it, in order, under the ids
//! the messages were born with, so that a message sent twice is stored once. The process that put a message in is its owner:
//! when another process sends it, the outcome is kept in its row until the owner has read it.
//!
//! Only putting messages in is synced to the disk. An outcome that a power cut takes back is asked for again, under the same
//! id, and comes out the same.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use rusqlite::{Connection, params};

use super::database::{self, LocalError};
use crate::message::{Payload, Refusal, Reply, RequestId, Seq, Stored, Target, Text};

/// Most messages that may wait; far more than a person writes offline, and small beside a disk.
const UNSENT_COUNT_MAX: u64 = 100_000;

/// Most outcomes that are kept for owners that do not come for them, because they ended.
const SETTLED_COUNT_MAX: u64 = 10_000;

/// A message's place in the order of the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub(super) i64);

/// The process that waits for an outcome: 16 random bytes.
pub type Owner = [u8; 16];

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The id it is stored under.
    pub id: RequestId,
    /// Where to.
    pub to: Recipient,
    /// What it says.
    pub text: Text,
    /// The message that it answers.
    pub reply_to: Option<Seq>,
    /// What it carries for programs.
    pub payload: Option<Payload>,
}

/// Where a message goes, as people write it: `#room` or `@user`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recipient(String);

/// A draft in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the order.
    pub place: Place,
    /// Who put it in.
    pub owner: Owner,
    /// The message.
    pub draft: Draft,
}

/// What became of a message: where it is stored, or why never.
pub type PostOutcome = Result<Stored, Refusal>;

/// The outbox of a profile.
#[derive(Debug)]
pub struct Outbox {
    database: Connection,
}

impl Recipient {
    /// The room or person of this target.
    ///
    /// # Panics
    /// For a target that is given by its log: people write names, and a name says the same after a restart.
    #[must_use]
    pub fn new(target: &Target) -> Self {
        match target {
            Target::Room(name) => Self(name.clone()),
            Target::User(name) => Self(format!("@{}", name.strip_prefix('@').unwrap_or(name))),
            Target::Log(_) | Target::Own => unreachable!("a message goes to a room or a person by name"),
        }
    }

    /// As people write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a request names it.
    #[must_use]
    pub fn target(&self) -> Target {
        if self.0.starts_with('#') { Target::Room(self.0.clone()) } else { Target::User(self.0.clone()) }
    }
}

impl Outbox {
    /// Opens the outbox in the profile's database at `path`.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be opened.
    pub fn open(path: &Path) -> Result<Self, LocalError> {
        Ok(Self { database: database::open(path)? })
    }

    /// An outbox that is forgotten with this value, for simulations.
    ///
    /// # Errors
    /// [`LocalError`] if `SQLite` cannot start.
    pub fn in_memory() -> Result<Self, LocalError> {
        Ok(Self { database: database::open_in_memory()? })
    }

    /// Puts all of `drafts` in, behind everything that is there, synced to the disk; their places, in order.
    ///
    /// # Errors
    /// [`LocalError::Full`], or the database cannot be written; then none is in.
    pub fn append(&mut self, owner: Owner, drafts: &[Draft]) -> Result<Vec<Place>, LocalError> {
        let unsent_count = self.unsent_count()?;
        let more_count = u64::try_from(drafts.len()).unwrap_or(u64::MAX);
        if unsent_count.saturating_add(more_count) > UNSENT_COUNT_MAX {
            return Err(LocalError::Full(unsent_count));
        }
        let change = self.database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut places = Vec::with_capacity(drafts.len());
        {
            let mut insert = change.prepare_cached(
                "INSERT INTO outbox (id, target, text, reply_to, payload_kind, payload, owner) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            for Draft { id, to, text, reply_to, payload } in drafts {
                // A place that no log can have is refused by the server, whatever becomes of it here.
                let reply_to = reply_to.map(|seq| i64::try_from(seq.0).unwrap_or(i64::MAX));
                let (kind, json) = payload.as_ref().map(|payload| (&payload.kind, &payload.json)).unzip();
                places.push(Place(insert.insert(params![id.0, to.0, text.as_str(), reply_to, kind, json, owner])?));
            }
        }
        change.commit()?;
        Ok(places)
    }

    /// At most `count` messages without an outcome, in order, behind `after`.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be read.
    pub fn unsent(&self, after: Option<Place>, count: usize) -> Result<Vec<Entry>, LocalError> {
        let mut select = self.database.prepare_cached(
            "SELECT place, id, target, text, owner, reply_to, payload_kind, payload FROM outbox
             WHERE outcome IS NULL AND place > ?1 ORDER BY place LIMIT ?2",
        )?;
        let mut rows = select.query(params![after.map_or(0, |place| place.0), i64::try_from(count).unwrap_or(i64::MAX)])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let text = Text::parse(row.get::<_, String>(3)?).map_err(|_| LocalError::Damaged)?;
            let reply_to = row.get::<_, Option<i64>>(5)?.map(|seq| Seq(seq.cast_unsigned()));
            let payload = match (row.get(6)?, row.get(7)?) {
                (Some(kind), Some(json)) => Some(Payload { kind, json }),
                _ => None,
            };
            let draft = Draft { id: RequestId(row.get(1)?), to: Recipient(row.get(2)?), text, reply_to, payload };
            entries.push(Entry { place: Place(row.get(0)?), owner: row.get(4)?, draft });
        }
        Ok(entries)
    }

    /// How many messages have no outcome.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be read.
    pub fn unsent_count(&self) -> Result<u64, LocalError> {
        let mut count = self.database.prepare_cached("SELECT count(*) FROM outbox WHERE outcome IS NULL")?;
        Ok(count.query_row([], |row| row.get::<_, i64>(0))?.cast_unsigned())
    }

    /// Writes down what became of messages: those of `owner`, who is the caller, are removed; the outcomes of the others are
    /// kept for their owners.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be written.
    pub fn settle(&mut self, owner: Owner, outcomes: &[(Place, PostOutcome)]) -> Result<(), LocalError> {
        // A refusal is synced: if a power cut took it back, the message would be sent again, and might be stored after its author
        // was told that it is not. What was stored comes out the same again.
        if outcomes.iter().any(|(_, outcome)| outcome.is_err()) {
            return self.write_outcomes(owner, outcomes);
        }
        self.database.execute_batch("PRAGMA synchronous = NORMAL")?;
        let settled = self.write_outcomes(owner, outcomes);
        self.database.execute_batch("PRAGMA synchronous = FULL")?;
        settled
    }

    fn write_outcomes(&mut self, owner: Owner, outcomes: &[(Place, PostOutcome)]) -> Result<(), LocalError> {
        let change = self.database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut remove = change.prepare_cached("DELETE FROM outbox WHERE place = ?1 AND owner = ?2")?;
            let mut keep = change.prepare_cached("UPDATE outbox SET outcome = ?2 WHERE place = ?1 AND outcome IS NULL")?;
            let mut kept_count = 0;
            for (place, outcome) in outcomes {
                if remove.execute(params![place.0, owner])? == 0 {
                    kept_count += keep.execute(params![place.0, encode(outcome)])?;
                }
            }
            if kept_count > 0 {
                change.execute(
                    "DELETE FROM outbox WHERE place IN
                     (SELECT place FROM outbox WHERE outcome IS NOT NULL ORDER BY place DESC LIMIT -1 OFFSET ?1)",
                    [SETTLED_COUNT_MAX.cast_signed()],
                )?;
            }
        }
        change.commit()?;
        Ok(())
    }

    /// Takes the outcomes that other processes wrote down for `owner`'s messages, in order.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be read or written.
    pub fn collect(&mut self, owner: Owner) -> Result<Vec<(Place, PostOutcome)>, LocalError> {
        let mut collected = Vec::new();
        {
            let mut select = self
                .database
                .prepare_cached("SELECT place, outcome FROM outbox WHERE owner = ?1 AND outcome IS NOT NULL ORDER BY place")?;
            let mut rows = select.query([owner])?;
            while let Some(row) = rows.next()? {
                let outcome: Vec<u8> = row.get(1)?;
                collected.push((Place(row.get(0)?), decode(&outcome).ok_or(LocalError::Damaged)?));
            }
        }
        if collected.is_empty() {
            return Ok(collected);
        }
        // These and no others: more may have been written down meanwhile.
        let change = self.database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for (place, _) in &collected {
            change.prepare_cached("DELETE FROM outbox WHERE place = ?1")?.execute([place.0])?;
        }
        change.commit()?;
        Ok(collected)
    }
}

/// An outcome is kept as the reply that brought it.
fn encode(outcome: &PostOutcome) -> Vec<u8> {
    match outcome {
        Ok(stored) => Reply::Stored(stored.clone()).encode(0),
        Err(refusal) => Reply::Refused(refusal.clone()).encode(0),
    }
}

fn decode(bytes: &[u8]) -> Option<PostOutcome> {
    match Reply::decode(bytes).ok()?.1 {
        Reply::Stored(stored) => Some(Ok(stored)),
        Reply::Refused(refusal) => Some(Err(refusal)),
        _ => None,
    }
}

/// The right to send what is in the outbox. Held by one process at a time and only while there is something to send; it ends
/// with the process that has it.
///
/// It only spares the server doubles. Order needs no lock: whoever sends begins at the first message without an outcome and
/// keeps to the order, so that a later message is never stored before an earlier one.
#[derive(Debug)]
pub struct SenderLock {
    path: Option<PathBuf>,
    held: Held,
}

#[derive(Debug)]
enum Held {
    No,
    Alone,
    File { _lock: Flock<File> },
}

impl SenderLock {
    /// The lock file at `path`.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path: Some(path), held: Held::No }
    }

    /// For an outbox that nobody shares.
    #[must_use]
    pub fn alone() -> Self {
        Self { path: None, held: Held::No }
    }

    /// Whether it is held here.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !matches!(self.held, Held::No)
    }

    /// Whether other processes may have it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.path.is_some()
    }

    /// Takes it, if no other process has it; whether it is held now.
    ///
    /// # Errors
    /// If the lock file cannot be opened.
    pub fn try_take(&mut self) -> Result<bool, LocalError> {
        if self.is_held() {
            return Ok(true);
        }
        let Some(path) = &self.path else {
            self.held = Held::Alone;
            return Ok(true);
        };
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => self.held = Held::File { _lock: lock },
            Err((_, Errno::EWOULDBLOCK)) => {}
            Err((_, errno)) => return Err(std::io::Error::from(errno).into()),
        }
        Ok(self.is_held())
    }

    /// Lets others send.
    pub fn release(&mut self) {
        self.held = Held::No;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{LogId, RefusalCode};

    const ME: Owner = [1; 16];
    const OTHER: Owner = [2; 16];

    fn draft(n: u8) -> Draft {
        let text = Text::parse(format!("message {n}")).unwrap();
        let payload = n.is_multiple_of(2).then(|| Payload { kind: "k".into(), json: n.to_string() });
        let to = Recipient::new(&Target::Room("#ops".into()));
        Draft { id: RequestId([n; 16]), to, text, reply_to: payload.as_ref().map(|_| Seq(u64::from(n))), payload }
    }

    fn stored(seq: u64) -> Stored {
        Stored { log: LogId(7), room: "#ops".into(), seq: Seq(seq), time_ms: 1 }
    }

    fn ids(entries: &[Entry]) -> Vec<u8> {
        entries.iter().map(|entry| entry.draft.id.0[0]).collect()
    }

    #[test]
    fn messages_come_out_in_order_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("client.db");
        let mut outbox = Outbox::open(&path).unwrap();
        let places = outbox.append(ME, &[draft(1), draft(2)]).unwrap();
        outbox.append(ME, &[draft(3)]).unwrap();
        drop(outbox);
        let mut outbox = Outbox::open(&path).unwrap();
        assert_eq!(ids(&outbox.unsent(None, 10).unwrap()), [1, 2, 3]);
        assert_eq!(ids(&outbox.unsent(Some(places[0]), 1).unwrap()), [2]);
        outbox.settle(ME, &[(places[0], Ok(stored(5)))]).unwrap();
        drop(outbox);
        let outbox = Outbox::open(&path).unwrap();
        let entries = outbox.unsent(None, 10).unwrap();
        assert_eq!(ids(&entries), [2, 3]);
        assert_eq!(entries[0].draft, draft(2));
    }

    #[test]
    fn a_place_is_never_used_again() {
        let mut outbox = Outbox::in_memory().unwrap();
        let first = outbox.append(ME, &[draft(1)]).unwrap()[0];
        outbox.settle(ME, &[(first, Ok(stored(5)))]).unwrap();
        assert!(outbox.append(ME, &[draft(2)]).unwrap()[0] > first);
    }

    #[test]
    fn an_owner_finds_the_outcomes_that_another_process_brought() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("client.db");
        let (mut mine, mut other) = (Outbox::open(&path).unwrap(), Outbox::open(&path).unwrap());
        let places = mine.append(ME, &[draft(1), draft(2), draft(3)]).unwrap();
        let no = Refusal::new(RefusalCode::NotMember, "join first");
        other.settle(OTHER, &[(places[0], Ok(stored(5))), (places[1], Err(no.clone()))]).unwrap();
        assert_eq!(ids(&mine.unsent(None, 10).unwrap()), [3]);
        assert_eq!(mine.collect(ME).unwrap(), [(places[0], Ok(stored(5))), (places[1], Err(no))]);
        assert_eq!(mine.collect(ME).unwrap(), []);
        assert_eq!(other.collect(OTHER).unwrap(), []);
    }

    #[test]
    fn two_processes_append_without_mixing_up_the_order_of_either() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("client.db");
        Outbox::open(&path).unwrap();
        let writers: Vec<_> = [ME, OTHER]
            .map(|owner| {
                let path = path.clone();
                std::thread::spawn(move || {
                    let mut outbox = Outbox::open(&path).unwrap();
                    for n in 0..50 {
                        outbox.append(owner, &[draft(n)]).unwrap();
                    }
                })
            })
            .into();
        for writer in writers {
            writer.join().unwrap();
        }
        let entries = Outbox::open(&path).unwrap().unsent(None, 1_000).unwrap();
        for owner in [ME, OTHER] {
            let own: Vec<Entry> = entries.iter().filter(|entry| entry.owner == owner).cloned().collect();
            assert_eq!(ids(&own), (0..50).collect::<Vec<u8>>());
        }
    }

    #[test]
    fn a_full_outbox_takes_no_more() {
        let mut outbox = Outbox::in_memory().unwrap();
        let many = vec![draft(1); usize::try_from(UNSENT_COUNT_MAX).unwrap()];
        outbox.append(ME, &many).unwrap();
        assert!(matches!(outbox.append(ME, &[draft(2)]), Err(LocalError::Full(UNSENT_COUNT_MAX))));
    }

    #[test]
    fn outcomes_nobody_comes_for_do_not_pile_up() {
        let mut outbox = Outbox::in_memory().unwrap();
        let many = vec![draft(1); usize::try_from(SETTLED_COUNT_MAX).unwrap() + 5];
        let places = outbox.append(OTHER, &many).unwrap();
        let outcomes: Vec<_> = places.iter().map(|place| (*place, Ok(stored(1)))).collect();
        outbox.settle(ME, &outcomes).unwrap();
        let kept = outbox.collect(OTHER).unwrap();
        assert_eq!(kept.len(), outcomes.len() - 5);
        assert_eq!(kept[0].0, places[5], "the oldest go");
    }

    #[test]
    fn one_process_sends_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sender.lock");
        let (mut one, mut two) = (SenderLock::at(path.clone()), SenderLock::at(path));
        assert!(one.try_take().unwrap());
        assert!(one.try_take().unwrap());
        assert!(!two.try_take().unwrap());
        one.release();
        assert!(two.try_take().unwrap());
        assert!(!one.is_held());
        drop(two);
        assert!(one.try_take().unwrap());
    }
}
