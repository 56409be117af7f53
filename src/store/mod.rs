//! The disk: one `SQLite` file in the data directory, its tables, and the few statements that read and write them.
//!
//! There is one writer, [`Database`], and any number of [`Reader`]s; what both can ask is in [`Tables`]. This floor knows ids,
//! names and event bytes; it knows no rule of who may do what, no request and no connection. rusqlite is met here only.

mod accounts;
mod blobs;
mod bots;
mod chores;
mod database;
mod deletion;
mod error;
mod events;
mod files;
mod forgetting;
mod invitations;
mod markers;
mod mentions;
mod moderation;
mod number;
mod posts;
mod rooms;
mod schema;
mod search;
mod settings;

pub use accounts::{Device, KeptProfile, ListedDevice, User, UserCount};
pub use blobs::{BlobError, Blobs, PARTIAL_TIMEOUT, UPLOADS_PER_USER_MAX};
pub use bots::{KeptScope, KeptToken};
pub use chores::{AgingEvent, Chore, ChoreKind, ChoreWork};
pub use database::{Checkpointed, Checkpointer, Database, Reader, Tables};
pub use deletion::{Stretch, WrittenEvent};
pub use error::StoreError;
pub use events::{Counted, Direction, KeptEvent, KeptOutcome, LogHead};
pub use forgetting::{Forgetting, Merge};
pub use invitations::Claim;
pub use markers::Marker;
pub use moderation::DoorList;
pub use posts::{KeptReaction, Thread};
pub use rooms::{ListedLog, ListedMember, ListedRoom, Log, LogKind, OpenSpan, Span};
pub use search::TailIndex;
pub use settings::LogSettings;
