//! A deployed stack, found with the operator's own credentials.

use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use store_dynamodb::Store;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::check_stage;
use crate::progress::Progress;
use crate::repo;
use crate::stack::{prerequisites, venv};

/// Which stack.
#[derive(Args)]
pub(super) struct Place {
    /// The stage, as in the template's parameter
    #[arg(long)]
    pub(super) stage: String,
    /// The stack that the stage was deployed as
    #[arg(long, default_value = "slipway")]
    stack_name: String,
    /// An endpoint in place of AWS's: the local stack's emulated AWS
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL")]
    endpoint_url: Option<String>,
}

/// What Python found: the table and the stack's other outputs, and the credentials to use them with.
#[derive(Deserialize)]
pub(super) struct Found {
    table: String,
    pub(super) outputs: BTreeMap<String, String>,
    region: String,
    access_key: String,
    secret_key: String,
    token: Option<String>,
}

impl Place {
    pub(super) async fn store(&self) -> Result<Store> {
        let found = self.find().await?;
        let table = found.table.clone();
        Ok(Store::new(aws_sdk_dynamodb::Client::new(&self.sdk_config(found)), table))
    }

    pub(super) async fn find(&self) -> Result<Found> {
        check_stage(&self.stage)?;
        let root = repo::root()?;
        let python = prerequisites::check().await?;
        let venv = venv::prepare(&root, &python, Progress::Shown).await?;
        let order = json!({ "stack": self.stack_name, "stage": self.stage, "endpoint": self.endpoint_url });
        let mut child = Command::new(venv.python())
            .arg(repo::own(&root).join("python/find_table.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting Python")?;
        let mut stdin = child.stdin.take().context("Python has no standard input")?;
        stdin.write_all(order.to_string().as_bytes()).await.context("asking for the table")?;
        drop(stdin);
        let output = child.wait_with_output().await.context("waiting for Python")?;
        if !output.status.success() {
            bail!(
                "the table of stage `{}` was not found in stack `{}`; --stack-name names another stack",
                self.stage,
                self.stack_name
            );
        }
        serde_json::from_slice(&output.stdout).context("reading where the table is")
    }

    pub(super) fn sdk_config(&self, found: Found) -> SdkConfig {
        let credentials = Credentials::new(found.access_key, found.secret_key, found.token, None, "operator");
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(lambda_kit::http::aws_http_client())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .region(Region::new(found.region))
            .retry_config(lambda_kit::aws::retries())
            .timeout_config(lambda_kit::aws::timeouts());
        config.set_endpoint_url(self.endpoint_url.clone());
        config.build()
    }
}
