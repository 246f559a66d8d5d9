//! What each route does, under the name of its handler.

use domain::Scope;

use super::{Operation, about};
use crate::{bodies, bulk, dry_run, view};

pub(crate) fn health() -> Operation {
    about("Service", "Whether the API answers", "").answers::<view::Health>(200, "It does.")
}

pub(crate) fn openapi() -> Operation {
    about("Service", "This document", "").gives(200, "OpenAPI 3.1.", "application/json")
}

pub(crate) fn docs() -> Operation {
    about("Service", "This document and the rules as a page", "").gives(200, "A page.", "text/html")
}

pub(crate) fn list_rules() -> Operation {
    about("Service", "Every rule", "The whole catalogue, by id: what a problem's `rule` and `code` can be.")
        .lists::<view::Rule>("The rules.")
}

pub(crate) fn create_post() -> Operation {
    about(
        "Posts",
        "Create a post",
        "All checks first, then one write. Media that is still to come is waited for. A video of up to 4,000,000 bytes may be sent \
         in the same request as a form. With `draft` it is written down and published later by /publish. With `?dry_run=true` it is \
         judged and not made.",
    )
    .needs(Scope::PostsWrite)
    .creates()
    .reads::<bodies::NewPost>()
    .or_form::<bodies::NewPost>()
    .answers::<dry_run::Verdict>(200, "A dry run: what would become of it.")
    .answers::<view::Post>(202, "It is accepted; Location says where it is.")
    .refuses(&[404, 409, 429, 502, 503])
}

pub(crate) fn create_posts() -> Operation {
    about(
        "Posts",
        "Create many posts",
        "One post as JSON in each line, 1 to 100 lines and 1,000,000 bytes in all. Each line has its own verdict, and is known by the \
         Idempotency-Key and its number: a request that was cut off is sent once more, as it was.",
    )
    .needs(Scope::PostsWrite)
    .creates()
    .reads_lines::<bodies::NewPost>(bulk::MEDIA_TYPE)
    .answers::<bulk::Verdicts>(207, "What became of each line.")
}

pub(crate) fn edit_post() -> Operation {
    about(
        "Posts",
        "Edit or reschedule a post",
        "As long as TikTok has not been asked. Only the fields that are given change, `null` takes one away; the whole is judged like a \
         new post. Caption, title, description, media, privacy or disclosure ask for `consent` anew, which is given as a whole.",
    )
    .needs(Scope::PostsWrite)
    .reads::<bodies::PostPatch>()
    .or_as("application/merge-patch+json")
    .answers::<view::Post>(200, "The post as it is now.")
    .refuses(&[409])
}

pub(crate) fn publish_post() -> Operation {
    about(
        "Posts",
        "Publish a draft",
        "All checks as when a post is created; consent has to be there by now. Publishing it again changes nothing.",
    )
    .needs(Scope::PostsWrite)
    .may_read::<bodies::Publication>()
    .answers::<view::Post>(202, "It is on its way.")
    .refuses(&[409])
}

pub(crate) fn list_posts() -> Operation {
    about(
        "Posts",
        "List posts",
        "Newest first. Filters are applied to at most 500 posts for one page: a page may hold fewer than `limit`, even none, and \
         `next_cursor` still leads on.",
    )
    .needs(Scope::PostsRead)
    .lists::<view::Post>("A page of posts.")
}

pub(crate) fn read_post() -> Operation {
    about("Posts", "Read a post", "With its timeline: what happened, when, by whom, and TikTok's log_id.")
        .needs(Scope::PostsRead)
        .answers::<view::Post>(200, "The post.")
}

pub(crate) fn cancel_post() -> Operation {
    about("Posts", "Cancel a post", "At any time at which it can still be stopped.")
        .needs(Scope::PostsWrite)
        .answers::<view::Post>(200, "It is cancelled.")
        .answers::<view::Post>(202, "TikTok is asked to stop, or an attempt in doubt is kept from going on.")
        .refuses(&[409])
}

