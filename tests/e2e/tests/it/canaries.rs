//! Every secret that comes up in many ways of success and failure, looked for in everything that is left behind.
//!
//! The functions log at TRACE, TikTok pulls presigned URLs, and the wire keeps what goes in and out. After everything went its
//! way nothing may be found; then one secret is planted in each kind of place, and each must be found there.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use domain::{AccountId, Job};
use e2e::canaries::{Secrets, Sinks, find, kinds_of};
use e2e::journey::{Journey, form};
use e2e::rig::{GOOD_VIDEO, Rig, Setup, repository_file};
use e2e::wire::{Act, Rule, When};
use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use ports::{Accounts as _, Read};
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};
use slipway::client::{fresh_key, text};
use slipway::stack::{Pull, SANDBOX_CLIENT_KEY};
use tiktok_sandbox::{AutoTime, Endpoint, Fault, FaultKind, Rotation, Time, signature};
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(100);
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// TikTok takes so long for a video: four checks find it being processed.
const PROCESSING_MS: i64 = 8_000;
/// So often the SDK tries.
const ATTEMPTS: u32 = 3;
/// Creators that connect at once.
const CONNECTING: usize = 4;

pub(crate) fn setup() -> Setup {
    let mut setup = Setup { pull: Pull::Presigned, recorded: true, ..Setup::default() }
        .with("PollLadder", "2,2,2,2,3")
        .with("TailLadder", "2,3,5")
        .with("PublishVisibility", "6")
        .with("StatusVisibility", "6")
        // a lease that was left behind is taken over soon; no refresh begins with less than 25 s
        .with("TokenRefreshTimeout", "28")
        // by the template's own plan nobody whose token lives for a day is refreshed within the first hour
        .with("RefreshVisibility", "28");
    setup.environment.insert("AWS_LAMBDA_LOG_LEVEL".into(), "TRACE".into());
    setup.environment.insert("AWS_LAMBDA_LOG_FORMAT".into(), "JSON".into());
    setup.tiktok.tokens.rotation = Rotation::OldValidUntilNewUsed;
    setup.tiktok.time =
        Time::Auto(AutoTime { fetch_ms: 0, processing_ms: PROCESSING_MS, public_id_ms: 1_000 });
    setup
}

/// The ways in which a call to TikTok fails.
fn faults(quoted: &str) -> [FaultKind; 6] {
    // nothing of TikTok's answers says that it never quotes what it was sent
    let body = json!({
        "error": { "code": "internal_error", "message": format!("no luck with {quoted}"), "log_id": "1" },
        "error_description": format!("no luck with {quoted}"),
    });
    [
        FaultKind::Answer { status: 500, body },
        FaultKind::Answer { status: 502, body: Value::String(format!("<html>{quoted}</html>")) },
        FaultKind::LostBefore,
        FaultKind::AnswerLost,
        FaultKind::CutBody,
        FaultKind::Garbage,
    ]
}

/// One workspace and whoever connects to it.
struct Town<'r> {
    rig: &'r Rig,
    api_key: String,
    api: slipway::client::Api,
    http: reqwest::Client,
}

/// A browser that has been at TikTok and is about to come back.
struct SignIn {
    back: Url,
    cookie: String,
}

