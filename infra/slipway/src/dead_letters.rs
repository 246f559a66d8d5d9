//! Dead letters: how many lie there, and sending them again.

use anyhow::{Context as _, Result};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageSystemAttributeName as Attribute, QueueAttributeName};

/// A letter that is not sent within this is somebody else's again.
const OURS_FOR_SECONDS: i32 = 60;

/// How many letters lie in a dead-letter queue.
pub async fn count(sqs: &Client, dead: &str) -> Result<usize> {
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let asked = sqs.get_queue_attributes().queue_url(dead).attribute_names(name.clone()).send().await;
    let asked = asked.context("counting")?;
    let count = asked.attributes().and_then(|all| all.get(&name)).and_then(|count| count.parse().ok());
    count.context("the queue does not tell how many lie there")
}

/// Sends every letter again, then takes it away: whoever stops in between leaves one twice, which is harmless.
pub async fn redrive(sqs: &Client, dead: &str, queue: &str) -> Result<usize> {
    let mut moved = 0;
    loop {
        let received = sqs
            .receive_message()
            .queue_url(dead)
            .max_number_of_messages(10)
            .visibility_timeout(OURS_FOR_SECONDS)
            .wait_time_seconds(1)
            .message_system_attribute_names(Attribute::MessageGroupId)
            .send()
            .await
            .context("receiving")?;
        let letters = received.messages.unwrap_or_default();
        if letters.is_empty() {
            return Ok(moved);
        }
        for letter in letters {
            let group = letter.attributes().and_then(|all| all.get(&Attribute::MessageGroupId)).cloned();
            sqs.send_message()
                .queue_url(queue)
                .message_body(letter.body().unwrap_or_default())
                .set_message_group_id(group)
                .send()
                .await
                .context("sending")?;
            let receipt = letter.receipt_handle().context("a letter without a receipt")?;
            sqs.delete_message().queue_url(dead).receipt_handle(receipt).send().await.context("deleting")?;
            moved += 1;
        }
    }
}