pub(crate) fn retry_post() -> Operation {
    about("Posts", "Retry a post", "The same once more, as a new post, after it failed or was cancelled.")
        .needs(Scope::PostsWrite)
        .creates()
        .answers::<view::Post>(202, "A new post; `retry_of` names the old one.")
        .refuses(&[409])
}

pub(crate) fn resolve_post() -> Operation {
    about(
        "Posts",
        "Resolve a post in doubt",
        "A person looked at the creator's TikTok account and says what is there.",
    )
    .needs(Scope::PostsWrite)
    .reads::<bodies::Resolution>()
    .answers::<view::Post>(200, "The post, resolved.")
    .refuses(&[409])
}

pub(crate) fn declare_media() -> Operation {
    about(
        "Media",
        "Declare a media",
        "Gives a URL that takes exactly these bytes. A repeat gives the media as it is, and signs the URL anew.",
    )
    .needs(Scope::MediaWrite)
    .repeatable()
    .reads::<bodies::NewMedia>()
    .answers::<view::Media>(201, "The media, and how to upload it.")
    .refuses(&[404, 409])
}

pub(crate) fn read_media() -> Operation {
    about("Media", "Read a media", "What the probe found, and every rule that it breaks.")
        .needs(Scope::MediaRead)
        .answers::<view::Media>(200, "The media.")
}

pub(crate) fn list_media() -> Operation {
    about("Media", "List media", "Newest first, without those that were deleted.")
        .needs(Scope::MediaRead)
        .lists::<view::Media>("A page of media.")
}

pub(crate) fn delete_media() -> Operation {
    about(
        "Media",
        "Delete a media",
        "With its bytes, and with the parts of an upload that is not complete. Posts that are published keep nothing of it.",
    )
    .needs(Scope::MediaWrite)
    .answers::<view::Media>(200, "The media, which nothing can be posted of any more.")
    .refuses(&[409])
}

pub(crate) fn read_upload() -> Operation {
    about(
        "Media",
        "Go on with an upload",
        "Fresh URLs for what is still to come, and the numbers of the parts that are there.",
    )
    .needs(Scope::MediaWrite)
    .answers::<view::Media>(200, "The media, and how to upload the rest of it.")
    .refuses(&[409])
}

pub(crate) fn complete_media() -> Operation {
    about(
        "Media",
        "Complete an upload in parts",
        "Every part has to be there, with its size. Repeating it is harmless.",
    )
    .needs(Scope::MediaWrite)
    .answers::<view::Media>(200, "The media, which is probed now.")
    .refuses(&[409])
}

pub(crate) fn list_creators() -> Operation {
    about("Creators", "List creators", "Newest first.")
        .needs(Scope::CreatorsRead)
        .lists::<view::Creator>("A page of creators.")
}

pub(crate) fn read_creator() -> Operation {
    about("Creators", "Read a creator", "")
        .needs(Scope::CreatorsRead)
        .answers::<view::Creator>(200, "The creator.")
}

pub(crate) fn disconnect_creator() -> Operation {
    about(
        "Creators",
        "Disconnect a creator",
        "TikTok ends the grant, then the tokens are taken away. Posts that wait are held.",
    )
    .needs(Scope::CreatorsWrite)
    .answers::<view::Disconnected>(200, "The creator is disconnected.")
    .refuses(&[503])
}

pub(crate) fn read_creator_health() -> Operation {
    about(
        "Creators",
        "Look after a creator",
        "The life of the tokens, scopes, posts that wait, and what to do.",
    )
    .needs(Scope::CreatorsRead)
    .answers::<view::CreatorHealth>(200, "How the creator is.")
}

pub(crate) fn read_creator_info() -> Operation {
    about(
        "Creators",
        "Ask TikTok about a creator",
        "What the creator may choose from right now; must be shown before a post is composed.",
    )
    .needs(Scope::CreatorsRead)
    .answers::<view::CreatorMay>(200, "TikTok's answer of this moment.")
    .refuses(&[409, 429, 502, 503])
}

