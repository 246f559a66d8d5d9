//! The functions of the deployment, over the ports of one schedule.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use api::{Api, KeyCache, Outside};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use domain::account::RefreshPlan;
use domain::app::ModeSetting;
use domain::media::upload_key;
use domain::{AccountId, Job, MediaId, Periods, PostId, SignedDuration, Timestamp, wake};
use http::{Method, Request, StatusCode};
use lambda_kit::redacted::Secret;
use media_ingest::probe::RangedRead;
use media_ingest::{MediaIngest, Turns, Uploads};
use media_transfer::MediaTransfer;
use ports::fakes::{MemoryObjects, MemoryTable, MemoryVault};
use ports::{ApiKey, Due, DueAccounts, DueKey, DueRow, DueRows, PortError, PortResult, samples};
use publish_init::{PublishInit, Pull};
use rehearsal::{CLIENT_KEY, CLIENT_SECRET, Director as _, MEDIA_BASE_URL, Watched};
use status_poll::StatusPoll;
use tiktok::{Client, Endpoints};
use token_refresh::TokenRefresh;
use tower::ServiceExt as _;
use wiring::secrets::AppSecrets;

use crate::desk::{Desk, Line, Mail, Time};

type Table = Watched<MemoryTable, Desk>;
type Objects = Watched<MemoryObjects, Desk>;
type Queues = Watched<Mail, Desk>;
type Vault = Watched<MemoryVault, Desk>;

struct Ports;

impl Outside for Ports {
    type Store = Table;
    type Objects = Objects;
    type Queues = Queues;
    type Vault = Vault;
    type Exchange = Line;
    type Time = Time;
    type Secrets = Arc<AppSecrets>;
}

static SECRETS: LazyLock<Arc<AppSecrets>> = LazyLock::new(|| {
    Arc::new(AppSecrets {
        client_key: CLIENT_KEY.to_owned(),
        client_secret: Secret::new(CLIENT_SECRET.to_owned()),
        deployment_secret: Secret::new("the deployment secret of the simulation".to_owned()),
    })
});

static ENDPOINTS: LazyLock<Endpoints> = LazyLock::new(Endpoints::tiktok);

const KEY: u128 = 0x51;

fn secret() -> String {
    "5".repeat(64)
}

/// The key of the person who cancels.
pub(crate) fn key() -> ApiKey {
    let hash = tiktok_sandbox::sha256_hex(secret().as_bytes());
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(hash.as_bytes().chunks(2)) {
        *byte = std::str::from_utf8(digits).ok().and_then(|it| u8::from_str_radix(it, 16).ok()).unwrap_or(0);
    }
    ApiKey { secret_sha256: bytes, ..samples::api_key(KEY, Timestamp::UNIX_EPOCH) }
}

/// What an invocation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The message is done with.
    Done,
    /// The message comes again.
    Failed,
    /// A request was answered.
    Answered(u16),
}

/// Every function.
pub(crate) struct Office {
    publish: PublishInit<Table, Objects, Queues, Vault, Line, Time>,
    transfer: MediaTransfer<Table, Objects, Queues, Vault, Line, Time>,
    poll: StatusPoll<Table, Objects, Queues, Vault, Line, Time>,
    posts: status_poll::Sweep<Index, Queues, Time>,
    refresh: TokenRefresh<Table, Objects, Queues, Vault, Arc<AppSecrets>, Line, Time>,
    accounts: token_refresh::Sweep<Index, Queues, Time>,
    ingest: MediaIngest<Table, Bucket, Queues, Time>,
    api: OnceLock<Router>,
    desk: Desk,
    table: MemoryTable,
    bucket: MemoryObjects,
    vault: MemoryVault,
}

fn plan() -> RefreshPlan {
    RefreshPlan { at_percent: 60, jitter_percent: 15, keep_alive: SignedDuration::from_hours(30 * 24) }
}

