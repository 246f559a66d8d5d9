//! What a delivery says: the event as `GET /v1/events` shows it, with the resource as it is at the attempt.

use bytes::Bytes;
use domain::notice::News;
use domain::{Notice, PostId};
use lambda_kit::batch::Failure;
use ports::{Accounts, Creators, PortResult, Posts, Read};
use views::Resource;

/// `{type, timestamp, data}`; never a token, for no view has one.
pub(crate) async fn of(
    store: &(impl Posts + Creators + Accounts),
    notice: &Notice,
) -> Result<Bytes, Failure> {
    let resource = match &notice.news {
        News::Post { post, .. } => post_of(store, post).await,
        News::Connected { .. }
        | News::ReconnectRequired { .. }
        | News::Disconnected
        | News::GrantEnds { .. } => creator_of(store, notice).await,
        News::Endpoint { .. } => Ok(None),
    };
    let message = views::message(notice, resource.map_err(Failure::retry)?);
    serde_json::to_vec(&message).map(Bytes::from).map_err(Failure::give_up)
}

async fn post_of(store: &(impl Posts + Creators), id: &PostId) -> PortResult<Option<Resource>> {
    let Some(post) = store.post(id, Read::Strong).await? else { return Ok(None) };
    let (content, creator) =
        futures::try_join!(store.content(id, &post.row.content), store.creator(&post.row.creator))?;
    let username = creator.map(|creator| creator.info.username);
    let view = views::post(&post.row, content.as_ref(), username.as_deref());
    Ok(Some(Resource::Post(Box::new(view))))
}

async fn creator_of(store: &(impl Creators + Accounts), notice: &Notice) -> PortResult<Option<Resource>> {
    let Some(id) = &notice.creator else { return Ok(None) };
    let Some(creator) = store.creator(id).await? else { return Ok(None) };
    let account = store.account(&creator.account, Read::Strong).await?;
    Ok(Some(Resource::Creator(views::creator(&creator, account.as_ref()))))
}
