//! TikTok's deliveries. The expected signatures were computed with `openssl dgst -sha256 -hmac`.

use tiktok::{
    ClientSecret, FailReason,
    webhook::{Event, EventKind, ParseError, PublishType, RemovalReason, SignatureError, parse, verify},
};

const BODY: &[u8] = br#"{"client_key":"key-1","event":"post.publish.complete","create_time":1790000000,"user_openid":"-000YSS","content":"{\"publish_id\":\"v_pub_url~v2.7\",\"publish_type\":\"DIRECT_PUBLISH\"}"}"#;
const SIGNATURE: &str = "fc222099ed1622aac8730d18da7b8014a84af50e89bd70212c631dc777812a72";

fn secret() -> ClientSecret {
    ClientSecret::new("SECRET-CLIENT")
}

fn check(body: &[u8], header: &str) -> Result<i64, SignatureError> {
    verify(body, header, &secret())
}

#[test]
fn a_signed_body_is_accepted_and_tells_its_time() {
    assert_eq!(check(BODY, &format!("t=1790000001,s={SIGNATURE}")), Ok(1_790_000_001));
    assert_eq!(check(BODY, &format!("s={SIGNATURE}, t=1790000001")), Ok(1_790_000_001));
    assert_eq!(check(BODY, &format!("t=1790000001,v=2,s={}", SIGNATURE.to_uppercase())), Ok(1_790_000_001));
}

#[test]
fn another_body_time_or_secret_is_refused() {
    let header = format!("t=1790000001,s={SIGNATURE}");
    let mut tampered = BODY.to_vec();
    tampered[20] ^= 1;
    assert_eq!(check(&tampered, &header), Err(SignatureError::Mismatch));
    assert_eq!(check(&[BODY, b"\n"].concat(), &header), Err(SignatureError::Mismatch));
    assert_eq!(check(BODY, &header.replace("t=1790000001", "t=1790000002")), Err(SignatureError::Mismatch));
    assert_eq!(check(BODY, &header.replace("t=1790000001", "t=01790000001")), Err(SignatureError::Mismatch));
    assert_eq!(verify(BODY, &header, &ClientSecret::new("other")), Err(SignatureError::Mismatch));
    let first = if SIGNATURE.starts_with('0') { "1" } else { "0" };
    assert_eq!(
        check(BODY, &format!("t=1790000001,s={first}{}", &SIGNATURE[1..])),
        Err(SignatureError::Mismatch)
    );
}

#[test]
fn a_header_in_another_form_is_refused() {
    for header in [
        String::new(),
        "t=1790000001".to_owned(),
        format!("s={SIGNATURE}"),
        format!("t=,s={SIGNATURE}"),
        format!("t=yesterday,s={SIGNATURE}"),
        "t=1790000001,s=".to_owned(),
        format!("t=1790000001,s={}", &SIGNATURE[1..]),
        format!("t=1790000001,s={SIGNATURE}00"),
        format!("t=1790000001,s=g{}", &SIGNATURE[1..]),
        format!("t=1790000001,s=+{}", &SIGNATURE[1..]),
        format!("t=1790000001,s={SIGNATURE},s={SIGNATURE}"),
        format!("t=1790000001,t=1790000001,s={SIGNATURE}"),
        format!("t=1790000001,s={SIGNATURE},"),
        SIGNATURE.to_owned(),
    ] {
        assert_eq!(check(BODY, &header), Err(SignatureError::Malformed), "{header}");
    }
}

fn event(event: &str, content: &str) -> EventKind {
    let body = serde_json::json!({
        "client_key": "key-1", "event": event, "create_time": 1_790_000_000, "user_openid": "-000YSS", "content": content,
    });
    parse(body.to_string().as_bytes()).unwrap().kind
}

#[test]
fn the_envelope_is_read_and_its_content_read_again() {
    assert_eq!(
        parse(BODY).unwrap(),
        Event {
            client_key: "key-1".to_owned(),
            create_time: 1_790_000_000,
            user_openid: "-000YSS".to_owned(),
            kind: EventKind::PublishComplete {
                publish_id: "v_pub_url~v2.7".to_owned(),
                publish_type: Some(PublishType::DirectPublish)
            },
        }
    );
}

