//! Wires the function: everything it may touch is built before the first event.

use domain::SignedDuration;
use domain::job::Job;
use lambda_kit::batch::{Failure, Message, QueueOr, SqsBatchResponse, batch_handler};
use lambda_kit::lambda_runtime::{Error, LambdaEvent, run, service_fn};
use lambda_kit::settings::{Settings, SettingsError};
use lambda_kit::telemetry::{self, Unit};
use lambda_kit::{aws, http};
use media_s3::{Bucket, LogSource};
use queue_sqs::{QueueUrls, Sqs, SqsDeadLetters};
use serde::Deserialize;
use status_poll::{Graveyard, StatusPoll, Sweep};
use store_dynamodb::Store;
use tiktok::{Client, Endpoints, ExchangeLimits, ReqwestExchange};
use vault_kms::KmsVault;
use wiring::System;

/// What the EventBridge rule sends.
#[derive(Debug, Deserialize)]
struct Tick {
    #[serde(rename = "sweep")]
    _what: Posts,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Posts {
    Posts,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let aws = aws::sdk_config();
    let settings = Settings::from_env();
    let stage = settings.required("STAGE");
    let (table, bucket, key) =
        (settings.required("TABLE"), settings.required("MEDIA_BUCKET"), settings.required("KMS_KEY_ID"));
    let (publish, transfer, status, ingest, refresh) = (
        settings.required("PUBLISH_QUEUE_URL"),
        settings.required("TRANSFER_QUEUE_URL"),
        settings.required("STATUS_QUEUE_URL"),
        settings.required("INGEST_QUEUE_URL"),
        settings.required("REFRESH_QUEUE_URL"),
    );
    let delivery = settings.required("DELIVERY_QUEUE_URL");
    let (api_base, auth_base) =
        (settings.required("TIKTOK_API_BASE_URL"), settings.required("TIKTOK_AUTH_BASE_URL"));
    let dead = [
        ("publish", settings.required("PUBLISH_DEAD_LETTERS_URL")),
        ("status", settings.required("STATUS_DEAD_LETTERS_URL")),
        ("ingest", settings.required("INGEST_DEAD_LETTERS_URL")),
        ("refresh", settings.required("REFRESH_DEAD_LETTERS_URL")),
        ("transfer", settings.required("TRANSFER_DEAD_LETTERS_URL")),
        ("delivery", settings.required("DELIVERY_DEAD_LETTERS_URL")),
    ];
    let (log_bucket, log_delay) =
        (settings.optional("FETCH_LOG_BUCKET"), settings.seconds("FETCH_LOG_DELAY_SECONDS"));
    let periods = wiring::periods(&settings);
    settings.check()?;
    let urls = QueueUrls {
        publish: Some(publish?),
        status: Some(status?),
        ingest: Some(ingest?),
        refresh: Some(refresh?),
        transfer: Some(transfer?),
        delivery: Some(delivery?),
        ..QueueUrls::default()
    };
    let exchange = ReqwestExchange::new(http::tiktok_http_builder(), ExchangeLimits::default())?;
    let store = Store::new(aws_sdk_dynamodb::Client::new(&aws), table?);
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let dead = dead.into_iter().map(|(name, url)| Ok((name, url?))).collect::<Result<_, SettingsError>>()?;
    let letters = SqsDeadLetters::new(sqs.clone(), dead);
    let queues = Sqs::new(sqs, urls);
    let (periods, stage, delay) = (periods?, stage?, log_delay?);
    // without a delay that somebody vouches for, the log proves nothing
    let log = log_bucket.filter(|_| delay > SignedDuration::ZERO).map(|bucket| LogSource { bucket, delay });
    let sweep =
        Sweep { store: store.clone(), queues: queues.clone(), time: System, periods: periods.clone() };
    let graveyard = Graveyard { store: store.clone(), letters, time: System, periods: periods.clone() };
    let poll = StatusPoll {
        store,
        objects: Bucket::new(aws_sdk_s3::Client::new(&aws), bucket?).with_log(log),
        queues,
        vault: KmsVault::new(aws_sdk_kms::Client::new(&aws), key?, || ports::Clock::now(&System)),
        tiktok: Client::new(exchange, Endpoints::new(&api_base?, &auth_base?)?),
        time: System,
        periods,
    };
    run(service_fn(async |event: LambdaEvent<QueueOr<Tick>>| {
        let handle = async |message: Message| match message.json::<Job>()? {
            Job::Check(job) => Box::pin(poll.check(job)).await,
            Job::Release(job) => poll.release(job).await,
            Job::Heard(job) => Box::pin(poll.heard(job)).await,
            Job::Publish(_)
            | Job::Transfer(_)
            | Job::Ingest { .. }
            | Job::Refresh { .. }
            | Job::Drop(_)
            | Job::Deliver(_)
            | Job::CatchUp(_) => Err(Failure::give_up("this job belongs to another queue")),
        };
        Ok::<_, Error>(match event.payload {
            QueueOr::Queue(batch) => batch_handler(batch, handle).await,
            QueueOr::Other(_) => {
                let swept = sweep.sweep().await;
                let oldest = swept.oldest.as_secs_f64().max(0.0);
                telemetry::metric(
                    ports::Clock::now(&System),
                    "OldestDueSeconds",
                    oldest,
                    Unit::Seconds,
                    &[("Stage", &stage), ("Sweep", "posts")],
                );
                let dead = graveyard.look().await;
                tracing::info!(
                    dead_letters = dead,
                    sent = swept.sent,
                    rearmed = swept.rearmed,
                    failed = swept.failed,
                    "swept"
                );
                SqsBatchResponse::default()
            }
        })
    }))
    .await
}
