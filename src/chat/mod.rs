//! Who may do what: the rules of the house, over the store's tables.
//!
//! [`execute`] runs one ordered [`Command`] and is deterministic: a command carries its time, its salt and the hash that was
//! verified, so the same database and the same command give the same outcome. The reads answer by the same rules of who sees
//! what, over a read-only connection. This floor knows no connections, no clock and no password in the clear.

mod account_state;
#[cfg(test)]
mod account_state_tests;
mod accounts;
mod audit;
mod bots;
mod chores;
mod command;
mod deletion;
#[cfg(test)]
mod deletion_tests;
mod devices;
mod directory;
mod execute;
mod files;
mod forgetting;
#[cfg(test)]
mod forgetting_tests;
#[cfg(test)]
mod guest_tests;
mod guests;
mod index;
mod invitations;
mod marking;
mod marks;
mod mentions;
mod moderation;
mod overlay;
mod picking;
mod posting;
mod profiles;
mod reading;
mod receipts;
mod retention;
mod rights;
mod rooms;
mod scheduled;
mod scope;
mod search;
mod settings;
mod target;
mod tickets;
mod told;
mod turn;
mod visible;
mod voice;

#[cfg(test)]
mod account_tests;
#[cfg(test)]
mod bot_tests;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod mark_tests;
#[cfg(test)]
mod marked_model_tests;
#[cfg(test)]
mod marking_tests;
#[cfg(test)]
mod mention_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod moderation_tests;
#[cfg(test)]
mod order_model_tests;
#[cfg(test)]
mod people_tests;
#[cfg(test)]
mod reading_tests;
#[cfg(test)]
mod receipt_tests;
#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod retention_tests;
#[cfg(test)]
mod scheduled_tests;
#[cfg(test)]
mod search_tests;
#[cfg(test)]
mod tests;

pub use audit::{AUDIT_SCAN_MAX, REPORTS_PAGE, audit, ignored, reports};
pub use bots::{BOT_KEYS_MAX, BOTS_MAX, bots};
pub use command::{Action, Actor, Change, ChoreTry, Command, FileDraft, NewEvent, NewRoom, Outcome};
pub use devices::{DEVICES_MAX, devices};
pub use directory::{
    KeyOwner, MEMBERS_PAGE, MEMBERSHIPS_PAGE, ROOMS_PAGE, account_of_key, first_password_change, may_ask, memberships,
    password_of, password_of_user, room_password, rooms, who,
};
pub use execute::execute;
pub use files::{file_of, quota_sentence};
pub use forgetting::FORGET_DELAY_MS;
pub use index::{FORGET_STEP_PAGES, INDEX_STEP_MAX, Indexed, Indexer};
pub use invitations::{INVITATION_DAYS_MAX, INVITATION_USES_MAX, INVITATIONS_MAX};
pub use marking::MARK_INTERVAL_MS;
pub use marks::{EDITS_MAX, PINS_MAX, REACTION_KINDS_MAX, REACTIONS_MAX};
pub use mentions::MENTIONS_MAX;
pub use moderation::{DOOR_LIST_MAX, IGNORED_MAX, REPORT_TOLD_MAX, REPORTS_MAX, REPORTS_PER_MEMBER_MAX};
pub use picking::pick;
pub use posting::{CONVERSATIONS_OPENED_MAX, Draft};
pub use profiles::profile;
pub use reading::{Beginning, EVENTS_PAGE, FollowItem, FollowPage, PAGE_LEN_MAX, begin_follow, follow_page, history};
pub use receipts::{RECIPIENTS_MAX, Recipients, recipients};
pub use rooms::{ROOMS_CREATED_MAX, ROOMS_JOINED_MAX, SPANS_MAX};
pub use scheduled::{SCHEDULED_MAX, scheduled};
pub use scope::{Need, Sight, may_read};
pub use search::{SEARCH_PAGE, search};
pub use settings::room_settings;
pub use voice::voice;
