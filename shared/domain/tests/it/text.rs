use domain::account::{Binding, TokenField};
use domain::content::{CAPTION_MAX_UTF16, Caption, ContentHash};
use domain::key::KEY_NAME_MAX;
use domain::{Job, KeyName, MediaId, Nonce, PostId, Scope, Scopes};

#[test]
fn captions_are_counted_in_utf16_units() {
    let just_right = "🛶".repeat(CAPTION_MAX_UTF16 / 2);
    assert!(Caption::of_video(just_right.clone()).is_ok());
    let error = Caption::of_video(just_right + "x").unwrap_err();
    assert_eq!(error.found, CAPTION_MAX_UTF16 + 1);
}

#[test]
fn ids_know_their_kind() {
    let id = PostId::from_bits(u128::MAX);
    assert_eq!(id.as_str().parse::<PostId>().unwrap(), id);
    assert_eq!(id.bits(), u128::MAX);
    for wrong in
        ["", "pst_", "med_ffffffffffffffffffffffffffffffff", "pst_FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "pst_g"]
    {
        assert!(wrong.parse::<PostId>().is_err(), "`{wrong}`");
    }
}

#[test]
fn a_key_is_named_by_a_line_of_up_to_eighty_characters() {
    for good in ["x".to_owned(), "é".repeat(KEY_NAME_MAX), "Ada's laptop, 2026".to_owned()] {
        assert_eq!(good.parse::<KeyName>().unwrap().as_str(), good);
    }
    for wrong in [String::new(), "  ".to_owned(), "é".repeat(KEY_NAME_MAX + 1), "a\nb".to_owned()] {
        assert!(wrong.parse::<KeyName>().is_err(), "`{wrong}`");
    }
}

#[test]
fn scopes_are_known_by_their_text_and_shown_in_one_order() {
    for scope in Scope::ALL {
        assert_eq!(scope.as_str().parse::<Scope>().unwrap(), scope);
        assert!(Scopes::all().contains(scope));
        assert!(!Scopes::default().contains(scope));
    }
    assert!("posts".parse::<Scope>().is_err());
    let few: Scopes = [Scope::EventsRead, Scope::PostsRead].into_iter().collect();
    assert_eq!(few.to_string(), "`posts:read`, `events:read`");
    assert!(Scopes::all().covers(few) && few.covers(few) && !few.covers(Scopes::all()));
    assert!(few.without(Scopes::all()).is_empty());
    assert_eq!(Scopes::all().without(few).iter().count(), Scope::ALL.len() - 2);
}

#[test]
fn hashes_and_nonces_survive_their_text() {
    let hash = ContentHash([0xab; 32]);
    assert_eq!(ContentHash::try_from(hash.to_string()).unwrap(), hash);
    assert!(ContentHash::try_from("é".repeat(32)).is_err());
    let nonce = Nonce::from_bits(42);
    assert_eq!(Nonce::try_from(nonce.to_string()).unwrap(), nonce);
}

#[test]
fn jobs_are_tagged_and_versioned() {
    let job = Job::Ingest { media: MediaId::from_bits(1), post: None };
    let text = serde_json::to_string(&job).unwrap();
    assert_eq!(text, r#"{"job":"ingest.v1","media":"med_00000000000000000000000000000001"}"#);
    assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job);
    assert!(serde_json::from_str::<Job>(r#"{"job":"ingest.v9","media":"med_0"}"#).is_err());
}

#[test]
fn bindings_differ_wherever_anything_differs() {
    let base = Binding { client_key: "ab", open_id: "c", field: TokenField::Access, epoch: 1 };
    let others = [
        Binding { client_key: "a", open_id: "bc", ..base.clone() },
        Binding { field: TokenField::Refresh, ..base.clone() },
        Binding { epoch: 11, ..base.clone() },
        Binding { open_id: "c1", epoch: 1, ..base.clone() },
    ];
    for other in others {
        assert_ne!(base.associated_data(), other.associated_data(), "{other:?}");
    }
}
