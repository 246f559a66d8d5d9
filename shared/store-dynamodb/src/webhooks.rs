//! Webhook endpoints and deliveries. Both are read and written as a whole, in one attribute; what is indexed stands beside it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::ReturnValue;
use domain::endpoint::EndpointState;
use domain::{Delivery, DeliveryKey, Endpoint, EndpointId, Nonce, Notice, Timestamp, WorkspaceId};
use ports::{Created, Deliveries, Endpoints, Page, PortResult, Read, Saved, Stored, cursor};
use serde::Serialize;

use crate::due::{self, Side};
use crate::item::{Item, Reader, document, nonce, number, text};
use crate::update::Update;
use crate::{Store, Wrote, codec, notices};

/// How long a delivery is in the log.
const DELIVERY_DAYS: i64 = 30;
/// How long an endpoint that was removed is known to the deliveries that name it.
const REMOVED_DAYS: i64 = 30;

pub(crate) fn endpoint_pk(id: &EndpointId) -> String {
    format!("endpoint#{id}")
}

pub(crate) fn delivery_pk(key: &DeliveryKey) -> String {
    format!("delivery#{key}")
}

pub(crate) fn read_endpoint(item: &Item) -> PortResult<Stored<Endpoint>> {
    let row = Reader::new(item);
    let endpoint = Endpoint { due: due::read(&row)?, ..row.document("dc")? };
    Ok(Stored { row: endpoint, version: row.number("v")? })
}

pub(crate) fn read_delivery(item: &Item) -> PortResult<Stored<Delivery>> {
    let row = Reader::new(item);
    let delivery = Delivery { due: due::read(&row)?, ..row.document("dc")? };
    Ok(Stored { row: delivery, version: row.number("v")? })
}

/// What every write of such a row says.
fn write(
    update: Update,
    version: u64,
    by: Nonce,
    row: &impl Serialize,
    keys: Option<due::Keys>,
) -> PortResult<Update> {
    let update = update.set("v", number(version)).set("n", nonce(by)).set("dc", document(row)?);
    Ok(due::put(update, keys))
}

/// A new row: an update of no row has nothing to remove.
fn add(by: Nonce, row: &impl Serialize, keys: Option<due::Keys>) -> PortResult<Update> {
    let update = Update::when("attribute_not_exists(#pk)");
    let update = update.set("v", number(1)).set("n", nonce(by)).set("dc", document(row)?);
    Ok(match keys {
        Some(keys) => keys.set(update),
        None => update,
    })
}

fn created<T: Clone>(
    wrote: Wrote,
    row: &T,
    by: Nonce,
    read: impl Fn(&Item) -> PortResult<Stored<T>>,
) -> PortResult<Created<T>> {
    match wrote {
        Wrote::Done(_) => Ok(Created::New(Stored { row: row.clone(), version: 1 })),
        Wrote::Refused(found) => {
            let found = found.unwrap_or_default();
            let ours = Reader::new(&found).bears("n", by);
            Ok(if ours { Created::New(read(&found)?) } else { Created::Existed(read(&found)?) })
        }
    }
}

fn saved<T: Clone>(
    wrote: Wrote,
    row: &T,
    version: u64,
    by: Nonce,
    read: impl Fn(&Item) -> PortResult<Stored<T>>,
) -> PortResult<Saved<T>> {
    match wrote {
        Wrote::Done(_) => Ok(Saved::Written(Stored { row: row.clone(), version })),
        Wrote::Refused(None) => Ok(Saved::Conflict(None)),
        Wrote::Refused(Some(found)) => {
            let ours = Reader::new(&found).bears("n", by);
            let found = read(&found)?;
            Ok(if ours { Saved::Written(found) } else { Saved::Conflict(Some(found)) })
        }
    }
}

fn endpoint_keys(endpoint: &Endpoint) -> Option<due::Keys> {
    endpoint.due.map(|at| due::keys(Side::Posts, endpoint.id.bits(), &endpoint_pk(&endpoint.id), at))
}

fn delivery_keys(delivery: &Delivery) -> Option<due::Keys> {
    let pk = delivery_pk(&delivery.key);
    delivery.due.map(|at| due::keys(Side::Posts, delivery.key.event.bits(), &pk, at))
}

