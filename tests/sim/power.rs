//! What a power cut leaves of the folder of files: of each file what it held when it was last synced, under the names that its
//! folder had when that was last synced. Everything else may be there after a real one; here it never is.
//!
//! The server's own code says what it has synced, right after the disk said so.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What of all files and folders is on the disk for certain, by their inodes, because a file may have two names.
#[derive(Default)]
struct Synced {
    lens: BTreeMap<u64, u64>,
    names: BTreeMap<u64, BTreeSet<OsString>>,
}

thread_local! {
    static SYNCED: RefCell<Synced> = RefCell::default();
}

/// What this file or folder holds now is on the disk.
pub fn note(path: &Path) {
    let found = fs::metadata(path).unwrap();
    SYNCED.with_borrow_mut(|synced| {
        if found.is_dir() {
            let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            synced.names.insert(found.ino(), names);
        } else {
            synced.lens.insert(found.ino(), found.len());
        }
    });
}

/// All that is in this folder now is on the disk.
pub fn note_all(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            note_all(&entry.path());
        } else {
            note(&entry.path());
        }
    }
    note(folder);
}

/// Copies of the folder `from` what a power cut leaves, to where nothing is yet.
pub fn salvage(from: &Path, to: &Path) {
    let parent = from.parent().expect("it is in a data directory");
    if from.is_dir() && is_kept(parent, from) {
        salvage_folder(from, to);
    }
}

fn salvage_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if !is_kept(from, &path) {
            continue;
        }
        if path.is_dir() {
            salvage_folder(&path, &place);
        } else {
            fs::copy(&path, &place).unwrap();
            OpenOptions::new().write(true).open(&place).unwrap().set_len(synced_len(&path)).unwrap();
        }
    }
}

fn is_kept(folder: &Path, path: &Path) -> bool {
    let (inode, name) = (fs::metadata(folder).unwrap().ino(), path.file_name().expect("it has a name"));
    SYNCED.with_borrow(|synced| synced.names.get(&inode).is_some_and(|names| names.contains(name)))
}

fn synced_len(path: &Path) -> u64 {
    let inode = fs::metadata(path).unwrap().ino();
    SYNCED.with_borrow(|synced| synced.lens.get(&inode).copied().unwrap_or(0))
}
