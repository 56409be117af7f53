//! bench, bench idle.

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Serialize;

use super::super::args::{Bench, BenchKind, BenchTalk};
use super::super::context::Context;
use super::super::exit::{Exit, Failure};
use super::super::human::printable;
use crate::client::load::{self, Conditions, LoadError, Outcome, Pace, Plan, PlanError, Progress, Task, Trouble};
use crate::client::{CloseReason, HostPort, Known, Micros, PublicKey};

/// Messages of a room that are under way, unless the command line says how many.
const WINDOW: NonZeroU32 = NonZeroU32::new(8).unwrap();

/// The figures of a talk.
#[derive(Debug, Serialize)]
struct Talked {
    deliveries: u64,
    expected: u64,
    lost: u64,
    duplicated: u64,
    out_of_order: u64,
    seconds: f64,
    deliveries_per_s: u64,
    p50_us: u64,
    p99_us: u64,
    p999_us: u64,
    max_us: u64,
    setup_s: f64,
}

/// The figures of a crowd that was there.
#[derive(Debug, Serialize)]
struct Held {
    sessions: u32,
    lost: u32,
    seconds: f64,
    setup_s: f64,
}

pub(super) fn run(context: &mut Context, args: &Bench) -> Result<(), Failure> {
    match &args.kind {
        None => talk(context, &args.talk),
        Some(_) if args.talk != BenchTalk::default() => {
            Err(Failure::new(Exit::Usage, "idle sessions write nothing; give --sessions and --seconds, behind idle"))
        }
        Some(BenchKind::Idle { sessions, seconds }) => hold(context, *sessions, seconds.0),
    }
}

fn talk(context: &mut Context, args: &BenchTalk) -> Result<(), Failure> {
    let pace = args.rate.map_or(Pace::Window(args.window.unwrap_or(WINDOW)), Pace::Rate);
    let (rooms, members) = (args.rooms.unwrap_or(10), args.members.unwrap_or(10));
    let plan = Plan::new(rooms, members, args.messages.unwrap_or(10_000), args.size.unwrap_or(100), pace).map_err(usage)?;
    let outcome = measure(context, Task::Talk(plan))?;
    let figures = figures(&plan, &outcome);
    print(context, &figures)?;
    if let Some((refusal, count)) = &outcome.refused {
        return Err(Failure::new(
            Exit::Refused,
            format!("{count} messages were refused, the first because {}", refusal.sentence),
        ));
    }
    if (figures.lost, figures.duplicated, figures.out_of_order) != (0, 0, 0) {
        return Err(Failure::new(Exit::Refused, "not every message was delivered once and in order"));
    }
    Ok(())
}

fn hold(context: &mut Context, guest_count: u32, hold: Duration) -> Result<(), Failure> {
    if guest_count == 0 || guest_count > load::GUEST_COUNT_MAX {
        let sentence = format!("one process can hold 1 to {} sessions, not {guest_count}", load::GUEST_COUNT_MAX);
        return Err(Failure::new(Exit::Usage, sentence));
    }
    let span = Micros::new(u64::try_from(hold.as_micros()).unwrap_or(u64::MAX));
    let outcome = measure(context, Task::Idle { guest_count, hold: span })?;
    let lost = guest_count.saturating_sub(outcome.present_count);
    print(context, &Held { sessions: guest_count, lost, seconds: seconds(span), setup_s: seconds(outcome.setup) })?;
    match lost {
        0 => Ok(()),
        lost => Err(Failure::new(Exit::Refused, format!("{lost} of {guest_count} sessions were lost"))),
    }
}

fn measure(context: &mut Context, task: Task) -> Result<Outcome, Failure> {
    let (server, key) = server(context)?;
    let conditions = Conditions { timeout: context.timeout, weather: context.chaos };
    match load::run(task, &server, key, conditions, &mut context.dice, tell) {
        Ok(outcome) => Ok(outcome),
        Err(LoadError::Trouble(Trouble::Refused(refusal))) => Err(refusal.into()),
        Err(LoadError::Trouble(Trouble::Closed(CloseReason::HandshakeTimeout))) => {
            let about_key = if key.is_some() { ", or it has another key now" } else { "" };
            Err(Failure::new(Exit::Unreached, format!("{server} was not reached: no answer{about_key}")))
        }
        Err(error @ (LoadError::Trouble(_) | LoadError::LookUp(..))) => Err(Failure::new(Exit::Unreached, error)),
        Err(LoadError::System(error)) => Err(error.into()),
    }
}

