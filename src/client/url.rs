//! Where a server is and who one is there: `udpchat://NAME@HOST[:PORT][?key=K]`, read once into types that cannot be wrong.
//!
//! The scheme may be left out. NAME is raw UTF-8 or percent-encoded; an IPv6 address stands in brackets; K is the server's
//! public key in base32. A part that means nothing here is refused, because a misspelt `?key=` that is passed over would be a
//! server that is trusted without being checked.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::crypto::PublicKey;
use crate::message::{NameError, UserName};

/// The port of a server that names none.
pub const PORT_DEFAULT: u16 = 4747;

/// Longest host name, in bytes (RFC 1035 section 2.3.4).
const HOST_LEN_MAX: usize = 253;

/// Why a URL cannot be read, in words for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlError {
    /// Another scheme than `udpchat`.
    #[error("a server's URL begins with udpchat://, not {0}://")]
    Scheme(String),
    /// Nothing stands where the host should.
    #[error("the URL names no host; write udpchat://NAME@HOST[:PORT]")]
    NoHost,
    /// The host has a character that host names have not, or is too long.
    #[error("{0:?} is no host name")]
    Host(String),
    /// An IPv6 address without brackets, or something else in brackets.
    #[error("an IPv6 address stands in brackets, as in udpchat://alice@[::1]:4747")]
    Brackets,
    /// The port is no number from 1 to 65535.
    #[error("{0:?} is no port; a port is a number from 1 to 65535")]
    Port(String),
    /// The name is not UTF-8 after percent-decoding.
    #[error("the name in the URL is not UTF-8")]
    NotUtf8,
    /// The name is none.
    #[error("the name in the URL: {0}")]
    Name(#[from] NameError),
    /// The key is none.
    #[error("the key in the URL: a server's key is 52 letters and digits of base32")]
    Key,
    /// A path or a parameter other than `key`.
    #[error("{0:?} means nothing in a server's URL; only ?key=K may follow the host")]
    Surplus(String),
    /// The URL names no user where one is needed.
    #[error("the URL needs a name before the host, as in udpchat://alice@{0}")]
    NoName(HostPort),
}

/// A host and its port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    host: String,
    port: u16,
}

/// A server's URL, with or without a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    /// Who one is there.
    pub name: Option<UserName>,
    /// Where it is.
    pub server: HostPort,
    /// The key that it must have.
    pub key: Option<PublicKey>,
}

impl HostPort {
    /// The host in lower case, an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The UDP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host and port as a file name: `HOST_PORT`.
    #[must_use]
    pub(super) fn as_file_name(&self) -> String {
        format!("{}_{}", self.host, self.port)
    }
}

/// Always with the port, so that one server has one spelling.
impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for HostPort {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (host, port) = if let Some(bracketed) = text.strip_prefix('[') {
            let (address, rest) = bracketed.split_once(']').ok_or(UrlError::Brackets)?;
            let address: Ipv6Addr = address.parse().map_err(|_| UrlError::Brackets)?;
            let port = match rest.strip_prefix(':') {
                Some(port) => Some(port),
                None if rest.is_empty() => None,
                None => return Err(UrlError::Surplus(rest.to_owned())),
            };
            (address.to_string(), port)
        } else {
            match text.split_once(':') {
                Some((_, rest)) if rest.contains(':') => return Err(UrlError::Brackets),
                Some((host, port)) => (host.to_lowercase(), Some(port)),
                None => (text.to_lowercase(), None),
            }
        };
        if host.is_empty() {
            return Err(UrlError::NoHost);
        }
        let is_of_a_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.len() > HOST_LEN_MAX || !host.chars().all(is_of_a_host) || host.starts_with('.') {
            return Err(UrlError::Host(host));
        }
        let port = match port {
            None => PORT_DEFAULT,
            Some(text) => match text.parse() {
                Ok(0) | Err(_) => return Err(UrlError::Port(text.to_owned())),
                Ok(port) => port,
            },
        };
        Ok(Self { host, port })
    }
}

