//! follow: reads rooms on from a durable cursor, for programs; with --exec, one run of a program for each message.
//!
//! The cursor moves on when a message is printed, or when the program has ended well and its answer is stored. The answer's
//! id is made of the cursor's name and the message's place, so that a message that is handled twice is answered once.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use super::super::args::{Beginning, Conversation, Follow};
use super::super::context::Context;
use super::super::exit::{Exit, Failure};
use super::super::handler::Handler;
use super::super::line::{Line, LinkState};
use super::super::session::{Happening, Session, unexpected};
use super::reading::state;
use crate::client::{ClientEvent, Cursor, Cursors, Draft, Followed, Place, PostOutcome, Recipient};
use crate::message::{
    EventBody, EventHash, FollowFrom, FollowRequest, HistoryFrom, HistoryRequest, LogId, Reply, Request, RequestId, Seq, Target,
    Text, UserId,
};

/// Events that wait for the program; at more, the server is asked to hold the rest.
const HELD_COUNT_MAX: usize = 1_000;

/// The next thing in a log.
#[derive(Debug)]
enum Held {
    Event(Box<Followed>),
    Gap { log: LogId, room: String, cursor: Cursor },
}

/// What is done about the message that is handled now.
#[derive(Debug)]
enum Work {
    Nothing,
    Running(Handler, Box<Followed>),
    Answering(Place, Box<Followed>),
}

struct Reading<'a> {
    context: &'a mut Context,
    session: Session,
    /// The cursor's name in the profile's database.
    reader: String,
    cursors: Cursors,
    program: Option<&'a Path>,
    all: bool,
    own: Option<UserId>,
    /// Where each log is followed from, if the server is asked again.
    reached: BTreeMap<LogId, Cursor>,
    is_paused: bool,
    held: VecDeque<Held>,
    work: Work,
    is_lost: bool,
}

pub(super) fn run(context: &mut Context, args: &Follow) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let cursors = Cursors::open(&session.profile().database_path()?)?;
    let mut reading = Reading {
        context,
        session,
        reader: format!("follow/{}", args.cursor),
        cursors,
        program: args.exec.as_deref(),
        all: args.all,
        own: None,
        reached: BTreeMap::new(),
        is_paused: false,
        held: VecDeque::new(),
        work: Work::Nothing,
        is_lost: false,
    };
    reading.own = reading.session.account().map(|account| account.user);
    for room in &args.rooms {
        reading.begin(room, args.from)?;
    }
    reading.session.be_calm();
    reading.run()?;
    reading.session.finish();
    Ok(())
}

