//! Files come in pieces, whole ones are kept, and what nobody names goes.

use super::*;

const ALICE: UserId = UserId(1);
const BOB: UserId = UserId(2);

fn offer_of(bytes: &[u8]) -> FileOffer {
    let mut hasher = FileHasher::default();
    hasher.update(bytes);
    FileOffer { hash: hasher.finish(), len: bytes.len() as u64 }
}

fn blobs() -> (tempfile::TempDir, Blobs) {
    let directory = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(directory.path()).unwrap();
    (directory, blobs)
}

fn send(blobs: &mut Blobs, user: UserId, bytes: &[u8]) -> FileOffer {
    let offer = offer_of(bytes);
    assert_eq!(blobs.offer(user, &offer).unwrap(), 0);
    assert_eq!(blobs.write(user, &offer, 0, bytes).unwrap(), offer.len);
    offer
}

#[test]
fn no_file_takes_what_is_left_for_messages() {
    let (_directory, mut blobs) = blobs();
    let offer = offer_of(b"hello");
    blobs.reserved_len = u64::MAX / 2;
    assert!(matches!(blobs.offer(ALICE, &offer), Err(BlobError::Full)));
    blobs.reserved_len = 0;
    assert_eq!(blobs.offer(ALICE, &offer).unwrap(), 0);
}

#[test]
fn a_file_comes_in_pieces_goes_on_after_a_restart_and_reads_back() {
    let (directory, mut blobs) = blobs();
    let offer = offer_of(b"hello world");
    assert_eq!(blobs.offer(ALICE, &offer).unwrap(), 0);
    assert_eq!(blobs.write(ALICE, &offer, 0, b"hello ").unwrap(), 6);
    assert!(!blobs.keep(ALICE, &offer).unwrap(), "it is not whole");
    let mut blobs = Blobs::open(directory.path()).unwrap();
    assert_eq!(blobs.offer(ALICE, &offer).unwrap(), 6);
    assert_eq!(blobs.write(ALICE, &offer, 0, b"hello ").unwrap(), 6, "a repeat changes nothing");
    assert_eq!(blobs.write(ALICE, &offer, 4, b"o world").unwrap(), 11, "what overlaps is taken once");
    assert!(blobs.keep(ALICE, &offer).unwrap());
    assert_eq!(blobs.read(&offer.hash, 0, 5).unwrap(), b"hello");
    assert_eq!(blobs.read(&offer.hash, 6, 100).unwrap(), b"world");
    blobs.let_go(ALICE, &offer, true).unwrap();
    assert!(blobs.partials(ALICE).unwrap().is_empty());
    assert_eq!(blobs.offer(ALICE, &offer).unwrap(), 0, "who sends it again sends all of it");
}

#[test]
fn pieces_that_nobody_offered_or_that_do_not_fit_are_refused() {
    let (_directory, mut blobs) = blobs();
    let offer = offer_of(b"hello");
    assert!(matches!(blobs.write(ALICE, &offer, 0, b"h"), Err(BlobError::NotOffered)));
    blobs.offer(ALICE, &offer).unwrap();
    assert!(matches!(blobs.write(BOB, &offer, 0, b"h"), Err(BlobError::NotOffered)), "it is another's offer");
    assert!(matches!(blobs.write(ALICE, &offer, 1, b"e"), Err(BlobError::BadPiece)), "a gap");
    assert!(matches!(blobs.write(ALICE, &offer, 0, b"hello!"), Err(BlobError::BadPiece)), "beyond the end");
    assert!(matches!(blobs.write(ALICE, &offer, 0, b""), Err(BlobError::BadPiece)), "nothing");
    assert!(matches!(blobs.write(ALICE, &offer, u64::MAX, b"h"), Err(BlobError::BadPiece)));
    assert_eq!(blobs.offer(ALICE, &offer).unwrap(), 0);
}

#[test]
fn a_file_without_its_hash_is_dropped() {
    let (_directory, mut blobs) = blobs();
    let offer = FileOffer { len: 5, ..offer_of(b"other") };
    blobs.offer(ALICE, &offer).unwrap();
    assert!(matches!(blobs.write(ALICE, &offer, 0, b"hello"), Err(BlobError::Damaged)));
    assert!(!blobs.keep(ALICE, &offer).unwrap());
    assert_eq!(blobs.offer(ALICE, &offer).unwrap(), 0);
}

