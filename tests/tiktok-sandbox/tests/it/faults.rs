//! Faults put in on purpose.

use serde_json::json;
use tiktok_sandbox::{Delivery, Endpoint, Fault, FaultKind};

use crate::rig::Rig;

fn struck(kind: FaultKind) -> (Rig, crate::rig::Answer) {
    let mut rig = Rig::strict();
    rig.world.inject(Fault::once(Endpoint::VideoInit, kind));
    let answer = rig.init(|_| {});
    (rig, answer)
}

#[test]
fn effect_done_answer_lost() {
    let (rig, answer) = struck(FaultKind::AnswerLost);
    assert_eq!(answer.response.delivery, Delivery::Lost);
    assert_eq!(rig.world.posts().count(), 1);
    let (_, call) = rig.world.calls(Endpoint::VideoInit).last().unwrap();
    assert_eq!(
        (call.fault.as_deref(), call.answered, call.code.as_str()),
        (Some("answer_lost"), false, "ok")
    );
}

#[test]
fn lost_before_the_effect() {
    let (rig, answer) = struck(FaultKind::LostBefore);
    assert_eq!(answer.response.delivery, Delivery::Lost);
    assert_eq!(rig.world.posts().count(), 0);
}

#[test]
fn another_answer_without_the_effect() {
    let (rig, answer) = struck(FaultKind::Answer { status: 503, body: json!("busy") });
    assert_eq!((answer.status, &answer.response.body[..]), (503, &b"busy"[..]));
    assert_eq!(rig.world.posts().count(), 0);
}

#[test]
fn another_answer_in_spite_of_the_effect() {
    let (rig, answer) = struck(FaultKind::AnswerReplaced { status: 502, body: json!({ "oops": true }) });
    assert_eq!((answer.status, answer.body), (502, json!({ "oops": true })));
    assert_eq!(rig.world.posts().count(), 1);
}

#[test]
fn late_cut_and_garbled_answers_in_spite_of_the_effect() {
    for (kind, delivery) in [
        (FaultKind::Delayed { ms: 1_500 }, Delivery::After { ms: 1_500 }),
        (FaultKind::CutBody, Delivery::CutBody),
        (FaultKind::Garbage, Delivery::Arrives),
    ] {
        let garbage = kind == FaultKind::Garbage;
        let (rig, answer) = struck(kind);
        assert_eq!((answer.status, answer.response.delivery), (200, delivery));
        assert_eq!(answer.body.is_null(), garbage);
        assert_eq!(rig.world.posts().count(), 1);
    }
}

#[test]
fn a_fault_strikes_after_so_many_calls_so_often_and_one_account_only() {
    let mut rig = Rig::strict();
    let kind = FaultKind::Answer { status: 500, body: json!(null) };
    let fault =
        Fault { skip: 1, count: 2, account: Some("ada".into()), ..Fault::once(Endpoint::VideoInit, kind) };
    rig.world.inject(fault);
    assert_eq!(rig.init_private().status, 200);
    let seen: Vec<u16> = (0..4).map(|_| rig.init(|_| {}).status).collect();
    assert_eq!(seen, [200, 500, 500, 200]);
    assert!(rig.world.faults().is_empty());
}
