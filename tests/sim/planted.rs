//! The suite, tried on mistakes: each of `src/planted.rs` makes the test that is named beside it fail, which passes without.
//!
//! `cargo test --features planted-bugs --test sim planted`

use std::cell::Cell;
use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::Once;

use udpchat::{Bug, sow};

use super::{admission, attacks, delivery, ending, files, hidden, limits, path, recovery, restart, stories};

thread_local! {
    /// Failures of this thread are expected and say nothing.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

static HOOKED: Once = Once::new();

/// Whether the check passes while this thread makes that mistake.
fn passes(bug: Option<Bug>, check: fn()) -> bool {
    HOOKED.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |failure| {
            if !IS_QUIET.get() {
                loud(failure);
            }
        }));
    });
    sow(bug);
    IS_QUIET.set(bug.is_some());
    let passed = catch_unwind(check).is_ok();
    sow(None);
    IS_QUIET.set(false);
    passed
}

/// The table of mistakes, each with its test here and the check that finds it. A mistake without a row does not compile.
macro_rules! mistakes {
    ($($test:ident: $bug:ident, found by $($check:ident)::+;)*) => {
        /// The check that finds this mistake.
        fn check_of(bug: Bug) -> fn() {
            match bug {
                $(Bug::$bug => $($check)::+,)*
            }
        }

        $(
            #[test]
            fn $test() {
                let check = check_of(Bug::$bug);
                assert!(passes(None, check), "the check itself passes");
                assert!(!passes(Some(Bug::$bug), check), "{:?} goes unnoticed", Bug::$bug);
            }
        )*
    };
}

mistakes! {
    the_suite_finds_a_replay_noted_before_the_seal: ReplayNotedBeforeSeal, found by attacks::strangers_cannot_end_a_connection;
    the_suite_finds_a_missing_replay_window: ReplayWindowMissing, found by limits::what_was_opened_before_is_not_opened_again;
    the_suite_finds_a_believed_acknowledgement_of_nothing: NeverSentAcknowledged, found by limits::who_acknowledges_what_was_never_sent_is_shown_out;
    the_suite_finds_a_believed_optimistic_acknowledgement: SkippedAcknowledged, found by limits::who_acknowledges_a_number_that_was_left_out_is_shown_out;
    the_suite_finds_copies_without_a_budget: CopiesWithoutBudget, found by recovery::copies_keep_to_their_budget;
    the_suite_finds_a_half_open_table_without_a_cap: HalfOpenWithoutCap, found by admission::strangers_alone_cannot_fill_the_half_open_table_and_full_means_silence;
    the_suite_finds_holes_without_a_cap: GapsWithoutCap, found by limits::a_hole_too_many_is_dropped_and_counted_and_may_come_again;
    the_suite_finds_a_number_that_is_used_twice: NumberUsedTwice, found by delivery::the_last_packet_lost_is_recovered_by_a_probe_within_its_bound;
    the_suite_finds_losses_that_are_forgotten: LossForgotten, found by delivery::the_longest_messages_pass_a_bad_network;
    the_suite_finds_credit_that_is_not_enforced: CreditNotEnforced, found by limits::who_sends_beyond_the_credit_is_shown_out;
    the_suite_finds_amplification: AmplificationIgnored, found by path::amplification_limit;
    the_suite_finds_a_move_without_proof: MoveWithoutProof, found by attacks::a_peer_that_moves_all_the_time_is_not_followed_all_the_time;
    the_suite_finds_resets_of_anybody: ResetOfAnybody, found by ending::a_reset_for_another_connection_or_a_made_up_one_ends_nothing;
    the_suite_finds_cookies_good_for_any_address: CookieForAnyAddress, found by limits::a_cookie_is_good_at_the_address_it_was_sent_to;
    the_suite_finds_a_revoked_device_that_stays: RevokedStaysConnected, found by stories::a_changed_password_is_the_only_one_and_other_devices_are_logged_out;
    the_suite_finds_what_is_told_without_a_commit: ToldWithoutCommit, found by stories::a_restarted_server_has_what_it_said_it_stored_and_people_go_on;
    the_suite_finds_events_pushed_over_a_gap: PushedOverAGap, found by stories::what_is_said_while_a_follow_catches_up_is_not_missed;
    the_suite_finds_a_leaver_who_is_told_on: LeaverStillTold, found by stories::whoever_left_hears_no_more;
    the_suite_finds_an_outbox_that_forgets_early: OutboxForgetsEarly, found by stories::what_was_written_without_a_server_is_sent_once_when_it_is_back;
    the_suite_finds_a_repeat_that_is_stored_twice: RepeatStoredTwice, found by restart::a_restart_on_a_bad_network_loses_nothing;
    the_suite_finds_a_hidden_edit_that_is_shown: HiddenEditShown, found by hidden::what_became_of_a_message_while_somebody_was_away_stays_hidden_from_them;
    the_suite_finds_a_file_that_is_not_synced: FileNotSynced, found by files::a_message_that_was_told_has_its_file_after_a_power_cut;
}