impl ServerUrl {
    /// The user's name.
    ///
    /// # Errors
    /// [`UrlError::NoName`] if the URL has none.
    pub fn named(&self) -> Result<&UserName, UrlError> {
        self.name.as_ref().ok_or_else(|| UrlError::NoName(self.server.clone()))
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let rest = match text.trim().split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("udpchat") => rest,
            Some((scheme, _)) => return Err(UrlError::Scheme(scheme.to_owned())),
            None => text.trim(),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let authority = match rest.split_once('/') {
            Some((authority, "")) => authority,
            Some((_, path)) => return Err(UrlError::Surplus(format!("/{path}"))),
            None => rest,
        };
        let (name, server) = match authority.rsplit_once('@') {
            Some((name, server)) => {
                let name = percent_decode_str(name).decode_utf8().map_err(|_| UrlError::NotUtf8)?;
                (Some(UserName::parse(&name)?), server)
            }
            None => (None, authority),
        };
        let mut url = Self { name, server: server.parse()?, key: None };
        for parameter in query.unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty()) {
            let Some(key) = parameter.strip_prefix("key=") else {
                return Err(UrlError::Surplus(parameter.to_owned()));
            };
            url.key = Some(key.parse().map_err(|_| UrlError::Key)?);
        }
        Ok(url)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("udpchat://")?;
        if let Some(name) = &self.name {
            write!(f, "{}@", name.as_str())?;
        }
        write!(f, "{}", self.server)?;
        match &self.key {
            Some(key) => write!(f, "?key={key}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<ServerUrl, UrlError> {
        text.parse()
    }

    #[test]
    fn a_url_says_who_where_and_which_key() {
        let key = PublicKey([7; 32]);
        let read = url(&format!("udpchat://alice@Chat.Example.org:999?key={key}")).unwrap();
        assert_eq!(read.name.as_ref().unwrap().as_str(), "alice");
        assert_eq!((read.server.host(), read.server.port()), ("chat.example.org", 999));
        assert_eq!(read.key, Some(key));
        assert_eq!(url(&read.to_string()), Ok(read));
    }

    #[test]
    fn scheme_name_port_and_key_may_be_left_out() {
        let read = url("localhost").unwrap();
        assert_eq!((read.name, read.server.to_string().as_str(), read.key), (None, "localhost:4747", None));
        assert_eq!(url("bob@localhost:1").unwrap().to_string(), "udpchat://bob@localhost:1");
    }

    #[test]
    fn names_come_raw_or_percent_encoded() {
        for text in ["udpchat://小明@h", "udpchat://%E5%B0%8F%E6%98%8E@h"] {
            assert_eq!(url(text).unwrap().name.unwrap().as_str(), "小明");
        }
        assert_eq!(url("udpchat://%ff@h"), Err(UrlError::NotUtf8));
        assert!(matches!(url("udpchat://a%20b@h"), Err(UrlError::Name(_))));
    }

    #[test]
    fn an_ipv6_address_stands_in_brackets() {
        let read = url("udpchat://a@[::1]:4000").unwrap();
        assert_eq!((read.server.host(), read.server.port()), ("::1", 4000));
        assert_eq!(read.server.to_string(), "[::1]:4000");
        assert_eq!(url("udpchat://a@[2001:DB8::1]").unwrap().server.to_string(), "[2001:db8::1]:4747");
        assert_eq!(url("udpchat://a@::1:4000"), Err(UrlError::Brackets));
        assert_eq!(url("udpchat://a@[::1"), Err(UrlError::Brackets));
        assert_eq!(url("udpchat://a@[host]"), Err(UrlError::Brackets));
    }

    #[test]
    fn what_means_nothing_is_refused_and_not_passed_over() {
        assert_eq!(url("https://a@h"), Err(UrlError::Scheme("https".into())));
        assert_eq!(url("udpchat://a@h/room"), Err(UrlError::Surplus("/room".into())));
        assert_eq!(url("udpchat://a@h?Key=x"), Err(UrlError::Surplus("Key=x".into())));
        assert_eq!(url("udpchat://a@h?key=x"), Err(UrlError::Key));
        assert_eq!(url("udpchat://a@h:0"), Err(UrlError::Port("0".into())));
        assert_eq!(url("udpchat://a@h:70000"), Err(UrlError::Port("70000".into())));
        assert_eq!(url("udpchat://a@"), Err(UrlError::NoHost));
        assert_eq!(url("udpchat://a@ho/../st"), Err(UrlError::Surplus("/../st".into())));
        assert_eq!(url("udpchat://a@.."), Err(UrlError::Host("..".into())));
        assert!(matches!(url("udpchat://a@h\u{1b}x"), Err(UrlError::Host(_))));
    }
}