impl Office {
    pub(crate) fn new(desk: &Desk, table: &MemoryTable, bucket: &MemoryObjects, vault: &MemoryVault) -> Self {
        let store = Watched::new(table.clone(), desk);
        let objects = Watched::new(bucket.clone(), desk);
        let queues = Watched::new(Mail(desk.clone()), desk);
        let sealer = Watched::new(vault.clone(), desk);
        let client = Client::new(Line(desk.clone()), ENDPOINTS.clone());
        let time = Time(desk.clone());
        let periods = Periods::default();
        let index = Index { store: store.clone(), desk: desk.clone() };
        Self {
            publish: PublishInit {
                store: store.clone(),
                objects: objects.clone(),
                queues: queues.clone(),
                vault: sealer.clone(),
                tiktok: client.clone(),
                time: time.clone(),
                periods: periods.clone(),
                pull: Pull {
                    media_base_url: Some(MEDIA_BASE_URL.to_owned()),
                    presign: SignedDuration::from_secs(7_200),
                },
            },
            transfer: MediaTransfer {
                store: store.clone(),
                objects: objects.clone(),
                queues: queues.clone(),
                vault: sealer.clone(),
                tiktok: client.clone(),
                time: time.clone(),
                periods: periods.clone(),
            },
            poll: StatusPoll {
                store: store.clone(),
                objects: objects.clone(),
                queues: queues.clone(),
                vault: sealer.clone(),
                tiktok: client.clone(),
                time: time.clone(),
                periods: periods.clone(),
            },
            posts: status_poll::Sweep {
                store: index.clone(),
                queues: queues.clone(),
                time: time.clone(),
                periods: periods.clone(),
            },
            refresh: TokenRefresh {
                store: store.clone(),
                rescue: objects,
                queues: queues.clone(),
                vault: sealer,
                secrets: Arc::clone(&SECRETS),
                tiktok: client,
                time: time.clone(),
                periods: periods.clone(),
                plan: plan(),
            },
            accounts: token_refresh::Sweep {
                store: index,
                queues: queues.clone(),
                time: time.clone(),
                periods: periods.clone(),
            },
            ingest: MediaIngest {
                store,
                uploads: Bucket { objects: bucket.clone(), desk: desk.clone() },
                queues,
                time,
                periods,
                converting: Turns::default(),
            },
            api: OnceLock::new(),
            desk: desk.clone(),
            table: table.clone(),
            bucket: bucket.clone(),
            vault: vault.clone(),
        }
    }

    pub(crate) async fn work(self: Arc<Self>, job: Job, deadline: Timestamp) -> End {
        let done = match job {
            Job::Publish(job) => self.publish.publish(job, deadline).await,
            Job::Transfer(job) => self.transfer.transfer(job, deadline).await,
            Job::Check(job) => Box::pin(self.poll.check(job)).await,
            Job::Release(job) => self.poll.release(job).await,
            Job::Heard(job) => self.poll.heard(job).await,
            Job::Refresh { account, epoch } => self.refresh.refresh(account, epoch, deadline).await,
            Job::Ingest { media, post } => self.ingest.ingest(&media, post).await,
            // nobody drops anything here, or has an endpoint
            Job::Drop(_) | Job::Deliver(_) | Job::CatchUp(_) => Ok(()),
        };
        if done.is_ok() { End::Done } else { End::Failed }
    }

    pub(crate) async fn sweep_posts(self: Arc<Self>) -> End {
        self.posts.sweep().await;
        End::Done
    }

    pub(crate) async fn sweep_accounts(self: Arc<Self>) -> End {
        self.accounts.sweep().await;
        End::Done
    }

    pub(crate) async fn hear(self: Arc<Self>, signature: String, body: String) -> End {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/webhooks/tiktok")
            .header("tiktok-signature", signature)
            .body(Body::from(body))
            .unwrap_or_default();
        let answer = self.api.get_or_init(|| self.router()).clone().oneshot(request).await;
        End::Answered(answer.map_or(StatusCode::INTERNAL_SERVER_ERROR, |answer| answer.status()).as_u16())
    }

    /// A person cancels a post.
    pub(crate) async fn cancel(self: Arc<Self>, post: PostId) -> End {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/v1/posts/{post}/cancel"))
            .header(http::header::AUTHORIZATION, format!("Bearer slk_{KEY:032x}_{}", secret()))
            .body(Body::empty())
            .unwrap_or_default();
        let answer = self.api.get_or_init(|| self.router()).clone().oneshot(request).await;
        End::Answered(answer.map_or(StatusCode::INTERNAL_SERVER_ERROR, |answer| answer.status()).as_u16())
    }