#[test]
fn every_publish_event_is_read() {
    let publish_id = "v_pub_url~v2.7".to_owned();
    let failed =
        r#"{"publish_id":"v_pub_url~v2.7","reason":"video_pull_failed","publish_type":"DIRECT_PUBLISH"}"#;
    assert_eq!(
        event("post.publish.failed", failed),
        EventKind::PublishFailed {
            publish_id: publish_id.clone(),
            reason: FailReason::VideoPullFailed,
            publish_type: Some(PublishType::DirectPublish),
        }
    );
    assert_eq!(
        event(
            "post.publish.inbox_delivered",
            r#"{"publish_id":"v_pub_url~v2.7","publish_type":"INBOX_SHARE"}"#
        ),
        EventKind::InboxDelivered {
            publish_id: publish_id.clone(),
            publish_type: Some(PublishType::InboxShare)
        }
    );
    for (post_id, expected) in [
        (r#","post_id":"7678907398077074696""#, Some(7_678_907_398_077_074_696)),
        (r#","post_id":7678907398077074696"#, Some(7_678_907_398_077_074_696)),
        (r#","post_id":null"#, None),
        (r#","post_id":"""#, None),
        ("", None),
    ] {
        let content = format!(r#"{{"publish_id":"v_pub_url~v2.7"{post_id},"new":true}}"#);
        let publish_id = publish_id.clone();
        assert_eq!(
            event("post.publish.publicly_available", &content),
            EventKind::PubliclyAvailable {
                publish_id: publish_id.clone(),
                post_id: expected,
                publish_type: None
            }
        );
        for name in
            ["post.publish.no_longer_publicaly_available", "post.publish.no_longer_publicly_available"]
        {
            assert_eq!(
                event(name, &content),
                EventKind::NoLongerPubliclyAvailable {
                    publish_id: publish_id.clone(),
                    post_id: expected,
                    publish_type: None
                }
            );
        }
    }
}

#[test]
fn a_removed_authorization_tells_why() {
    for (number, reason) in [
        (0, RemovalReason::Unknown),
        (1, RemovalReason::UserDisconnected),
        (2, RemovalReason::AccountDeleted),
        (3, RemovalReason::AgeChanged),
        (4, RemovalReason::Banned),
        (5, RemovalReason::DeveloperRevoked),
        (6, RemovalReason::Unknown),
    ] {
        assert_eq!(
            event("authorization.removed", &format!(r#"{{"reason":{number}}}"#)),
            EventKind::AuthorizationRemoved { reason }
        );
    }
}

#[test]
fn unknown_events_are_kept_as_they_came() {
    for (name, content) in [
        ("video.upload.failed", r#"{"share_id":"s"}"#),
        ("post.publish.brand_new", "not even JSON"),
        ("x", ""),
    ] {
        assert_eq!(
            event(name, content),
            EventKind::Other { event: name.to_owned(), content: content.to_owned() }
        );
    }
}

#[test]
fn content_that_is_an_object_already_is_read_too() {
    let body = br#"{"event":"authorization.removed","content":{"reason":1}}"#;
    assert_eq!(
        parse(body).unwrap().kind,
        EventKind::AuthorizationRemoved { reason: RemovalReason::UserDisconnected }
    );
}

#[test]
fn bodies_that_are_no_events_are_errors() {
    for body in ["", "null", "[]", "{}", r#"{"event":7}"#, "<html>"] {
        assert!(matches!(parse(body.as_bytes()), Err(ParseError::Envelope(_))), "{body}");
    }
    for content in ["", "7", "{}", "{"] {
        let body = serde_json::json!({ "event": "post.publish.failed", "content": content }).to_string();
        let error = parse(body.as_bytes()).unwrap_err();
        assert!(
            matches!(&error, ParseError::Content { event, .. } if event == "post.publish.failed"),
            "{error}"
        );
    }
}
