//! Begins requests about rooms.

use super::dispatch::{good_password, room_name};
use super::job::Read;
use super::server::{Now, Server};
use super::steps::{Asked, Step};
use crate::auth::Task;
use crate::chat::{Action, NewRoom};
use crate::message::{
    ChangeRoom, CreateRoom, Ignore, Moderate, PasswordChange, Phrase, Refusal, RefusalCode, ReportMessage, Request, UserId,
};

impl Server {
    /// Begins what concerns rooms and the people in them.
    pub(super) fn begin_about_room(&mut self, now: Now, asked: Asked, user: UserId, request: Request) -> Result<(), Refusal> {
        let (id, action) = match request {
            Request::RoomSettings(room) => {
                self.read(Step::Answer(asked), Read::RoomSettings(user, room));
                return Ok(());
            }
            Request::Reports((room, after)) => {
                self.read(Step::Answer(asked), Read::Reports(user, room, after));
                return Ok(());
            }
            Request::Audit((room, before)) => {
                self.read(Step::Answer(asked), Read::Audit(user, room, before));
                return Ok(());
            }
            Request::Ignored => {
                self.read(Step::Answer(asked), Read::Ignored(user));
                return Ok(());
            }
            Request::Moderate(Moderate { id, room, user, deed }) => (id, Action::Moderate { room, user, deed }),
            Request::ReportMessage(ReportMessage { id, room, seq, reason }) => {
                let reason = Phrase::parse(&reason);
                let reason = reason.ok_or_else(|| bad_setting("a reason is one line of at most 512 bytes"))?;
                (id, Action::Report { room, seq, reason })
            }
            Request::Ignore(Ignore { id, user, wish }) => (id, Action::Ignore { user, wish }),
            Request::OpenTicket((id, desk)) => (id, Action::OpenTicket { desk }),
            other => unreachable!("{other:?} is begun elsewhere"),
        };
        self.command(now, Step::Answer(asked), asked, id, action);
        Ok(())
    }

    pub(super) fn begin_create(&mut self, now: Now, asked: Asked, create: &CreateRoom) -> Result<(), Refusal> {
        let wish = new_room(create)?;
        match &create.password {
            None => self.command(now, Step::Answer(asked), asked, create.id, Action::CreateRoom(wish)),
            Some(password) => {
                let password = good_password(password)?;
                let salt = self.salt();
                self.hash(Step::CreateRoom(asked, create.id, Box::new(wish)), Task::Hash { password, salt });
            }
        }
        Ok(())
    }

    pub(super) fn begin_change_room(&mut self, now: Now, asked: Asked, change: ChangeRoom) -> Result<(), Refusal> {
        let ChangeRoom { id, room, password, changes } = change;
        let changes = changes.check().map_err(bad_setting)?;
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

/// The room as it was wished for, without its password.
fn new_room(create: &CreateRoom) -> Result<NewRoom, Refusal> {
    let changes = create.changes.clone().check().map_err(bad_setting)?;
    Ok(NewRoom {
        name: room_name(&create.name)?,
        password_hash: None,
        visibility: create.visibility,
        template: create.template,
        changes,
    })
}

fn bad_setting(why: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::BadSetting, why)
}
