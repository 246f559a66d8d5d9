//! The function over the fakes, endpoints that answer as they are told, and a clock that nobody waits for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use domain::endpoint::Secret;
use domain::job::Job;
use domain::notice::{News, PostNews};
use domain::{DeliveryKey, Endpoint, EndpointId, Notice, Periods, Post, SignedDuration, Timestamp};
use http::{HeaderMap, StatusCode};
use outbound::{Answer, Failure};
use ports::fakes::{ManualClock, MemoryQueues, MemoryTable, MemoryVault, SeededEntropy};
use ports::samples::{self, NOON};
use ports::{Clock, Endpoints as _, Entropy, Notices as _, Plaintext, Stored, Vault as _};
use status_poll::Sweep;
use webhook_deliver::{Courier, WebhookDeliver};

/// Clock and randomness.
#[derive(Clone)]
pub(crate) struct Time {
    pub(crate) clock: ManualClock,
    entropy: SeededEntropy,
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Entropy for Time {
    fn random(&self) -> [u8; 32] {
        self.entropy.random()
    }
}

/// What came to an endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) at: Timestamp,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) answered: Result<u16, Failure>,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

type Behaviour = Arc<dyn Fn(Timestamp) -> Result<u16, Failure> + Send + Sync>;

/// The customers' servers.
#[derive(Clone)]
pub(crate) struct Receivers {
    clock: ManualClock,
    behaviours: Arc<Mutex<HashMap<String, Behaviour>>>,
    log: Arc<Mutex<Vec<Arrived>>>,
}

impl Courier for Receivers {
    async fn post(&self, url: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, Failure> {
        let behaviour = self.behaviours.lock().unwrap().get(url).cloned();
        let at = self.clock.now();
        let answered = behaviour.map_or(Ok(204), |behaviour| behaviour(at));
        if url.contains("never") {
            std::future::pending::<()>().await;
        }
        if answered == Err(Failure::Timeout) {
            self.clock.advance(SignedDuration::from_secs(10));
        }
        self.log.lock().unwrap().push(Arrived { at, url: url.to_owned(), headers, body, answered });
        let head = Bytes::from_static(b"said something");
        answered.map(|status| Answer { status: StatusCode::from_u16(status).unwrap(), head })
    }
}

pub(crate) struct Rig {
    pub(crate) table: MemoryTable,
    pub(crate) queues: MemoryQueues,
    pub(crate) time: Time,
    pub(crate) vault: MemoryVault,
    pub(crate) receivers: Receivers,
    pub(crate) function: WebhookDeliver<MemoryTable, MemoryVault, MemoryQueues, Receivers, Time>,
    sweep: Sweep<MemoryTable, MemoryQueues, Time>,
    /// Whether the stream brings new events.
    pub(crate) stream: bool,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::default();
        let (table, vault, queues) =
            (MemoryTable::new(), MemoryVault::new(), MemoryQueues::new(clock.clone()));
        let time = Time { clock: clock.clone(), entropy: SeededEntropy::new(5) };
        let receivers = Receivers { clock, behaviours: Arc::default(), log: Arc::default() };
        let periods = Periods::default();
        let function = WebhookDeliver {
            store: table.clone(),
            vault: vault.clone(),
            queues: queues.clone(),
            courier: receivers.clone(),
            time: time.clone(),
            periods: periods.clone(),
        };
        let sweep = Sweep { store: table.clone(), queues: queues.clone(), time: time.clone(), periods };
        Self { table, queues, time, vault, receivers, function, sweep, stream: true }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.time.now()
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.time.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// What a secret of the endpoint with these bits is, in the clear.
    pub(crate) fn secret(bits: u128, number: u64) -> String {
        use base64::Engine as _;
        let key = format!("secret {number} of endpoint {bits:08}");
        format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(key))
    }

    pub(crate) async fn sealed(&self, endpoint: &Endpoint, bits: u128, number: u64) -> Secret {
        let plain = Plaintext::new(Self::secret(bits, number));
        let sealed = self.vault.seal(&plain, &endpoint.binding(number)).await.unwrap();
        Secret { number, sealed, ends_at: None, request_sha256: None }
    }

    /// An endpoint at `https://<name>.example/`, which answers so.
    pub(crate) async fn endpoint(
        &self,
        bits: u128,
        name: &str,
        behaviour: impl Fn(Timestamp) -> Result<u16, Failure> + Send + Sync + 'static,
    ) -> EndpointId {
        let url = format!("https://{name}.example/");
        let endpoint = Endpoint { url: url.clone(), ..samples::endpoint(bits, self.now()) };
        let secrets = vec![self.sealed(&endpoint, bits, 1).await];
        let endpoint = Endpoint { secrets, ..endpoint };
        self.table.create_endpoint(&endpoint, self.time.nonce()).await.unwrap();
        self.receivers.behaviours.lock().unwrap().insert(url, Arc::new(behaviour));
        endpoint.id
    }

    pub(crate) async fn change(&self, id: &EndpointId, change: impl FnOnce(Endpoint) -> Endpoint) {
        let seen: Stored<Endpoint> = self.table.endpoint(id).await.unwrap().unwrap();
        let row = change(seen.row.clone());
        self.table.save_endpoint(&seen, &row, None, self.time.nonce()).await.unwrap();
    }

    pub(crate) async fn row(&self, id: &EndpointId) -> Endpoint {
        self.table.endpoint(id).await.unwrap().unwrap().row
    }

    /// Something happens to a post: the event is written, and the stream brings it if it works.
    pub(crate) async fn happens(&self, bits: u128, event: PostNews) -> Notice {
        let post = Post { due: None, ..samples::post(bits, Some(samples::pinned()), NOON) };
        self.table.insert_post(post.clone(), samples::content());
        let news = News::Post { post: post.id.clone(), event, code: None };
        let notice = Notice::of_post(&post, self.now(), news);
        self.table.record(&notice).await.unwrap();
        if self.stream {
            self.function.tell(&notice.id).await.unwrap();
        }
        notice
    }

    /// Does every job whose time has come.
    pub(crate) async fn work(&self) {
        while let Some(job) = self.queues.pop() {
            let done = match job {
                Job::Deliver(key) => self.function.deliver(key).await,
                Job::CatchUp(job) => self.function.catch_up(job).await,
                other => panic!("{other:?} is not for this function"),
            };
            done.unwrap();
        }
    }

    /// Lives on: jobs at their times, the sweep once a minute.
    pub(crate) async fn live(&self, seconds: i64) {
        let end = self.now() + SignedDuration::from_secs(seconds);
        while self.now() < end {
            self.sweep.sweep().await;
            let tick = (self.now() + SignedDuration::from_secs(60)).min(end);
            while let Some(at) = self.queues.next_at().filter(|at| *at <= tick) {
                self.time.clock.set(at.max(self.now()));
                self.work().await;
            }
            self.time.clock.set(tick.max(self.now()));
        }
    }

    /// What came to this name.
    pub(crate) fn arrived(&self, name: &str) -> Vec<Arrived> {
        let url = format!("https://{name}.example/");
        self.receivers.log.lock().unwrap().iter().filter(|it| it.url == url).cloned().collect()
    }

    pub(crate) fn delivery(&self, endpoint: &EndpointId, notice: &Notice) -> domain::Delivery {
        let key = DeliveryKey { endpoint: endpoint.clone(), event: notice.id.clone() };
        let all = self.table.all_deliveries();
        all.into_iter().find(|delivery| delivery.key == key).expect("the delivery is there")
    }
}
