//! The plain conversation: what is typed goes to the current room, what others write appears above the line being typed. On a
//! pipe the same, line by line, without an editor.

mod bots;
mod conversation;
mod filing;
mod looks;
mod orders;
mod showing;
mod slash;
mod ticks;
mod typing;
mod waiting;
mod watching;

pub use conversation::run;
