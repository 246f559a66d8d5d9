//! The queues against an emulated SQS.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use domain::job::{Check, Publish};
use domain::{AccountId, DeliveryKey, EndpointId, Job, MediaId, NoticeId, PostId, SignedDuration, Timestamp};
use ministack::Ministack;
use ports::Queues as _;
use queue_sqs::{QueueUrls, Sqs};

struct Stage {
    sqs: Client,
    urls: QueueUrls,
    queues: Sqs,
    _ministack: Ministack,
}

impl Stage {
    async fn new() -> Self {
        let ministack = Ministack::start().expect("MiniStack starts");
        let sqs = Client::new(&ministack.sdk_config());
        let urls = QueueUrls {
            publish: Some(created(&sqs, "publish").await),
            status: Some(created(&sqs, "status").await),
            ingest: Some(created(&sqs, "ingest").await),
            refresh: Some(created(&sqs, "refresh").await),
            transfer: Some(created(&sqs, "transfer").await),
            drop: Some(created(&sqs, "drop").await),
            delivery: Some(created(&sqs, "delivery").await),
        };
        let queues = Sqs::new(sqs.clone(), urls.clone());
        Self { sqs, urls, queues, _ministack: ministack }
    }

    async fn receive(&self, url: Option<&String>, wait: i32) -> Option<Message> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(url.expect("a queue"))
            .wait_time_seconds(wait)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .customize()
            .config_override(
                aws_sdk_sqs::config::Builder::new().timeout_config(
                    aws_sdk_sqs::config::timeout::TimeoutConfig::builder()
                        .operation_attempt_timeout(Duration::from_mins(1))
                        .build(),
                ),
            )
            .send()
            .await
            .expect("SQS answers");
        received.messages?.pop()
    }

    /// How many messages of a queue are not to be seen yet.
    async fn delayed(&self, url: Option<&String>) -> String {
        let name = QueueAttributeName::ApproximateNumberOfMessagesDelayed;
        let answer = self
            .sqs
            .get_queue_attributes()
            .queue_url(url.expect("a queue"))
            .attribute_names(name.clone())
            .send()
            .await
            .expect("SQS answers");
        answer.attributes().and_then(|it| it.get(&name)).cloned().unwrap_or_default()
    }
}

async fn created(sqs: &Client, name: &str) -> String {
    let created = sqs.create_queue().queue_name(name).send().await.expect("the queue is new");
    created.queue_url.expect("a URL")
}

fn jobs() -> [Job; 6] {
    let (post, account) = (PostId::from_bits(1), AccountId::from_bits(2));
    let ticket = Some(Timestamp::from_second(1_800_000_000).expect("a time"));
    [
        Job::Publish(Publish {
            post: post.clone(),
            account: account.clone(),
            content: serde_json::from_value(serde_json::json!("ab".repeat(32))).expect("a hash"),
            ticket,
            refused_epoch: None,
        }),
        Job::Check(Check { post, account: account.clone(), swept: true, refused_epoch: Some(3) }),
        Job::Ingest { media: MediaId::from_bits(3), post: None },
        Job::Refresh { account, epoch: Some(4) },
        Job::Drop(domain::job::Drop {
            creator: domain::CreatorId::from_bits(6), name: "Möwen 2".to_owned()
        }),
        Job::Deliver(DeliveryKey { endpoint: EndpointId::from_bits(5), event: NoticeId::from_bits(6) }),
    ]
}

#[tokio::test]
async fn a_job_goes_to_its_own_queue_as_it_is_in_the_group_of_its_account() {
    let stage = Stage::new().await;
    for job in jobs() {
        stage.queues.send(&job, SignedDuration::ZERO).await.unwrap();
    }
    let urls = &stage.urls;
    let theirs = [&urls.publish, &urls.status, &urls.ingest, &urls.refresh, &urls.drop, &urls.delivery];
    for (job, url) in jobs().iter().zip(theirs) {
        let message = stage.receive(url.as_ref(), 5).await.expect("the job is there");
        assert_eq!(&serde_json::from_str::<Job>(message.body().unwrap()).unwrap(), job);
        let group = &message.attributes().unwrap()[&MessageSystemAttributeName::MessageGroupId];
        assert_eq!(group, job.group());
        assert!(stage.receive(url.as_ref(), 0).await.is_none(), "one job, one message");
    }
}

#[tokio::test]
async fn a_delayed_job_is_not_to_be_seen_before_its_time() {
    let stage = Stage::new().await;
    let url = stage.urls.status.as_ref();
    stage.queues.send(&jobs()[1], SignedDuration::from_millis(600)).await.unwrap();
    assert_eq!(stage.delayed(url).await, "1");
    assert!(stage.receive(url, 10).await.is_some(), "it comes in the end");
}

#[tokio::test]
async fn a_job_that_is_further_off_than_a_queue_can_wait_is_taken() {
    let stage = Stage::new().await;
    stage.queues.send(&jobs()[0], SignedDuration::from_hours(48)).await.unwrap();
    assert_eq!(stage.delayed(stage.urls.publish.as_ref()).await, "1");
}

#[tokio::test]
async fn a_job_that_is_overdue_comes_at_once() {
    let stage = Stage::new().await;
    stage.queues.send(&jobs()[3], SignedDuration::from_secs(-30)).await.unwrap();
    assert!(stage.receive(stage.urls.refresh.as_ref(), 5).await.is_some());
}

#[tokio::test]
async fn a_function_without_the_url_of_a_queue_is_told_which_one() {
    use std::error::Error as _;
    let stage = Stage::new().await;
    let publishes_only = QueueUrls { publish: stage.urls.publish.clone(), ..QueueUrls::default() };
    let queues = Sqs::new(stage.sqs.clone(), publishes_only);
    let [publish, check, ingest, refresh, dropped, delivery] = jobs();
    queues.send(&publish, SignedDuration::ZERO).await.unwrap();
    let others = [
        (check, "status"),
        (ingest, "ingest"),
        (refresh, "refresh"),
        (dropped, "drop"),
        (delivery, "delivery"),
    ];
    for (job, name) in others {
        let error = queues.send(&job, SignedDuration::ZERO).await.unwrap_err();
        assert!(error.refused);
        assert_eq!(
            error.source().unwrap().to_string(),
            format!("this function has no URL for the {name} queue")
        );
    }
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_a_refusal_and_a_machine_that_is_not_there_passes() {
    let stage = Stage::new().await;
    let gone = stage.urls.publish.as_ref().map(|url| url.replace("publish", "gone"));
    let queues = Sqs::new(stage.sqs.clone(), QueueUrls { publish: gone, ..QueueUrls::default() });
    let error = queues.send(&jobs()[0], SignedDuration::ZERO).await.unwrap_err();
    assert!(error.refused, "{error:?}");
    assert_eq!(error.to_string(), format!("sending a job of `{}` to the publish queue", jobs()[0].group()));

    let Stage { queues, _ministack: ministack, .. } = stage;
    drop(ministack);
    assert!(!queues.send(&jobs()[0], SignedDuration::ZERO).await.unwrap_err().refused);
}
