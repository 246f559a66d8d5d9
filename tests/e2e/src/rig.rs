//! A stack under test: short periods, and a wire between the functions and the outside.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use domain::{Post, PostId};
use ports::{Posts as _, Read};
use serde_json::{Value, json};
use slipway::progress::Progress;
use slipway::stack::{Profile, Pull, Stack, StackOptions, TikTok, sandbox_config};
use store_dynamodb::Store;
use tiktok_sandbox::{Config, Publication, Sandbox};
use tokio::time::{Instant, sleep};

use crate::rows::Rows;
use crate::wire::{Process, Wire, caller};

/// What the sandbox calls a post whose caption it finds risky.
pub const RISKY_WORD: &str = "miraclecure";

/// So many batches of a queue at once. On AWS each of fifty has a processor of its own; here they share this machine's, and none
/// would be done in its time.
const ABREAST: u32 = 6;

/// How a rig differs from others.
pub struct Setup {
    pub pull: Pull,
    pub profile: Profile,
    pub progress: Progress,
    /// The functions' binaries by name, where they are built already.
    pub binaries: Option<BTreeMap<String, PathBuf>>,
    /// Parameters of the template.
    pub parameters: BTreeMap<String, String>,
    /// Further environment variables of the functions.
    pub environment: BTreeMap<String, String>,
    /// Whether the functions speak to AWS and TikTok over the wire.
    pub wired: bool,
    /// Whether the wire stands before the API too and keeps every request and answer.
    pub recorded: bool,
    /// What TikTok is like.
    pub tiktok: Config,
}

impl Default for Setup {
    /// TikTok pulls from the media edge and sends webhooks; a killed message comes back after 36 s. A call of the API may take as
    /// long as on AWS: on a busy machine many do.
    fn default() -> Self {
        let parameters = [
            ("DropWaitSeconds", "10"),
            ("DropIntakeTimeout", "20"),
            ("DropVisibility", "120"),
            ("MediaIngestTimeout", "6"),
            ("PublishInitTimeout", "6"),
            ("MediaTransferTimeout", "20"),
            ("StatusPollTimeout", "6"),
            ("IngestVisibility", "36"),
            ("PublishVisibility", "36"),
            ("TransferVisibility", "120"),
            ("StatusVisibility", "36"),
            ("WatchdogSeconds", "20"),
            ("ClaimMarginSeconds", "2"),
            ("PollLadder", "12,12,20,30"),
        ];
        let mut tiktok = sandbox_config();
        tiktok.risk.words = vec![RISKY_WORD.into()];
        Self {
            pull: Pull::MediaEdge,
            profile: Profile::default(),
            progress: Progress::Hidden,
            binaries: None,
            parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            environment: BTreeMap::new(),
            wired: true,
            recorded: false,
            tiktok,
        }
    }
}

impl Setup {
    /// With another value of a parameter of the template.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: &str) -> Self {
        self.parameters.insert(parameter.to_owned(), value.to_owned());
        self
    }

    /// TikTok pulls presigned URLs of the bucket and sends no webhooks: whatever becomes of a post is learned by asking.
    pub fn presigned_and_silent() -> Self {
        let mut setup = Self { pull: Pull::Presigned, ..Self::default() }
            .with("PollLadder", "3,3,5,10")
            .with("TailLadder", "4,6,10");
        setup.tiktok.webhooks.enabled = false;
        setup
    }
}

/// A running stack under test.
pub struct Rig {
    pub stack: Stack,
    pub wire: Wire,
    /// The rows, read as the functions read them, past the wire.
    pub store: Store,
    pub sqs: aws_sdk_sqs::Client,
    rows: Rows,
    ssm: aws_sdk_ssm::Client,
    http: reqwest::Client,
    accounts: AtomicU32,
}

/// How many messages a queue holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    pub queue: String,
    pub waiting: u32,
    pub delayed: u32,
    pub in_flight: u32,
}

