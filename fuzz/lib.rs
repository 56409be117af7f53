//! What the fuzz targets run, each on bytes that mean nothing yet. `tests/corpus.rs` runs the same on the committed corpora.

pub mod checks;
pub mod pair;
