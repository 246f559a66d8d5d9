use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::Slot;
use domain::post::{HoldReason, PublishId, Verdict, Witness};
use domain::timeline::Actor;
use domain::{
    Account, Event, KeyName, Nonce, Outcome, Periods, Post, PostId, Scope, Scopes, SignedDuration, Timestamp,
    wake,
};
use ports::samples::{self, NOON};
use ports::{
    Accounts, ApiKey, Created, Creators, DueKey, DueRows, Keys, MediaRows, Posts, Read, Saved, Stored,
};

use crate::table::{Table, table};

/// What DynamoDB counts: names and values in UTF-8, numbers by two digits a byte, three bytes for a list or a map and one
/// for each of its elements.
fn size(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => {
            number.trim_start_matches('-').trim_matches('0').len().div_ceil(2)
                + 1
                + usize::from(number.starts_with('-'))
        }
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + size_of_value(value)).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map.iter().map(|(name, value)| 1 + name.len() + size_of_value(value)).sum::<usize>()
        }
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        other => panic!("the store writes no {other:?}"),
    }
}

const CLAIMER: Nonce = Nonce::from_bits(0x1f2e_3d4c_5b6a_7988);

fn after(milliseconds: i64) -> Timestamp {
    NOON + SignedDuration::from_millis(milliseconds)
}

fn moved(post: &Post, event: Event, by: Actor, log_id: bool, milliseconds: i64) -> Post {
    let log_id = log_id.then(|| "202611011200000A1B2C3D4E5F60718293".to_owned());
    match post.apply(event, Witness { by, log_id }, after(milliseconds), &Periods::default()) {
        Ok(Outcome::Moved(post)) => *post,
        other => panic!("it should move: {other:?}"),
    }
}

/// A post that met a rate limit once, with ids as long as real ones.
fn eventful(bits: u128) -> Vec<Post> {
    let publish_id = PublishId("v_pub_url~v2-1.7392610384756102999".to_owned());
    let said = |verdict| Event::Said { publish_id: publish_id.clone(), verdict };
    let until = Some(after(64_345));
    let why = HoldReason::RateLimited;
    let steps: [(Event, Actor, bool, i64); 7] = [
        (Event::MediaReady(samples::pinned()), Actor::Ingest, false, 31_007),
        (
            Event::Held { until, why, code: Some("rate_limit_exceeded".to_owned()) },
            Actor::Publish,
            true,
            32_345,
        ),
        (Event::Released, Actor::Sweep, false, 64_401),
        (
            Event::Claimed {
                nonce: CLAIMER,
                until: after(104_000),
                source: domain::post::Source::PullFromUrl,
            },
            Actor::Publish,
            false,
            65_002,
        ),
        (
            Event::InitAccepted { nonce: CLAIMER, publish_id: publish_id.clone() },
            Actor::Publish,
            true,
            65_604,
        ),
        (said(Verdict::Complete { post_ids: Vec::new() }), Actor::Webhook, true, 185_000),
        (
            said(Verdict::PubliclyAvailable { post_id: 7_392_610_384_756_102_999 }),
            Actor::Check,
            true,
            1_085_000,
        ),
    ];
    let first = samples::post(bits, None, NOON);
    let mut posts = vec![Post { media: domain::MediaId::from_bits(bits), ..first }];
    for (event, by, log_id, at) in steps {
        posts.push(moved(posts.last().expect("there is a first"), event, by, log_id, at));
    }
    posts
}

async fn save(table: &Table, seen: Stored<Post>, post: &Post, nonce: u128) -> Stored<Post> {
    match table.store.save(&seen, post, None, Nonce::from_bits(nonce)).await.expect("the table answers") {
        Saved::Written(stored) => stored,
        Saved::Conflict(found) => panic!("somebody else wrote {found:?}"),
    }
}

