//! Wires the function: everything it may touch is built before the first event.

use api::{Api, KeyCache, Outside, Rules};
use domain::SignedDuration;
use domain::account::RefreshPlan;
use domain::app::ModeSetting;
use lambda_kit::lambda_runtime::Error;
use lambda_kit::settings::Settings;
use lambda_kit::{aws, http, telemetry};
use media_s3::Bucket;
use outbound::Exceptions;
use queue_sqs::{QueueUrls, Sqs};
use store_dynamodb::Store;
use tiktok::{Client, Endpoints, ExchangeLimits, ReqwestExchange};
use vault_kms::KmsVault;
use wiring::System;
use wiring::secrets::{Secrets as _, SsmSecrets};

struct Aws;

impl Outside for Aws {
    type Store = Store;
    type Objects = Bucket;
    type Queues = Sqs;
    type Vault = KmsVault;
    type Exchange = ReqwestExchange;
    type Time = System;
    type Secrets = SsmSecrets;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let aws = aws::sdk_config();
    let settings = Settings::from_env();
    let (table, bucket, key) =
        (settings.required("TABLE"), settings.required("MEDIA_BUCKET"), settings.required("KMS_KEY_ID"));
    let (publish, status, refresh) = (
        settings.required("PUBLISH_QUEUE_URL"),
        settings.required("STATUS_QUEUE_URL"),
        settings.required("REFRESH_QUEUE_URL"),
    );
    let delivery = settings.required("DELIVERY_QUEUE_URL");
    let exceptions =
        settings.parsed_optional::<Exceptions>("OUTBOUND_EXCEPTIONS", "`host:port` separated by commas");
    let (api_base, auth_base) =
        (settings.required("TIKTOK_API_BASE_URL"), settings.required("TIKTOK_AUTH_BASE_URL"));
    let at_percent = settings.parsed::<u8>("REFRESH_AT_PERCENT", "a percentage");
    let jitter_percent = settings.parsed::<u8>("REFRESH_JITTER_PERCENT", "a percentage");
    let (upload, prefix) = (settings.seconds("UPLOAD_SECONDS"), settings.required("SECRETS_PREFIX"));
    let keep_alive = settings.parsed::<i64>("KEEP_ALIVE_DAYS", "a number of days");
    let mode = settings.parsed::<ModeSetting>("TIKTOK_MODE", "auto, sandbox, unaudited or audited");
    let periods = wiring::periods(&settings);
    settings.check()?;
    let urls = QueueUrls {
        publish: Some(publish?),
        status: Some(status?),
        refresh: Some(refresh?),
        delivery: Some(delivery?),
        ..QueueUrls::default()
    };
    let exchange = ReqwestExchange::new(http::tiktok_http_builder(), ExchangeLimits::default())?;
    let secrets = SsmSecrets::new(aws_sdk_ssm::Client::new(&aws), prefix?);
    secrets.secrets(ports::Clock::now(&System)).await?;
    let api = Api::<Aws> {
        store: Store::new(aws_sdk_dynamodb::Client::new(&aws), table?),
        objects: Bucket::new(aws_sdk_s3::Client::new(&aws), bucket?),
        queues: Sqs::new(aws_sdk_sqs::Client::new(&aws), urls),
        vault: KmsVault::new(aws_sdk_kms::Client::new(&aws), key?, || ports::Clock::now(&System)),
        tiktok: Client::new(exchange, Endpoints::new(&api_base?, &auth_base?)?),
        time: System,
        secrets,
        periods: periods?,
        refresh: RefreshPlan {
            at_percent: at_percent?,
            jitter_percent: jitter_percent?,
            keep_alive: SignedDuration::from_hours(24 * keep_alive?),
        },
        upload: upload?,
        public_base_url: settings.optional("PUBLIC_BASE_URL"),
        tiktok_mode: mode?,
        media_base_url: settings.optional("MEDIA_BASE_URL"),
        cors_origins: settings
            .optional("CORS_ORIGINS")
            .map(|origins| origins.split(',').map(|origin| origin.trim().to_owned()).collect())
            .unwrap_or_default(),
        rules: Rules { exceptions: exceptions?.unwrap_or_default() },
        keys: KeyCache::default(),
    };
    lambda_http::run(api.router()).await
}
