//! Two connections and a link between them, in virtual time: what a conversation does as a whole.

mod hostile;
mod lanes;
mod life;
mod link;
mod moving;
mod recovery;
mod telling;