#[tokio::test]
async fn a_post_stays_under_a_kilobyte_and_each_step_costs_one_write() {
    let table = table().await;
    let bits = 0x019a_3c5e_7d2b_7a10_8c4f_6e1d_9b2a_5f37;
    let mut steps = eventful(bits).into_iter();
    let post = steps.next().expect("there is a first");
    let pk = format!("post#{}", post.id);
    table.wire.calls();

    let created = table.store.create(&post, &samples::content(), Nonce::from_bits(1)).await;
    let Created::New(mut seen) = created.expect("the table answers") else { panic!("it is new") };
    let body = format!("body#{}#{}", post.id, post.content);
    println!("{:>5} bytes  body with a short caption", size(&table.raw(&body).await));
    println!("{:>5} bytes  {}", size(&table.raw(&pk).await), post.state.name());
    for (post, nonce) in steps.zip(2..) {
        seen = save(&table, seen, &post, nonce).await;
        let raw = table.raw(&pk).await;
        println!("{:>5} bytes  {}, {} entries", size(&raw), post.state.name(), post.timeline.entries().len());
        assert!(size(&raw) < 1_024, "{raw:#?}");
    }
    assert_eq!(seen.row.timeline.entries().len(), 8);
    assert!(matches!(seen.row.state, domain::PostState::Published { .. }));
    for call in table.wire.calls().iter().filter(|call| call.operation == "UpdateItem") {
        println!("{:>5} units  {}", call.units, call.operation);
    }
}

#[tokio::test]
async fn what_each_call_costs() {
    let table = table().await;
    let store = &table.store;
    let nonce = Nonce::from_bits;
    let print = |what: &str, expected: f64| {
        let calls = table.wire.calls();
        let units: f64 = calls.iter().map(|call| call.units).sum();
        println!("{units:>5} units in {} calls  {what}", calls.len());
        assert!((units - expected).abs() < 0.01, "{what} costs {units}, not {expected}: {calls:?}");
    };
    table.wire.calls();

    let media = samples::media(0x7a10, NOON);
    store.declare(&media, nonce(1)).await.unwrap();
    print("declare a media, with its places in `due` and `list`", 3.0);
    let creator = samples::creator(0xc1, NOON);
    store.put_creator(&creator).await.unwrap();
    print("put a creator, with its place in `list`", 2.0);
    store.put_creator(&creator).await.unwrap();
    print("put the creator again", 1.0);
    store.creator_and_media(&creator.id, &media.id).await.unwrap();
    print("read creator and media", 1.0);
    store.creator_and_media(&creator.id, &domain::MediaId::from_bits(2)).await.unwrap();
    print("read creator and media, one of which is not there: asked again, strongly", 3.0);

    let mut steps = eventful(0x7a10).into_iter();
    let post = steps.next().unwrap();
    let Created::New(mut seen) = store.create(&post, &samples::content(), nonce(1)).await.unwrap() else {
        panic!("it is new")
    };
    print("create a post, with its body and its places in `due` and `list`", 4.0);
    store.wait_for(&media.id, &post.id).await.unwrap();
    print("wait for a media", 1.0);
    let seen_media = store.media(&media.id, Read::Strong).await.unwrap().unwrap();
    print("read a media", 1.0);
    let ready = domain::Media { due: None, ..samples::ready_media(0x7a10, NOON) };
    store.judge(&seen_media, &ready, nonce(2)).await.unwrap();
    print("judge a media, out of `due`", 2.0);

    let names = ["queued", "held", "queued", "initiating", "processing", "published", "published"];
    for ((post, name), by) in steps.zip(names).zip(3..) {
        let wake = if post.due == seen.row.due {
            1.0
        } else if post.due.is_none() || seen.row.due.is_none() {
            2.0
        } else {
            3.0
        };
        seen = save(&table, seen, &post, by).await;
        print(&format!("save: {name}"), wake);
    }

    let account = samples::account(0xacc, NOON);
    store.connect(&account, nonce(1)).await.unwrap();
    print("connect an account, with its place in `due`", 2.0);
    store.work(&post.id, Some(&post.content), &post.account, Read::Strong).await.unwrap();
    print("read post, content and account, strongly, and that no breaker and no detour is open", 5.0);
    store.work(&post.id, None, &post.account, Read::Eventual).await.unwrap();
    print("read post and account", 1.0);
    let slot = Slot::taken(post.id.clone(), NOON, None);
    store.save_limits(&account.id, 0, &account.limits, Some(&slot), nonce(2)).await.unwrap();
    print("reserve", 1.0);
    let publish_id = PublishId("v_pub_url~v2-1.7392610384756102999".to_owned());
    store.remember(&publish_id, &post.id, NOON).await.unwrap();
    print("remember a publish id", 1.0);
    store.whose(&publish_id).await.unwrap();
    print("whose publish id", 0.5);
    store.whose(&PublishId("v_pub_url~2".to_owned())).await.unwrap();
    print("whose publish id, of nobody: asked again, strongly", 1.5);
    store.list(&post.workspace, None, 20).await.unwrap();
    print("list one post", 1.0);

    let key = samples::api_key(0x5e, NOON);
    store.create_key(&key, nonce(1)).await.unwrap();
    print("make a key, with its place in `list`", 2.0);
    store.key(&key.id).await.unwrap();
    print("read a key, strongly", 1.0);
    store.key(&domain::KeyId::from_bits(2)).await.unwrap();
    print("read a key that is not there: as much, so that nobody can tell", 1.0);
    store.key_used(&key, NOON).await.unwrap();
    print("write down a key's use", 1.0);
    store.retire_key(&key.id, NOON).await.unwrap();
    print("let a key retire", 1.0);
    store.revoke_key(&key.id, NOON).await.unwrap();
    print("revoke a key", 1.0);
}

