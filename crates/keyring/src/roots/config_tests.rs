use super::*;

fn parse(text: &str) -> Result<RootConfig, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn a_vault_needs_an_address_a_key_and_a_way_to_sign_in() {
    let text = "kind = 'vault-transit'\naddress = 'https://bao.internal:8200'\nkey = 'postern'\n";
    assert!(parse(text).is_err());
    let RootConfig::VaultTransit(config) = parse(&format!("{text}auth = {{ token_file = '/t' }}")).unwrap()
    else {
        panic!("another kind")
    };
    assert_eq!((config.mount.to_string().as_str(), config.start_seconds), ("transit", 60));
    let account = format!("{text}auth = {{ kubernetes = {{ role = 'postern' }} }}");
    let RootConfig::VaultTransit(config) = parse(&account).unwrap() else { panic!("another kind") };
    let VaultAuth::Kubernetes { jwt_path, mount, .. } = config.auth else { panic!("another way") };
    assert!(jwt_path.starts_with("/var/run/secrets/kubernetes.io"));
    assert_eq!(mount.to_string(), "kubernetes");
}

#[cfg(feature = "aws-kms")]
#[test]
fn a_key_of_kms_needs_only_its_name() {
    let RootConfig::AwsKms(config) = parse("kind = 'aws-kms'\nkey = 'alias/postern'").unwrap() else {
        panic!("another kind")
    };
    assert_eq!((config.key.as_str(), config.region, config.endpoint), ("alias/postern", None, None));
}

#[test]
fn unknown_members_kinds_and_unsafe_addresses_are_refused() {
    for text in [
        "kind = 'gcp-kms'\nkey = 'a'",
        "kind = 'file'\npath = '/r'\nmode = '0644'",
        "kind = 'aws-kms'\nkey = 'a'\nregoin = 'eu-west-1'",
        "kind = 'aws-kms'\nkey = 'a'\nendpoint = 'http://kms.example.com'",
        "kind = 'vault-transit'\naddress = 'http://bao:8200'\nkey = 'a'\nauth = { token_file = '/t' }",
        "kind = 'vault-transit'\naddress = 'https://bao:8200'\nkey = '../a'\nauth = { token_file = '/t' }",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_root_file_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    let error = open(&RootConfig::File { path: path.clone() }).err().unwrap();
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}

#[test]
fn a_ca_that_holds_no_certificate_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["", "no certificate"] {
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, text).unwrap();
        let config = format!(
            "kind = 'vault-transit'\naddress = 'https://127.0.0.1:1'\nkey = 'a'\nauth = {{ token_file = '/t' }}\nca = '{}'",
            ca.display()
        );
        let error = open(&parse(&config).unwrap()).err().unwrap();
        assert!(matches!(&error, OpenError::Ca { path, .. } if *path == ca), "{error}");
    }
}
