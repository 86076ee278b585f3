//! The command line's configuration.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use postern_chassis::config::{self, CryptoClientConfig, optional_secret_file};
use schemars::JsonSchema;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};

use crate::failure::{Exit, Failure};

/// The command's TOML file. Each command needs only some of the tables.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How to reach crypto-service, with an operator's certificate.
    pub(crate) crypto: Option<CryptoClientConfig>,
    /// The control database.
    #[serde(default)]
    pub(crate) database: DatabaseConfig,
    /// What `doctor` looks at besides the above.
    #[serde(default)]
    pub(crate) doctor: DoctorConfig,
}

/// Where services can be looked at.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DoctorConfig {
    /// The operations listener of each replica or service, such as `http://proxy-service:9090`. Tells whether it is
    /// ready, what it cannot reach, when the certificate that it uses expires, and how old its key sets are.
    pub(crate) listeners: Vec<String>,
    /// Configuration files of services, where they can be read from here: on a machine that runs them, or in a pod that
    /// mounts the same files. Their issuers' key sets are fetched by the same rules; their certificates, secret files
    /// and key ring are checked.
    pub(crate) configs: Vec<PathBuf>,
}

/// What the configuration of every service has, and this one does not.
#[derive(Deserialize)]
struct OfService {
    issuers: IgnoredAny,
}

/// Files with the control database's URL, one per role. A variable of the environment, such as
/// `POSTERN_MIGRATOR_DATABASE_URL`, takes precedence over its file.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "they are the keys of the file")]
pub(crate) struct DatabaseConfig {
    /// For an administrator, who creates roles: a superuser, or the database's owner with CREATEROLE. Only `migrate
    /// --create-roles` uses it.
    #[serde(default, deserialize_with = "optional_secret_file")]
    admin_url_file: Option<PathBuf>,
    /// For `postern_migrator`: `migrate` and `doctor`.
    #[serde(default, deserialize_with = "optional_secret_file")]
    migrator_url_file: Option<PathBuf>,
    /// For `postern_connection`, which exports and erases users' data. `migrate --create-roles` sets the password that
    /// this URL has; `doctor` signs in.
    #[serde(default, deserialize_with = "optional_secret_file")]
    connection_url_file: Option<PathBuf>,
    /// For `postern_proxy`. `migrate --create-roles` sets the password that this URL has; `doctor` signs in.
    #[serde(default, deserialize_with = "optional_secret_file")]
    proxy_url_file: Option<PathBuf>,
    /// For `postern_rewrap`: `rewrap`, `keyring status`, `keyring destroy` and `doctor`.
    #[serde(default, deserialize_with = "optional_secret_file")]
    rewrap_url_file: Option<PathBuf>,
    /// For `postern_operator`.
    #[serde(default, deserialize_with = "optional_secret_file")]
    operator_url_file: Option<PathBuf>,
}

/// A role that signs in to the control database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    Admin,
    Migrator,
    Connection,
    Proxy,
    Rewrap,
    Operator,
}

impl Login {
    /// Postern's own roles, in the order of [`postern_store::roles::LOGIN_ROLES`].
    pub(crate) const ROLES: [Self; 5] =
        [Self::Migrator, Self::Connection, Self::Proxy, Self::Rewrap, Self::Operator];

    fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Migrator => "migrator",
            Self::Connection => "connection",
            Self::Proxy => "proxy",
            Self::Rewrap => "rewrap",
            Self::Operator => "operator",
        }
    }

    /// The name of the role. Not for the administrator, whose name Postern does not choose.
    pub(crate) fn role(self) -> String {
        format!("postern_{}", self.word())
    }

    fn variable(self) -> String {
        format!("POSTERN_{}_DATABASE_URL", self.word().to_uppercase())
    }

    /// Where its URL is configured, for messages.
    pub(crate) fn sources(self) -> String {
        format!("database.{}_url_file or {}", self.word(), self.variable())
    }
}

impl Config {
    /// Reads the file. Without a file, the URLs come from the environment.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        read(path).map_err(|failure| match read::<OfService>(path) {
            Ok(OfService { issuers: IgnoredAny }) => {
                let found = "this is a service's configuration; name the command line's instead";
                Failure::new(Exit::Usage, format!("{}: {found}", path.display()))
            }
            Err(_) => failure,
        })
    }

    /// How to reach crypto-service.
    pub(crate) fn crypto(&self) -> Result<&CryptoClientConfig, Failure> {
        let missing = "crypto is missing in the configuration; name the file with --config or POSTERN_CONFIG";
        self.crypto.as_ref().ok_or_else(|| Failure::new(Exit::Usage, missing))
    }

    /// The control database's URL for a role; `None` if none is configured. The environment takes precedence over the
    /// file.
    pub(crate) fn url(&self, login: Login) -> Result<Option<String>, Failure> {
        if let Ok(url) = env::var(login.variable()) {
            return Ok(Some(url));
        }
        let Some(file) = self.url_file(login) else { return Ok(None) };
        let read = fs::read_to_string(file);
        let url = read.map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", file.display())))?;
        Ok(Some(url.trim().to_owned()))
    }

    /// Where the URL of a role was found, for messages about it.
    fn origin(&self, login: Login) -> Option<String> {
        let variable = login.variable();
        if env::var_os(&variable).is_some() {
            return Some(variable);
        }
        self.url_file(login).map(|file| file.display().to_string())
    }

    /// Adds where the URL was found to a failure that its use caused.
    pub(crate) fn locate(&self, login: Login, failure: Failure) -> Failure {
        match self.origin(login) {
            Some(origin) => failure.with_message(|message| format!("{message} (URL from {origin})")),
            None => failure,
        }
    }

    /// [`Config::url`], for commands that need it.
    pub(crate) fn require_url(&self, login: Login) -> Result<String, Failure> {
        let missing =
            || Failure::new(Exit::Usage, format!("the database's URL is missing: {}", login.sources()));
        self.url(login)?.ok_or_else(missing)
    }

    /// The file with the URL, if one is configured.
    pub(crate) fn url_file(&self, login: Login) -> Option<&Path> {
        let files = &self.database;
        let file = match login {
            Login::Admin => &files.admin_url_file,
            Login::Migrator => &files.migrator_url_file,
            Login::Connection => &files.connection_url_file,
            Login::Proxy => &files.proxy_url_file,
            Login::Rewrap => &files.rewrap_url_file,
            Login::Operator => &files.operator_url_file,
        };
        file.as_deref()
    }
}

/// Reads a configuration; an unknown key is an error.
pub(crate) fn read<C: DeserializeOwned>(path: &Path) -> Result<C, Failure> {
    let wrong = |why: String| Failure::new(Exit::Usage, format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    config::parse(&text).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration_and_a_typing_mistake_is_not() {
        let example = include_str!("../../../deploy/config/postern.toml");
        assert!(toml::from_str::<Config>(example).unwrap().crypto.is_some());
        let mistyped = example.replacen("rewrap_url_file", "rewrap_file", 1);
        assert!(toml::from_str::<Config>(&mistyped).is_err());
    }

    #[test]
    fn the_configuration_of_a_service_is_recognized() {
        let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/config");
        for service in ["crypto-service", "connection-service", "proxy-service"] {
            let file = services.join(service).with_extension("toml");
            let failure = Config::load(Some(&file)).err().unwrap();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.to_string().contains("this is a service's configuration"), "{failure}");
        }
    }

    #[test]
    fn each_role_of_the_database_has_a_url() {
        assert_eq!(Login::ROLES.map(Login::role), postern_store::roles::LOGIN_ROLES);
    }
}