/// Rings as full as they get: six posts a minute, thirty checks.
fn busy(account: &Account) -> Account {
    let mut account = account.clone();
    for step in 0..40 {
        let at = after(step * 2_317);
        account.limits.reserve_publish(at);
        account.limits.reserve_creator_info(at);
        account.limits.reserve_status(at);
    }
    account.slot = Some(Slot::taken(PostId::from_bits(1), NOON, None));
    account
}

#[tokio::test]
async fn an_account_stays_under_a_kilobyte_so_that_a_reserve_costs_one_write() {
    let table = table().await;
    let store = &table.store;
    let nonce = Nonce::from_bits;
    let account = samples::account(0x019a_3c5e_7d2b_7a10_8c4f_6e1d_9b2a_5f37, NOON);
    let pk = format!("account#{}", account.id);
    store.connect(&account, nonce(1)).await.unwrap();
    println!("{:>5} bytes  just connected", size(&table.raw(&pk).await));
    let previous = account.tokens.as_ref().map(|tokens| (1, tokens.refresh.clone()));
    let tokens = domain::account::Tokens { previous_refresh: previous, ..samples::tokens(2, NOON) };
    let lease = domain::account::Lease { nonce: nonce(2), until: NOON };
    store.lease(&account.id, &lease, NOON).await.unwrap();
    assert!(store.store_tokens(&account.id, nonce(2), &tokens, NOON).await.unwrap());
    println!("{:>5} bytes  refreshed once", size(&table.raw(&pk).await));
    let previous = format!("previous#{}", account.id);
    println!("{:>5} bytes  the refresh token of the generation before", size(&table.raw(&previous).await));

    let busy = busy(&account);
    table.wire.calls();
    store.save_limits(&account.id, 0, &busy.limits, busy.slot.as_ref(), nonce(3)).await.unwrap();
    let units = table.wire.calls()[0].units;
    let raw = table.raw(&pk).await;
    println!("{:>5} bytes  with full rings, {units} units a reserve", size(&raw));
    assert!(size(&raw) < 1_024, "{raw:#?}");
    assert!(units <= 1.0, "{units}");
    let read = store.account(&account.id, Read::Strong).await.unwrap().expect("it is there");
    assert_eq!(read.limits, busy.limits);
}

#[tokio::test]
async fn attributes_of_a_newer_version_survive() {
    let table = table().await;
    let store = &table.store;
    let tomorrow = AttributeValue::S("tomorrow".to_owned());
    let post = samples::post(1, Some(samples::pinned()), NOON);
    let Created::New(seen) = store.create(&post, &samples::content(), Nonce::from_bits(1)).await.unwrap()
    else {
        panic!("it is new")
    };
    let account = samples::account(1, NOON);
    store.connect(&account, Nonce::from_bits(1)).await.unwrap();
    let creator = samples::creator(1, NOON);
    store.put_creator(&creator).await.unwrap();
    let rows =
        [format!("post#{}", post.id), format!("account#{}", account.id), format!("creator#{}", creator.id)];
    for pk in &rows {
        table.meddle(pk, "new", tomorrow.clone()).await;
    }
    let held = moved(
        &post,
        Event::Held { until: None, why: HoldReason::Operator, code: None },
        Actor::Publish,
        false,
        1,
    );
    save(&table, seen, &held, 2).await;
    store.save_limits(&account.id, 0, &account.limits, None, Nonce::from_bits(2)).await.unwrap();
    store.put_creator(&creator).await.unwrap();
    for pk in &rows {
        assert_eq!(table.raw(pk).await.get("new"), Some(&tomorrow), "{pk}");
    }
}

