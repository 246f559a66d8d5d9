//! Every rule that a request, a media, a post or the set-up can break: the catalogue that people are shown.
//!
//! A problem names its rule by the id. A test holds the sources against this table in both directions.

/// A rule, as the catalogue shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Stable identifier, such as `video.duration.max`.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What it means, one sentence or two.
    pub means: &'static str,
    /// What to do, one sentence.
    pub remedy: &'static str,
}

impl Rule {
    /// The rule with this id. What TikTok refuses bears TikTok's own code (`tiktok.…`) and is one rule here.
    pub fn find(id: &str) -> Option<&'static Self> {
        let id = if id.starts_with("tiktok.") { "tiktok" } else { id };
        RULES.binary_search_by_key(&id, |rule| rule.id).ok().map(|index| &RULES[index])
    }
}

const fn rule(id: &'static str, title: &'static str, means: &'static str, remedy: &'static str) -> Rule {
    Rule { id, title, means, remedy }
}

/// The catalogue, by id.
pub const RULES: &[Rule] = &[
    rule(
        "app.breaker.open",
        "The operator's breaker is open",
        "TikTok refused a post for a reason that concerns the whole app, and every post waits.",
        "Repair what the code names; one post tries again every 15 minutes and the others follow it.",
    ),
    rule(
        "app.media.domain_unverified",
        "The media domain is not verified",
        "TikTok refused the host that it is to pull videos from.",
        "Verify the media host as a URL property in TikTok's developer portal; PUT /v1/app-status/verification-file serves TikTok's file.",
    ),
    rule(
        "app.media.presigned",
        "Videos are pulled from presigned S3 URLs",
        "No media domain is set up, and TikTok may not accept the bucket's host. Advice.",
        "Set MediaDomain or MediaBaseUrl to a host that is verified at TikTok.",
    ),
    rule(
        "app.mode.contradicted",
        "TikTokMode is not what TikTok shows",
        "The setting says one mode and TikTok's answers show another.",
        "Set TikTokMode to `auto`, or to what TikTok shows.",
    ),
    rule(
        "app.mode.unknown",
        "The app's mode is not known yet",
        "Nothing has shown yet whether TikTok has audited the app. Advice.",
        "Set TikTokMode, or publish a post: TikTok's answer shows it.",
    ),
    rule(
        "body.too_large",
        "The body is too large",
        "A JSON body, or a line of a bulk request, has at most 65,536 bytes, a bulk request 1,000,000, a multipart body 4,000,000 bytes in all.",
        "Send only the documented fields; declare a larger video with POST /v1/media and upload it to the URL that gives.",
    ),
    rule(
        "bulk.lines",
        "Another number of lines",
        "A bulk request has 1 to 100 lines with a post in each.",
        "Send one post as JSON in each line, and the rest in further requests with keys of their own.",
    ),
    rule(
        "bulk.unfinished",
        "The line was not begun",
        "A bulk request ran out of time before this line.",
        "Send the whole request again with the same Idempotency-Key: what was done is not done twice.",
    ),
    rule(
        "caption.max",
        "The caption is too long",
        "A caption has at most 2,200 UTF-16 units; most emoji count as two.",
        "Shorten the caption.",
    ),
    rule(
        "connect_link.used",
        "The link of this key was used",
        "The connect link that this Idempotency-Key made has connected somebody, or is over.",
        "Send a new Idempotency-Key for a new link.",
    ),
    rule(
        "consent.branded.required",
        "Consent to the Branded Content Policy is missing",
        "Branded content is disclosed, and the creator has not agreed to TikTok's Branded Content Policy.",
        "Show the creator the policy and send `true` once they agree.",
    ),
    rule(
        "consent.music.required",
        "Consent to the music usage is missing",
        "The creator has not agreed to TikTok's Music Usage Confirmation. Every direct post needs it, whichever way it comes in.",
        "Show the creator the confirmation and send `true` once they agree.",
    ),
    rule(
        "content_encoding.unsupported",
        "The body is compressed",
        "Request bodies are taken as they are, without a Content-Encoding.",
        "Send the body uncompressed, without the header Content-Encoding.",
    ),
    rule(
        "content_type.unsupported",
        "The body has another media type",
        "The header Content-Type names a type that the route does not take.",
        "Send the Content-Type that the route documents.",
    ),
    rule(
        "convert.video",
        "Videos are not converted",
        "`convert` is for photos alone.",
        "Leave `convert` out, and export the video as MP4 with H.264.",
    ),
    rule(
        "creator.account.public",
        "The account is public and the app is not audited",
        "TikTok lets an app that is not audited post to private accounts only.",
        "Make the TikTok account private until TikTok has audited the app.",
    ),
    rule(
        "creator.busy",
        "The creator's tokens are being renewed",
        "A refresh runs at this very moment.",
        "Send the request again in a few seconds.",
    ),
    rule(
        "creator.connected_elsewhere",
        "The account is connected elsewhere",
        "Another workspace of this installation publishes for this TikTok account.",
        "Disconnect the account there first.",
    ),
    rule(
        "creator.disconnected",
        "The creator is disconnected",
        "Somebody disconnected the creator, and there are no tokens any more.",
        "Let the creator connect again with a link from POST /v1/connect-links.",
    ),
    rule(
        "creator.grant.ended",
        "The creator's grant has ended",
        "TikTok's refresh token has reached its end.",
        "Let the creator connect again with a link from POST /v1/connect-links.",
    ),
    rule(
        "creator.grant.ends",
        "The creator's grant ends soon",
        "TikTok's refresh token ends within 30 days, and only the creator can renew it. Advice.",
        "Let the creator connect again with a link from POST /v1/connect-links.",
    ),
    rule(
        "creator.not_found",
        "No such creator",
        "This workspace has no creator with this id.",
        "Connect the creator with POST /v1/connect-links, or list the creators with GET /v1/creators.",
    ),
    rule(
        "creator.reconnect_required",
        "The creator has to connect again",
        "TikTok does not accept the creator's tokens any more.",
        "Let the creator connect again with a link from POST /v1/connect-links.",
    ),
    rule(
        "creator.refresh.late",
        "The tokens are refreshed late",
        "The tokens were to be refreshed and could not be yet. Advice.",
        "Nothing by the creator: it is tried again by itself; look at GET /v1/app-status.",
    ),
    rule(
        "creator.revoke_failed",
        "TikTok did not end the grant",
        "TikTok was asked to end the grant and did not, so nothing was changed.",
        "Send the request again, or add `?force=true` to forget the tokens without TikTok.",
    ),
    rule(
        "creator.scope",
        "The creator has not granted what this needs",
        "Drafts for the inbox need TikTok's scope `video.upload`, which is asked for with `drafts`.",
        "Let the creator connect again with a link that was made with `drafts`.",
    ),
    rule(
        "creator.scopes.missing",
        "A permission was not granted",
        "The creator did not tick every box that publishing needs.",
        "Send a new link and ask the creator to leave every box ticked.",
    ),
    rule(
        "creator.token_stale",
        "The access token is being renewed",
        "The creator's access token has ended, and a refresh was asked for.",
        "Send the request again in a few seconds.",
    ),
    rule(
        "creator_info.contended",
        "Others asked at the same moment",
        "Several requests about one creator were made at once.",
        "Ask again at the time in `retry_at`.",
    ),
    rule(
        "creator_info.rate_limited",
        "Asked too often about a creator",
        "TikTok lets an app ask about a creator 20 times a minute.",
        "Ask again at the time in `retry_at`.",
    ),
    rule(
        "cursor.format",
        "Not a cursor",
        "`cursor` is not one that a page of this list gave.",
        "Send `next_cursor` of the page before, or leave it out.",
    ),
    rule(
        "description.max",
        "The description is too long",
        "Photos take a description of at most 4,000 UTF-16 units; most emoji count as two.",
        "Shorten it.",
    ),
    rule(
        "disclosure.branded.private",
        "Branded content cannot be private",
        "TikTok refuses branded content that only its creator can see.",
        "Choose another privacy level, or turn the branded content disclosure off.",
    ),
    rule(
        "drop.creator",
        "Not the folder of this creator",
        "A drop lies in `drop/<creator>/`, and its JSON names no other creator.",
        "Drop the files into the creator's folder, and leave `creator` out of the JSON.",
    ),
    rule(
        "drop.files",
        "Not a list of photos",
        "`files` names 1 to 35 photos, each once, by the names they have in the drop's own folder.",
        "List the photos in their order: `[\"1.jpg\", \"2.jpg\"]`.",
    ),
    rule(
        "drop.json.max",
        "The JSON is too long",
        "The JSON of a drop may have 65,536 bytes.",
        "Write only the documented fields.",
    ),
    rule(
        "drop.json.missing",
        "A file without its JSON",
        "No JSON of this name came within a quarter of an hour, or the one that is there has made its post before.",
        "Drop a JSON of the same name beside the file.",
    ),
    rule(
        "drop.media.missing",
        "A JSON without its files",
        "What the JSON asks for did not come within a day.",
        "Drop the files, and then the JSON once more.",
    ),
    rule(
        "drop.media.named",
        "The JSON names media",
        "The media of a drop are the files that lie beside its JSON.",
        "Leave `media` out; name several photos in `files`.",
    ),
    rule(
        "drop.media.several",
        "Several files of one name",
        "A post has one video or photo of its JSON's name.",
        "Leave one of them there, or put photos that belong together into a folder and name them in `files`.",
    ),
    rule(
        "drop.name",
        "No place in the drop folder",
        "A file is called `drop/<creator>/<name>.<extension>`, one of several photos `drop/<creator>/<name>/<file>`; names have no dots.",
        "Drop the file again under such a name.",
    ),
    rule(
        "drop.type",
        "Not a file that can be posted",
        "The drop folder takes JSON, and videos and photos that TikTok takes.",
        "Drop .mp4, .mov, .webm, .jpg, .webp or .png, and a .json of the same name.",
    ),
    rule(
        "edit.fixed",
        "This cannot be edited",
        "Creator, kind and mode of a post stay what they are, and a draft is published by POST /v1/posts/{id}/publish.",
        "Leave the field out, or cancel the post and make a new one.",
    ),
    rule(
        "event.not_found",
        "No such event",
        "This workspace has no event with this id; events are kept for 90 days.",
        "Take the id from GET /v1/events.",
    ),
    rule(
        "field.length",
        "Too short or too long",
        "A text or a list has a length that the field does not take.",
        "Send as many as the field documents.",
    ),
    rule(
        "field.range",
        "Out of range",
        "A number lies outside of what the field takes.",
        "Correct the number.",
    ),
    rule(
        "field.repeated",
        "Sent twice",
        "A part of the form, or a query parameter, came twice.",
        "Send it once.",
    ),
    rule("field.required", "A field is missing", "The field has to be there.", "Send the field."),
    rule(
        "field.type",
        "Another type",
        "The field holds JSON of another type than it takes.",
        "Send the type that the field documents.",
    ),
    rule(
        "field.unknown",
        "No such field",
        "Nothing here reads a field, a part or a query parameter of this name, and nothing is ignored silently.",
        "Leave it out, or correct its name.",
    ),
    rule(
        "id.format",
        "Not an id",
        "An id is its prefix and 32 hexadecimal digits.",
        "Send the id as this API gave it.",
    ),
    rule(
        "idempotency_key.format",
        "The Idempotency-Key has another form",
        "The header Idempotency-Key is one text of 1 to 255 printable ASCII characters.",
        "Send one random text, such as a UUID, and the same one whenever you repeat the request.",
    ),
    rule(
        "idempotency_key.required",
        "The Idempotency-Key is missing",
        "Whatever creates something needs the header, so that a repeat creates nothing twice.",
        "Send one random text, such as a UUID, and the same one whenever you repeat the request.",
    ),
    rule(
        "idempotency_key.reused",
        "The Idempotency-Key was used for another body",
        "The first request with this key had another body, and its answer stands.",
        "Send the first body again, or use a new key for a new request.",
    ),
    rule(
        "interaction.disabled_by_creator",
        "The creator has turned this off",
        "Comments, duets or stitches were asked for that the creator has turned off at TikTok.",
        "Send `false`, or let the creator turn it on in TikTok's settings.",
    ),
    rule(
        "internal",
        "Something failed on our side",
        "The cause is in the log under the request's id; nothing is known to be wrong with the request.",
        "Send the same request again with the same Idempotency-Key; if it goes on, report the `request_id`.",
    ),
    rule(
        "json.depth",
        "The JSON is nested too deeply",
        "JSON is read up to 32 levels deep.",
        "Send only the documented fields.",
    ),
    rule(
        "json.malformed",
        "Not JSON",
        "The body cannot be read as JSON; the detail names line and column.",
        "Correct the JSON there.",
    ),
    rule(
        "key.expired",
        "The API key has expired",
        "The key has reached the time at which it stops working.",
        "Use another key of the workspace, or make a new one.",
    ),
    rule(
        "key.expires_at.past",
        "The end of the key is over",
        "`expires_at` lies in the past.",
        "Send a time to come, or leave it out.",
    ),
    rule(
        "key.invalid",
        "The API key is not valid",
        "The header Authorization holds no key of this installation.",
        "Send `Authorization: Bearer slk_…` with a key of the workspace.",
    ),
    rule(
        "key.missing",
        "The API key is missing",
        "The header Authorization is missing.",
        "Send `Authorization: Bearer slk_…` with a key of the workspace.",
    ),
    rule(
        "key.name",
        "Not a name for a key",
        "A key's name has 1 to 80 characters, not only blanks, and no control characters.",
        "Shorten it, or leave those characters out.",
    ),
    rule(
        "key.not_found",
        "No such key",
        "This workspace has no key with this id.",
        "Check the id; ids are case-sensitive and belong to one workspace.",
    ),
    rule(
        "key.revoked",
        "The API key was revoked",
        "Somebody revoked the key.",
        "Use another key of the workspace, or make a new one.",
    ),
    rule(
        "key.scope",
        "The API key may not do this",
        "The key lacks the scope that the route needs.",
        "Use a key that has the scope, or let somebody whose key has it make one.",
    ),
    rule(
        "key.scopes.beyond",
        "More than the key that asks has",
        "No key can give another one a scope that it lacks itself.",
        "Leave the scope out, or ask with a key that has it.",
    ),
    rule(
        "key.scopes.unknown",
        "No such scope",
        "The list of scopes has an entry that is none.",
        "Send scopes that the document lists.",
    ),
    rule(
        "key.stronger",
        "The other key is stronger",
        "The key that is to be changed has scopes which the key that asks has not.",
        "Ask with a key that has all of them.",
    ),
    rule(
        "kind.field",
        "A field of the other kind",
        "Videos have a caption, a cover frame and a transport; photos have title, description, cover photo and music.",
        "Leave the field out.",
    ),
    rule(
        "kind.form",
        "Photos do not come inside a request",
        "A form carries one video.",
        "Declare and upload each photo, and name all of them in a JSON post.",
    ),
    rule(
        "kind.unsupported",
        "No such kind",
        "The post or the media is of a kind that is not taken here.",
        "Send one of the kinds that the detail names.",
    ),
    rule(
        "local_time.format",
        "Not a local time",
        "`local_time` is what a clock shows in a zone: date and hour, without an offset.",
        "Send a time such as `2027-01-31T18:00`.",
    ),
    rule(
        "media.changed",
        "The media was changed",
        "The upload is gone, or is not the file that was probed.",
        "Upload the file again as a new media and make a new post.",
    ),
    rule(
        "media.content_type",
        "Not a type that TikTok takes",
        "TikTok takes MP4, QuickTime and WebM.",
        "Send `video/mp4`, `video/quicktime` or `video/webm`.",
    ),
    rule("media.count", "Another number of media", "A video post has exactly one media.", "Name one media."),
    rule(
        "media.deleted",
        "The media was deleted",
        "Its bytes are gone, and nothing can be posted of it.",
        "Declare a new media with POST /v1/media and upload the file again.",
    ),
    rule(
        "media.gone",
        "The media is not there any more",
        "The video of the post that is to be retried is gone, or was refused.",
        "Upload it again and make a new post.",
    ),
    rule(
        "media.in_use",
        "A post needs the media",
        "A post that has not come to an end may still have to be given its bytes.",
        "Cancel the post, or wait until it has come to an end.",
    ),
    rule(
        "media.kind",
        "Another kind of media",
        "A video post has one video, a photo post has photos.",
        "Send the kind that fits the media.",
    ),
    rule(
        "media.not_found",
        "No such media",
        "This workspace has no media with this id.",
        "Declare the video with POST /v1/media and send the id that it gives.",
    ),
    rule(
        "media.parts.ended",
        "The upload in parts was given up",
        "Parts that are not put together within a day are deleted.",
        "Declare a new media and upload the file again.",
    ),
    rule(
        "media.parts.missing",
        "Parts are missing",
        "An upload is complete when every part is there, with its size.",
        "Upload them to the URLs that GET /v1/media/{id}/upload gives, and complete it again.",
    ),
    rule(
        "media.parts.none",
        "Not an upload in parts",
        "A media that is uploaded by one request is complete with that.",
        "Declare a media with `\"upload\": \"multipart\"` to upload it in parts.",
    ),
    rule(
        "media.rejected",
        "The media was rejected",
        "The probe refused the upload; the media names its problems.",
        "Upload another file as a new media.",
    ),
    rule(
        "media.sha256",
        "Not a SHA-256",
        "`sha256` is the base64 of 32 bytes.",
        "Send the SHA-256 of the file in base64: `openssl dgst -sha256 -binary FILE | base64`.",
    ),
    rule(
        "media.sha256.parts",
        "No SHA-256 of parts",
        "S3 checks no SHA-256 of a file that comes in parts.",
        "Leave `sha256` out, or upload the file by one request.",
    ),
    rule(
        "media.size.declared",
        "Another size than declared",
        "The upload has another number of bytes than was declared.",
        "Declare a new media with the file's real size and upload the whole file.",
    ),
    rule(
        "media.twice",
        "The media came twice",
        "The video is in the form, and the post names one as well.",
        "Leave `media` out of the post, or send the post as JSON without a file.",
    ),
    rule(
        "media.upload.missing",
        "The upload never came",
        "Nothing was uploaded within the time that the declaration gave.",
        "Declare a new media and upload the file in time.",
    ),
    rule(
        "method.not_allowed",
        "Another method",
        "The route does not take this method.",
        "Use one of the methods in the header Allow.",
    ),
    rule(
        "mode.inbox.field",
        "The creator decides this",
        "A draft for the inbox carries its media alone: the creator is asked for all else when finishing it in TikTok.",
        "Leave the field out, or send the mode `direct`.",
    ),
    rule(
        "mode.unsupported",
        "No such mode",
        "The post asks for a mode that is not taken here.",
        "Send one of the modes that the detail names.",
    ),
    rule(
        "multipart.malformed",
        "Not multipart/form-data",
        "The body cannot be read with the boundary that the header Content-Type names.",
        "Send the parts `post` (JSON) and `media` (the video).",
    ),
    rule(
        "not_acceptable",
        "No such representation",
        "The header Accept takes none of the media types that the route answers with.",
        "Accept the route's media type, or leave the header out.",
    ),
    rule(
        "outcome.unsupported",
        "No such outcome",
        "A post in doubt is either published or not.",
        "Look at the creator's TikTok account, and send `published` or `not_published`.",
    ),
    rule(
        "photo.animated",
        "The picture moves",
        "TikTok asks for photos, and one that is none fails them all.",
        "Export one frame as JPEG.",
    ),
    rule(
        "photo.colour",
        "The colours are those of print",
        "CMYK may look otherwise on a phone.",
        "Export the photo in RGB.",
    ),
    rule(
        "photo.damaged",
        "The photo cannot be read",
        "Its headers contradict themselves, or lack what every photo has.",
        "Export it anew.",
    ),
    rule("photo.duration", "Photos have no duration", "`duration_ms` is for videos alone.", "Leave it out."),
    rule("photo.empty", "The file has no bytes", "Nothing was uploaded.", "Upload the photo."),
    rule(
        "photo.encoding",
        "The photo is encoded in a way that nobody reads",
        "TikTok takes baseline and progressive JPEG, and WebP.",
        "Export it as JPEG.",
    ),
    rule(
        "photo.format",
        "The photo is neither JPEG nor WebP",
        "TikTok takes JPEG and WebP alone; PNG can be converted.",
        "Export it as JPEG, or declare it with `convert`.",
    ),
    rule(
        "photo.pixels.max",
        "The photo has too many pixels to be converted",
        "A conversion has to fit the function's memory.",
        "Export the photo smaller.",
    ),
    rule(
        "photo.side.max",
        "The photo is larger than 1080p",
        "It has to fit 1080 x 1920 or 1920 x 1080, as it is shown.",
        "Resize it, or declare it with `convert`.",
    ),
    rule(
        "photo.size.max",
        "The photo has too many bytes",
        "TikTok takes 20 MB a photo; one that is converted may have 50 MB.",
        "Export it with a lower quality, or smaller.",
    ),
    rule(
        "photo.truncated",
        "The photo ends too early",
        "The last part of the file is missing.",
        "Upload the whole file.",
    ),
    rule(
        "post.duplicate",
        "The same post once more",
        "The same creator, caption and media were posted within 24 hours; `duplicate_of` is the earlier post's id.",
        "Look at the earlier post, or send `allow_duplicate` if the same is to be posted again.",
    ),
    rule(
        "post.ended",
        "The post has ended",
        "There is nothing left to stop.",
        "Nothing; a published post is deleted in TikTok.",
    ),
    rule(
        "post.not_draft",
        "Not a draft",
        "The post is no draft, or not any more.",
        "Read the post: it is on its way, or has ended.",
    ),
    rule(
        "post.not_editable",
        "Too late to edit",
        "TikTok has been asked to publish the post, or it has ended. An edit that came at the same moment was too late.",
        "Cancel it as long as that goes, and make a new post.",
    ),
    rule(
        "post.not_ended",
        "The post has not ended",
        "Only a post that failed or was cancelled can be retried.",
        "Cancel it first, or wait until it has ended.",
    ),
    rule(
        "post.not_found",
        "No such post",
        "This workspace has no post with this id.",
        "Check the id; ids are case-sensitive and belong to one workspace.",
    ),
    rule(
        "post.not_unconfirmed",
        "The post is not in doubt",
        "Only an unconfirmed post can be resolved.",
        "Read the post: its fate is known.",
    ),
    rule(
        "post.published",
        "The post is published",
        "A post that is there cannot be retried.",
        "Make a new post to publish it again.",
    ),
    rule(
        "post.unconfirmed",
        "Nobody knows whether the post was created",
        "A retry now could publish twice.",
        "Look at the creator's TikTok account and tell with POST /v1/posts/{id}/resolve what is there.",
    ),
    rule(
        "post_id.format",
        "Not a post id of TikTok's",
        "`post_id` is the digits at the end of the post's link.",
        "Send the digits as a text.",
    ),
    rule(
        "post_id.needless",
        "An id for a post that is not there",
        "The outcome is `not_published`, and an id was sent.",
        "Leave `post_id` out, or send the outcome `published`.",
    ),
    rule(
        "posts.held.app_active_user_cap",
        "Posts wait for the app's cap",
        "TikTok takes posts of so many creators a day from this app. Advice.",
        "Nothing: they go on once TikTok's 24 hours have passed, or ask TikTok for more creators.",
    ),
    rule(
        "posts.held.creator_daily_cap",
        "Posts wait for the creator's cap",
        "TikTok takes so many posts a day of this creator. Advice.",
        "Nothing: they go on once TikTok's 24 hours have passed.",
    ),
    rule(
        "posts.held.creator_pending_shares",
        "Posts wait for drafts",
        "Too many drafts lie in the creator's inbox. Advice.",
        "The creator finishes or discards drafts in TikTok's inbox.",
    ),
    rule(
        "posts.held.operator",
        "Posts wait for the operator",
        "TikTok refuses the app's set-up. Advice.",
        "The operator repairs what GET /v1/app-status names.",
    ),
    rule(
        "posts.held.rate_limited",
        "Posts wait for their turn",
        "TikTok lets an app begin six posts a minute for a creator. Advice.",
        "Nothing: they go on by themselves.",
    ),
    rule(
        "posts.held.reconnect_required",
        "Posts wait for the creator",
        "TikTok does not accept the creator's tokens any more. Advice.",
        "Let the creator connect again.",
    ),
    rule(
        "posts.held.unaudited",
        "Posts wait for the audit",
        "TikTok lets an app that is not audited post to private accounts only. Advice.",
        "Make the TikTok account private until TikTok has audited the app.",
    ),
    rule(
        "posts.held.unconfirmed_sibling",
        "Posts wait for another one",
        "Nobody knows yet whether TikTok created an earlier post of this creator. Advice.",
        "Nothing: they go on once its fate is known or its deadline has passed.",
    ),
    rule(
        "privacy_level.not_offered",
        "The level is not offered",
        "TikTok does not offer this privacy level to this creator; another one is never substituted.",
        "Let the creator choose one of the offered levels.",
    ),
    rule(
        "privacy_level.required",
        "Nobody said who may see it",
        "A direct post has a privacy level that the creator chose; there is no default.",
        "Let the creator choose one of the levels of creator-info.",
    ),
    rule(
        "privacy_level.unknown",
        "No such privacy level",
        "The word is none of TikTok's privacy levels.",
        "Let the creator choose one of the levels in GET /v1/creators/{id}/creator-info.",
    ),
    rule(
        "publish_at.fold",
        "The hour comes twice",
        "The clocks of the zone are put back over this hour, so that it names two instants.",
        "Send one of the two instants that the remedy names, each with its offset.",
    ),
    rule(
        "publish_at.gap",
        "The hour does not exist",
        "The clocks of the zone are put forward over this hour.",
        "Send one of the two instants that the remedy names, each with its offset.",
    ),
    rule(
        "publish_at.max",
        "Too far ahead",
        "The upload is not kept until then.",
        "Send an earlier time, or upload the video again nearer to it.",
    ),
    rule(
        "publish_at.past",
        "The time is over",
        "`publish_at` lies in the past.",
        "Send a time that is still to come, or leave `publish_at` out to publish at once.",
    ),
    rule(
        "redeliver.since",
        "The moment is out of reach",
        "Deliveries are in the log for 30 days, and nothing is missed in the future.",
        "Send a later time; older events are in GET /v1/events for 90 days.",
    ),
    rule(
        "redeliver.what",
        "What is to be sent again?",
        "The body names one event, or a moment since which all that was missed is sent again.",
        "Send `event` or `since`, and not both.",
    ),
    rule(
        "request.invalid",
        "Several problems",
        "The request has more than one problem; `errors` lists all of them.",
        "Mend each of them.",
    ),
    rule(
        "route.not_found",
        "No such route",
        "There is nothing at this path.",
        "Check the path; the API is below /v1.",
    ),
    rule(
        "state.unsupported",
        "No such state",
        "A list is filtered by a state that no post has, or an endpoint is to have one that there is not.",
        "Send one of the states that the detail names.",
    ),
    rule(
        "tiktok",
        "TikTok refuses",
        "TikTok answered with an error; its code follows the dot, and `tiktok` holds its words and log_id.",
        "Do what the remedy of the problem says; it depends on TikTok's code.",
    ),
    rule(
        "time.format",
        "Not a time",
        "A time is RFC 3339 with its offset; a naive time is refused.",
        "Send a time such as `2027-01-31T18:00:00+02:00` or `2027-01-31T16:00:00Z`.",
    ),
    rule(
        "timezone.unknown",
        "No such zone",
        "`timezone` is no name of the IANA time zone database.",
        "Send a name such as `Europe/Athens`.",
    ),
    rule(
        "title.max",
        "The title is too long",
        "Photos take a title of at most 90 UTF-16 units; most emoji count as two.",
        "Shorten it.",
    ),
    rule(
        "transport.unsupported",
        "No such transport",
        "The post asks for a transport that is not taken here.",
        "Leave it out, or send one that the detail names.",
    ),
    rule(
        "upload.unsupported",
        "No such way to upload",
        "A file is uploaded by one request or in parts.",
        "Leave `upload` out, or send `multipart`.",
    ),
    rule(
        "url.address",
        "The host's address is not public",
        "The host is, or resolves to, an address that is not on the public internet: loopback, private, link-local and others.",
        "Use a host all of whose addresses are on the public internet.",
    ),
    rule(
        "url.format",
        "Not a URL",
        "A URL is absolute, has at most 2,048 characters, and no blanks or backslashes.",
        "Send an absolute URL such as `https://example.com/path`, with special characters encoded.",
    ),
    rule(
        "url.host",
        "The host is not a public name",
        "Names such as `localhost`, names without a dot and names of inner networks mean nothing in public.",
        "Use a host name of the public DNS, without a dot at its end.",
    ),
    rule(
        "url.port",
        "The port belongs to another protocol",
        "A URL is asked for on port 443, or on 1024 or higher.",
        "Serve it on one of these ports.",
    ),
    rule(
        "url.scheme",
        "The URL is not https",
        "Nothing is asked for without TLS.",
        "Serve it by HTTPS with a certificate of a public authority.",
    ),
    rule(
        "url.userinfo",
        "The URL bears a user name or a password",
        "What stands before `@` is refused.",
        "Leave it out; put a secret into the path or the query.",
    ),
    rule(
        "verification_file.content",
        "Not a verification file",
        "The content is empty, or longer than 1,000 bytes.",
        "Send what stands in TikTok's file, byte by byte.",
    ),
    rule(
        "verification_file.name",
        "Not the name of a verification file",
        "TikTok's files are named `tiktok`, letters and digits, `.txt`.",
        "Send the name as TikTok gives it.",
    ),
    rule(
        "video.aspect.advice",
        "The video is not 9:16",
        "It is taken; upright videos fill the screen.",
        "Nothing has to be done.",
    ),
    rule(
        "video.codec.advice",
        "Another codec than H.264",
        "It is taken; TikTok recommends H.264.",
        "Nothing has to be done.",
    ),
    rule(
        "video.codec.unsupported",
        "The codec is not taken",
        "TikTok takes H.264, H.265, VP8 and VP9.",
        "Convert the video to H.264.",
    ),
    rule(
        "video.container.advice",
        "Another container than MP4",
        "It is taken; TikTok recommends MP4.",
        "Nothing has to be done.",
    ),
    rule(
        "video.container.damaged",
        "The file is damaged",
        "The container cannot be read to the end of what it announces.",
        "Export the video anew.",
    ),
    rule(
        "video.container.unknown",
        "Not a video",
        "The bytes are neither MP4, QuickTime nor WebM.",
        "Upload an MP4, QuickTime or WebM file.",
    ),
    rule(
        "video.duration.advice",
        "The video is shorter than three seconds",
        "It is taken; others report that TikTok may refuse it.",
        "Nothing has to be done.",
    ),
    rule(
        "video.duration.max",
        "The video is too long",
        "Each creator has a longest duration; TikTok's own limit is 10 minutes.",
        "Shorten the video.",
    ),
    rule(
        "video.duration.unknown",
        "The duration is not told",
        "The file does not say how long it is.",
        "Write the file anew, for example `ffmpeg -i in -c copy out.mp4`.",
    ),
    rule("video.empty", "The file is empty", "The file has no bytes.", "Send the video."),
    rule(
        "video.faststart.advice",
        "The movie header stands at the end",
        "It is taken; with the header in front it can be judged sooner.",
        "Nothing has to be done.",
    ),
    rule(
        "video.frame_rate.range",
        "The frame rate is out of range",
        "TikTok takes 23 to 60 frames a second.",
        "Convert the video to 30 frames a second.",
    ),
    rule(
        "video.frame_rate.unknown",
        "The frame rate is not told",
        "The file does not say how many frames it has.",
        "Write the file anew, for example `ffmpeg -i in -c copy out.mp4`.",
    ),
    rule(
        "video.no_video_track",
        "No video in the file",
        "The file has no video track.",
        "Upload a file with a video track.",
    ),
    rule(
        "video.side.range",
        "A side is out of range",
        "TikTok takes sides of 360 to 4,096 pixels.",
        "Scale the video.",
    ),
    rule(
        "video.size.max",
        "The file is too large",
        "TikTok takes videos of at most 4,000,000,000 bytes.",
        "Export the video at a lower bitrate.",
    ),
    rule(
        "video.truncated",
        "The file is cut short",
        "The file ends before what it announces.",
        "Upload the whole file.",
    ),
    rule(
        "webhook.signature",
        "The signature is wrong",
        "The webhook is not signed with the app's client secret.",
        "Sign the raw body as TikTok does.",
    ),
    rule(
        "webhook_endpoint.contended",
        "Changed at the same time",
        "Somebody else changes this endpoint at the same time.",
        "Send the same request again.",
    ),
    rule(
        "webhook_endpoint.description.max",
        "The description is too long",
        "A description has at most 200 characters.",
        "Shorten it.",
    ),
    rule(
        "webhook_endpoint.disabled",
        "The endpoint is off",
        "Nothing is sent to an endpoint that is turned off.",
        "Turn it on with PATCH /v1/webhook-endpoints/{id}: its `state` is to be `enabled`.",
    ),
    rule(
        "webhook_endpoint.events.unknown",
        "No such type of event",
        "An endpoint takes types of the catalogue, or whole families such as `post.*`.",
        "Send types of GET /v1/event-types, families, or `*` for all.",
    ),
    rule(
        "webhook_endpoint.limit",
        "Too many endpoints",
        "A workspace has at most 20 webhook endpoints.",
        "Remove one that is needed no more, or let one endpoint take more types of events.",
    ),
    rule(
        "webhook_endpoint.not_found",
        "No such webhook endpoint",
        "This workspace has no webhook endpoint with this id.",
        "Check the id; ids are case-sensitive and belong to one workspace.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_sorted_and_every_rule_is_found_in_it() {
        assert!(RULES.is_sorted_by(|one, other| one.id < other.id));
        for rule in RULES {
            assert_eq!(Some(rule), Rule::find(rule.id));
            assert!([rule.title, rule.means, rule.remedy].iter().all(|text| !text.is_empty()), "{}", rule.id);
        }
        assert_eq!(Some("tiktok"), Rule::find("tiktok.spam_risk").map(|rule| rule.id));
        assert_eq!(None, Rule::find("video.colour"));
    }
}
