//! Begins requests about accounts: who may register, and what people do with their devices, profiles and invitations.

use super::dispatch::{bad_name, good_password, user_name};
use super::job::Read;
use super::server::{Now, Server};
use super::session::Standing;
use super::steps::{Asked, Step};
use crate::auth::Task;
use crate::chat::Action;
use crate::message::{
    About, Account, Code, CodeHash, Credentials, DeleteAccount, DeviceName, GuestRequest, MakeInvitation, Refusal, RefusalCode,
    Registration, RequestId, SetProfile, Tags, UserName,
};

impl Server {
    /// Hashes the password of somebody who wants an account; `invitation` as it was typed.
    pub(super) fn begin_register(
        &mut self,
        now: Now,
        asked: Asked,
        wished: Credentials,
        invitation: Option<&str>,
    ) -> Result<(), Refusal> {
        user_name(&wished.name)?;
        let password = good_password(&wished.password)?;
        let invitation = match (invitation, self.config.registration) {
            // On a closed server the claim to be its first admin still opens.
            (Some(typed), _) => Some(invitation_of(typed)?),
            (None, Registration::Open) => None,
            (None, Registration::Invite) => {
                let sentence = "this server takes people by invitation; ask one of its admins for a code";
                return Err(Refusal::new(RefusalCode::InvitationNeeded, sentence));
            }
            (None, Registration::Closed) => {
                let sentence = "nobody can register on this server; its operator makes the accounts";
                return Err(Refusal::new(RefusalCode::RegistrationClosed, sentence));
            }
        };
        self.pay_for_registration(now, asked)?;
        let salt = self.salt();
        self.hash(Step::Register(asked, wished, invitation), Task::Hash { password, salt });
        Ok(())
    }

    /// Orders a guest's account.
    pub(super) fn begin_guest(&mut self, now: Now, asked: Asked, guest: &GuestRequest) -> Result<(), Refusal> {
        if !self.config.guests {
            return Err(Refusal::new(RefusalCode::NoGuests, "this server takes no guests; register with a password"));
        }
        let name = user_name(&guest.name)?;
        self.pay_for_registration(now, asked)?;
        let action = Action::Guest { name, device: DeviceName::lenient(&guest.device) };
        self.command(now, Step::Answer(asked), asked, guest.id, action);
        Ok(())
    }

    /// Looks up the password of somebody who wants the account to end; a guest has none.
    pub(super) fn begin_deletion(
        &mut self,
        now: Now,
        asked: Asked,
        account: &Account,
        delete: DeleteAccount,
    ) -> Result<(), Refusal> {
        if account.is_guest() {
            let action = Action::DeleteAccount { verified: None, texts: delete.texts };
            self.command(now, Step::Answer(asked), asked, delete.id, action);
            return Ok(());
        }
        if let Some(origin) = self.origin(asked.session) {
            self.allowance.take_own(now.at, origin, account.user)?;
        }
        let id = delete.id;
        self.read(Step::FindOwnToDelete(asked, delete), Read::OwnPassword(account.user, id));
        Ok(())
    }

    /// Looks somebody up.
    pub(super) fn begin_who_is(&mut self, asked: Asked, typed: &str) -> Result<(), Refusal> {
        let name = UserName::parse(typed).map_err(bad_name)?;
        self.read(Step::Answer(asked), Read::Profile(name.to_string()));
        Ok(())
    }

    /// Orders what somebody says about themselves.
    pub(super) fn begin_profile(&mut self, now: Now, asked: Asked, profile: &SetProfile) -> Result<(), Refusal> {
        let bad = |error: crate::message::ProfileTextError| Refusal::new(RefusalCode::BadProfile, error.to_string());
        let about = profile.about.as_deref().map(About::parse).transpose().map_err(bad)?;
        let tags = profile.tags.as_deref().map(Tags::parse).transpose().map_err(bad)?;
        self.command(now, Step::Answer(asked), asked, profile.id, Action::SetProfile { about, tags });
        Ok(())
    }

    /// Orders the claim to be the server's admin.
    pub(super) fn begin_claim(
        &mut self,
        now: Now,
        asked: Asked,
        account: &Account,
        id: RequestId,
        typed: &str,
    ) -> Result<(), Refusal> {
        if let Some(origin) = self.origin(asked.session) {
            self.allowance.take_own(now.at, origin, account.user)?;
        }
        let code: Code =
            typed.parse().map_err(|error: crate::message::CodeError| Refusal::new(RefusalCode::WrongClaim, error.to_string()))?;
        self.command(now, Step::Answer(asked), asked, id, Action::Claim { code: code.hash() });
        Ok(())
    }

    /// Orders an invitation.
    pub(super) fn begin_invitation(&mut self, now: Now, asked: Asked, wished: &MakeInvitation) {
        let MakeInvitation { id, code, uses, days } = *wished;
        self.command(now, Step::Answer(asked), asked, id, Action::MakeInvitation { code, uses, days });
    }

    /// The user may do more or less on the whole server from now on; their sessions answer so.
    pub(super) fn on_role_changed(&mut self, changed: &Account) {
        self.ask_again(|_| true);
        for session in self.sessions.values_mut() {
            if let Standing::SignedIn(account) = &mut session.standing
                && account.user == changed.user
            {
                account.role = changed.role;
            }
        }
    }
}

fn invitation_of(typed: &str) -> Result<CodeHash, Refusal> {
    let code: Result<Code, _> = typed.parse();
    code.map(|code| code.hash()).map_err(|error| Refusal::new(RefusalCode::WrongInvitation, error.to_string()))
}