/// What somebody is answered.
struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl<'r> Town<'r> {
    async fn found(rig: &'r Rig) -> Result<Self> {
        let api_key = rig.stack.new_api_key().await?;
        let api = slipway::client::Api::new(&rig.stack.facts.api_url, &api_key)?;
        Ok(Self { rig, api_key, api, http: slipway::http::client()? })
    }

    /// Any request, whatever comes of it.
    async fn ask(&self, method: Method, path: &str, key: Option<&str>, body: Option<&str>) -> Result<Seen> {
        let mut request = self.http.request(method, format!("{}{path}", self.rig.stack.facts.api_url));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_owned());
        }
        self.send(request).await.with_context(|| format!("asking `{path}`"))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Seen> {
        let answer = request.timeout(Duration::from_secs(40)).send().await?;
        Ok(Seen {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer.text().await.unwrap_or_default(),
        })
    }

    async fn get(&self, path: &str) -> Result<Seen> {
        self.ask(Method::GET, path, Some(&self.api_key), None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Seen> {
        self.ask(Method::POST, path, Some(&self.api_key), Some(&body.to_string())).await
    }

    /// Opens a new link and decides at TikTok; `scopes`: all that are asked for, unless some are named.
    async fn sign_in(
        &self,
        creator: Option<&str>,
        account: &str,
        decision: &str,
        scopes: Option<&str>,
    ) -> Result<SignIn> {
        let wanted = creator.map_or(json!({}), |creator| json!({ "creator": creator }));
        let link = self.api.post("/v1/connect-links", &fresh_key(), &wanted).await?;
        let opened = self.send(self.http.get(text(&link, "url"))).await?;
        let header = |seen: &Seen, name| {
            let value = seen.headers.get(&name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            value.with_context(|| format!("no {name} with {}: {}", seen.status, seen.body))
        };
        let cookie = header(&opened, SET_COOKIE)?.split(';').next().unwrap_or_default().to_owned();
        let consent = Url::parse(&header(&opened, LOCATION)?)?;
        let asked =
            consent.query_pairs().find(|(name, _)| name == "scope").map(|(_, value)| value.into_owned());
        let asked = asked.context("the consent page was asked for no scopes")?;
        let mut form = Url::parse("form:")?;
        form.query_pairs_mut()
            .append_pair("account", account)
            .append_pair("decision", decision)
            .extend_pairs(scopes.unwrap_or(&asked).split(',').map(|scope| ("scope", scope)));
        let decided = self
            .http
            .post(consent)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.query().unwrap_or_default().to_owned());
        let back = Url::parse(&header(&self.send(decided).await?, LOCATION)?)?;
        Ok(SignIn { back, cookie })
    }

    async fn come_back(&self, back: &Url, cookie: Option<&str>) -> Result<Seen> {
        let mut request = self.http.get(back.clone());
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        self.send(request).await
    }

    /// A new TikTok account that is connected.
    async fn person(&self) -> Result<Journey<'r>> {
        let account = self.rig.new_account();
        let way = self.sign_in(None, &account, "allow", None).await?;
        let seen = self.come_back(&way.back, Some(&way.cookie)).await?;
        ensure!(seen.status == 200, "connecting: {} {}", seen.status, seen.body);
        let open_id = self.rig.sandbox().world().open_id(SANDBOX_CLIENT_KEY, &account);
        let creators = self.api.get("/v1/creators?limit=100").await?;
        let mut creators = creators["data"].as_array().into_iter().flatten();
        let creator = creators.find(|creator| text(creator, "open_id") == open_id);
        let creator = text(creator.context("a connected creator is not listed")?, "id").to_owned();
        Journey::of(self.rig, self.api_key.clone(), account, creator).await
    }

    /// An access token of this account.
    fn token(&self, account: &str) -> String {
        let set = self.rig.sandbox().connect(SANDBOX_CLIENT_KEY, account, &["user.info.basic"]);
        text(&set, "access_token").to_owned()
    }

    fn inject(&self, endpoint: Endpoint, account: &str, kind: FaultKind) {
        let fault = Fault { account: Some(account.to_owned()), ..Fault::once(endpoint, kind) };
        self.rig.sandbox().world().inject(fault);
    }

    /// Whether every fault that was put in for this account has struck.
    fn have_struck(&self, endpoint: Endpoint, account: &str) -> bool {
        let world = self.rig.sandbox().world();
        let waits = |fault: &Fault| fault.endpoint == endpoint && fault.account.as_deref() == Some(account);
        !world.faults().iter().any(waits)
    }

    async fn all_struck(&self, endpoint: Endpoint, account: &str) -> Result<()> {
        self.until("struck", async || Ok(self.have_struck(endpoint, account))).await
    }

    async fn send_refresh(&self, person: &Journey<'_>) -> Result<()> {
        let epoch = Some(self.row(&person.account_row).await?.epoch);
        let job = Job::Refresh { account: person.account_row.clone(), epoch };
        self.rig.send("refresh", &serde_json::to_string(&job)?).await
    }

    /// Waits until nobody works on the account's tokens.
    async fn given_back(&self, person: &Journey<'_>) -> Result<()> {
        self.until("given back", async || Ok(self.row(&person.account_row).await?.lease.is_none())).await
    }

    /// Has the tokens refreshed, and waits until whoever does it has done with the account.
    async fn refresh(&self, person: &Journey<'_>) -> Result<()> {
        let asked = person.calls(Endpoint::Token).len();
        self.send_refresh(person).await?;
        person.is_asked(Endpoint::Token, asked + 1).await?;
        self.given_back(person).await
    }

    async fn row(&self, account: &AccountId) -> Result<domain::Account> {
        self.rig.store.account(account, Read::Strong).await?.context("the account has no row")
    }

    async fn until(&self, what: &str, is: impl AsyncFn() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is().await? {
            ensure!(Instant::now() < deadline, "never {what}\n{}", self.rig.last_words());
            sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// The creator's status, as its workspace sees it.
    async fn status(&self, person: &Journey<'_>, wanted: &str) -> Result<()> {
        let path = format!("/v1/creators/{}", person.creator);
        self.until(wanted, async || Ok(text(&self.api.get(&path).await?, "status") == wanted)).await
    }
}

pub(crate) async fn no_secret_is_anywhere_and_one_that_is_planted_is_found(rig: &Rig) -> Result<()> {
    let town = Town::found(rig).await?;
    let begun = Instant::now();
    Box::pin(everything_happens(&town)).await?;
    let lived = begun.elapsed();

    let (secrets, sinks) = (Secrets::of(rig).await?, Sinks::of(rig).await?);
    let begun = Instant::now();
    let findings = find(&secrets, &sinks);
    println!(
        "lived for {:.0} s, searched for {:.1} s\nsecrets: {} {secrets:#?}\nsinks (how many, bytes): {:#?}",
        lived.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
        secrets.len(),
        sinks.kinds(),
    );
    all_was_there(&secrets, &sinks, rig)?;
    ensure!(findings.is_empty(), "{} findings: {findings:#?}", findings.len());

    let planted = plant(&town).await?;
    let (secrets, sinks) = (Secrets::of(rig).await?, Sinks::of(rig).await?);
    let findings = find(&secrets, &sinks);
    for (kinds, secret) in &planted {
        let found = kinds_of(&findings, secret);
        ensure!(
            found == kinds.iter().copied().collect::<BTreeSet<_>>(),
            "planted in {kinds:?}, found in {found:?}"
        );
    }
    let of_planted =
        |finding: &&e2e::canaries::Finding| planted.iter().any(|(_, secret)| finding.is_of(secret));
    let others: Vec<_> = findings.iter().filter(|finding| !of_planted(finding)).collect();
    ensure!(others.is_empty(), "not planted: {others:#?}");
    println!("planted {} secrets, found each where it was: {findings:#?}", planted.len());
    Ok(())
}

async fn everything_happens(town: &Town<'_>) -> Result<()> {
    // its tokens have to be refreshed soon
    town.rig.sandbox().world().reconfigure(|config| config.tokens.access_ms = 20_000);
    let scheduled = town.person().await?;
    town.rig.sandbox().world().reconfigure(|config| config.tokens.access_ms = DAY_MS);

    let people: Vec<_> =
        stream::iter(0..15).map(|_| town.person()).buffered(CONNECTING).try_collect().await?;
    let [watched, small, in_flight, rescued, refused, removed, refreshed, checked, dead, inits @ ..] =
        &people[..]
    else {
        anyhow::bail!("too few people");
    };
    let media = watched.upload(GOOD_VIDEO).await?;
    let media = media.as_str();
    town.until("probed", async || {
        Ok(text(&town.api.get(&format!("/v1/media/{media}")).await?, "state") == "ready")
    })
    .await?;
    tokio::try_join!(
        named("sign ins that fail", sign_ins_that_fail(town)),
        named("calls that are refused", calls_that_are_refused(town, watched)),
        named("keys come and go", keys_come_and_go(town)),
        named("webhooks that are none", webhooks_that_are_none(town)),
        named("published by webhook", published_by_webhook(watched, media)),
        named("published from inside the request", published_from_inside_the_request(small)),
        named("token ends in mid flight", token_ends_in_mid_flight(in_flight, media)),
        named("refreshed by the clock", refreshed_by_the_clock(town, &scheduled)),
        named("refreshed but not stored", refreshed_but_not_stored(town, rescued)),
        named("refused for good and connected again", refused_for_good_and_connected_again(town, refused)),
        named("authorization removed", authorization_removed(town, removed)),
        named("refreshes that fail", refreshes_that_fail(town, refreshed)),
        named("checks that fail", checks_that_fail(town, checked, media)),
        named("jobs that fail five times", jobs_that_fail_five_times(town, dead, media)),
        named("inits that fail", inits_that_fail(town, inits, media)),
    )?;
    what_is_ours_fails(town, small, media).await?;
    everything_is_read(town, watched).await?;
    disconnected_at_last(town, small).await
}

/// What goes wrong is told with the way on which it did.
async fn named<T>(way: &str, it: impl Future<Output = Result<T>>) -> Result<T> {
    it.await.with_context(|| way.to_owned())
}

/// Said no, another browser, another state, no code, twice; TikTok that fails at the exchange and at the profile.
async fn sign_ins_that_fail(town: &Town<'_>) -> Result<()> {
    let account = town.rig.new_account();
    let way = town.sign_in(None, &account, "deny", None).await?;
    let seen = town.come_back(&way.back, Some(&way.cookie)).await?;
    ensure!(seen.body.contains("Nothing was connected"), "{}", seen.body);

    let way = town.sign_in(None, &account, "allow", None).await?;
    let mut forged = way.back.clone();
    let pairs: Vec<(String, String)> = way.back.query_pairs().into_owned().collect();
    forged.query_pairs_mut().clear().extend_pairs(
        pairs.iter().filter(|(name, _)| name != "state").cloned().chain([("state".into(), "0f".repeat(32))]),
    );
    ensure!(town.come_back(&forged, Some(&way.cookie)).await?.status == 400, "a state of nobody's");
    ensure!(town.come_back(&way.back, None).await?.status == 403, "another browser");
    // the state was used up by that
    ensure!(town.come_back(&way.back, Some(&way.cookie)).await?.status == 400, "a state that was used");

    let way = town.sign_in(None, &account, "allow", None).await?;
    let mut without = way.back.clone();
    let pairs: Vec<(String, String)> = way.back.query_pairs().into_owned().collect();
    without.query_pairs_mut().clear().extend_pairs(pairs.iter().filter(|(name, _)| name != "code"));
    ensure!(town.come_back(&without, Some(&way.cookie)).await?.status == 400, "no code");

    for kind in faults(&town.token(&account)) {
        let way = town.sign_in(None, &account, "allow", None).await?;
        town.inject(Endpoint::Token, &account, kind);
        let seen = town.come_back(&way.back, Some(&way.cookie)).await?;
        ensure!(seen.status == 502, "an exchange that fails: {} {}", seen.status, seen.body);
    }
    for kind in faults(&town.token(&account)) {
        let way = town.sign_in(None, &account, "allow", Some("user.info.basic")).await?;
        town.inject(Endpoint::UserInfo, &account, kind);
        let seen = town.come_back(&way.back, Some(&way.cookie)).await?;
        ensure!(seen.status == 200, "a profile that fails: {} {}", seen.status, seen.body);
    }
    ensure!(town.ask(Method::GET, &format!("/connect/{}", "0f".repeat(32)), None, None).await?.status == 404);
    Ok(())
}

/// Wrong keys, no JSON, wrong fields, wrong paths; TikTok that fails at `creator_info`.
async fn calls_that_are_refused(town: &Town<'_>, person: &Journey<'_>) -> Result<()> {
    let wrong = format!("slk_{}_{}", fresh_key(), "5e".repeat(32));
    let (id, _) = town.api_key.rsplit_once('_').context("the key has no secret")?;
    let half_right = format!("{id}_{}", "6f".repeat(32));
    let misshapen = format!("slk_of_no_form_{}", "7A".repeat(20));
    for key in [None, Some(wrong.as_str()), Some(&half_right), Some(&misshapen)] {
        for path in ["/v1/posts", "/v1/creators", "/v1/keys", "/v1/events"] {
            ensure!(town.ask(Method::GET, path, key, None).await?.status == 401, "{path}");
        }
    }
    let token = town.token(&person.account);
    let malformed = format!(r#"{{"creator": "{token}", "caption": "{token}"#);
    for path in ["/v1/posts", "/v1/media", "/v1/connect-links", "/v1/keys"] {
        let seen = town.ask(Method::POST, path, Some(&town.api_key), Some(&malformed)).await?;
        ensure!(seen.status == 400, "{path}: {} {}", seen.status, seen.body);
        let seen = town.post(path, &json!({ "nothing": ["that", "is"], "known": 7 })).await?;
        ensure!(seen.status.is_client_error(), "{path}: {} {}", seen.status, seen.body);
    }
    ensure!(town.get("/v1/nowhere").await?.status == 404);
    ensure!(town.ask(Method::DELETE, "/v1/posts", Some(&town.api_key), None).await?.status == 405);
    let path = format!("/v1/creators/{}/creator-info", person.creator);
    for kind in faults(&token) {
        town.inject(Endpoint::CreatorInfo, &person.account, kind);
        let seen = town.get(&path).await?;
        ensure!(seen.status.is_server_error(), "creator_info that fails: {} {}", seen.status, seen.body);
    }
    Ok(())
}

async fn keys_come_and_go(town: &Town<'_>) -> Result<()> {
    let (first, second) = (fresh_key(), fresh_key());
    let asked = json!({ "name": "laptop", "scopes": ["posts:read", "creators:read"] });
    let made = town.api.post("/v1/keys", &first, &asked).await?;
    ensure!(town.api.post("/v1/keys", &first, &asked).await?["secret"] == made["secret"], "another secret");
    let rotate = format!("/v1/keys/{}/rotate", text(&made, "id"));
    let rotated = town.api.post(&rotate, &second, &json!({ "grace_seconds": 60 })).await?;
    town.api.post(&rotate, &second, &json!({ "grace_seconds": 60 })).await?;
    for key in [&made, &rotated] {
        ensure!(town.ask(Method::GET, "/v1/posts", Some(text(key, "secret")), None).await?.status == 200);
        ensure!(town.ask(Method::GET, "/v1/keys", Some(text(key, "secret")), None).await?.status == 403);
    }
    let path = format!("/v1/keys/{}", text(&rotated, "id"));
    ensure!(town.ask(Method::DELETE, &path, Some(&town.api_key), None).await?.status == 200);
    // another process may believe it for a minute more
    let seen = town.ask(Method::GET, "/v1/posts", Some(text(&rotated, "secret")), None).await?;
    ensure!([200, 401].contains(&seen.status.as_u16()), "{} {}", seen.status, seen.body);
    ensure!(town.post(&format!("{path}/rotate"), &json!({})).await?.status == 409);
    Ok(())
}

/// A signature that is none; a good one over what cannot be read, is old, or is of an event that nobody knows.
async fn webhooks_that_are_none(town: &Town<'_>) -> Result<()> {
    let token = town.token("ada");
    let secret = town.rig.parameter("client-secret").await?;
    let now = town.rig.sandbox().now_ms() / 1_000;
    let event = |name: &str, content: &Value| {
        let said = json!({
            "client_key": SANDBOX_CLIENT_KEY,
            "event": name,
            "create_time": now,
            "user_openid": "nobody",
            "content": content.to_string(),
        });
        said.to_string()
    };
    let send = async |body: &str, signed: String, wanted: u16| {
        let url = format!("{}/webhooks/tiktok", town.rig.stack.facts.api_url);
        let request = town.http.post(url).header("tiktok-signature", signed).body(body.to_owned());
        let seen = town.send(request).await?;
        ensure!(seen.status == wanted, "a webhook: {} {}", seen.status, seen.body);
        Ok(())
    };
    let quoting = event("post.publish.complete", &json!({ "publish_id": token }));
    for signed in
        [String::new(), token.clone(), signature("some-other-client-secret", now, quoting.as_bytes())]
    {
        send(&quoting, signed, 401).await?;
    }
    let unreadable = [
        token.clone(),
        format!("{{\"event\": \"{token}"),
        json!({ "event": "post.publish.complete", "create_time": token }).to_string(),
        json!({ "event": "post.publish.complete", "content": format!("\"{token}\"") }).to_string(),
        event("post.publish.failed", &json!({ "publish_id": 7, "reason": { "of": token } })),
        event("authorization.removed", &json!({ "reason": token })),
    ];
    for body in unreadable {
        send(&body, signature(&secret, now, body.as_bytes()), 200).await?;
    }
    let old = event("post.publish.complete", &json!({ "publish_id": "v_pub_url~v2.1" }));
    send(&old, signature(&secret, now - 4_000, old.as_bytes()), 200).await?;
    let unknown = event("post.dreamt.of", &json!({ "by": "nobody" }));
    send(&unknown, signature(&secret, now, unknown.as_bytes()), 200).await
}

async fn published_by_webhook(person: &Journey<'_>, media: &str) -> Result<()> {
    let mut asked = person.post_with(media);
    asked["privacy_level"] = json!("PUBLIC_TO_EVERYONE");
    let id = person.create(&asked).await?;
    person.becomes(&id, "published").await.map(drop)
}

async fn published_from_inside_the_request(person: &Journey<'_>) -> Result<()> {
    let (content_type, body) = form(&person.draft(), &std::fs::read(repository_file(GOOD_VIDEO)?)?);
    let answer = person.ask("/v1/posts", Some(&fresh_key()), &content_type, body).await?;
    ensure!(answer.status == 202, "{answer:#?}");
    person.becomes(text(&answer.body, "id"), "published").await.map(drop)
}

async fn token_ends_in_mid_flight(person: &Journey<'_>, media: &str) -> Result<()> {
    let pause = Rule::new(When::Before, Act::Delay(Duration::from_millis(1_200))).of("publish-init");
    let pause = person.rig.wire.install(pause.on("S3", "CopyObject").about(&person.account));
    let id = person.create(&person.post_with(media)).await?;
    ensure!(person.rig.wire.strikes(pause, PATIENCE).await, "no copy was made\n{}", person.rig.last_words());
    person.expire_access_token();
    person.becomes(&id, "published").await?;
    // at init, or at the creator_info of another try where the machine was too slow for this one
    let calls = [Endpoint::CreatorInfo, Endpoint::VideoInit].map(|endpoint| person.calls(endpoint)).concat();
    ensure!(calls.iter().any(|call| call.code == "access_token_invalid"), "nothing was refused: {calls:#?}");
    ensure!(person.refreshes() > 0, "nothing was refreshed");
    Ok(())
}

async fn refreshed_by_the_clock(town: &Town<'_>, person: &Journey<'_>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while person.refreshes() == 0 {
        ensure!(Instant::now() < deadline, "nobody was refreshed\n{}", town.rig.last_words());
        town.rig.sweep_accounts().await?;
        sleep(Duration::from_secs(3)).await;
    }
    Ok(())
}

/// The table does not take the new tokens: they are sealed in S3, and the next to hold the lease finds them there.
async fn refreshed_but_not_stored(town: &Town<'_>, person: &Journey<'_>) -> Result<()> {
    let wire = &town.rig.wire;
    // the first write takes the lease; the next one is tried three times
    let lost = Rule::new(When::Before, Act::Lose).of("token-refresh").on("DynamoDB", "UpdateItem");
    let lost = wire.install(lost.subject("account#acc").about(&person.account).skip(1).times(ATTEMPTS));
    town.send_refresh(person).await?;
    let object = format!("rescue/{}/2", person.account_row);
    town.until("rescued", async || Ok(town.rig.objects().await?.contains_key(&object))).await?;
    ensure!(wire.struck(lost) == ATTEMPTS, "the table lost {} writes", wire.struck(lost));
    let kept = town.rig.objects().await?.remove(&object).context("the rescue object is gone")?;
    let kept: Value = serde_json::from_slice(&kept).context("reading the rescue object")?;
    ensure!(kept["epoch"] == 2 && kept["refresh"].is_object() | kept["refresh"].is_string(), "{kept:#}");
    ensure!(town.row(&person.account_row).await?.epoch == 1, "the table has them all the same");
    town.until("taken over", async || Ok(town.row(&person.account_row).await?.epoch == 2)).await?;
    ensure!(person.refreshes() == 1, "{} refreshes", person.refreshes());
    Ok(())
}

async fn refused_for_good_and_connected_again(town: &Town<'_>, person: &Journey<'_>) -> Result<()> {
    town.refresh(person).await?;
    let now = town.rig.sandbox().now_ms();
    town.rig.sandbox().world().expire_refresh_tokens(&person.account, now);
    person.expire_access_token();
    town.refresh(person).await?;
    town.status(person, "reconnect_required").await?;
    let way = town.sign_in(Some(&person.creator), &person.account, "allow", None).await?;
    let seen = town.come_back(&way.back, Some(&way.cookie)).await?;
    ensure!(seen.status == 200, "reconnecting: {} {}", seen.status, seen.body);
    town.status(person, "active").await?;
    // somebody else signs in by a link that is for one account
    let way = town.sign_in(Some(&person.creator), &town.rig.new_account(), "allow", None).await?;
    ensure!(town.come_back(&way.back, Some(&way.cookie)).await?.status == 409, "another account");
    Ok(())
}

async fn authorization_removed(town: &Town<'_>, person: &Journey<'_>) -> Result<()> {
    town.rig.sandbox().act(|world, now| world.revoke_user(SANDBOX_CLIENT_KEY, &person.account, 1, now));
    town.status(person, "reconnect_required").await
}

async fn refreshes_that_fail(town: &Town<'_>, person: &Journey<'_>) -> Result<()> {
    for kind in faults(&town.token(&person.account)) {
        town.inject(Endpoint::Token, &person.account, kind);
        town.send_refresh(person).await?;
        town.all_struck(Endpoint::Token, &person.account).await?;
        town.given_back(person).await?;
    }
    Ok(())
}

async fn checks_that_fail(town: &Town<'_>, person: &Journey<'_>, media: &str) -> Result<()> {
    for kind in faults(&town.token(&person.account)) {
        town.inject(Endpoint::StatusFetch, &person.account, kind);
    }
    // each post is checked a few times before TikTok tells its fate
    let mut posted = 0;
    while !town.have_struck(Endpoint::StatusFetch, &person.account) {
        ensure!(posted < 6, "TikTok is hardly asked about the posts");
        posted += 1;
        let id = person.create(&person.post_with(media)).await?;
        person.becomes(&id, "published").await?;
    }
    Ok(())
}

/// A good job whose rows cannot be read, and one that no function knows.
async fn jobs_that_fail_five_times(town: &Town<'_>, person: &Journey<'_>, media: &str) -> Result<()> {
    let unread = Rule::new(When::Before, Act::Lose).of("publish-init").on("DynamoDB", "BatchGetItem");
    let unread = town.rig.wire.install(unread.about(&person.account).times(1_000));
    town.rig.send("status", r#"{"job":"dream.v1","of":"nobody"}"#).await?;
    let id = person.create(&person.post_with(media)).await?;
    town.until("dead", async || {
        let depths = town.rig.depths().await?;
        let lies = |queue: &str| depths.iter().any(|depth| depth.queue == queue && depth.waiting > 0);
        Ok(lies("publish-dead-letters") && lies("status-dead-letters"))
    })
    .await?;
    town.rig.wire.remove(unread);
    town.rig.sweep_posts().await?;
    person.becomes(&id, "published").await.map(drop)
}

async fn inits_that_fail(town: &Town<'_>, people: &[Journey<'_>], media: &str) -> Result<()> {
    let kinds = faults(&town.token("ada"));
    ensure!(people.len() == kinds.len(), "{} people for {} faults", people.len(), kinds.len());
    let fails = people.iter().zip(kinds).map(async |(person, kind)| {
        town.inject(Endpoint::VideoInit, &person.account, kind);
        let id = person.create(&person.post_with(media)).await?;
        town.all_struck(Endpoint::VideoInit, &person.account).await?;
        person
            .until(&id, "past its init", |post| {
                ["unconfirmed", "processing", "published"].contains(&post.state.name())
            })
            .await
    });
    try_join_all(fails).await.map(drop)
}

/// AWS does not answer, to functions that have just started and know nothing yet.
async fn what_is_ours_fails(town: &Town<'_>, person: &Journey<'_>, media: &str) -> Result<()> {
    let wire = &town.rig.wire;
    let listed = town.api.get("/v1/posts").await?;
    let post = text(&listed["data"][0], "id").to_owned();
    // TikTok's webhooks come in at the same time, and may meet with the same
    let lost = |function: &str, service: &str, operation: &str, times| {
        wire.install(Rule::new(When::After, Act::Lose).of(function).on(service, operation).times(times))
    };
    let struck = |rule, what: &str| {
        let times = wire.struck(rule);
        wire.remove(rule);
        ensure!(times >= ATTEMPTS, "{what} was lost {times} times");
        Ok(())
    };
    town.rig.kill("api");
    let rule = lost("api", "SSM", "GetParameters", 10 * ATTEMPTS);
    let seen = town.get("/v1/app-status").await?;
    ensure!(seen.status.is_server_error(), "without secrets: {} {}", seen.status, seen.body);
    struck(rule, "the secrets")?;
    town.rig.kill("api");
    let path = format!("/v1/creators/{}/creator-info", person.creator);
    let rule = lost("api", "KMS", "Decrypt", 10 * ATTEMPTS);
    let seen = town.get(&path).await?;
    ensure!(seen.status.is_server_error(), "without a key: {} {}", seen.status, seen.body);
    struck(rule, "the key")?;
    let rule = lost("api", "DynamoDB", "GetItem", 10 * ATTEMPTS);
    let seen = town.get(&format!("/v1/posts/{post}")).await?;
    ensure!(seen.status == 500, "without a row: {} {}", seen.status, seen.body);
    struck(rule, "a row")?;
    let rule = lost("api", "S3", "PutObject", 10 * ATTEMPTS);
    let (content_type, body) = form(&person.draft(), &std::fs::read(repository_file(GOOD_VIDEO)?)?);
    let answer = person.ask("/v1/posts", Some(&fresh_key()), &content_type, body).await?;
    ensure!(answer.status == 500, "without a bucket: {answer:#?}");
    struck(rule, "an upload")?;
    let rule = lost("api", "SQS", "SendMessage", 10 * ATTEMPTS);
    let answer = person.create(&person.post_with(media)).await;
    struck(rule, "a message").with_context(|| format!("{answer:?}"))?;
    town.rig.kill("publish-init");
    let rule = lost("publish-init", "KMS", "Decrypt", ATTEMPTS);
    let id = person.create(&person.post_with(media)).await?;
    person.until(&id, "past its init", |post| post.state.name() == "processing").await?;
    struck(rule, "the key")
}

async fn everything_is_read(town: &Town<'_>, person: &Journey<'_>) -> Result<()> {
    let name = "tiktokCanary_1.txt";
    let file = json!({ "name": name, "content": "tiktok-developers-site-verification=1" }).to_string();
    let path = "/v1/app-status/verification-file";
    let seen = town.ask(Method::PUT, path, Some(&town.api_key), Some(&file)).await?;
    ensure!(seen.status.is_success(), "{} {}", seen.status, seen.body);
    let creator = format!("/v1/creators/{}", person.creator);
    let posts = town.api.get("/v1/posts?limit=100").await?;
    let media = posts["data"][0]["media"][0]["id"].as_str().map(|id| format!("/v1/media/{id}"));
    let posts =
        posts["data"].as_array().into_iter().flatten().map(|post| format!("/v1/posts/{}", text(post, "id")));
    let others = ["/healthz", "/v1/app-status", "/v1/events", "/v1/creators", "/v1/posts", "/v1/keys"]
        .map(str::to_owned);
    let creators =
        [creator.clone(), format!("{creator}/health"), format!("{creator}/creator-info"), format!("/{name}")];
    for path in posts.chain(media).chain(others).chain(creators) {
        let seen = town.get(&path).await?;
        ensure!(seen.status == 200, "{path}: {} {}", seen.status, seen.body);
    }
    Ok(())
}

async fn disconnected_at_last(town: &Town<'_>, person: &Journey<'_>) -> Result<()> {
    let path = format!("/v1/creators/{}", person.creator);
    let delete = async || town.ask(Method::DELETE, &path, Some(&town.api_key), None).await;
    for kind in faults(&town.token(&person.account)).into_iter().take(4) {
        town.rig.sandbox().world().inject(Fault::once(Endpoint::Revoke, kind));
        let seen = delete().await?;
        ensure!(seen.status == 503, "disconnecting: {} {}", seen.status, seen.body);
    }
    town.until("disconnected", async || Ok(delete().await?.status == 200)).await?;
    town.status(person, "disconnected").await
}

/// A search that finds nothing where nothing is says nothing: each kind of secret and each kind of place has to be there.
fn all_was_there(secrets: &Secrets, sinks: &Sinks, rig: &Rig) -> Result<()> {
    let kinds = secrets.kinds();
    let least = [
        ("access token", 30),
        ("refresh token", 30),
        ("authorization code", 30),
        ("client secret", 1),
        ("deployment secret", 1),
        ("API key", 5),
        ("connect link", 30),
        ("OAuth state", 30),
        ("browser cookie", 30),
        ("upload signature", 1),
        ("download signature", 10),
        ("role session", 4),
        ("data key", 2),
        ("part of a presigned URL", 3),
    ];
    for (kind, least) in least {
        let there = kinds.get(kind).copied().unwrap_or_default();
        ensure!(there >= least, "only {there} of `{kind}`: {kinds:#?}");
    }
    let places = sinks.kinds();
    for kind in ["log", "queue", "write", "table", "object", "dead letter", "response"] {
        ensure!(places.get(kind).is_some_and(|(_, bytes)| *bytes > 0), "no `{kind}`: {places:#?}");
    }
    let has = |kind: &str, part: &str| sinks.of_kind(kind).any(|name| name.contains(part));
    ensure!(has("object", "rescue/acc_"), "no rescue object");
    ensure!(has("write", "token-refresh S3.PutObject rescue/"), "no rescue object was written");
    for function in ["api", "publish-init", "status-poll", "token-refresh"] {
        ensure!(has("queue", &format!("{function} SQS")), "`{function}` sent nothing");
    }
    for function in ["api", "media-ingest", "publish-init", "status-poll", "token-refresh"] {
        ensure!(has("write", &format!("{function} DynamoDB")), "`{function}` wrote nothing");
    }
    let log = std::fs::read_to_string(&rig.stack.functions_log).context("reading the log")?;
    ensure!(log.contains(r#""level":"INFO""#), "the functions do not log as they were told");
    Ok(())
}

/// Puts a secret of its own into each kind of place, by the function whose place it is wherever one can be talked into it.
async fn plant(town: &Town<'_>) -> Result<Vec<(&'static [&'static str], String)>> {
    let rig = town.rig;
    let mut planted: Vec<(&'static [&'static str], String)> = Vec::new();
    let mut secret = |kinds: &'static [&'static str]| {
        let set = rig.sandbox().connect(SANDBOX_CLIENT_KEY, "ada", &["user.info.basic"]);
        let secret = text(&set, "refresh_token").to_owned();
        planted.push((kinds, secret.clone()));
        secret
    };
    // the callback logs and shows the error that it is told, and shows its description alone
    let (logged, shown) = (secret(&["log", "response"]), secret(&["response"]));
    let way = town.sign_in(None, "ada", "deny", None).await?;
    let mut back = way.back.clone();
    let state = way.back.query_pairs().find(|(name, _)| name == "state").map(|(_, value)| value.into_owned());
    back.query_pairs_mut()
        .clear()
        .append_pair("state", &state.context("no state")?)
        .append_pair("error", &logged)
        .append_pair("error_description", &shown);
    town.come_back(&back, Some(&way.cookie)).await?;

    let through_the_wire = |service| {
        let root = format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        town.http.post(rig.wire.aws_url()).header("authorization", root)
    };
    let queue = rig.stack.facts.queues.get("status").context("no status queue")?;
    let message = json!({ "job": "dream.v1", "of": secret(&["queue"]) }).to_string();
    let body = json!({ "QueueUrl": queue, "MessageBody": message, "DelaySeconds": 900 }).to_string();
    let sent = through_the_wire("sqs").header("x-amz-target", "AmazonSQS.SendMessage").body(body);
    let sent = town.send(sent.header(CONTENT_TYPE, "application/x-amz-json-1.0")).await?;
    ensure!(sent.status == 200, "planting in a queue: {} {}", sent.status, sent.body);

    // what was written once and written over
    let row = |value: &str| {
        let row = json!({
            "TableName": rig.stack.facts.table,
            "Item": { "pk": { "S": "planted#1" }, "value": { "M": { "of": { "S": value } } } },
        });
        through_the_wire("dynamodb")
            .header("x-amz-target", "DynamoDB_20120810.PutItem")
            .header(CONTENT_TYPE, "application/x-amz-json-1.0")
            .body(row.to_string())
    };
    for value in [secret(&["write"]), secret(&["write", "table"])] {
        let written = town.send(row(&value)).await?;
        ensure!(written.status == 200, "planting in the table: {} {}", written.status, written.body);
    }

    rig.send("publish-dead-letters", &json!({ "of": secret(&["dead letter"]) }).to_string()).await?;

    let object = json!({ "refresh": secret(&["object"]) }).to_string();
    let put = rig.stack.s3().put_object().bucket(&rig.stack.facts.media_bucket).key("rescue/planted/1");
    put.body(object.into_bytes().into()).send().await.context("planting in the bucket")?;
    Ok(planted)
}
