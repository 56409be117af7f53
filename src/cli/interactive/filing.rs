//! Typed commands about files.

use std::path::PathBuf;

use crate::message::Seq;

/// What a person says about files of the current room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filing {
    /// Send one.
    Upload {
        /// Which.
        path: PathBuf,
        /// What to say about it; its name if nothing.
        text: Option<String>,
    },
    /// Fetch one.
    Get {
        /// The place of its message.
        seq: Seq,
        /// Where to put it; under its own name if it is not said.
        path: Option<PathBuf>,
    },
}

/// Reads a command of this name; `None` if it is none of these, an error with an empty sentence if something is missing.
pub fn read(name: &str, rest: &str) -> Option<Result<Filing, String>> {
    Some(match name {
        "upload" => path_and_rest(rest).map(|(path, text)| Filing::Upload { path, text }),
        "get" | "download" => get(rest),
        _ => return None,
    })
}

fn get(rest: &str) -> Result<Filing, String> {
    let (seq, path) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if seq.is_empty() {
        return Err(String::new());
    }
    let seq = seq.parse().map(Seq).map_err(|_| "a file is named by its message's position, the number before its author")?;
    let path = if path.trim().is_empty() { None } else { Some(whole_path(path.trim())) };
    Ok(Filing::Get { seq, path })
}

/// A path, in double quotes if it has spaces, and what stands behind it.
fn path_and_rest(rest: &str) -> Result<(PathBuf, Option<String>), String> {
    let (path, rest) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or_else(|| "the quotes are not closed".to_owned())?,
        None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
    };
    if path.is_empty() {
        return Err(String::new());
    }
    Ok((PathBuf::from(path), Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty())))
}

/// A path to the end of the line, quoted or not.
fn whole_path(typed: &str) -> PathBuf {
    PathBuf::from(typed.strip_prefix('"').and_then(|quoted| quoted.strip_suffix('"')).unwrap_or(typed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_spoken_of_by_path_and_place() {
        let upload =
            |path: &str, text: Option<&str>| Some(Ok(Filing::Upload { path: path.into(), text: text.map(str::to_owned) }));
        assert_eq!(read("upload", "tea.txt"), upload("tea.txt", None));
        assert_eq!(read("upload", "/tmp/tea.txt  first flush "), upload("/tmp/tea.txt", Some("first flush")));
        assert_eq!(read("upload", "\"my tea.txt\" first"), upload("my tea.txt", Some("first")));
        let get = |path: Option<&str>| Some(Ok(Filing::Get { seq: Seq(41), path: path.map(PathBuf::from) }));
        assert_eq!(
            (read("get", "41"), read("get", "41 my tea"), read("get", "41 \"my tea\"")),
            (get(None), get(Some("my tea")), get(Some("my tea")))
        );
        assert_eq!((read("upload", ""), read("get", "")), (Some(Err(String::new())), Some(Err(String::new()))));
        assert!(read("upload", "\"my tea").unwrap().unwrap_err().contains("quotes"));
        assert!(read("get", "tea").unwrap().unwrap_err().contains("position"));
        assert_eq!(read("join", "#ops"), None);
    }
}
