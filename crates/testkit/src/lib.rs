//! Parts for tests: servers, tokens, services in process. A dev-dependency only.