#[tokio::test]
async fn a_row_of_an_unknown_state_is_named_left_alone_and_holds_up_nobody() {
    let table = table().await;
    let store = &table.store;
    let strange = samples::post(0x10, None, NOON);
    let plain = samples::post(0x20, None, NOON);
    for post in [&strange, &plain] {
        store.create(post, &samples::content(), Nonce::from_bits(1)).await.unwrap();
    }
    let seen = store.post(&strange.id, Read::Strong).await.unwrap().expect("it is there");
    let pk = format!("post#{}", strange.id);
    table.meddle(&pk, "s", AttributeValue::S("dreaming".to_owned())).await;
    table.meddle(&pk, "v", AttributeValue::N("7".to_owned())).await;
    let before = table.raw(&pk).await;

    let error = store.post(&strange.id, Read::Strong).await.expect_err("nobody knows this state");
    let why = error.source.as_ref().expect("a reason").to_string();
    assert_eq!(
        (error.to_string(), why.as_str(), error.refused),
        (
            format!("read row `{pk}`"),
            "attribute `s` is missing, or says what this version does not know",
            true
        )
    );
    store.save(&seen, &strange, None, Nonce::from_bits(2)).await.expect_err("it is not written over");
    assert_eq!(table.raw(&pk).await, before);

    let listed = store.list(&strange.workspace, None, 10).await.unwrap();
    assert_eq!(listed.rows, std::slice::from_ref(&plain));
    let keys = [DueKey::Post(strange.id.clone()), DueKey::Post(plain.id.clone())];
    let due = store.due(wake::partition(0x10), after(90_000_000), 10).await.unwrap();
    assert_eq!(due.len(), 2);
    let rows = store.rows(&keys).await.unwrap();
    assert_eq!(rows.into_keys().collect::<Vec<_>>(), keys[1..]);
}

#[tokio::test]
async fn rows_go_by_themselves_when_they_are_of_no_more_use() {
    let table = table().await;
    let store = &table.store;
    let ttl = |row: &HashMap<String, AttributeValue>| {
        row.get("ttl").map(|ttl| ttl.as_n().expect("a number").parse::<i64>().expect("seconds"))
    };
    let day = 86_400;
    let mut posts = eventful(1).into_iter();
    let first = posts.next().unwrap();
    let pk = format!("post#{}", first.id);
    let Created::New(mut seen) =
        store.create(&first, &samples::content(), Nonce::from_bits(1)).await.unwrap()
    else {
        panic!("it is new")
    };
    let body = table.raw(&format!("body#{}#{}", first.id, first.content)).await;
    assert_eq!(ttl(&body), Some(NOON.as_second() + 500 * day));
    for (post, nonce) in posts.zip(2..) {
        seen = save(&table, seen, &post, nonce).await;
        let published = post.state.name() == "published";
        let expected = published.then(|| post.updated_at.as_second() + 400 * day);
        assert_eq!(ttl(&table.raw(&pk).await), expected, "{}", post.state.name());
    }
    store.remember(&PublishId("v_pub_url~1".to_owned()), &first.id, NOON).await.unwrap();
    assert_eq!(ttl(&table.raw("pub#v_pub_url~1").await), Some(NOON.as_second() + 90 * day));

    let lasting = samples::api_key(2, NOON);
    let expiring = ApiKey { expires_at: Some(after(1_000)), ..samples::api_key(3, NOON) };
    let ttl_of = async |key: &ApiKey| ttl(&table.raw(&format!("key#{}", key.id)).await);
    for key in [&lasting, &expiring] {
        store.create_key(key, Nonce::from_bits(1)).await.unwrap();
    }
    assert_eq!(ttl_of(&lasting).await, None);
    assert_eq!(ttl_of(&expiring).await, Some(NOON.as_second() + 1 + 400 * day));
    store.retire_key(&lasting.id, after(5_000)).await.unwrap();
    assert_eq!(ttl_of(&lasting).await, Some(NOON.as_second() + 5 + 400 * day));
    store.revoke_key(&lasting.id, after(2_000)).await.unwrap();
    assert_eq!(ttl_of(&lasting).await, Some(NOON.as_second() + 2 + 400 * day));
}

