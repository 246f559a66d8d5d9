//! The local stack: `template.yaml` unchanged, the real functions, an emulated AWS, and TikTok's stand-in.

pub mod build;
mod deploy;
mod edge;
mod emulator;
mod front;
mod key;
mod ports;
pub mod prerequisites;
mod sandbox;
pub mod venv;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use serde::Serialize;
use tempfile::TempDir;
use tiktok_sandbox::{Config, Sandbox};
use tokio::task::JoinHandle;

pub use build::{FUNCTIONS, Profile};
pub use ports::{DEFAULT_PORT, Port, Ports};
pub use sandbox::{CLIENT_KEY as SANDBOX_CLIENT_KEY, config as sandbox_config};

use self::emulator::Emulator;
use crate::progress::Progress;
use crate::repo;

const REGION: &str = "us-east-1";
const STAGE: &str = "local";

/// What stack is wanted.
#[derive(Debug)]
pub struct StackOptions {
    pub profile: Profile,
    /// The functions' binaries by name, where they are built already.
    pub binaries: Option<BTreeMap<String, PathBuf>>,
    pub ports: Ports,
    pub state: State,
    pub pull: Pull,
    pub tiktok: TikTok,
    /// Parameters of the template beyond those that every local stack sets.
    pub parameters: BTreeMap<String, String>,
    /// What the functions take for AWS, where it is not the emulator itself: a proxy that counts or breaks calls. It gets the
    /// emulator's address from [`Ports::aws`].
    pub functions_endpoint: Option<String>,
    /// What the functions take for TikTok, where it is not the sandbox (or the other server) itself: a proxy again.
    pub functions_tiktok: Option<String>,
    /// What people and TikTok take for the API, where it is not the listener itself: a proxy again, which gets the listener's
    /// address from [`Ports::api`].
    pub public_url: Option<String>,
    /// Further environment variables of the functions.
    pub functions_env: BTreeMap<String, String>,
    pub progress: Progress,
}

impl StackOptions {
    /// A stack for a test: free ports, nothing kept, nothing said.
    pub fn for_test() -> Result<Self> {
        Ok(Self {
            profile: Profile::default(),
            binaries: None,
            ports: Ports::free()?,
            state: State::Forgotten,
            pull: Pull::MediaEdge,
            tiktok: TikTok::default(),
            parameters: BTreeMap::new(),
            functions_endpoint: None,
            functions_tiktok: None,
            public_url: None,
            functions_env: BTreeMap::new(),
            progress: Progress::Hidden,
        })
    }

    /// With one more parameter of the template.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: impl Into<String>) -> Self {
        self.parameters.insert(parameter.to_owned(), value.into());
        self
    }
}

/// What becomes of the stack's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It goes with the stack.
    Forgotten,
    /// It is in this directory at the next start.
    Kept(PathBuf),
}

/// Where TikTok pulls videos from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// The media edge, as on AWS the media domain.
    MediaEdge,
    /// Presigned URLs of the bucket.
    Presigned,
}

/// Who plays TikTok.
#[derive(Clone, Debug)]
pub enum TikTok {
    /// The sandbox, in this process. Our app is added to the configuration.
    Sandbox(Box<Config>),
    /// A server that is already running; its URL stands for TikTok's API host and its consent host alike.
    Other { base_url: String, client_key: String, client_secret: String },
}

impl Default for TikTok {
    fn default() -> Self {
        Self::Sandbox(Box::new(sandbox::config()))
    }
}

/// Where everything is; what `up --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    pub api_url: String,
    pub api_key: String,
    pub aws_endpoint_url: String,
    pub region: String,
    pub table: String,
    pub media_bucket: String,
    /// By name: `publish`, `publish-dead-letters` and so on.
    pub queues: BTreeMap<String, String>,
    /// By binary: `api`, `media-ingest` and so on.
    pub functions: BTreeMap<String, String>,
    /// What a pulled URL begins with.
    pub media_url_prefix: String,
    pub tiktok_base_url: String,
    pub tiktok_webhook_url: String,
    pub oauth_redirect_uri: String,
}

/// A running stack. [`Stack::stop`] it; dropped, it goes away by itself, and what it kept may be a little old.
pub struct Stack {
    pub facts: Facts,
    /// TikTok's stand-in, unless another server plays TikTok.
    pub sandbox: Option<Sandbox>,
    /// All the template's outputs.
    pub outputs: BTreeMap<String, String>,
    /// What the functions wrote, a line each: `<physical name>[<process id>] <line>`.
    pub functions_log: PathBuf,
    /// What the emulator wrote, of itself and of what functions wrote.
    pub emulator_log: PathBuf,
    root: PathBuf,
    venv: venv::Venv,
    order: deploy::Order,
    progress: Progress,
    emulator: Emulator,
    edge: edge::MediaEdge,
    front: JoinHandle<()>,
    // last: the emulator writes into it until it has stopped
    _forgotten: Option<TempDir>,
}

