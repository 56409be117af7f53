//! Begins requests about rooms.

use super::dispatch::good_password;
use super::server::{Now, Server};
use super::steps::{Asked, Step};
use crate::auth::Task;
use crate::chat::Action;
use crate::message::{ChangeRoom, PasswordChange, Refusal, RefusalCode};

impl Server {
    pub(super) fn begin_change_room(&mut self, now: Now, asked: Asked, change: ChangeRoom) -> Result<(), Refusal> {
        let ChangeRoom { id, room, password, changes } = change;
        let changes = changes.check().map_err(|why| Refusal::new(RefusalCode::BadSetting, why))?;
        let password_hash = match password {
            PasswordChange::Keep => None,
            PasswordChange::Remove => Some(None),
            PasswordChange::Set(password) => {
                let password = good_password(&password)?;
                let salt = self.salt();
                self.hash(Step::ChangeRoom(asked, id, room, changes), Task::Hash { password, salt });
                return Ok(());
            }
        };
        self.command(now, Step::Answer(asked), asked, id, Action::ChangeRoom { room, password_hash, changes });
        Ok(())
    }
}
