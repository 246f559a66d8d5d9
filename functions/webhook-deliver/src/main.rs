//! Wires the function: everything it may touch is built before the first event.

use domain::job::Job;
use lambda_kit::batch::{Failure, Message, SqsBatchResponse, batch_handler};
use lambda_kit::lambda_runtime::{Error, LambdaEvent, run, service_fn};
use lambda_kit::settings::Settings;
use lambda_kit::{aws, http, telemetry};
use outbound::{Exceptions, Limits, Outbound, Rules};
use queue_sqs::{QueueUrls, Sqs};
use store_dynamodb::Store;
use vault_kms::KmsVault;
use webhook_deliver::{Incoming, WebhookDeliver};
use wiring::System;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let aws = aws::sdk_config();
    let settings = Settings::from_env();
    let (table, key) = (settings.required("TABLE"), settings.required("KMS_KEY_ID"));
    let queue = settings.required("DELIVERY_QUEUE_URL");
    let exceptions =
        settings.parsed_optional::<Exceptions>("OUTBOUND_EXCEPTIONS", "`host:port` separated by commas");
    let periods = wiring::periods(&settings);
    settings.check()?;
    let rules = Rules { exceptions: exceptions?.unwrap_or_default() };
    let urls = QueueUrls { delivery: Some(queue?), ..QueueUrls::default() };
    let deliver = WebhookDeliver {
        store: Store::new(aws_sdk_dynamodb::Client::new(&aws), table?),
        vault: KmsVault::new(aws_sdk_kms::Client::new(&aws), key?, || ports::Clock::now(&System)),
        queues: Sqs::new(aws_sdk_sqs::Client::new(&aws), urls),
        courier: Outbound::new(rules, Limits::default(), http::outbound_http_builder)?,
        time: System,
        periods: periods?,
    };
    run(service_fn(async |event: LambdaEvent<Incoming>| {
        let handle = async |message: Message| match message.json::<Job>()? {
            Job::Deliver(key) => Box::pin(deliver.deliver(key)).await,
            Job::CatchUp(job) => deliver.catch_up(job).await,
            Job::Publish(_)
            | Job::Transfer(_)
            | Job::Check(_)
            | Job::Release(_)
            | Job::Heard(_)
            | Job::Ingest { .. }
            | Job::Refresh { .. }
            | Job::Drop(_) => Err(Failure::give_up("this job belongs to another queue")),
        };
        Ok::<_, Error>(match event.payload {
            Incoming::Queue(batch) => batch_handler(batch, handle).await,
            Incoming::Events(events) => {
                deliver.tell_all(&events).await?;
                SqsBatchResponse::default()
            }
        })
    }))
    .await
}
