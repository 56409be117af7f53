//! How much one person or one address may ask of the server, and how often a secret may be guessed.
//!
//! Everything is kept in memory, in tables of fixed size: a restart forgives, a flood of strangers costs no more room than is
//! set aside. Rates and who pays for what: protocol.md, "Allowances".

#[expect(clippy::module_inception, reason = "the room's front door is the allowance itself")]
mod allowance;
mod budgets;
mod homes;
mod origin;

pub use allowance::{AllowanceConfig, AllowanceCounters};

pub(super) use allowance::{Allowance, Payer};
pub(super) use origin::Origin;