pub(crate) fn make_connect_link() -> Operation {
    about(
        "Connecting",
        "Make a connect link",
        "Send it to the creator. It connects one account and ends after a day.",
    )
    .needs(Scope::CreatorsWrite)
    .repeatable()
    .reads::<bodies::NewConnectLink>()
    .answers::<view::ConnectLink>(201, "The link.")
    .refuses(&[404, 409])
}

pub(crate) fn list_events() -> Operation {
    about("Events", "List events", "What the workspace was told in the last 90 days, newest first.")
        .needs(Scope::EventsRead)
        .lists::<view::Notice>("A page of events.")
}

pub(crate) fn list_event_types() -> Operation {
    about(
        "Events",
        "List the types of events",
        "The whole catalogue, each type with an example of what is posted.",
    )
    .needs(Scope::EventsRead)
    .lists::<view::EventType>("The types.")
}

pub(crate) fn create_endpoint() -> Operation {
    about(
        "Webhooks",
        "Make a webhook endpoint",
        "Events are posted to it by Standard Webhooks: verify `webhook-id`, `webhook-timestamp` and `webhook-signature` with one of \
         its libraries and the secret. The answer is the only one that shows the secret; a repeat under the same Idempotency-Key \
         shows it again, with the endpoint as it is by then. At most 20 endpoints.",
    )
    .needs(Scope::WebhooksWrite)
    .repeatable()
    .reads::<bodies::WebhookEndpointWanted>()
    .answers::<view::NewEndpoint>(201, "The endpoint, and what signs.")
    .refuses(&[409])
}

pub(crate) fn list_webhook_endpoints() -> Operation {
    about("Webhooks", "List webhook endpoints", "Newest first, without their secrets.")
        .needs(Scope::WebhooksRead)
        .lists::<view::Endpoint>("A page of endpoints.")
}

pub(crate) fn read_endpoint() -> Operation {
    about("Webhooks", "Read a webhook endpoint", "Whether events are sent, and since when it fails.")
        .needs(Scope::WebhooksRead)
        .answers::<view::Endpoint>(200, "The endpoint.")
}

pub(crate) fn change_endpoint() -> Operation {
    about(
        "Webhooks",
        "Change a webhook endpoint",
        "Or turn it off and on again. It is off by itself after an answer of 410, and after five days of failure.",
    )
    .needs(Scope::WebhooksWrite)
    .reads::<bodies::WebhookEndpointChange>()
    .answers::<view::Endpoint>(200, "The endpoint, changed.")
    .refuses(&[409])
}

pub(crate) fn remove_endpoint() -> Operation {
    about("Webhooks", "Remove a webhook endpoint", "Its secrets go with it, and nothing more is sent.")
        .needs(Scope::WebhooksWrite)
        .answers::<view::Endpoint>(200, "The endpoint, removed.")
        .refuses(&[409])
}

pub(crate) fn rotate_endpoint_secret() -> Operation {
    about(
        "Webhooks",
        "Replace a secret",
        "Deliveries bear a signature of each until the old secret's time is over.",
    )
    .needs(Scope::WebhooksWrite)
    .repeatable()
    .reads::<bodies::SecretRotation>()
    .answers::<view::NewEndpoint>(201, "The endpoint, and the new secret.")
    .refuses(&[409])
}

pub(crate) fn test_endpoint() -> Operation {
    about(
        "Webhooks",
        "Send a test",
        "An event `webhook_endpoint.test` for this endpoint alone, sent at once.",
    )
    .needs(Scope::WebhooksWrite)
    .repeatable()
    .answers::<view::Delivery>(202, "The delivery; the log says what becomes of it.")
    .refuses(&[409])
}