impl Stack {
    /// Brings a stack up: whatever it needs is installed, built and deployed first.
    pub async fn start(options: StackOptions) -> Result<Self> {
        let progress = options.progress;
        let root = repo::root()?;
        let python = prerequisites::check().await?;
        let venv = venv::prepare(&root, &python, progress).await?;
        let binaries = match options.binaries {
            Some(binaries) => binaries,
            None => build::functions(&root, options.profile, progress).await?,
        };

        let (directory, forgotten) = directory(&options.state, &options.ports)?;
        let keep = options.state != State::Forgotten;
        let Ports { api, media, tiktok, aws } = options.ports;
        let (media_url, emulator_url) = (media.url(), aws.url());
        let api_url = options.public_url.unwrap_or_else(|| api.url());
        let functions_endpoint = options.functions_endpoint.unwrap_or_else(|| emulator_url.clone());
        let app = App::of(&options.tiktok, &tiktok);

        let emulator = Emulator::start(emulator::Options {
            root: &root,
            venv: &venv,
            port: aws.give_up().port(),
            directory: &directory,
            keep,
            functions_endpoint: &functions_endpoint,
            functions_env: &options.functions_env,
            progress,
        })
        .await?;

        let mut parameters = parameters(
            &app.base_url,
            options.functions_tiktok.as_deref().unwrap_or(&app.base_url),
            &api_url,
            if options.pull == Pull::MediaEdge { &media_url } else { "" },
        );
        parameters.extend(options.parameters);
        let order = deploy::Order {
            endpoint: emulator_url.clone(),
            region: REGION.into(),
            stack: "slipway".into(),
            template: root.join("template.yaml"),
            packages: repo::local(&root).join("packages").join(options.profile.name()),
            strip: options.profile == Profile::Dev,
            binaries,
            parameters,
            stage: STAGE.into(),
            client_key: app.client_key,
            client_secret: app.client_secret,
        };
        let deployed = deploy::deploy(&root, &venv, &order, progress).await?;
        let table = deployed.output("TableName")?.to_owned();
        let bucket = deployed.output("MediaBucketName")?.to_owned();
        let media_url_prefix = match options.pull {
            Pull::MediaEdge => format!("{media_url}/m/"),
            Pull::Presigned => format!("{functions_endpoint}/{bucket}/m/"),
        };
        let registration = registration(&api_url, media_url_prefix);

        let sdk = sdk_config(&emulator_url);
        let front = front::serve(api.listener()?, &emulator_url, deployed.output("ApiUrl")?)?;
        let edge = edge::serve(media.listener()?, aws_sdk_s3::Client::from_conf(path_style(&sdk)), &bucket)?;
        let sandbox = match options.tiktok {
            TikTok::Other { .. } => None,
            TikTok::Sandbox(config) => {
                let state_file = keep.then(|| directory.join("tiktok.json"));
                Some(sandbox::start(tiktok, *config, &registration, state_file).await?)
            }
        };
        let api_key = match &options.state {
            State::Kept(_) => key::kept(&sdk, &table, &directory.join("workspace-key")).await?,
            State::Forgotten => key::make(&sdk, &table).await?,
        };

        let facts = Facts {
            api_url,
            api_key,
            aws_endpoint_url: emulator_url,
            region: REGION.into(),
            table,
            media_bucket: bucket,
            queues: queues(&deployed.outputs),
            functions: deployed.functions,
            media_url_prefix: registration.media_url_prefix,
            tiktok_base_url: app.base_url,
            tiktok_webhook_url: registration.webhook_url,
            oauth_redirect_uri: registration.redirect_uri,
        };
        Ok(Self {
            facts,
            sandbox,
            outputs: deployed.outputs,
            functions_log: emulator::functions_log(&directory),
            emulator_log: emulator::log(&directory),
            root,
            venv,
            order,
            progress,
            emulator,
            edge,
            front,
            _forgotten: forgotten,
        })
    }

    /// Deploys once more, with other binaries for some functions, while everything goes on.
    pub async fn update(&self, binaries: BTreeMap<String, PathBuf>) -> Result<()> {
        let mut order = self.order.clone();
        order.binaries.extend(binaries);
        let deployed = deploy::deploy(&self.root, &self.venv, &order, self.progress).await?;
        ensure!(deployed.functions == self.facts.functions, "the functions have got other names");
        Ok(())
    }

