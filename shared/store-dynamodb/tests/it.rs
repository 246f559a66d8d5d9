//! The store on an emulated DynamoDB.

#[path = "it/promises.rs"]
mod promises;
#[path = "it/rows.rs"]
mod rows;
#[path = "it/table.rs"]
mod table;
#[path = "it/wire.rs"]
mod wire;
