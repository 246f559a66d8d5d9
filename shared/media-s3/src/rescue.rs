use aws_sdk_s3::primitives::ByteStream;
use domain::AccountId;
use domain::account::Tokens;
use ports::{PortError, PortResult, Rescue};

use crate::Bucket;
use crate::error::{failed, missing};

fn key(account: &AccountId, epoch: u64) -> String {
    format!("rescue/{account}/{epoch}")
}

impl Rescue for Bucket {
    async fn keep(&self, account: &AccountId, tokens: &Tokens) -> PortResult<()> {
        let what = || format!("keeping tokens {} of `{account}`", tokens.epoch);
        let json = serde_json::to_vec(tokens).map_err(|source| PortError::refused(what(), source))?;
        self.client
            .put_object()
            .bucket(&self.name)
            .key(key(account, tokens.epoch))
            .content_type("application/json")
            .body(ByteStream::from(json))
            .send()
            .await
            .map_err(|error| failed(what(), error))?;
        Ok(())
    }

    async fn kept(&self, account: &AccountId, epoch: u64) -> PortResult<Option<Tokens>> {
        let what = || format!("looking for kept tokens {epoch} of `{account}`");
        let answer = self.client.get_object().bucket(&self.name).key(key(account, epoch)).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if missing(&error) => return Ok(None),
            Err(error) => return Err(failed(what(), error)),
        };
        let json = answer.body.collect().await.map_err(|source| PortError::passing(what(), source))?;
        let tokens = serde_json::from_slice(&json.into_bytes())
            .map_err(|source| PortError::refused(what(), source))?;
        Ok(Some(tokens))
    }

    async fn forget(&self, account: &AccountId, epoch: u64) -> PortResult<()> {
        let what = || format!("forgetting kept tokens {epoch} of `{account}`");
        let deleted = self.client.delete_object().bucket(&self.name).key(key(account, epoch)).send().await;
        deleted.map(drop).map_err(|error| failed(what(), error))
    }
}