    /// What an AWS client for the emulated account is made from; with all rights.
    pub fn aws(&self) -> SdkConfig {
        sdk_config(&self.facts.aws_endpoint_url)
    }

    /// A bucket client: the emulator wants the bucket in the path.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::from_conf(path_style(&self.aws()))
    }

    /// A key of a new workspace.
    pub async fn new_api_key(&self) -> Result<String> {
        key::make(&self.aws(), &self.facts.table).await
    }

    /// Stops everything in the order in which nothing is lost.
    pub async fn stop(self) -> Result<()> {
        self.front.abort();
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
        self.edge.stop().await;
        self.emulator.stop().await
    }
}

/// Our app at whoever plays TikTok.
struct App {
    base_url: String,
    client_key: String,
    client_secret: String,
}

impl App {
    fn of(tiktok: &TikTok, port: &Port) -> Self {
        match tiktok {
            TikTok::Sandbox(_) => Self {
                base_url: port.url(),
                client_key: sandbox::CLIENT_KEY.to_owned(),
                client_secret: sandbox::CLIENT_SECRET.to_owned(),
            },
            TikTok::Other { base_url, client_key, client_secret } => Self {
                base_url: base_url.trim_end_matches('/').to_owned(),
                client_key: client_key.clone(),
                client_secret: client_secret.clone(),
            },
        }
    }
}

/// What TikTok knows of us.
fn registration(api_url: &str, media_url_prefix: String) -> sandbox::Registration {
    sandbox::Registration {
        redirect_uri: format!("{api_url}/oauth/tiktok/callback"),
        webhook_url: format!("{api_url}/webhooks/tiktok"),
        media_url_prefix,
    }
}

/// What every local stack sets: where things are, and nothing else.
fn parameters(tiktok: &str, functions_tiktok: &str, public: &str, media: &str) -> BTreeMap<String, String> {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let parameters = [
        ("Stage", STAGE),
        ("Architecture", architecture),
        ("TikTokApiBaseUrl", functions_tiktok),
        ("TikTokAuthBaseUrl", tiktok),
        ("PublicBaseUrl", public),
        ("MediaBaseUrl", media),
        // the media edge writes its log every few seconds, with what is under way
        ("FetchLogDelaySeconds", "15"),
    ];
    parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn directory(state: &State, ports: &Ports) -> Result<(PathBuf, Option<TempDir>)> {
    match state {
        State::Forgotten => {
            let temporary =
                tempfile::Builder::new().prefix("slipway-").tempdir().context("making a directory")?;
            Ok((temporary.path().to_path_buf(), Some(temporary)))
        }
        State::Kept(directory) => {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("making `{}`", directory.display()))?;
            let directory =
                directory.canonicalize().with_context(|| format!("finding `{}`", directory.display()))?;
            same_ports(&directory, ports)?;
            Ok((directory, None))
        }
    }
}

/// URLs of queues and of the API stand in the kept state with their ports.
fn same_ports(directory: &Path, ports: &Ports) -> Result<()> {
    let file = directory.join("ports");
    let now = ports.addresses().join("\n");
    match std::fs::read_to_string(&file) {
        Ok(then) if then != now => bail!(
            "the state in `{}` belongs to other ports ({}): give the same --port, or another --state-dir",
            directory.display(),
            then.replace('\n', ", "),
        ),
        Ok(_) => Ok(()),
        Err(_) => std::fs::write(&file, now).with_context(|| format!("writing `{}`", file.display())),
    }
}

fn sdk_config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "emulator");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(lambda_kit::http::aws_http_client())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .retry_config(lambda_kit::aws::retries())
        .timeout_config(
            lambda_kit::aws::timeouts()
                .to_builder()
                .operation_attempt_timeout(Duration::from_secs(30))
                .build(),
        )
        .build()
}

fn path_style(sdk: &SdkConfig) -> aws_sdk_s3::Config {
    aws_sdk_s3::config::Builder::from(sdk).force_path_style(true).build()
}

/// `PublishDeadLettersUrl` is `publish-dead-letters`, `PublishQueueUrl` is `publish`; with an address that opens everywhere.
fn queues(outputs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let named = outputs.iter().filter_map(|(output, url)| {
        let name = match (output.strip_suffix("QueueUrl"), output.strip_suffix("DeadLettersUrl")) {
            (Some(name), _) => name.to_lowercase(),
            (_, Some(name)) => format!("{}-dead-letters", name.to_lowercase()),
            _ => return None,
        };
        Some((name, url.replacen("://localhost:", "://127.0.0.1:", 1)))
    });
    named.collect()
}