#[test]
fn a_whole_file_is_read_through_once_by_each_process_however_often_its_message_is_refused() {
    let (directory, mut blobs) = blobs();
    let offer = send(&mut blobs, ALICE, b"hello");
    let partial = blobs.partial_path(ALICE, &offer);
    // What would not pass a second reading shows that there is none.
    fs::write(&partial, b"HELLO").unwrap();
    for _ in 0..2 {
        assert!(blobs.keep(ALICE, &offer).unwrap());
        blobs.let_go(ALICE, &offer, false).unwrap();
    }
    let mut blobs = Blobs::open(directory.path()).unwrap();
    assert!(matches!(blobs.keep(ALICE, &offer), Err(BlobError::Damaged)), "another process did not see it come");
}

#[test]
fn an_offer_that_was_dropped_is_verified_anew() {
    let (_directory, mut blobs) = blobs();
    let offer = send(&mut blobs, ALICE, b"hello");
    let later = blobs.time().unwrap() + PARTIAL_TIMEOUT + Duration::from_secs(1);
    assert_eq!(blobs.sweep(later, |_| Ok::<_, BlobError>(false)).unwrap(), 1);
    assert_eq!(blobs.offer(ALICE, &offer).unwrap(), 0);
    assert!(matches!(blobs.write(ALICE, &offer, 0, b"HELLO"), Err(BlobError::Damaged)));
    assert!(!blobs.keep(ALICE, &offer).unwrap());
}

#[test]
fn on_a_full_disk_what_is_here_stays_and_goes_on_when_there_is_room() {
    let (_directory, mut blobs) = blobs();
    let offer = offer_of(b"hello world");
    blobs.offer(ALICE, &offer).unwrap();
    blobs.limit_room(8);
    assert_eq!(blobs.write(ALICE, &offer, 0, b"hello ").unwrap(), 6);
    assert!(matches!(blobs.write(ALICE, &offer, 6, b"world"), Err(BlobError::Full)));
    assert_eq!(blobs.offer(ALICE, &offer).unwrap(), 6, "half a piece is none");
    blobs.limit_room(u64::MAX);
    assert_eq!(blobs.write(ALICE, &offer, 6, b"world").unwrap(), 11);
}

#[test]
fn a_user_has_so_many_files_on_their_way_and_no_more() {
    let (_directory, mut blobs) = blobs();
    let offer = |number: usize| offer_of(format!("file {number}").as_bytes());
    for number in 0..UPLOADS_PER_USER_MAX {
        blobs.offer(ALICE, &offer(number)).unwrap();
    }
    assert!(matches!(blobs.offer(ALICE, &offer(UPLOADS_PER_USER_MAX)), Err(BlobError::TooManyUploads)));
    assert_eq!(blobs.offer(ALICE, &offer(0)).unwrap(), 0, "those on their way may go on");
    assert_eq!(blobs.offer(BOB, &offer(0)).unwrap(), 0);
}

#[test]
fn a_sweep_takes_what_no_message_names_and_what_nobody_went_on_with() {
    let (_directory, mut blobs) = blobs();
    let (named, dropped) = (send(&mut blobs, ALICE, b"named"), send(&mut blobs, ALICE, b"dropped"));
    for offer in [&named, &dropped] {
        assert!(blobs.keep(ALICE, offer).unwrap());
    }
    blobs.offer(BOB, &offer_of(b"half")).unwrap();
    let now = blobs.time().unwrap();
    let is_named = |hash: &FileHash| Ok::<_, BlobError>(*hash == named.hash);
    assert_eq!(blobs.sweep(now, is_named).unwrap(), 0, "what messages are being written with stays");
    blobs.let_go(ALICE, &named, true).unwrap();
    blobs.let_go(ALICE, &dropped, true).unwrap();
    assert_eq!(blobs.sweep(now, is_named).unwrap(), 1);
    assert_eq!(blobs.read(&named.hash, 0, 9).unwrap(), b"named");
    assert!(blobs.read(&dropped.hash, 0, 9).is_err());
    assert_eq!(blobs.partials(BOB).unwrap().len(), 1);
    assert_eq!(blobs.sweep(now + PARTIAL_TIMEOUT + Duration::from_secs(1), is_named).unwrap(), 1);
    assert!(blobs.partials(BOB).unwrap().is_empty());
}

#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, mut blobs) = blobs();
    let offer = send(&mut blobs, ALICE, b"secret");
    assert!(blobs.keep(ALICE, &offer).unwrap());
    let mode = fs::metadata(blobs.kept_path(&offer.hash)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::metadata(directory.path().join("files")).unwrap().permissions().mode() & 0o777, 0o700);
}
