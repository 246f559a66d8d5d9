use ports::contract;

use crate::table::table;

#[tokio::test]
async fn posts_and_media_keep_their_promises() {
    let table = table().await;
    contract::posts(&table.store).await;
    contract::media_rows(&table.store).await;
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
}

#[tokio::test]
async fn rows_that_are_due_keep_their_promises() {
    let table = table().await;
    contract::due_rows(&table.store).await;
}
