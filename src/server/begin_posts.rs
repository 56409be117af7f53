//! Begins requests about messages: texts and payloads are parsed here, once.

use super::server::{Now, Server};
use super::steps::{Asked, Step};
use crate::chat::{Action, Draft};
use crate::message::{EditRequest, PostRequest, Refusal, RefusalCode, ScheduleRequest, Target, Text};

impl Server {
    pub(super) fn begin_post(&mut self, now: Now, asked: Asked, post: PostRequest) -> Result<(), Refusal> {
        if self.sessions.get(&asked.session).is_some_and(|session| session.is_halted) {
            let sentence = "an earlier message was refused; nothing is stored until the client resumes";
            return Err(Refusal::new(RefusalCode::Halted, sentence));
        }
        let id = post.id;
        let draft = draft(post)?;
        self.command(now, Step::Answer(asked), asked, id, Action::Post(draft));
        Ok(())
    }

    pub(super) fn begin_schedule(&mut self, now: Now, asked: Asked, schedule: ScheduleRequest) -> Result<(), Refusal> {
        let ScheduleRequest { post, at_ms } = schedule;
        // What could never be posted is refused now, not then.
        draft(post.clone())?;
        self.command(now, Step::Answer(asked), asked, post.id, Action::Schedule { post, at_ms });
        Ok(())
    }

    pub(super) fn begin_edit(&mut self, now: Now, asked: Asked, edit: EditRequest) -> Result<(), Refusal> {
        let EditRequest { id, log, seq, text } = edit;
        let text = good_text(text)?;
        self.command(now, Step::Answer(asked), asked, id, Action::Edit { log, seq, text });
        Ok(())
    }
}

/// The message as the rules take it.
fn draft(post: PostRequest) -> Result<Draft, Refusal> {
    let PostRequest { id: _, to, text, reply_to, payload } = post;
    if matches!(to, Target::Own) {
        return Err(Refusal::new(RefusalCode::SelfMessage, "a message goes to a room or to somebody else"));
    }
    if let Some(payload) = &payload {
        payload.check().map_err(|error| Refusal::new(RefusalCode::BadPayload, error.to_string()))?;
    }
    Ok(Draft { to, text: good_text(text)?, reply_to, payload })
}

fn good_text(typed: String) -> Result<Text, Refusal> {
    Text::parse(typed).map_err(|error| Refusal::new(RefusalCode::BadText, error.to_string()))
}
