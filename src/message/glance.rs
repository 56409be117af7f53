//! A told event, read where it lies: its head and, of a post, the text, without copying either.
//!
//! For receivers of very many events that keep none of them, such as the load tool. Everybody else wants
//! [`Notice`](super::Notice) and [`Event`](super::Event). Layouts: protocol.md, "Notices" and "Events".

use super::body::{EventBody, SALT_LEN};
use super::bytes::Bytes;
use super::codec::{borrowed_body, split_type};
use super::event::{FORM_WHOLE, HEAD_LEN, Head};

/// The type of [`Notice::Event`](super::Notice::Event).
const EVENT_KIND: u16 = 0x8001;

/// What lies in a notice that tells an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance<'a> {
    /// The event's head.
    pub head: Head,
    /// The text, if the event is a post that was not erased.
    pub text: Option<&'a str>,
}

impl<'a> Glance<'a> {
    /// Reads a whole message; `None` if it is not a notice that tells an event.
    #[must_use]
    pub fn read(message: &'a [u8]) -> Option<Self> {
        let (EVENT_KIND, body) = split_type(message).ok()? else { return None };
        // A `Told`: the author's name, then the event.
        let (_, event): (&str, &[u8]) = borrowed_body(body)?;
        let (head, rest) = event.split_first_chunk::<HEAD_LEN>()?;
        Some(Self { head: Head::decode(head)?, text: text_in(rest) })
    }
}

/// The text in an event's form and body.
fn text_in(form_and_body: &[u8]) -> Option<&str> {
    let mut rest = Bytes(form_and_body);
    if rest.u8()? != FORM_WHOLE || rest.u16()? != EventBody::POSTED {
        return None;
    }
    rest.array::<SALT_LEN>()?;
    let len = rest.u16()?;
    std::str::from_utf8(rest.take(usize::from(len))?).ok()
}

#[cfg(test)]
mod tests {
    use super::super::{DeviceId, Event, LogId, Notice, Post, RequestId, Seq, Told, UserId, body_bytes};
    use super::*;

    fn told(body: Result<Vec<u8>, [u8; 32]>) -> (Head, Vec<u8>) {
        let (log, seq, prev, author, device) = (LogId(7), Seq(9), Seq(8), UserId(3), DeviceId(4));
        let head = Head { log, seq, prev, time_ms: 5, author, device, id: RequestId([6; 16]) };
        (head, Notice::Event(Told { author: "小明".into(), event: Event { head, body }.encode() }).encode())
    }

    #[test]
    fn a_post_is_read_in_place() {
        let post = EventBody::Posted(Post {
            text: "hello 👋".into(),
            reply_to: Some(Seq(2)),
            mentions: vec![UserId(1)],
            ..Post::default()
        });
        let (head, message) = told(Ok(body_bytes(&post, &[1; SALT_LEN])));
        assert_eq!(Glance::read(&message), Some(Glance { head, text: Some("hello 👋") }));
        for len in 0..message.len() {
            assert_eq!(Glance::read(&message[..len]), None, "cut off at {len}");
        }
    }

    #[test]
    fn other_events_have_a_head_and_no_text() {
        for body in [Ok(body_bytes(&EventBody::Joined, &[1; SALT_LEN])), Err([2; 32])] {
            let (head, message) = told(body);
            assert_eq!(Glance::read(&message), Some(Glance { head, text: None }));
        }
        assert_eq!(Glance::read(&Notice::Slowed.encode()), None);
    }
}
