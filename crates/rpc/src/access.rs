//! Who may call which RPC: one table, enforced by the chassis before a handler runs.
//!
//! A method that is missing here is refused. A test compares the table with the protos: every RPC has a row, and its
//! comment ends with the words of that row.

/// Who may call an RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Anyone with a valid token of a configured issuer. Limited to the caller's own rows.
    User(UserScope),
    /// One service, identified by its certificate, for a user whose valid token it forwards.
    Service(ServiceName, &'static str),
    /// An operator or one service, identified by certificate, without a user.
    ServiceOrOperator(ServiceName),
    /// An operator, identified by certificate.
    Operator,
    /// Anyone who can reach the port: for health and reflection.
    Anyone,
}

/// What a user's call is limited to, as worded in the protos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserScope {
    /// The caller's rows in the control database.
    OwnRows,
    /// The caller's saved connections.
    OwnConnections,
}

/// The last part of a service's SPIFFE ID: `spiffe://<trust domain>/<name>`, or `…/ns/<namespace>/sa/<name>`.
pub type ServiceName = &'static str;

/// The name in an operator's certificate: `spiffe://<trust domain>/operator`.
pub const OPERATOR: ServiceName = "operator";

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// Who may call it.
    pub caller: Caller,
}

const fn rule(path: &'static str, caller: Caller) -> Rule {
    Rule { path, caller }
}

const OWN_ROWS: Caller = Caller::User(UserScope::OwnRows);
const OWN_CONNECTIONS: Caller = Caller::User(UserScope::OwnConnections);

/// The table.
pub const RULES: &[Rule] = &[
    rule("/postern.crypto.v1.CryptoService/Encrypt", Caller::Service("connection-service", "a user's token")),
    rule("/postern.crypto.v1.CryptoService/Decrypt", Caller::Service("proxy-service", "the owner's token")),
    rule(
        "/postern.crypto.v1.CryptoService/BatchEncrypt",
        Caller::Service("connection-service", "a user's token"),
    ),
    rule(
        "/postern.crypto.v1.CryptoService/BatchDecrypt",
        Caller::Service("proxy-service", "the owner's token"),
    ),
    rule("/postern.crypto.v1.CryptoService/Rewrap", Caller::ServiceOrOperator("connection-service")),
    rule("/postern.crypto.v1.CryptoService/BatchRewrap", Caller::ServiceOrOperator("connection-service")),
    rule("/postern.crypto.v1.KeyringService/GetKeyring", Caller::Operator),
    rule("/postern.crypto.v1.KeyringService/StageKey", Caller::Operator),
    rule("/postern.crypto.v1.KeyringService/PromoteKey", Caller::Operator),
    rule("/postern.crypto.v1.KeyringService/DisableKey", Caller::Operator),
    rule("/postern.crypto.v1.KeyringService/EnableKey", Caller::Operator),
    rule("/postern.crypto.v1.KeyringService/DestroyKey", Caller::Operator),
    rule("/postern.connection.v1.ConnectionService/UpsertConnection", OWN_ROWS),
    rule("/postern.connection.v1.ConnectionService/GetConnection", OWN_ROWS),
    rule("/postern.connection.v1.ConnectionService/ListConnections", OWN_ROWS),
    rule("/postern.connection.v1.ConnectionService/DeleteConnection", OWN_ROWS),
    rule("/postern.connection.v1.ConnectionService/ExportData", OWN_ROWS),
    rule("/postern.connection.v1.ConnectionService/EraseData", OWN_ROWS),
    rule("/postern.proxy.v1.ProxyService/Query", OWN_CONNECTIONS),
    rule("/postern.proxy.v1.ProxyService/Forward", OWN_CONNECTIONS),
    rule("/grpc.health.v1.Health/Check", Caller::Anyone),
    rule("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Caller::Anyone),
];

/// The rule for a method; `None` for a method that nobody may call.
pub fn rule_of(path: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.path == path)
}

impl Caller {
    /// The words at the end of the comment of an RPC with this rule.
    pub fn words(self) -> String {
        match self {
            Self::User(UserScope::OwnRows) => "a signed-in user, for own rows.".to_owned(),
            Self::User(UserScope::OwnConnections) => "a signed-in user, for own connections.".to_owned(),
            Self::Service(name, token) => format!("{name}, with {token}."),
            Self::ServiceOrOperator(name) => format!("{name} or an operator, without a user's token."),
            Self::Operator => "an operator.".to_owned(),
            Self::Anyone => "anyone.".to_owned(),
        }
    }
}
