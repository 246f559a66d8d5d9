//! Wires the function: everything it may touch is built before the first event.

use drop_intake::caller::ApiFunction;
use drop_intake::{DropIntake, looks};
use lambda_kit::batch::{Message, SqsEvent, batch_handler};
use lambda_kit::lambda_runtime::{Error, LambdaEvent, run, service_fn};
use lambda_kit::settings::Settings;
use lambda_kit::{aws, telemetry};
use media_s3::Bucket;
use queue_sqs::{QueueUrls, Sqs};
use wiring::System;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let aws = aws::sdk_config();
    let settings = Settings::from_env();
    let (bucket, queue, api) = (
        settings.required("MEDIA_BUCKET"),
        settings.required("DROP_QUEUE_URL"),
        settings.required("API_FUNCTION"),
    );
    let (json_wait, media_wait) =
        (settings.seconds("DROP_WAIT_SECONDS"), settings.seconds("MEDIA_DEADLINE_SECONDS"));
    settings.check()?;
    let (bucket, urls) = (bucket?, QueueUrls { drop: Some(queue?), ..QueueUrls::default() });
    let function = DropIntake {
        folder: Bucket::new(aws_sdk_s3::Client::new(&aws), bucket.clone()),
        door: ApiFunction::new(aws_sdk_lambda::Client::new(&aws), api?),
        queues: Sqs::new(aws_sdk_sqs::Client::new(&aws), urls),
        time: System,
        bucket,
        json_wait: json_wait?,
        media_wait: media_wait?,
    };
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let handle = async |message: Message| {
            for place in looks(&message)? {
                function.look(&place, message.receive_count).await?;
            }
            Ok(())
        };
        Ok::<_, Error>(batch_handler(event.payload, handle).await)
    }))
    .await
}