    fn router(&self) -> Router {
        let desk = &self.desk;
        Api::<Ports> {
            store: Watched::new(self.table.clone(), desk),
            objects: Watched::new(self.bucket.clone(), desk),
            queues: Watched::new(Mail(desk.clone()), desk),
            vault: Watched::new(self.vault.clone(), desk),
            tiktok: Client::new(Line(desk.clone()), ENDPOINTS.clone()),
            time: Time(desk.clone()),
            secrets: Arc::clone(&SECRETS),
            periods: Periods::default(),
            refresh: plan(),
            upload: SignedDuration::from_mins(15),
            public_base_url: None,
            tiktok_mode: ModeSetting::Auto,
            media_base_url: Some(MEDIA_BASE_URL.to_owned()),
            cors_origins: Vec::new(),
            rules: api::Rules::default(),
            keys: KeyCache::default(),
        }
        .router()
    }
}

/// The `due` index. A look into a partition in which nothing can be due is no place for anything to go wrong.
#[derive(Clone)]
struct Index {
    store: Table,
    desk: Desk,
}

impl Index {
    fn is_empty(&self, of_account: bool, partition: u8, before: Timestamp) -> bool {
        let core = self.desk.lock();
        let before = before.as_millisecond();
        !core.dues.iter().any(|due| {
            due.of_account == of_account
                && wake::partition(due.bits) == partition
                && due.shown(core.now).is_some_and(|at| at < before)
        })
    }
}

impl DueRows for Index {
    async fn due(&self, partition: u8, before: Timestamp, limit: u32) -> PortResult<Vec<Due<DueKey>>> {
        if self.is_empty(false, partition, before) {
            return Ok(Vec::new());
        }
        self.store.due(partition, before, limit).await
    }

    async fn rows(&self, keys: &[DueKey]) -> PortResult<HashMap<DueKey, DueRow>> {
        self.store.rows(keys).await
    }

    async fn push_back(&self, key: &DueKey, seen: Timestamp, due: Option<Timestamp>) -> PortResult<bool> {
        self.store.push_back(key, seen, due).await
    }
}

impl DueAccounts for Index {
    async fn due_accounts(
        &self,
        partition: u8,
        before: Timestamp,
        limit: u32,
    ) -> PortResult<Vec<Due<AccountId>>> {
        if self.is_empty(true, partition, before) {
            return Ok(Vec::new());
        }
        self.store.due_accounts(partition, before, limit).await
    }

    async fn push_back_account(&self, id: &AccountId, seen: Timestamp, due: Timestamp) -> PortResult<bool> {
        self.store.push_back_account(id, seen, due).await
    }
}

/// Uploads that are read in ranges.
#[derive(Clone)]
struct Bucket {
    objects: MemoryObjects,
    desk: Desk,
}

struct Upload(Bytes);

impl Uploads for Bucket {
    type Upload = Upload;

    async fn open(&self, media: &MediaId) -> PortResult<Option<(Upload, String)>> {
        let opened = async {
            let object = self.objects.object(&upload_key(media));
            Ok(object.map(|object| (Upload(object.bytes), object.etag)))
        };
        self.desk
            .play("open", opened, |_| PortError::passing("open the upload", "as the schedule says"))
            .await
    }

    async fn put_converted(&self, media: &MediaId, bytes: Vec<u8>) -> PortResult<String> {
        let put = ports::Objects::put_converted(&self.objects, media, bytes);
        self.desk
            .play("put_converted", put, |_| PortError::passing("store the photo", "as the schedule says"))
            .await
    }
}

impl RangedRead for Upload {
    type Error = PortError;

    async fn read(&mut self, offset: u64, len: u64) -> PortResult<Bytes> {
        let end = usize::try_from(offset + len).unwrap_or(usize::MAX).min(self.0.len());
        Ok(self.0.slice(usize::try_from(offset).unwrap_or(end).min(end)..end))
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }
}