fn place(at: Timestamp, id: &str) -> aws_sdk_dynamodb::types::AttributeValue {
    text(cursor::place(at, id))
}

impl Endpoints for Store {
    async fn create_endpoint(&self, endpoint: &Endpoint, by: Nonce) -> PortResult<Created<Endpoint>> {
        let update = add(by, endpoint, endpoint_keys(endpoint))?
            .set("list_pk", text(format!("endpoint#{}", endpoint.workspace)))
            .set("list_sk", place(endpoint.created_at, endpoint.id.as_str()));
        let wrote = self.update(&endpoint_pk(&endpoint.id), update, ReturnValue::None).await?;
        created(wrote, endpoint, by, read_endpoint)
    }

    async fn endpoint(&self, id: &EndpointId) -> PortResult<Option<Stored<Endpoint>>> {
        self.get(endpoint_pk(id), Read::Strong).await?.as_ref().map(read_endpoint).transpose()
    }

    async fn save_endpoint(
        &self,
        seen: &Stored<Endpoint>,
        endpoint: &Endpoint,
        news: Option<&Notice>,
        by: Nonce,
    ) -> PortResult<Saved<Endpoint>> {
        let (pk, version) = (endpoint_pk(&seen.row.id), seen.version + 1);
        let update = Update::when("#v = :seen").value("seen", number(seen.version));
        let mut update = write(update, version, by, endpoint, endpoint_keys(endpoint))?;
        if let EndpointState::Removed { at } = endpoint.state {
            let gone = number(codec::gone_after(at, REMOVED_DAYS));
            update = update.remove("list_pk").remove("list_sk").set("ttl", gone);
        }
        let wrote = match news {
            None => self.update(&pk, update, ReturnValue::None).await?,
            Some(notice) => {
                let told = notices::put(Update::always(), notice)?;
                self.update_both((&pk, update), (&notices::pk(notice), told)).await?
            }
        };
        saved(wrote, endpoint, version, by, read_endpoint)
    }

    async fn list_endpoints(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<Endpoint>> {
        self.page(format!("endpoint#{workspace}"), cursor, limit, |item| Ok(read_endpoint(item)?.row)).await
    }
}

impl Deliveries for Store {
    async fn create_delivery(&self, delivery: &Delivery, by: Nonce) -> PortResult<Created<Delivery>> {
        let update = add(by, delivery, delivery_keys(delivery))?
            .set("list_pk", text(format!("delivery#{}", delivery.key.endpoint)))
            .set("list_sk", place(delivery.created_at, delivery.key.event.as_str()))
            .set("ttl", number(codec::gone_after(delivery.created_at, DELIVERY_DAYS)));
        let wrote = self.update(&delivery_pk(&delivery.key), update, ReturnValue::None).await?;
        created(wrote, delivery, by, read_delivery)
    }

    async fn deliveries(&self, keys: &[DeliveryKey]) -> PortResult<HashMap<DeliveryKey, Stored<Delivery>>> {
        let found = self.batch(keys.iter().map(delivery_pk).collect(), Read::Strong).await?;
        let rows = keys.iter().filter_map(|key| Some((key, found.get(&delivery_pk(key))?)));
        rows.map(|(key, item)| Ok((key.clone(), read_delivery(item)?))).collect()
    }

    async fn save_delivery(
        &self,
        seen: &Stored<Delivery>,
        delivery: &Delivery,
        by: Nonce,
    ) -> PortResult<Saved<Delivery>> {
        let version = seen.version + 1;
        let update = Update::when("#v = :seen").value("seen", number(seen.version));
        let update = write(update, version, by, delivery, delivery_keys(delivery))?;
        let wrote = self.update(&delivery_pk(&seen.row.key), update, ReturnValue::None).await?;
        saved(wrote, delivery, version, by, read_delivery)
    }

    async fn list_deliveries(
        &self,
        endpoint: &EndpointId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<Delivery>> {
        self.page(format!("delivery#{endpoint}"), cursor, limit, |item| Ok(read_delivery(item)?.row)).await
    }
}