pub(crate) fn redeliver() -> Operation {
    about(
        "Webhooks",
        "Send again",
        "One event, whatever became of it, or all since a moment that this endpoint did not take.",
    )
    .needs(Scope::WebhooksWrite)
    .reads::<bodies::Redelivery>()
    .answers::<view::Redelivery>(202, "It is sent; the log says what becomes of it.")
    .refuses(&[409])
}

pub(crate) fn list_endpoint_deliveries() -> Operation {
    about(
        "Webhooks",
        "Read the log of deliveries",
        "Of the last 30 days, newest first. What is not answered 2xx within ten seconds is tried again 5 s, 5 min, 30 min, 2 h, 5 h, \
         10 h and 10 h after the attempt before, then every 10 h, for five days.",
    )
    .needs(Scope::WebhooksRead)
    .lists::<view::Delivery>("A page of deliveries.")
}

pub(crate) fn read_app_status() -> Operation {
    about("App", "Read the app's status", "How TikTok treats the app, where it pulls from, and what to do.")
        .needs(Scope::AppRead)
        .answers::<view::AppStatus>(200, "The app's status.")
}

pub(crate) fn put_verification_file() -> Operation {
    about(
        "App",
        "Serve TikTok's verification file",
        "By the media domain at `/` and `/m/`, and by the API at `/`, byte by byte.",
    )
    .needs(Scope::AppWrite)
    .reads::<bodies::NewVerificationFile>()
    .answers::<view::VerificationFile>(200, "Where it is served.")
}

pub(crate) fn create_key() -> Operation {
    about("Keys", "Make a key", "The answer is the only one that shows it.")
        .needs(Scope::KeysWrite)
        .repeatable()
        .reads::<bodies::KeyWanted>()
        .answers::<view::NewKey>(201, "The key.")
}

pub(crate) fn list_keys() -> Operation {
    about("Keys", "List keys", "Newest first, without their secrets.")
        .needs(Scope::KeysRead)
        .lists::<view::Key>("A page of keys.")
}

pub(crate) fn revoke_key() -> Operation {
    about("Keys", "Revoke a key", "It stops working within a minute.")
        .needs(Scope::KeysWrite)
        .answers::<view::Key>(200, "The key, revoked.")
}

pub(crate) fn rotate_key() -> Operation {
    about("Keys", "Replace a key", "A new key with the same rights; the old one goes on working for a while.")
        .needs(Scope::KeysWrite)
        .repeatable()
        .reads::<bodies::Rotation>()
        .answers::<view::NewKey>(201, "The new key.")
        .refuses(&[409])
}

pub(crate) fn open_connect_link() -> Operation {
    about("Connecting", "Open a connect link", "For the creator's browser.")
        .redirects("On to TikTok's consent page.")
        .gives(404, "The link does not work any more: a page that says so.", "text/html")
        .gives(500, "Something failed on our side: a page that says so.", "text/html")
}

pub(crate) fn come_back_from_tiktok() -> Operation {
    about(
        "Connecting",
        "Come back from TikTok",
        "For the creator's browser; TikTok adds what it says to the query.",
    )
    .gives(200, "The account is connected, or the creator said no: a page that says so.", "text/html")
    .gives(400, "The sign-in is over: a page that says so.", "text/html")
    .gives(403, "It began in another browser: a page that says so.", "text/html")
    .gives(409, "Another account, or connected elsewhere: a page that says so.", "text/html")
    .gives(500, "Something failed on our side: a page that says so.", "text/html")
    .gives(502, "TikTok refuses: a page that says so.", "text/html")
    .gives(503, "Not just now: a page that says so.", "text/html")
}

pub(crate) fn hear_from_tiktok() -> Operation {
    about(
        "Service",
        "TikTok's webhooks",
        "Signed by TikTok over the raw bytes; TikTok repeats what is not answered 200.",
    )
    .answers::<view::Heard>(200, "It was taken.")
    .refuses(&[401, 413, 415])
}
