//! The second door: the drop folder's requests.
//!
//! `drop-intake` calls this function as API Gateway does, with the event of an HTTP request. In place of a key, the event says in
//! its request context, where API Gateway's own authorizers write and no client of it can, for which creator the files lie and
//! where. Whoever may call the function by IAM is trusted with that; the HTTP API has no authorizer, so nothing that comes
//! from the internet bears it. The creator's row names the workspace.

use domain::{CreatorId, Scope, Scopes};
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;
use ports::Creators as _;

use crate::answer::Ask;
use crate::auth::Caller;
use crate::refusal::Refusal;
use crate::{Api, Outside};

/// Under this name the request context says what was dropped.
pub const CONTEXT: &str = "slipway_drop";
/// What a drop may do: declare its files, and make its post.
const MAY: [Scope; 2] = [Scope::MediaWrite, Scope::PostsWrite];

/// Files that lie in the drop folder.
pub(crate) struct Dropped {
    /// For which creator, as the folder is called.
    creator: String,
    /// The JSON's key in the bucket.
    key: String,
}

impl Ask {
    /// What was dropped, if this comes from the drop folder.
    pub(crate) fn dropped(&self) -> Option<Dropped> {
        let RequestContext::ApiGatewayV2(context) = self.parts.request_context_ref()? else { return None };
        let said = context.authorizer.as_ref()?.fields.get(CONTEXT)?;
        let text = |name: &str| said.get(name).and_then(|it| it.as_str()).unwrap_or_default().to_owned();
        Some(Dropped { creator: text("creator"), key: text("key") })
    }
}

impl<W: Outside> Api<W> {
    pub(crate) async fn dropped_caller(&self, dropped: &Dropped, needed: Scope) -> Result<Caller, Refusal> {
        let missing = || Refusal::invalid(vec![crate::posts::no_such_creator()]);
        let id: CreatorId = dropped.creator.parse().map_err(|_| missing())?;
        let creator = self.store.creator(&id).await?.ok_or_else(missing)?;
        let scopes: Scopes = MAY.into_iter().collect();
        if !scopes.contains(needed) {
            return Err(Refusal::not_found("route"));
        }
        Ok(Caller { by: dropped.key.clone(), workspace: creator.workspace, scopes })
    }
}
