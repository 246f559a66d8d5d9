//! The fakes keep the promises that the real adapters keep, and fail when they are told to.

use domain::{Job, MediaId, Nonce, SignedDuration};
use ports::fakes::{
    Fault, ManualClock, MemoryObjects, MemoryQueues, MemoryTable, MemoryVault, SeededEntropy,
};
use ports::samples::{self, NOON};
use ports::{Clock as _, Created, Entropy as _, Posts as _, Queues as _, Read, contract};

#[tokio::test]
async fn the_table_keeps_its_promises() {
    let table = MemoryTable::new();
    contract::posts(&table).await;
    contract::media_rows(&table).await;
    contract::library::library(&table).await;
    contract::accounts(&table).await;
    contract::creators(&table).await;
    contract::keys(&table).await;
    contract::connections(&table).await;
    contract::guards(&table).await;
    contract::notices(&table).await;
    contract::webhooks(&table).await;
    contract::app_rows(&table).await;
    contract::due_rows(&MemoryTable::new()).await;
    contract::due_accounts(&MemoryTable::new()).await;
}

#[tokio::test]
async fn objects_queues_and_vault_keep_their_promises() {
    let objects = MemoryObjects::new();
    contract::objects(&objects).await;
    let folder = MemoryObjects::new();
    contract::drops::drops(&folder, async |key, bytes| drop(folder.drop_object(key, bytes.to_vec()))).await;
    let put = async |upload: &ports::Upload, bytes| folder.put_part(upload, bytes);
    let object =
        async |key: &str| folder.object(key).map(|object| (object.bytes.to_vec(), object.content_type));
    contract::parts::parts(&folder, (5, 3), NOON, put, object).await;
    contract::rescue(&objects).await;
    contract::queues(&MemoryQueues::new(ManualClock::default())).await;
    contract::vault(&MemoryVault::new()).await;
}

#[tokio::test]
async fn a_planned_fault_comes_before_the_effect_or_after_it_and_then_no_more() {
    let table = MemoryTable::new();
    let (post, content) = (samples::post(1, None, NOON), samples::content());
    let nonce = Nonce::from_bits(7);
    table.fail_next("create", Fault::BeforeEffect, 1);
    table.fail_next("create", Fault::AfterEffect, 1);
    table.fail_next("create", Fault::Refused, 1);

    assert!(!table.create(&post, &content, nonce).await.expect_err("it fails").refused);
    assert!(table.posts().is_empty());
    assert!(!table.create(&post, &content, nonce).await.expect_err("it fails").refused);
    assert_eq!(table.only_post().row, post);
    assert!(table.create(&post, &content, nonce).await.expect_err("it fails").refused);
    let created = table.clone().create(&post, &content, nonce).await.expect("no more faults");
    assert!(matches!(created, Created::New(_)));
    assert!(table.post(&post.id, Read::Strong).await.expect("no fault for this").is_some());
    assert_eq!(table.calls(), ["create", "create", "create", "create", "post"]);
}

#[test]
#[should_panic(expected = "`saev` is none of")]
fn a_fault_for_an_operation_that_does_not_exist_is_a_mistake() {
    MemoryTable::new().fail_next("saev", Fault::BeforeEffect, 1);
}

#[tokio::test]
async fn a_delayed_job_waits_for_the_clock() {
    let clock = ManualClock::default();
    let queues = MemoryQueues::new(clock.clone());
    let job = |bits| Job::Ingest { media: MediaId::from_bits(bits), post: None };
    queues.send(&job(1), SignedDuration::from_millis(1_500)).await.expect("sent");
    queues.send(&job(2), SignedDuration::ZERO).await.expect("sent");
    queues.send(&job(3), SignedDuration::from_hours(1)).await.expect("sent");
    assert_eq!(queues.pop(), Some(job(2)));
    assert_eq!(queues.pop(), None);
    clock.advance(SignedDuration::from_millis(1_999));
    assert_eq!(queues.pop(), None);
    clock.advance(SignedDuration::from_millis(1));
    assert_eq!(queues.pop(), Some(job(1)));
    let start = clock.now();
    assert_eq!(queues.pop_next(), Some(job(3)));
    assert_eq!(clock.now().duration_since(start), SignedDuration::from_secs(898), "at most 15 minutes");
    assert_eq!(queues.pop_next(), None);
}

#[test]
fn the_same_seed_gives_the_same_randomness() {
    let (one, other) = (SeededEntropy::new(3), SeededEntropy::new(3));
    assert_eq!(one.random(), other.random());
    assert_ne!(one.random(), one.random());
    assert_ne!(one.nonce(), SeededEntropy::new(4).nonce());
}