impl Rig {
    pub async fn start(setup: Setup) -> Result<Self> {
        let mut options = StackOptions::for_test()?;
        let mut wire = Wire::start(&options.ports.aws.url(), &options.ports.tiktok.url()).await?;
        options.profile = setup.profile;
        options.progress = setup.progress;
        options.binaries = setup.binaries;
        options.pull = setup.pull;
        options.parameters = setup.parameters;
        options.tiktok = TikTok::Sandbox(Box::new(setup.tiktok));
        if setup.wired {
            options.functions_endpoint = Some(wire.aws_url());
            options.functions_tiktok = Some(wire.tiktok_url());
        }
        options.functions_env = setup.environment;
        if setup.recorded {
            options.public_url = Some(wire.record(&options.ports.api.url()).await?);
        }
        let stack = Stack::start(options).await?;
        wire.name_functions(&stack.facts.functions);
        let aws = stack.aws();
        let store = Store::new(aws_sdk_dynamodb::Client::new(&aws), stack.facts.table.clone());
        let rig = Self {
            wire,
            rows: Rows::new(store.clone()),
            store,
            sqs: aws_sdk_sqs::Client::new(&aws),
            ssm: aws_sdk_ssm::Client::new(&aws),
            http: slipway::http::client()?,
            accounts: AtomicU32::new(0),
            stack,
        };
        for function in ["media-ingest", "publish-init", "status-poll"] {
            rig.serve(function, &json!({ "ScalingConfig": { "MaximumConcurrency": ABREAST } })).await?;
        }
        Ok(rig)
    }

    pub async fn stop(self) -> Result<()> {
        self.stack.stop().await
    }

    /// TikTok.
    pub fn sandbox(&self) -> &Sandbox {
        self.stack.sandbox.as_ref().expect("a rig always has a sandbox")
    }

    /// A new TikTok account, by its handle.
    pub fn new_account(&self) -> String {
        let handle = format!("creator{}", self.accounts.fetch_add(1, Ordering::Relaxed));
        let account = tiktok_sandbox::Account { nickname: handle.clone(), ..Default::default() };
        self.sandbox().world().reconfigure(|config| {
            config.accounts.insert(handle.clone(), account);
        });
        handle
    }

    /// The processes that run one of this stack's functions, busy or idle.
    pub fn processes(&self, function: &str) -> Vec<i32> {
        let ours = |process: &Process| {
            let endpoint = caller::endpoint_of(process.pid);
            self.stack.facts.functions.get(function) == Some(&process.function)
                && (endpoint.as_ref() == Some(&self.stack.facts.aws_endpoint_url)
                    || endpoint == Some(self.wire.aws_url()))
        };
        caller::processes().filter(ours).map(|process| process.pid).collect()
    }

    /// Kills every process of a function: its next invocation starts cold.
    pub fn kill(&self, function: &str) {
        self.processes(function).into_iter().for_each(caller::kill);
    }

    /// The post's row.
    pub async fn post(&self, id: &str) -> Result<Post> {
        let id: PostId = id.parse().with_context(|| format!("`{id}` is no post's id"))?;
        let stored = self.store.post(&id, Read::Strong).await?;
        Ok(stored.with_context(|| format!("post `{id}` has no row"))?.row)
    }

    /// The post's row within a second, read together with all others that somebody waits for.
    pub async fn post_soon(&self, id: &str) -> Result<Post> {
        let id: PostId = id.parse().with_context(|| format!("`{id}` is no post's id"))?;
        self.rows.next(&id).await
    }

    /// What TikTok published for an account.
    pub fn publications(&self, account: &str) -> Vec<Publication> {
        self.sandbox().world().publications().filter(|it| it.account == account).cloned().collect()
    }

    /// How often TikTok published a post with this caption for an account.
    pub fn published(&self, account: &str, caption: &str) -> usize {
        let world = self.sandbox().world();
        world.publications().filter(|it| it.account == account && it.title == caption).count()
    }

