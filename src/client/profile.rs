//! Who one is on which server: the folder of profiles, each one user on one server with one device key.
//!
//! ```text
//! HOME/known_servers                      HOST:PORT KEY lines
//! HOME/current                            NAME@HOST:PORT of the profile that commands use
//! HOME/profiles/NAME@HOST_PORT/device.key the device's secret key, mode 0600
//!                              profile.toml  the account, once the server has confirmed it
//!                              client.db     outbox and cursors
//!                              sender.lock   held by the process that sends the outbox
//! ```

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::database::LocalError;
use super::files;
use super::known_servers::KnownServers;
use super::outbox::SenderLock;
use super::url::{HostPort, ServerUrl, UrlError};
use crate::crypto::{Dice, KeyFileError, SecretKey};
use crate::message::{Account, UserName};

/// Why a profile cannot be used.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// Neither `--home` nor the environment says where to keep profiles.
    #[error("there is no home directory; say with --home DIR (or UDPCHAT_HOME) where profiles are kept")]
    NoHome,
    /// The disk refuses.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// The device key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A file has been changed by hand, or damaged.
    #[error("{0} cannot be read: {1}")]
    Malformed(PathBuf, String),
}

/// The directory of all profiles.
#[derive(Debug, Clone)]
pub struct Home {
    dir: PathBuf,
}

/// A profile's name: one user on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileName {
    /// The user.
    pub name: UserName,
    /// The server.
    pub server: HostPort,
}

/// One user on one server with one device key.
#[derive(Debug, Clone)]
pub struct Profile {
    name: ProfileName,
    dir: PathBuf,
}

/// What profile.toml holds: the account as the server confirmed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedAccount {
    /// `HOST:PORT`.
    pub server: String,
    /// The user's name.
    pub name: String,
    /// The user's id.
    pub user: u64,
    /// The device's id.
    pub device: u64,
    /// Whether the user is a guest.
    pub guest: bool,
}

impl ProfileName {
    /// The folder's name. Names are one whatever their case, so that `Alice` and `alice` are one profile.
    fn as_file_name(&self) -> String {
        format!("{}@{}", self.name.as_str().to_lowercase(), self.server.as_file_name())
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name.as_str(), self.server)
    }
}

impl FromStr for ProfileName {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let url: ServerUrl = text.parse()?;
        Ok(Self { name: url.named()?.clone(), server: url.server })
    }
}

fn io_at(path: &Path) -> impl FnOnce(std::io::Error) -> ProfileError {
    let path = path.to_path_buf();
    move |error| ProfileError::Io(path, error)
}

impl Home {
    /// The home at `dir`, else at the place that the XDG base directory specification gives.
    ///
    /// # Errors
    /// [`ProfileError::NoHome`], or the directory cannot be made.
    pub fn open(dir: Option<PathBuf>) -> Result<Self, ProfileError> {
        let of_environment = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let dir = dir
            .or_else(|| of_environment("XDG_DATA_HOME").map(|dir| dir.join("udpchat")))
            .or_else(|| of_environment("HOME").map(|dir| dir.join(".local/share/udpchat")))
            .ok_or(ProfileError::NoHome)?;
        files::make_dir(&dir).map_err(io_at(&dir))?;
        Ok(Self { dir })
    }

    /// The servers met so far.
    #[must_use]
    pub fn known_servers(&self) -> KnownServers {
        KnownServers::at(self.dir.join("known_servers"))
    }

    /// The profile of this name; its folder is made when something is kept in it.
    #[must_use]
    pub fn profile(&self, name: ProfileName) -> Profile {
        let dir = self.dir.join("profiles").join(name.as_file_name());
        Profile { name, dir }
    }

    /// The profile that was last registered or logged in.
    ///
    /// # Errors
    /// If the file that names it cannot be read.
    pub fn current(&self) -> Result<Option<ProfileName>, ProfileError> {
        let path = self.dir.join("current");
        let Some(text) = files::read_text(&path).map_err(io_at(&path))? else { return Ok(None) };
        match text.trim().parse() {
            Ok(name) => Ok(Some(name)),
            Err(error) => Err(ProfileError::Malformed(path, UrlError::to_string(&error))),
        }
    }

    /// Makes `name` the profile that commands use.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn make_current(&self, name: &ProfileName) -> Result<(), ProfileError> {
        let path = self.dir.join("current");
        files::write_whole(&path, format!("{name}\n").as_bytes()).map_err(io_at(&path))
    }

    /// The profiles that have an account, in the order of their names.
    ///
    /// # Errors
    /// If the folder cannot be listed or a profile cannot be read.
    pub fn profiles(&self) -> Result<Vec<ProfileName>, ProfileError> {
        let dir = self.dir.join("profiles");
        let folders = match std::fs::read_dir(&dir) {
            Ok(folders) => folders,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ProfileError::Io(dir, error)),
        };
        let mut names = Vec::new();
        for folder in folders {
            let folder = folder.map_err(io_at(&dir))?.path();
            if let Some(saved) = read_account(&folder)? {
                let name = format!("{}@{}", saved.name, saved.server);
                let read = name.parse().map_err(|error: UrlError| ProfileError::Malformed(folder, error.to_string()));
                names.push(read?);
            }
        }
        names.sort_by_key(ProfileName::to_string);
        Ok(names)
    }
}

