//! Rules on claims that the operator configures.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{AuthError, ClaimValue, ConfigError};

/// Claims that a token must have, and values that it must not have.
pub(crate) struct ClaimRules {
    required: BTreeMap<String, ClaimValue>,
    forbidden: BTreeMap<String, ClaimValue>,
}

/// Claims with rules of their own, that no configuration can change.
const RESERVED: [&str; 6] = ["iss", "aud", "sub", "exp", "nbf", "iat"];

impl ClaimRules {
    pub(crate) fn new(
        issuer: &str,
        required: BTreeMap<String, ClaimValue>,
        forbidden: BTreeMap<String, ClaimValue>,
    ) -> Result<Self, ConfigError> {
        let reserved = required.keys().chain(forbidden.keys()).find(|name| RESERVED.contains(&name.as_str()));
        if let Some(claim) = reserved.cloned() {
            return Err(ConfigError::ReservedClaim { issuer: issuer.to_owned(), claim });
        }
        Ok(Self { required, forbidden })
    }

    pub(crate) fn check(&self, claims: &Map<String, Value>) -> Result<(), AuthError> {
        let has_required =
            self.required.iter().all(|(name, rule)| claims.get(name).is_some_and(|v| rule.is(v)));
        let has_forbidden =
            self.forbidden.iter().any(|(name, rule)| claims.get(name).is_some_and(|v| rule.bars(v)));
        if has_required && !has_forbidden { Ok(()) } else { Err(AuthError::ClaimRefused) }
    }
}

impl ClaimValue {
    fn is(&self, value: &Value) -> bool {
        match self {
            Self::Bool(rule) => value.as_bool() == Some(*rule),
            Self::Integer(rule) => value.as_i64() == Some(*rule),
            Self::Text(rule) => value.as_str() == Some(rule),
        }
    }

    /// Whether a claim of this value is refused by a rule that forbids `self`: it is that value, contains it, or is of
    /// a type of which the rule says nothing.
    fn bars(&self, value: &Value) -> bool {
        match value {
            Value::Null => false,
            Value::Array(values) => values.iter().any(|value| self.bars(value)),
            value => self.is(value) || !self.has_type_of(value),
        }
    }

    fn has_type_of(&self, value: &Value) -> bool {
        match self {
            Self::Bool(_) => value.is_boolean(),
            Self::Integer(_) => value.is_i64() || value.is_u64(),
            Self::Text(_) => value.is_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(required: Value, forbidden: Value) -> ClaimRules {
        let parse = |value| serde_json::from_value(value).unwrap();
        ClaimRules::new("i", parse(required), parse(forbidden)).unwrap()
    }

    fn passes(rules: &ClaimRules, claims: Value) -> bool {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        rules.check(&claims).is_ok()
    }

    #[test]
    fn a_required_claim_has_exactly_its_value() {
        let rules = rules(json!({"role": "authenticated", "email_verified": true, "level": 2}), json!({}));
        let good = json!({"role": "authenticated", "email_verified": true, "level": 2, "other": []});
        assert!(passes(&rules, good.clone()));
        for (name, value) in [
            ("role", json!(null)),
            ("role", json!("anon")),
            ("role", json!(["authenticated"])),
            ("role", json!("Authenticated")),
            ("email_verified", json!("true")),
            ("email_verified", json!(1)),
            ("email_verified", json!(false)),
            ("level", json!(2.5)),
            ("level", json!("2")),
        ] {
            let mut claims = good.clone();
            claims[name] = value.clone();
            assert!(!passes(&rules, claims), "{name} = {value}");
        }
        assert!(!passes(&rules, json!({})));
    }

    #[test]
    fn a_forbidden_value_is_refused_alone_in_a_list_and_in_another_type() {
        let rules = rules(json!({}), json!({"is_anonymous": true, "amr": "anonymous"}));
        for good in [
            json!({}),
            json!({"is_anonymous": false}),
            json!({"is_anonymous": null}),
            json!({"amr": "password"}),
            json!({"amr": ["password", "totp"]}),
            json!({"amr": []}),
        ] {
            assert!(passes(&rules, good.clone()), "{good}");
        }
        for bad in [
            json!({"is_anonymous": true}),
            json!({"is_anonymous": "true"}),
            json!({"is_anonymous": 1}),
            json!({"is_anonymous": [false, true]}),
            json!({"is_anonymous": {}}),
            json!({"amr": ["password", "anonymous"]}),
            json!({"amr": [{"method": "anonymous"}]}),
        ] {
            assert!(!passes(&rules, bad.clone()), "{bad}");
        }
    }

    #[test]
    fn claims_that_are_always_checked_take_no_further_rules() {
        for claim in RESERVED {
            let rule = BTreeMap::from([(claim.to_owned(), ClaimValue::Text("x".into()))]);
            let expected = ConfigError::ReservedClaim { issuer: "i".into(), claim: claim.into() };
            assert_eq!(ClaimRules::new("i", rule.clone(), BTreeMap::new()).err(), Some(expected.clone()));
            assert_eq!(ClaimRules::new("i", BTreeMap::new(), rule).err(), Some(expected));
        }
    }
}
