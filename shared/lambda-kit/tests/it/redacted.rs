use lambda_kit::redacted::{Redacted, Secret};

#[test]
fn a_secret_is_not_in_the_debug_of_what_holds_it() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "read by Debug only")]
    struct Account {
        open_id: &'static str,
        token: Secret,
        key: Redacted<[u8; 4]>,
    }
    let account = Account { open_id: "o1", token: "act.hunter2".into(), key: Redacted::new([7, 7, 7, 7]) };
    let shown = format!("{account:?} {account:#?}");
    assert!(shown.contains("o1") && shown.contains("[redacted]"), "{shown}");
    assert!(!shown.contains("hunter2") && !shown.contains('7'), "{shown}");
}

#[test]
fn a_secret_is_shown_on_demand_and_stays_hidden_when_mapped() {
    let secret = Secret::from("abc");
    assert_eq!(secret.expose(), "abc");
    let length = secret.clone().map(|text| text.len());
    assert_eq!(format!("{length:?}"), "[redacted]");
    assert_eq!((length.into_inner(), secret.into_inner()), (3, "abc".to_owned()));
}