fn read_account(dir: &Path) -> Result<Option<SavedAccount>, ProfileError> {
    let path = dir.join("profile.toml");
    let Some(text) = files::read_text(&path).map_err(io_at(&path))? else { return Ok(None) };
    toml::from_str(&text).map(Some).map_err(|error| ProfileError::Malformed(path, error.message().to_owned()))
}

impl Profile {
    /// Who and where.
    #[must_use]
    pub fn name(&self) -> &ProfileName {
        &self.name
    }

    /// The device's key; made and kept at the first call.
    ///
    /// # Errors
    /// [`ProfileError`] if the key file cannot be used.
    pub fn device_key(&self, dice: &mut Dice) -> Result<SecretKey, ProfileError> {
        files::make_dir(&self.dir).map_err(io_at(&self.dir))?;
        Ok(SecretKey::load_or_create(&self.dir.join("device.key"), dice)?)
    }

    /// Throws the device's key and account away: the server no longer takes them. The next [`Profile::device_key`] is another.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn forget_device(&self) -> Result<(), ProfileError> {
        for name in ["profile.toml", "device.key"] {
            let path = self.dir.join(name);
            files::remove(&path).map_err(io_at(&path))?;
        }
        Ok(())
    }

    /// The account that the server confirmed for this profile.
    ///
    /// # Errors
    /// If profile.toml cannot be read.
    pub fn account(&self) -> Result<Option<SavedAccount>, ProfileError> {
        read_account(&self.dir)
    }

    /// Keeps the account that the server confirmed.
    ///
    /// # Errors
    /// If profile.toml cannot be written.
    pub fn save_account(&self, account: &Account) -> Result<(), ProfileError> {
        let saved = SavedAccount {
            server: self.name.server.to_string(),
            name: account.name.clone(),
            user: account.user.0,
            device: account.device.0,
            guest: account.is_guest(),
        };
        let path = self.dir.join("profile.toml");
        let text = toml::to_string(&saved).map_err(|error| ProfileError::Malformed(path.clone(), error.to_string()))?;
        files::make_dir(&self.dir).map_err(io_at(&self.dir))?;
        files::write_whole(&path, text.as_bytes()).map_err(io_at(&path))
    }

    /// Where outbox and cursors are kept.
    ///
    /// # Errors
    /// If the profile's folder cannot be made.
    pub fn database_path(&self) -> Result<PathBuf, LocalError> {
        files::make_dir(&self.dir)?;
        Ok(self.dir.join("client.db"))
    }

    /// The right to send the outbox, not taken yet.
    #[must_use]
    pub fn sender_lock(&self) -> SenderLock {
        SenderLock::at(self.dir.join("sender.lock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{AccountKind, DeviceId, LogId, ServerRole, UserId};

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(Some(dir.path().join("home"))).unwrap();
        (dir, home)
    }

    fn account(name: &str) -> Account {
        Account {
            user: UserId(3),
            device: DeviceId(4),
            name: name.into(),
            kind: AccountKind::Person,
            role: ServerRole::User,
            own_log: LogId(5),
        }
    }

    #[test]
    fn a_profile_keeps_its_account_and_key() {
        let (_dir, home) = home();
        let name: ProfileName = "alice@host".parse().unwrap();
        let profile = home.profile(name.clone());
        assert_eq!(profile.account().unwrap(), None);
        assert_eq!(home.profiles().unwrap(), []);
        let mut dice = Dice::from_seed([1; 32]);
        let key = profile.device_key(&mut dice).unwrap().public();
        profile.save_account(&account("alice")).unwrap();
        let again = home.profile("ALICE@Host:4747".parse().unwrap());
        assert_eq!(again.device_key(&mut dice).unwrap().public(), key, "a name is one whatever its case");
        assert_eq!(again.account().unwrap().unwrap().user, 3);
        assert_eq!(home.profiles().unwrap(), [name]);
    }

    #[test]
    fn the_last_one_logged_in_is_current() {
        let (_dir, home) = home();
        assert_eq!(home.current().unwrap(), None);
        for name in ["小明@host:1", "bob@[::1]:2"] {
            let name: ProfileName = name.parse().unwrap();
            home.make_current(&name).unwrap();
            assert_eq!(home.current().unwrap(), Some(name));
        }
    }

    #[test]
    fn a_forgotten_device_is_another_one_next_time() {
        let (_dir, home) = home();
        let profile = home.profile("alice@host".parse().unwrap());
        let mut dice = Dice::from_seed([1; 32]);
        let key = profile.device_key(&mut dice).unwrap().public();
        profile.save_account(&account("alice")).unwrap();
        profile.forget_device().unwrap();
        assert_eq!(profile.account().unwrap(), None);
        assert_ne!(profile.device_key(&mut dice).unwrap().public(), key);
    }

    #[test]
    fn a_damaged_profile_says_which_file() {
        let (_dir, home) = home();
        let profile = home.profile("alice@host".parse().unwrap());
        profile.save_account(&account("alice")).unwrap();
        std::fs::write(profile.dir.join("profile.toml"), "name = 3").unwrap();
        assert!(profile.account().unwrap_err().to_string().contains("profile.toml"));
    }
}
