//! A message as programs are told it: its newest text, what it carries for them, and what became of it.

use serde::Serialize;

use crate::message::{Attachment, Overlay, Post, ReactionCount, hex};

/// What only messages have.
#[derive(Serialize)]
pub(super) struct PostFields {
    text: String,
    reply_to: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<u64>,
    mentions: Vec<u64>,
    edited: bool,
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<PayloadFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileFields>,
    #[serde(flatten)]
    overlay: Option<OverlayFields>,
}

/// The file of a message, and where it was put if it was fetched.
#[derive(Serialize)]
pub(super) struct FileFields {
    name: String,
    media: String,
    len: u64,
    hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

/// What a message carries for programs.
#[derive(Serialize)]
struct PayloadFields {
    kind: String,
    content: serde_json::Value,
}

/// What became of a message.
#[derive(Serialize)]
struct OverlayFields {
    reactions: Vec<ReactionFields>,
    pinned: bool,
    replies: u32,
    resolved: bool,
}

#[derive(Serialize)]
struct ReactionFields {
    reaction: String,
    count: u32,
    own: bool,
}

impl FileFields {
    pub(super) fn new(file: &Attachment, path: Option<String>) -> Self {
        let hash = hex(&file.hash);
        Self { name: file.name.clone(), media: file.media.clone(), len: file.len, hash, path }
    }
}

impl PostFields {
    /// A message, with its newest text in place of its first one.
    pub(super) fn new(post: Post, overlay: Option<&Overlay>) -> Self {
        let edit = overlay.and_then(|overlay| overlay.edit.as_ref());
        let thread = post.root().map(|seq| seq.0);
        let (text, mentions) = edit.map_or((post.text, post.mentions), |edit| (edit.text.clone(), edit.mentions.clone()));
        let payload = post.payload.map(|payload| PayloadFields {
            // What does not read as JSON here is passed on as it is.
            content: serde_json::from_str(&payload.json).unwrap_or(serde_json::Value::String(payload.json)),
            kind: payload.kind,
        });
        let shown =
            |count: &ReactionCount| ReactionFields { reaction: count.reaction.clone(), count: count.count, own: count.own };
        Self {
            text,
            reply_to: post.reply_to.map(|seq| seq.0),
            thread,
            mentions: mentions.iter().map(|user| user.0).collect(),
            edited: edit.is_some(),
            deleted: false,
            payload,
            file: post.file.as_ref().map(|file| FileFields::new(file, None)),
            overlay: overlay.map(|overlay| OverlayFields {
                reactions: overlay.reactions.iter().map(shown).collect(),
                pinned: overlay.pinned,
                replies: overlay.reply_count,
                resolved: overlay.resolved,
            }),
        }
    }
}