    /// Does what the rule of EventBridge does once a minute.
    pub async fn sweep_posts(&self) -> Result<()> {
        self.invoke("status-poll", r#"{"sweep":"posts"}"#).await
    }

    /// The same for accounts.
    pub async fn sweep_accounts(&self) -> Result<()> {
        self.invoke("token-refresh", r#"{"sweep":"accounts"}"#).await
    }

    /// One of the deployment's secrets, by its name without the stage.
    pub async fn parameter(&self, name: &str) -> Result<String> {
        let name = format!("/slipway/local/{name}");
        let asked = self.ssm.get_parameter().name(&name).with_decryption(true).send().await;
        let found = asked.with_context(|| format!("reading `{name}`"))?.parameter;
        found.and_then(|found| found.value).with_context(|| format!("`{name}` has no value"))
    }

    /// Every row with every attribute, in DynamoDB's own JSON.
    pub async fn table_dump(&self) -> Result<String> {
        let mut dump = String::new();
        let mut from = Value::Null;
        loop {
            let mut asked = json!({ "TableName": self.stack.facts.table });
            if from.is_object() {
                asked["ExclusiveStartKey"] = from;
            }
            let request = self
                .http
                .post(&self.stack.facts.aws_endpoint_url)
                .header("x-amz-target", "DynamoDB_20120810.Scan")
                .header("content-type", "application/x-amz-json-1.0")
                .header("authorization", root("dynamodb"));
            let answer = request.body(asked.to_string()).send().await.context("dumping the table")?;
            ensure!(answer.status().is_success(), "dumping the table: {}", answer.status());
            let page: Value = serde_json::from_slice(&answer.bytes().await.context("dumping the table")?)
                .context("reading the table's dump")?;
            for item in page["Items"].as_array().context("a dump without items")? {
                dump += &item.to_string();
                dump.push('\n');
            }
            from = page["LastEvaluatedKey"].clone();
            if from.is_null() {
                return Ok(dump);
            }
        }
    }

    /// Every object of the media bucket with its bytes, unpacked where it is packed.
    pub async fn objects(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let (s3, bucket) = (self.stack.s3(), &self.stack.facts.media_bucket);
        let mut objects = BTreeMap::new();
        let mut from = None;
        loop {
            let page = s3.list_objects_v2().bucket(bucket).set_continuation_token(from).send().await;
            let page = page.context("listing the bucket")?;
            for key in page.contents().iter().filter_map(|object| object.key()) {
                let got = s3.get_object().bucket(bucket).key(key).send().await;
                // the media edge writes and removes its own while we read
                let Ok(got) = got else { continue };
                let bytes = got.body.collect().await.with_context(|| format!("reading `{key}`"))?.to_vec();
                objects.insert(key.to_owned(), unpacked(key, bytes)?);
            }
            from = page.next_continuation_token;
            if from.is_none() {
                return Ok(objects);
            }
        }
    }

    /// The bodies of what lies in a queue now. Whoever receives them next has to wait for a minute.
    pub async fn messages(&self, queue: &str) -> Result<Vec<String>> {
        let url = self.stack.facts.queues.get(queue).with_context(|| format!("no queue `{queue}`"))?;
        let mut bodies = Vec::new();
        loop {
            let asked = self.sqs.receive_message().queue_url(url).max_number_of_messages(10);
            let got = asked.visibility_timeout(60).wait_time_seconds(0).send().await;
            let got = got.with_context(|| format!("receiving from `{queue}`"))?.messages.unwrap_or_default();
            if got.is_empty() {
                return Ok(bodies);
            }
            bodies.extend(got.into_iter().filter_map(|message| message.body));
        }
    }

    /// Sends a body to a queue, as somebody who is no function.
    pub async fn send(&self, queue: &str, body: &str) -> Result<()> {
        let url = self.stack.facts.queues.get(queue).with_context(|| format!("no queue `{queue}`"))?;
        let sent = self.sqs.send_message().queue_url(url).message_body(body).send().await;
        sent.map(drop).with_context(|| format!("sending to `{queue}`"))
    }

    async fn invoke(&self, function: &str, event: &'static str) -> Result<()> {
        let facts = &self.stack.facts;
        let name = facts.functions.get(function).with_context(|| format!("no function `{function}`"))?;
        let url = format!("{}/2015-03-31/functions/{name}/invocations", facts.aws_endpoint_url);
        let request = self
            .http
            .post(url)
            .header("x-amz-invocation-type", "Event")
            .header("authorization", root("lambda"))
            .body(event);
        let answer = request.send().await.with_context(|| format!("invoking `{function}`"))?;
        ensure!(answer.status().is_success(), "invoking `{function}`: {}", answer.status());
        Ok(())
    }

    /// From now on a function is given batches of up to so many messages.
    pub async fn takes_at_once(&self, function: &str, messages: u32) -> Result<()> {
        self.serve(function, &json!({ "BatchSize": messages })).await
    }

    /// Gives a function nothing from its queue, or goes on with it: what has come meanwhile comes together.
    pub async fn holds_back(&self, function: &str, back: bool) -> Result<()> {
        self.serve(function, &json!({ "Enabled": !back })).await
    }

    /// Changes how a function is served from its queue.
    async fn serve(&self, function: &str, how: &Value) -> Result<()> {
        let facts = &self.stack.facts;
        let name = facts.functions.get(function).with_context(|| format!("no function `{function}`"))?;
        let url = format!("{}/2015-03-31/event-source-mappings/", facts.aws_endpoint_url);
        let asked =
            self.http.get(format!("{url}?FunctionName={name}")).header("authorization", root("lambda"));
        let listed = asked.send().await.context("asking for a function's queues")?.bytes().await?;
        let listed: Value = serde_json::from_slice(&listed).context("reading a function's queues")?;
        let mapping = listed["EventSourceMappings"][0]["UUID"].as_str();
        let url =
            format!("{url}{}", mapping.with_context(|| format!("`{function}` has no queue: {listed}"))?);
        let request = self.http.put(url).header("authorization", root("lambda")).body(how.to_string());
        let answer = request.send().await.with_context(|| format!("serving `{function}` with {how}"))?;
        ensure!(answer.status().is_success(), "serving `{function}` with {how}: {}", answer.status());
        Ok(())
    }

    /// Every queue with what it holds, dead-letter queues too.
    pub async fn depths(&self) -> Result<Vec<Depth>> {
        let mut depths = Vec::new();
        for (queue, url) in &self.stack.facts.queues {
            let asked = self
                .sqs
                .get_queue_attributes()
                .queue_url(url)
                .attribute_names(Attribute::ApproximateNumberOfMessages)
                .attribute_names(Attribute::ApproximateNumberOfMessagesDelayed)
                .attribute_names(Attribute::ApproximateNumberOfMessagesNotVisible);
            let answer = asked.send().await.with_context(|| format!("looking at the queue `{queue}`"))?;
            let number = |name: Attribute| {
                let text = answer.attributes().and_then(|attributes| attributes.get(&name));
                text.and_then(|text| text.parse().ok()).with_context(|| format!("`{queue}` tells no {name}"))
            };
            depths.push(Depth {
                queue: queue.clone(),
                waiting: number(Attribute::ApproximateNumberOfMessages)?,
                delayed: number(Attribute::ApproximateNumberOfMessagesDelayed)?,
                in_flight: number(Attribute::ApproximateNumberOfMessagesNotVisible)?,
            });
        }
        ensure!(depths.len() >= 8, "only {} queues are known", depths.len());
        Ok(depths)
    }

    /// Waits for a moment in which no queue holds anything, visible, delayed or in flight. A dead letter stays, so it is an
    /// error at once.
    pub async fn every_queue_is_empty(&self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let mut depths = self.depths().await?;
            depths.retain(|depth| depth.waiting + depth.delayed + depth.in_flight > 0);
            if depths.is_empty() {
                return Ok(());
            }
            let dead = depths.iter().find(|depth| depth.queue.ends_with("dead-letters"));
            ensure!(dead.is_none(), "dead letters: {dead:?}\n{}", self.last_words());
            ensure!(Instant::now() < deadline, "queues that do not empty: {depths:?}\n{}", self.last_words());
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// What the functions wrote last that is worth a look.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.stack.functions_log).unwrap_or_default();
        let lines: Vec<_> = log.lines().filter(|line| !line.contains("\"_aws\"")).collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

/// The emulator checks no signature of its root.
fn root(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

fn unpacked(key: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    if Path::new(key).extension().is_none_or(|extension| extension != "gz") {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_end(&mut plain)
        .with_context(|| format!("unpacking `{key}`"))?;
    Ok(plain)
}

/// A file of the repository, by its path from the root.
pub fn repository_file(path: &str) -> Result<PathBuf> {
    Ok(slipway::repo::root()?.join(path))
}

/// A video that TikTok takes.
pub const GOOD_VIDEO: &str = "infra/slipway/demo.mp4";
