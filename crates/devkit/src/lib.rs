//! What one machine needs to run Postern without an operator: a Postgres server, a certificate authority, an issuer.
