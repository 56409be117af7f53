//! Passwords: hashing and checking them, and the bounded pool of threads that does so.
//!
//! This floor knows password bytes and hashes, never users, sessions or SQL.

mod password;
mod pool;

pub use password::{Hasher, Hashing, SALT_LEN, Secret, Task, Verdict};
pub use pool::{Pool, QUEUE_MAX};
