use proptest::prelude::*;

use super::*;

const SUBJECT: &str = "6f1d6c2e-4a55-4f0e-9d3a-0a4f3c2b1a00";

#[test]
fn a_derived_owner_is_a_fixed_function_of_issuer_and_subject() {
    // Computed once by another implementation of UUIDv5.
    let expected = "9175b989-3884-5ac5-9c78-cec4e7b5bc6a";
    assert_eq!(OwnerId::derived("https://auth.example.com", "user-1").to_string(), expected);
}

#[test]
fn a_uuid_subject_is_the_owner_in_its_one_spelling() {
    let owner = owner_of("iss", SubjectMapping::Uuid, SUBJECT).unwrap();
    assert_eq!(owner.to_string(), SUBJECT);
    let others = [
        SUBJECT.to_uppercase(),
        SUBJECT.replace('-', ""),
        format!("{{{SUBJECT}}}"),
        format!("urn:uuid:{SUBJECT}"),
        format!(" {SUBJECT}"),
        Uuid::nil().to_string(),
        "user-1".into(),
    ];
    for other in others {
        assert_eq!(owner_of("iss", SubjectMapping::Uuid, &other), Err(AuthError::SubjectInvalid), "{other}");
    }
}

#[test]
fn a_derived_owner_is_never_a_uuid_subject() {
    let derived = OwnerId::derived("iss", SUBJECT).to_string();
    assert_ne!(derived, SUBJECT);
    assert_eq!(owner_of("other", SubjectMapping::Uuid, &derived), Err(AuthError::SubjectInvalid));
}

#[test]
fn a_subject_is_short_and_printable() {
    for mapping in [SubjectMapping::Derived, SubjectMapping::Uuid] {
        for subject in ["", "a\0b", "a\nb", &"x".repeat(256)] {
            assert_eq!(owner_of("iss", mapping, subject), Err(AuthError::SubjectInvalid), "{subject:?}");
        }
    }
    assert!(owner_of("iss", SubjectMapping::Derived, &"x".repeat(255)).is_ok());
}

proptest! {
    #[test]
    fn moving_a_byte_between_issuer_and_subject_gives_another_owner(text in "[a-z|/:]{3,40}", cut in 1_usize..3) {
        let (issuer, subject) = text.split_at(cut);
        let (shorter, longer) = text.split_at(cut - 1);
        prop_assert_ne!(OwnerId::derived(issuer, subject), OwnerId::derived(shorter, longer));
    }
}