/// The server and, if anything says what its key is, the key.
fn server(context: &Context) -> Result<(HostPort, Option<PublicKey>), Failure> {
    let (server, key) = context.server()?;
    let known = match context.home.known_servers().look_up(&server)? {
        Known::Key(known) => Some(known),
        Known::Never | Known::Unreadable => None,
    };
    Ok((server, key.or(known)))
}

/// Progress is for whoever watches; that nobody reads it is no error.
fn tell(progress: Progress) {
    let line = match progress {
        Progress::ComingIn(ready, all) => format!("{ready} of {all} guests are in"),
        Progress::Delivering(done, all) => format!("{done} of {all} deliveries"),
        Progress::Holding { left } => format!("holding for another {:.0} s", seconds(left)),
        Progress::Calling(present, all) => format!("{present} of {all} guests are still there"),
        Progress::Finished => return,
    };
    let _ = writeln!(io::stderr(), "udpchat-cli: {}", printable(&line));
}

fn figures(plan: &Plan, outcome: &Outcome) -> Talked {
    let tally = &outcome.tally;
    let elapsed = tally.elapsed();
    let per_s = u128::from(tally.deliveries) * 1_000_000 / u128::from(elapsed.as_micros().max(1));
    let percentile = |per_mille| tally.latencies.percentile(per_mille).as_micros();
    Talked {
        deliveries: tally.deliveries,
        expected: plan.expected_count(),
        lost: plan.expected_count().saturating_sub(tally.deliveries),
        duplicated: tally.duplicated,
        out_of_order: tally.out_of_order,
        seconds: seconds(elapsed),
        deliveries_per_s: u64::try_from(per_s).unwrap_or(u64::MAX),
        p50_us: percentile(500),
        p99_us: percentile(990),
        p999_us: percentile(999),
        max_us: tally.latencies.longest().as_micros(),
        setup_s: seconds(outcome.setup),
    }
}

/// Always one JSON object: programs read it, and people can.
fn print(context: &mut Context, figures: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(figures).map_err(io::Error::from)?;
    context.output.put(&text)?;
    Ok(())
}

/// In seconds, to the millisecond.
fn seconds(span: Micros) -> f64 {
    let millis = u32::try_from(span.as_micros().div_ceil(1_000)).unwrap_or(u32::MAX);
    // One division, so that what is printed has three decimals and not the sum of two roundings.
    f64::from(millis) / 1_000.0
}

fn usage(error: PlanError) -> Failure {
    Failure::new(Exit::Usage, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Time;
    use crate::client::load::Tally;

    #[test]
    fn the_figures_are_one_object_with_the_promised_names() {
        let plan = Plan::new(2, 3, 10, 100, Pace::Rate(NonZeroU32::MIN)).unwrap();
        let mut tally = Tally { deliveries: 19, out_of_order: 1, ..Tally::default() };
        tally.began_at = Some(Time::from_micros(1_000_000));
        tally.last_at = Some(Time::from_micros(3_000_000));
        tally.latencies.add(Micros::new(50));
        let outcome = Outcome { setup: Micros::from_millis(1_500), tally, present_count: 0, refused: None };
        assert_eq!(
            serde_json::to_string(&figures(&plan, &outcome)).unwrap(),
            "{\"deliveries\":19,\"expected\":20,\"lost\":1,\"duplicated\":0,\"out_of_order\":1,\"seconds\":2.0,\
             \"deliveries_per_s\":9,\"p50_us\":50,\"p99_us\":50,\"p999_us\":50,\"max_us\":50,\"setup_s\":1.5}"
        );
    }

    #[test]
    fn seconds_are_printed_with_three_decimals_at_most() {
        for millis in [1_609, 1_610, 873, 20_043] {
            let printed = seconds(Micros::from_millis(millis)).to_string();
            assert!(printed.split('.').nth(1).is_none_or(|decimals| decimals.len() <= 3), "{printed}");
        }
    }
}
