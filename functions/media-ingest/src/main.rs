//! Wires the function: everything it may touch is built before the first event.

use lambda_kit::batch::{Message, SqsEvent, batch_handler};
use lambda_kit::lambda_runtime::{Error, LambdaEvent, run, service_fn};
use lambda_kit::settings::Settings;
use lambda_kit::{aws, telemetry};
use media_ingest::{MediaIngest, Turns, looks};
use media_s3::Bucket;
use queue_sqs::{QueueUrls, Sqs};
use store_dynamodb::Store;
use wiring::System;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let aws = aws::sdk_config();
    let settings = Settings::from_env();
    let (table, bucket, publish) = (
        settings.required("TABLE"),
        settings.required("MEDIA_BUCKET"),
        settings.required("PUBLISH_QUEUE_URL"),
    );
    let periods = wiring::periods(&settings);
    settings.check()?;
    let urls = QueueUrls { publish: Some(publish?), ..QueueUrls::default() };
    let function = MediaIngest {
        store: Store::new(aws_sdk_dynamodb::Client::new(&aws), table?),
        uploads: Bucket::new(aws_sdk_s3::Client::new(&aws), bucket?),
        queues: Sqs::new(aws_sdk_sqs::Client::new(&aws), urls),
        time: System,
        periods: periods?,
        converting: Turns::default(),
    };
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let handle = async |message: Message| {
            for look in looks(&message)? {
                function.ingest(&look.media, look.post).await?;
            }
            Ok(())
        };
        Ok::<_, Error>(batch_handler(event.payload, handle).await)
    }))
    .await
}
