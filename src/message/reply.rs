//! What the server answers. Numbers and layouts: protocol.md, "Replies".

use super::account::Account;
use super::bot::BotPage;
use super::codec::messages;
use super::device::DeviceSummary;
use super::filing::FilePiece;
use super::marking::Marked;
use super::moderation::{IgnoredUser, ReportPage};
use super::posting::{PickPage, Receipt, Stored};
use super::profile::Profile;
use super::reading::{EventPage, Following, MembershipPage};
use super::refusal::Refusal;
use super::room::{MemberPage, RoomPage};
use super::scheduled::{ScheduledPage, ScheduledPost};
use super::searching::SearchPage;
use super::settings::RoomSettings;

messages! {
    /// The one answer to a request.
    tagged Reply {
        /// It is done; there is nothing to add.
        0x4000 Done,
        /// No, and why.
        0x4001 Refused(Refusal),
        /// The server does not know this type of request.
        0x4002 Unsupported,
        /// The user and device that the connection belongs to.
        0x4010 Account(Account),
        /// The asker's devices that are not revoked, in the order of their ids.
        0x4011 Devices(Vec<DeviceSummary>),
        /// What a user says about themselves.
        0x4012 Profile(Profile),
        /// The asker's bots.
        0x401c Bots(BotPage),
        /// An event was stored: room made, joined or left, message posted.
        0x4020 Stored(Stored),
        /// Public rooms.
        0x4021 Rooms(RoomPage),
        /// Members of a room.
        0x4022 Members(MemberPage),
        /// The logs the asker is a member of.
        0x4023 Memberships(MembershipPage),
        /// What a room is set to.
        0x4024 RoomSettings(RoomSettings),
        /// What was reported.
        0x4025 Reports(ReportPage),
        /// Whom the asker ignores.
        0x4050 Ignored(Vec<IgnoredUser>),
        /// So many bytes of an offered file are here, from its beginning on.
        0x4080 FileFrom(u64),
        /// A part of a file; comes on a bulk stream.
        0x4081 FilePiece(FilePiece),
        /// The log is followed now; its events come as notices.
        0x4030 Following(Following),
        /// One page of a log; comes on a bulk stream.
        0x4031 Page(EventPage),
        /// Messages that were found; comes on the bulk stream.
        0x4032 Found(SearchPage),
        /// Where the asker's read marker of a log is.
        0x4033 Marked(Marked),
        /// Messages picked out of a log; comes on the bulk stream.
        0x4060 Picked(PickPage),
        /// Who has a message now.
        0x4061 Receipt(Receipt),
        /// The message waits.
        0x4062 Scheduled(ScheduledPost),
        /// The asker's messages that wait; comes on a bulk stream.
        0x4063 ScheduledPosts(ScheduledPage),
    }
}
