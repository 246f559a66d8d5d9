//! What a delivery says: the event as `GET /v1/events` shows it, with the resource as it is at the attempt.

use bytes::Bytes;
use domain::notice::News;
use domain::{Notice, PostId};
use ports::{Accounts, Creators, PortResult, Posts, Read};
use serde_json::{Value, json};

/// `{type, timestamp, data}`; never a token, for no view has one.
pub(crate) async fn of(store: &(impl Posts + Creators + Accounts), notice: &Notice) -> PortResult<Bytes> {
    let resource = match &notice.news {
        News::Post { post, .. } => post_of(store, post).await?,
        News::Connected { .. }
        | News::ReconnectRequired { .. }
        | News::Disconnected
        | News::GrantEnds { .. } => creator_of(store, notice).await?,
        News::Endpoint { .. } => Value::Null,
    };
    let mut view = views::notice(notice);
    view["data"]["resource"] = resource;
    let body = json!({ "type": view["type"], "timestamp": view["timestamp"], "data": view["data"] });
    Ok(body.to_string().into())
}

async fn post_of(store: &(impl Posts + Creators), id: &PostId) -> PortResult<Value> {
    let Some(post) = store.post(id, Read::Strong).await? else { return Ok(Value::Null) };
    let (content, creator) =
        futures::try_join!(store.content(id, &post.row.content), store.creator(&post.row.creator))?;
    let caption = content.map(|content| content.caption.as_str().to_owned());
    let username = creator.map(|creator| creator.info.username);
    Ok(views::post(&post.row, caption.as_deref(), username.as_deref()))
}

async fn creator_of(store: &(impl Creators + Accounts), notice: &Notice) -> PortResult<Value> {
    let Some(id) = &notice.creator else { return Ok(Value::Null) };
    let Some(creator) = store.creator(id).await? else { return Ok(Value::Null) };
    let account = store.account(&creator.account, Read::Strong).await?;
    Ok(views::creator(&creator, account.as_ref()))
}
