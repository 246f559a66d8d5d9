use domain::account::{Lease, Slot};
use domain::{MediaId, Nonce, PostId};
use ports::samples::{self, NOON};
use ports::{Accounts, Connected, Connections, Leased, MediaRows, Posts, Read, contract};

use crate::table::table;

#[tokio::test]
async fn posts_and_media_keep_their_promises() {
    let table = table().await;
    contract::posts(&table.store).await;
    contract::media_rows(&table.store).await;
    contract::library::library(&table.store).await;
}

#[tokio::test]
async fn accounts_keep_their_promises() {
    let table = table().await;
    contract::accounts(&table.store).await;
    contract::due_accounts(&table.store).await;
}

#[tokio::test]
async fn creators_keys_and_connections_keep_their_promises() {
    let table = table().await;
    contract::creators(&table.store).await;
    contract::keys(&table.store).await;
    contract::connections(&table.store).await;
    contract::guards(&table.store).await;
    contract::notices(&table.store).await;
    contract::app_rows(&table.store).await;
    contract::webhooks(&table.store).await;
}

#[tokio::test]
async fn rows_that_are_due_keep_their_promises() {
    let table = table().await;
    contract::due_rows(&table.store).await;
}

/// The SDK repeats what it got no answer to, and the repeat fails on its own condition.
#[tokio::test]
async fn promises_hold_although_the_first_answer_to_every_write_is_lost() {
    let table = table().await;
    table.wire.lose_every_first_answer_to_a_write();
    contract::posts(&table.store).await;
    contract::media_rows(&table.store).await;
    assert!(table.wire.lost() > 40, "only {} answers were lost", table.wire.lost());
}

/// A client repeats only so much: these have one of their own.
#[tokio::test]
async fn other_promises_hold_although_the_first_answer_to_every_write_is_lost() {
    let table = table().await;
    table.wire.lose_every_first_answer_to_a_write();
    contract::creators(&table.store).await;
    contract::keys(&table.store).await;
    contract::guards(&table.store).await;
    contract::due_accounts(&table.store).await;
    assert!(table.wire.lost() > 20, "only {} answers were lost", table.wire.lost());
}

#[tokio::test]
async fn an_account_moves_once_although_answers_are_lost() {
    let table = table().await;
    table.wire.lose_every_first_answer_to_a_write();
    let store = &table.store;
    let account = samples::account(1, NOON);
    let (id, nonce) = (&account.id, Nonce::from_bits);
    assert_eq!(store.connect(&account, nonce(1)).await.unwrap(), Connected::Done);
    let slot = Slot::taken(PostId::from_bits(2), NOON, None);
    assert_eq!(store.save_limits(id, 0, &account.limits, Some(&slot), nonce(2)).await.unwrap(), Some(1));
    let lease = Lease { nonce: nonce(3), until: NOON };
    let Leased::Won { taken_over, .. } = store.lease(id, &lease, NOON).await.unwrap() else {
        panic!("the lease was free");
    };
    assert!(taken_over, "nobody can tell, so the rescue object is read");
    assert!(store.store_tokens(id, nonce(3), &samples::tokens(2, NOON), NOON).await.unwrap());
    store.lease(id, &lease, NOON).await.unwrap();
    assert!(store.require_reconnect(id, nonce(3), 2, "invalid_grant", NOON).await.unwrap());
    store.lease(id, &lease, NOON).await.unwrap();
    store.release(id, nonce(3), Some(NOON)).await.unwrap();
    let row = store.account(id, Read::Strong).await.unwrap().expect("it is there");
    assert_eq!((row.lease, row.due, row.limits_version), (None, Some(NOON), 1));
    assert_eq!(table.wire.lost(), 8);

    let connecting = samples::connecting(NOON);
    store.begin([1; 32], &connecting).await.unwrap();
    assert_eq!(store.take([1; 32]).await.unwrap(), None, "rather begun again than taken twice");
}

#[tokio::test]
async fn a_table_that_is_not_there_is_a_refusal_that_names_the_row() {
    let table = table().await;
    let store = store_dynamodb::Store::new(table.client.clone(), "elsewhere".to_owned());
    let post = PostId::from_bits(1);
    let error = store.post(&post, Read::Strong).await.expect_err("there is no such table");
    assert!(error.refused);
    assert_eq!(error.to_string(), format!("read row `post#{post}`"));
    let error = store.wait_for(&MediaId::from_bits(1), &post).await.expect_err("there is no such table");
    assert!(error.refused);
    assert_eq!(error.to_string(), "write row `media#med_00000000000000000000000000000001`");
    table.wire.cut();
    let error = table.store.post(&post, Read::Strong).await.expect_err("nobody answers");
    assert!(!error.refused);
}