impl Reading<'_> {
    /// Follows a room from where its cursor is, or from where a new one begins.
    fn begin(&mut self, room: &Conversation, beginning: Beginning) -> Result<(), Failure> {
        let from = match beginning {
            Beginning::At(seq) => HistoryFrom::After(Seq(seq.saturating_sub(1))),
            Beginning::Start | Beginning::Now => HistoryFrom::Last,
        };
        let request = Request::History(HistoryRequest { log: room.target(), from, count: 1 });
        let Reply::Page(page) = self.session.ask(&request)? else { return Err(unexpected()) };
        let from = match (self.cursors.find(&self.reader, page.log)?, beginning) {
            (Some(Cursor { seq, hash }), _) => FollowFrom::After(seq, hash.0),
            (None, Beginning::At(_)) => FollowFrom::After(page.after, page.hash),
            (None, Beginning::Start) => FollowFrom::Start,
            (None, Beginning::Now) => FollowFrom::Now,
        };
        let (client, now) = self.session.client();
        let tag = client.follow(now, FollowRequest { log: Target::Log(page.log), from });
        loop {
            let Happening::Event(event) = self.session.next()? else { continue };
            if let ClientEvent::Reply { tag: answered, reply } = &*event
                && *answered == tag
            {
                return match reply {
                    Reply::Following(following) => {
                        let cursor = Cursor { seq: following.after, hash: EventHash(following.hash) };
                        self.reached.entry(following.log).or_insert(cursor);
                        // A new cursor begins here, though nothing may come for long.
                        Ok(self.cursors.advance(&self.reader, following.log, &cursor)?)
                    }
                    Reply::Refused(refusal) => Err(refusal.clone().into()),
                    _ => Err(unexpected()),
                };
            }
            self.on_event(*event)?;
        }
    }

    /// Reads until the time given by `--timeout` is over, else for ever.
    fn run(&mut self) -> Result<(), Failure> {
        loop {
            self.work()?;
            match self.session.next()? {
                Happening::Event(event) => self.on_event(*event)?,
                Happening::Woken => self.on_woken()?,
                Happening::TimeIsUp if self.is_lost => {
                    return Err(Failure::new(Exit::Unreached, "the connection was lost and did not come back in time"));
                }
                Happening::TimeIsUp => return Ok(()),
            }
        }
    }

    /// Goes on with what is held, until something must be waited for.
    fn work(&mut self) -> Result<(), Failure> {
        while matches!(self.work, Work::Nothing)
            && let Some(held) = self.held.pop_front()
        {
            match held {
                Held::Gap { log, room, cursor } => {
                    if self.program.is_none() && self.all {
                        self.context.output.line(&Line::Gap { room: &room, log, to: cursor.seq })?;
                    }
                    self.cursors.advance(&self.reader, log, &cursor)?;
                }
                Held::Event(followed) => self.handle(followed)?,
            }
        }
        if self.is_paused && self.held.is_empty() {
            self.is_paused = false;
            let (client, now) = self.session.client();
            for (log, Cursor { seq, hash }) in &self.reached {
                client.follow(now, FollowRequest { log: Target::Log(*log), from: FollowFrom::After(*seq, hash.0) });
            }
        }
        Ok(())
    }

    fn handle(&mut self, followed: Box<Followed>) -> Result<(), Failure> {
        let content = followed.event.content();
        let is_others = Some(followed.event.head.author) != self.own;
        match (&content, self.program) {
            (EventBody::Posted(post), Some(program)) if is_others || self.all => {
                let started = Handler::start(program, &followed, &post.text, self.session.waker());
                let handler = started.map_err(|error| failed(program, &error))?;
                self.work = Work::Running(handler, followed);
                return Ok(());
            }
            (EventBody::Posted(_), None) if is_others => self.print(&followed)?,
            (_, None) if self.all => self.print(&followed)?,
            _ => {}
        }
        self.done(&followed)
    }

    fn print(&mut self, followed: &Followed) -> Result<(), Failure> {
        let Followed { room, author, event, .. } = followed;
        Ok(self.context.output.line(&Line::Event { room, author, event, overlay: None })?)
    }

    fn done(&mut self, followed: &Followed) -> Result<(), Failure> {
        Ok(self.cursors.advance(&self.reader, followed.log, &followed.cursor)?)
    }

    /// The program may have ended.
    fn on_woken(&mut self) -> Result<(), Failure> {
        let Work::Running(handler, _) = &mut self.work else { return Ok(()) };
        let program = self.program.unwrap_or(Path::new(""));
        let Some((answer, status)) = handler.poll().map_err(|error| failed(program, &error))? else { return Ok(()) };
        let Work::Running(_, followed) = std::mem::replace(&mut self.work, Work::Nothing) else { return Ok(()) };
        if !status.success() {
            let (room, seq) = (&followed.room, followed.event.head.seq);
            let sentence = format!("{} ended with {status} at {room} {seq}; the next start tries again", program.display());
            return Err(Failure::new(Exit::Refused, sentence));
        }
        let answer = String::from_utf8_lossy(&answer);
        let answer = answer.trim_end();
        if answer.is_empty() {
            return self.done(&followed);
        }
        let room: Conversation = followed.room.parse().map_err(|_| unexpected())?;
        let text = match Text::parse(answer.replace("\r\n", "\n")) {
            Ok(text) => text,
            Err(error) => return self.pass_over(&followed, &error.to_string()),
        };
        let id = RequestId::for_key(&room.skeleton(), &format!("{}/{}", self.reader, followed.event.head.seq));
        let (client, now) = self.session.client();
        let draft = Draft { id, to: Recipient::new(&room.target()), text, reply_to: None, payload: None };
        let places = client.post(now, &[draft])?;
        let Some(place) = places.first() else { return Ok(()) };
        self.work = Work::Answering(*place, followed);
        Ok(())
    }

    /// What can never be sent holds up nothing.
    fn pass_over(&mut self, followed: &Followed, why: &str) -> Result<(), Failure> {
        let (room, seq) = (&followed.room, followed.event.head.seq);
        self.context.output.remark(&format!("the answer to {room} {seq} is not sent: {why}"))?;
        self.done(followed)
    }

    fn on_posted(&mut self, place: Place, outcome: &PostOutcome) -> Result<(), Failure> {
        match std::mem::replace(&mut self.work, Work::Nothing) {
            Work::Answering(awaited, followed) if awaited == place => match outcome {
                Ok(_) => self.done(&followed),
                Err(refusal) => self.pass_over(&followed, &refusal.sentence),
            },
            other => {
                self.work = other;
                Ok(())
            }
        }
    }

    fn hold(&mut self, log: LogId, cursor: Cursor, held: Held) {
        self.reached.insert(log, cursor);
        self.held.push_back(held);
        if self.held.len() >= HELD_COUNT_MAX && !self.is_paused {
            self.is_paused = true;
            let (client, now) = self.session.client();
            self.reached.keys().for_each(|log| client.unfollow(now, *log));
        }
    }

    fn on_event(&mut self, event: ClientEvent) -> Result<(), Failure> {
        match event {
            ClientEvent::Event(followed) => self.hold(followed.log, followed.cursor, Held::Event(followed)),
            ClientEvent::Hidden { log, room, cursor } => self.hold(log, cursor, Held::Gap { log, room, cursor }),
            ClientEvent::Posted { place, own: true, outcome } => self.on_posted(place, &outcome)?,
            ClientEvent::Offline { reason, failure_count, .. } => {
                self.is_lost = true;
                if failure_count == 1 {
                    state(self.context, LinkState::Offline(&reason.to_string()))?;
                }
            }
            ClientEvent::Online { .. } => {
                self.is_lost = false;
                state(self.context, LinkState::Online)?;
            }
            ClientEvent::CaughtUp { room, at, .. } if self.context.output.is_json() => {
                state(self.context, LinkState::CaughtUp(&room, at))?;
            }
            ClientEvent::Unfollowed { room, refusal, .. } => {
                return Err(Failure::new(super::super::exit::exit_of(refusal.class), format!("{room}: {}", refusal.sentence)));
            }
            ClientEvent::Forked { room, at, .. } => {
                let sentence = format!(
                    "the server no longer has {room} as it was at {at}: it was restored from an older copy. Go on with another --cursor"
                );
                return Err(Failure::new(Exit::Refused, sentence));
            }
            ClientEvent::Broken { room, at, .. } => {
                let sentence = format!("the server left out events of {room} behind {at}; do not rely on it");
                return Err(Failure::new(Exit::Refused, sentence));
            }
            _ => {}
        }
        Ok(())
    }
}

fn failed(program: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Refused, format!("{}: {error}", program.display()))
}
