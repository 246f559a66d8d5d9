//! Wires the function: everything it may touch is built before the first event.

use domain::SignedDuration;
use domain::account::RefreshPlan;
use domain::job::Job;
use lambda_kit::batch::{Failure, Message, QueueOr, SqsBatchResponse, batch_handler};
use lambda_kit::deadline::Deadline;
use lambda_kit::lambda_runtime::{Error, LambdaEvent, run, service_fn};
use lambda_kit::settings::Settings;
use lambda_kit::telemetry::{self, Unit};
use lambda_kit::{aws, http};
use media_s3::Bucket;
use queue_sqs::{QueueUrls, Sqs};
use serde::Deserialize;
use store_dynamodb::Store;
use tiktok::{Client, Endpoints, ExchangeLimits, ReqwestExchange};
use token_refresh::{Sweep, TokenRefresh};
use vault_kms::KmsVault;
use wiring::System;
use wiring::secrets::{Secrets as _, SsmSecrets};

/// What the EventBridge rule sends.
#[derive(Debug, Deserialize)]
struct Tick {
    #[serde(rename = "sweep")]
    _what: Accounts,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Accounts {
    Accounts,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let aws = aws::sdk_config();
    let settings = Settings::from_env();
    let stage = settings.required("STAGE");
    let (table, bucket, key) =
        (settings.required("TABLE"), settings.required("MEDIA_BUCKET"), settings.required("KMS_KEY_ID"));
    let (queue, prefix) = (settings.required("REFRESH_QUEUE_URL"), settings.required("SECRETS_PREFIX"));
    let status = settings.required("STATUS_QUEUE_URL");
    let (api_base, auth_base) =
        (settings.required("TIKTOK_API_BASE_URL"), settings.required("TIKTOK_AUTH_BASE_URL"));
    let at_percent = settings.parsed::<u8>("REFRESH_AT_PERCENT", "a percentage");
    let jitter_percent = settings.parsed::<u8>("REFRESH_JITTER_PERCENT", "a percentage");
    let keep_alive = settings.parsed::<i64>("KEEP_ALIVE_DAYS", "a number of days");
    let periods = wiring::periods(&settings);
    settings.check()?;
    let plan = RefreshPlan {
        at_percent: at_percent?,
        jitter_percent: jitter_percent?,
        keep_alive: SignedDuration::from_hours(24 * keep_alive?),
    };
    let urls = QueueUrls { refresh: Some(queue?), status: Some(status?), ..QueueUrls::default() };
    let exchange = ReqwestExchange::new(http::tiktok_http_builder(), ExchangeLimits::default())?;
    let store = Store::new(aws_sdk_dynamodb::Client::new(&aws), table?);
    let queues = Sqs::new(aws_sdk_sqs::Client::new(&aws), urls);
    let secrets = SsmSecrets::new(aws_sdk_ssm::Client::new(&aws), prefix?);
    secrets.secrets(ports::Clock::now(&System)).await?;
    let (periods, stage) = (periods?, stage?);
    let sweep =
        Sweep { store: store.clone(), queues: queues.clone(), time: System, periods: periods.clone() };
    let refresh = TokenRefresh {
        store,
        rescue: Bucket::new(aws_sdk_s3::Client::new(&aws), bucket?),
        queues,
        vault: KmsVault::new(aws_sdk_kms::Client::new(&aws), key?, || ports::Clock::now(&System)),
        secrets,
        tiktok: Client::new(exchange, Endpoints::new(&api_base?, &auth_base?)?),
        time: System,
        periods,
        plan,
    };
    run(service_fn(async |event: LambdaEvent<QueueOr<Tick>>| {
        let deadline = Deadline::from(&event.context).moment();
        let handle = async |message: Message| match message.json::<Job>()? {
            Job::Refresh { account, epoch } => refresh.refresh(account, epoch, deadline).await,
            Job::Publish(_)
            | Job::Transfer(_)
            | Job::Check(_)
            | Job::Release(_)
            | Job::Heard(_)
            | Job::Ingest { .. }
            | Job::Drop(_)
            | Job::Deliver(_)
            | Job::CatchUp(_) => Err(Failure::give_up("this job belongs to another queue")),
        };
        Ok::<_, Error>(match event.payload {
            QueueOr::Queue(batch) => batch_handler(batch, handle).await,
            QueueOr::Other(_) => {
                let oldest = sweep.sweep().await.as_secs_f64().max(0.0);
                let now = ports::Clock::now(&System);
                telemetry::metric(
                    now,
                    "OldestDueSeconds",
                    oldest,
                    Unit::Seconds,
                    &[("Stage", &stage), ("Sweep", "accounts")],
                );
                SqsBatchResponse::default()
            }
        })
    }))
    .await
}