#[tokio::test]
async fn a_key_from_before_scopes_may_do_everything_and_is_listed_once_it_is_used() {
    let table = table().await;
    let store = &table.store;
    let sample = samples::api_key(1, NOON);
    let pk = format!("key#{}", sample.id);
    table.meddle(&pk, "w", AttributeValue::S(sample.workspace.to_string())).await;
    table.meddle(&pk, "h", AttributeValue::B(sample.secret_sha256.to_vec().into())).await;
    let (name, created_at) = (KeyName::default(), Timestamp::UNIX_EPOCH);
    let old = ApiKey { name, created_at, ..sample };
    assert_eq!(old.scopes, Scopes::all());
    assert_eq!(store.key(&old.id).await.unwrap().as_ref(), Some(&old));
    assert_eq!(store.list_keys(&old.workspace, None, 10).await.unwrap().rows, []);
    let new = samples::api_key(2, NOON);
    store.create_key(&new, Nonce::from_bits(1)).await.unwrap();
    store.key_used(&old, NOON).await.unwrap();
    let used = ApiKey { last_used_at: Some(NOON), ..old };
    assert_eq!(store.list_keys(&new.workspace, None, 10).await.unwrap().rows, [new, used]);
}

#[tokio::test]
async fn a_scope_of_a_newer_version_is_left_out_and_nothing_stands_for_it() {
    let table = table().await;
    let store = &table.store;
    let key = samples::api_key(1, NOON);
    store.create_key(&key, Nonce::from_bits(1)).await.unwrap();
    let pk = format!("key#{}", key.id);
    let scopes = |scopes: &[&str]| AttributeValue::Ss(scopes.iter().map(|&scope| scope.to_owned()).collect());
    table.meddle(&pk, "sc", scopes(&["posts:read", "dreams:write"])).await;
    let found = store.key(&key.id).await.unwrap().expect("it is there").scopes;
    assert_eq!(found, [Scope::PostsRead].into_iter().collect());
    table.meddle(&pk, "sc", scopes(&["dreams:write"])).await;
    assert!(store.key(&key.id).await.unwrap().expect("it is there").scopes.is_empty());
}

#[tokio::test]
async fn a_list_longer_than_a_batch_is_read_whole_and_in_order() {
    let table = table().await;
    let workspace = samples::workspace();
    for bits in 0..120 {
        let post = samples::post(bits, None, after(i64::try_from(bits).unwrap()));
        table.store.create(&post, &samples::content(), Nonce::from_bits(1)).await.unwrap();
    }
    let page = table.store.list(&workspace, None, 110).await.unwrap();
    let ids: Vec<_> = page.rows.iter().map(|post| post.id.bits()).collect();
    assert_eq!(ids, (10..120).rev().collect::<Vec<u128>>());
    assert!(page.next_cursor.is_some());
}

#[tokio::test]
async fn rows_that_a_batch_leaves_out_are_asked_for_again() {
    let table = table().await;
    let store = &table.store;
    let post = samples::post(1, None, NOON);
    store.create(&post, &samples::content(), Nonce::from_bits(1)).await.unwrap();
    let account = Account { id: post.account.clone(), ..samples::account(1, NOON) };
    store.connect(&account, Nonce::from_bits(1)).await.unwrap();

    table.wire.leave_rows_out_of_the_next(2);
    table.wire.calls();
    let work = store.work(&post.id, Some(&post.content), &post.account, Read::Strong).await.unwrap();
    assert_eq!(table.wire.calls().len(), 3);
    assert!(work.post.is_some() && work.content.is_some() && work.account.is_some());

    let workspace = samples::workspace();
    for bits in 2..20 {
        let post = samples::post(bits, None, NOON);
        store.create(&post, &samples::content(), Nonce::from_bits(1)).await.unwrap();
    }
    table.wire.leave_rows_out_of_the_next(100);
    let error = store.list(&workspace, None, 20).await.expect_err("most rows are left out every time");
    assert!(!error.refused, "{error}");
}
