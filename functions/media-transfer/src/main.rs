//! Wires the function: everything it may touch is built before the first event.

use std::time::Duration;

use domain::job::Job;
use lambda_kit::batch::{Failure, Message, SqsEvent, batch_handler};
use lambda_kit::deadline::Deadline;
use lambda_kit::lambda_runtime::{Error, LambdaEvent, run, service_fn};
use lambda_kit::settings::Settings;
use lambda_kit::{aws, http, telemetry};
use media_s3::Bucket;
use media_transfer::MediaTransfer;
use queue_sqs::{QueueUrls, Sqs};
use store_dynamodb::Store;
use tiktok::{Client, Endpoints, ExchangeLimits, ReqwestExchange};
use vault_kms::KmsVault;
use wiring::System;

/// A chunk of 20 MB at 4 Mbit/s; slower, the invocation would end before TikTok's answer.
const CHUNK: Duration = Duration::from_secs(40);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let aws = aws::sdk_config();
    let settings = Settings::from_env();
    let (table, bucket, key) =
        (settings.required("TABLE"), settings.required("MEDIA_BUCKET"), settings.required("KMS_KEY_ID"));
    let (transfer, status, refresh, publish) = (
        settings.required("TRANSFER_QUEUE_URL"),
        settings.required("STATUS_QUEUE_URL"),
        settings.required("REFRESH_QUEUE_URL"),
        settings.required("PUBLISH_QUEUE_URL"),
    );
    let (api_base, auth_base) =
        (settings.required("TIKTOK_API_BASE_URL"), settings.required("TIKTOK_AUTH_BASE_URL"));
    let periods = wiring::periods(&settings);
    settings.check()?;
    let urls = QueueUrls {
        transfer: Some(transfer?),
        status: Some(status?),
        refresh: Some(refresh?),
        publish: Some(publish?),
        ..QueueUrls::default()
    };
    let limits = ExchangeLimits { total: CHUNK, ..ExchangeLimits::default() };
    let exchange = ReqwestExchange::new(http::tiktok_http_builder(), limits)?;
    let function = MediaTransfer {
        store: Store::new(aws_sdk_dynamodb::Client::new(&aws), table?),
        objects: Bucket::new(aws_sdk_s3::Client::new(&aws), bucket?),
        queues: Sqs::new(aws_sdk_sqs::Client::new(&aws), urls),
        vault: KmsVault::new(aws_sdk_kms::Client::new(&aws), key?, || ports::Clock::now(&System)),
        tiktok: Client::new(exchange, Endpoints::new(&api_base?, &auth_base?)?),
        time: System,
        periods: periods?,
    };
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let deadline = Deadline::from(&event.context).moment();
        let handle = async |message: Message| match message.json::<Job>()? {
            Job::Transfer(job) => Box::pin(function.transfer(job, deadline)).await,
            Job::Publish(_)
            | Job::Check(_)
            | Job::Release(_)
            | Job::Heard(_)
            | Job::Ingest { .. }
            | Job::Refresh { .. }
            | Job::Drop(_)
            | Job::Deliver(_)
            | Job::CatchUp(_) => Err(Failure::give_up("this job belongs to another queue")),
        };
        Ok::<_, Error>(batch_handler(event.payload, handle).await)
    }))
    .await
}
