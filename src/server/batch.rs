//! A batch of commands within one transaction: each leaves all of its changes behind, or, refused, none.
//!
//! Rules refuse before they write, so that a refused command has hardly ever anything to undo. A batch is therefore run without
//! savepoints first, which would copy every page that a command is about to change. If a command is refused after it wrote, all
//! is undone and run again with a savepoint for each. A command's outcome follows from the database and the command alone, so
//! that the second run repeats the first up to there.

use crate::chat::{Command, Outcome};
use crate::message::{Refusal, RefusalCode};
use crate::store::{Database, StoreError};

/// What became of a command.
pub(super) type Ran = Result<Outcome, Refusal>;

/// Begins a transaction and runs `batch` in order, each command by `execute`; to commit is left to the caller. The results are
/// in the order of the commands.
///
/// # Errors
/// [`StoreError`]: the transaction must be rolled back.
pub(super) fn run(
    database: &mut Database,
    batch: &[Command],
    execute: impl Fn(&mut Database, &Command) -> Result<Ran, StoreError>,
) -> Result<Vec<Ran>, StoreError> {
    let execute = |database: &mut Database, command: &Command| refuse_damage(execute(database, command));
    database.begin()?;
    if let Some(results) = run_without_savepoints(database, batch, execute)? {
        return Ok(results);
    }
    database.roll_back()?;
    database.begin()?;
    batch.iter().map(|command| database.attempt(|database| execute(database, command))).collect()
}

/// `None` if a command was refused after it wrote.
fn run_without_savepoints(
    database: &mut Database,
    batch: &[Command],
    execute: impl Fn(&mut Database, &Command) -> Result<Ran, StoreError>,
) -> Result<Option<Vec<Ran>>, StoreError> {
    let run = |command| {
        let before = database.change_count();
        match execute(database, command) {
            Ok(Err(_)) if database.change_count() != before => None,
            done => Some(done),
        }
    };
    batch.iter().map(run).collect::<Option<Result<_, _>>>().transpose()
}

/// Damage in what a command reads concerns that command only.
fn refuse_damage(ran: Result<Ran, StoreError>) -> Result<Ran, StoreError> {
    match ran {
        Err(StoreError::Damaged(what)) => {
            tracing::error!(what, "the database is damaged; restore a backup");
            Ok(Err(Refusal::new(RefusalCode::StoreFailed, "what the server has stored is damaged; its operator has been told")))
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{self, Action, Actor};
    use crate::message::{DeviceName, Reply, RequestId, UserName};

    /// Somebody registers; each name makes a command of its own.
    fn register(name: &str) -> Command {
        let number = name.len() as u8;
        let action = Action::Register {
            name: UserName::parse(name).unwrap(),
            password_hash: "phc".into(),
            device: DeviceName::lenient("laptop"),
            invitation: None,
        };
        let (id, actor) = (RequestId([number; 16]), Actor::Stranger { key: [number; 32] });
        Command { actor, id, fingerprint: [number; 32], time_ms: 1, salt: [number; 16], action }
    }

    /// Who was registered, by the results.
    fn users(results: &[Ran]) -> Vec<Option<u64>> {
        let user = |ran: &Ran| match ran {
            Ok(Outcome { reply: Reply::Account(account), .. }) => Some(account.user.0),
            _ => None,
        };
        results.iter().map(user).collect()
    }

    /// Registers like the rules do, but "bob" is refused when he stands in the database already.
    fn too_late_for_bob(database: &mut Database, command: &Command) -> Result<Ran, StoreError> {
        let ran = chat::execute(database, command)?;
        let is_bob = matches!(&command.action, Action::Register { name, .. } if name.as_str() == "bob");
        Ok(if is_bob { Err(Refusal::new(RefusalCode::NameTaken, "too late")) } else { ran })
    }

    #[test]
    fn what_was_written_before_the_refusal_is_undone_and_its_neighbours_stay() {
        let directory = tempfile::tempdir().unwrap();
        let mut database = Database::open(directory.path()).unwrap();
        let results = run(&mut database, &["al", "bob", "carol"].map(register), too_late_for_bob).unwrap();
        database.commit().unwrap();
        assert_eq!(users(&results), [Some(1), None, Some(2)]);
        let is_there =
            |name: &str| database.tables().user_by_skeleton(&UserName::parse(name).unwrap().skeleton()).unwrap().is_some();
        assert_eq!(["al", "bob", "carol"].map(is_there), [true, false, true]);
    }

    #[test]
    fn damage_refuses_one_command_with_all_that_it_wrote() {
        let directory = tempfile::tempdir().unwrap();
        let mut database = Database::open(directory.path()).unwrap();
        let damaged = |database: &mut Database, command: &Command| {
            let ran = too_late_for_bob(database, command)?;
            if ran.is_err() { Err(StoreError::Damaged("a test")) } else { Ok(ran) }
        };
        let results = run(&mut database, &["al", "bob", "carol"].map(register), damaged).unwrap();
        database.commit().unwrap();
        assert_eq!(users(&results), [Some(1), None, Some(2)]);
        assert!(matches!(&results[1], Err(no) if no.code() == RefusalCode::StoreFailed));
    }

    #[test]
    fn a_failing_database_ends_the_batch_where_it_stands() {
        let directory = tempfile::tempdir().unwrap();
        let mut database = Database::open(directory.path()).unwrap();
        let failing = |database: &mut Database, command: &Command| {
            if too_late_for_bob(database, command)?.is_err() { Err(StoreError::Full) } else { panic!("bob comes first") }
        };
        assert!(matches!(run(&mut database, &["bob", "carol"].map(register), failing), Err(StoreError::Full)));
    }
}
