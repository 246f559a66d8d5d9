//! Journeys through the real template and the real functions.
//!
//! The journeys of one binary share a few stacks; they run side by side, each with a workspace and a creator of its own. That is
//! why this binary has a main of its own: the stacks stop, and leave nothing, when the last journey is over.

#[path = "it/bad_input.rs"]
mod bad_input;
#[path = "it/canaries.rs"]
mod canaries;
#[path = "it/creators.rs"]
mod creators;
#[path = "it/drafts.rs"]
mod drafts;
#[path = "it/drop.rs"]
mod drop;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/journeys.rs"]
mod journeys;
#[path = "it/killed.rs"]
mod killed;
#[path = "it/letters.rs"]
mod letters;
#[path = "it/limits.rs"]
mod limits;
#[path = "it/repeats.rs"]
mod repeats;
#[path = "it/scheduled.rs"]
mod scheduled;
#[path = "it/tokens.rs"]
mod tokens;
#[path = "it/webhooks.rs"]
mod webhooks;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use e2e::rig::{Rig, Setup};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, OnceCell};

/// Journeys wait more than they work.
const SIDE_BY_SIDE: usize = 12;

/// The stacks, each started when the first journey asks for it.
#[derive(Default)]
struct Rigs {
    /// TikTok pulls from the media edge and sends webhooks; an access token lives 240 s and is refreshed at 60 %.
    edge: OnceCell<Rig>,
    /// TikTok pulls presigned URLs and sends no webhooks.
    silent: OnceCell<Rig>,
    /// Functions die here all the time.
    deadly: OnceCell<Rig>,
    /// Much goes wrong here at once.
    rough: OnceCell<Rig>,
    /// TikTok is asked as often as it allows.
    eager: OnceCell<Rig>,
    /// A message is a dead letter after half a minute.
    impatient: OnceCell<Rig>,
    /// Batches hold ten messages.
    crowded: OnceCell<Rig>,
    /// Functions say everything they have to say, and every byte that goes in and out is kept.
    overheard: OnceCell<Rig>,
    /// Two stacks that start at once package the same functions.
    starting: Mutex<()>,
}

impl Rigs {
    async fn edge(&self) -> Result<&Rig> {
        self.started(&self.edge, || {
            let mut setup = Setup::default()
                .with("RefreshAtPercent", "60")
                .with("RefreshJitterPercent", "0")
                .with("OutboundExceptions", webhooks::receiver().place());
            setup.tiktok.tokens.access_ms = 240_000;
            setup
        })
        .await
    }

    async fn silent(&self) -> Result<&Rig> {
        self.started(&self.silent, Setup::presigned_and_silent).await
    }

    async fn deadly(&self) -> Result<&Rig> {
        self.started(&self.deadly, e2e::kills::setup).await
    }

    async fn rough(&self) -> Result<&Rig> {
        self.started(&self.rough, e2e::faults::setup).await
    }

    async fn eager(&self) -> Result<&Rig> {
        self.started(&self.eager, e2e::limits::setup).await
    }

    async fn impatient(&self) -> Result<&Rig> {
        self.started(&self.impatient, letters::setup).await
    }

    async fn crowded(&self) -> Result<&Rig> {
        self.started(&self.crowded, letters::crowded).await
    }

    async fn overheard(&self) -> Result<&Rig> {
        self.started(&self.overheard, canaries::setup).await
    }

    async fn started<'a>(
        &'a self,
        cell: &'a OnceCell<Rig>,
        setup: impl FnOnce() -> Setup,
    ) -> Result<&'a Rig> {
        cell.get_or_try_init(async || {
            let _alone = self.starting.lock().await;
            Rig::start(setup()).await
        })
        .await
    }

    async fn stop(&mut self) -> Result<()> {
        let Self { edge, silent, deadly, rough, eager, impatient, crowded, overheard, starting: _ } = self;
        for cell in [edge, silent, deadly, rough, eager, impatient, crowded, overheard] {
            if let Some(rig) = cell.take() {
                rig.stop().await?;
            }
        }
        Ok(())
    }
}

macro_rules! trials {
    ($runtime:ident, $rigs:ident; $($rig:ident: $($module:ident::$journey:ident)+;)+) => {
        vec![$($({
            let (runtime, rigs) = (Arc::clone(&$runtime), Arc::clone(&$rigs));
            Trial::test(concat!(stringify!($module), "::", stringify!($journey)), move || {
                let journey = async { $module::$journey(rigs.$rig().await?).await };
                runtime.block_on(journey).map_err(|error| Failed::from(format!("{error:#}")))
            })
        }),+),+]
    };
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let runtime = Arc::new(Runtime::new().expect("this machine has threads"));
    let rigs = Arc::new(Rigs::default());
    let trials = trials! { runtime, rigs;
        edge:
            tokens::a_token_is_refreshed_twice_without_anyones_help
            journeys::a_video_is_uploaded_pulled_published_once_and_told_by_webhook
            journeys::a_small_video_inside_the_post_is_published_once
            journeys::a_post_that_comes_before_its_upload_waits_for_it
            journeys::what_tiktok_fails_is_failed_with_its_reason_and_a_remedy
            journeys::a_text_file_called_mp4_is_refused_and_nothing_is_posted
            journeys::a_truncated_video_is_refused_and_nothing_is_posted
            journeys::a_long_video_is_sent_to_tiktok_in_chunks_and_published_once
            journeys::a_draft_goes_to_the_creators_inbox
            journeys::photos_are_converted_where_that_is_asked_for_pulled_and_published_once
            drafts::a_draft_is_edited_published_and_reaches_tiktok_once_as_it_was_edited
            drafts::of_three_lines_the_bad_one_is_refused_and_the_others_are_published_once
            scheduled::eight_posts_with_a_time_of_their_own_never_reach_tiktok_early
            repeats::a_job_delivered_twice_is_published_once
            repeats::a_job_delivered_while_the_first_is_inside_init_is_published_once
            repeats::the_same_idempotency_key_is_one_post_and_refuses_another_body
            creators::an_authorization_that_is_taken_back_holds_posts_until_the_creator_connects_again
            creators::a_creator_that_is_disconnected_is_free_for_another_workspace
            creators::a_verification_file_is_served_wherever_tiktok_looks
            creators::a_key_is_rotated_and_revoked
            drop::a_file_and_then_its_json_are_published_once
            drop::a_json_and_then_its_file_heard_of_twice_are_published_once
            drop::a_bad_json_is_one_problem_and_a_file_without_one_is_told_in_time
            drop::a_video_in_parts_over_two_sittings_is_published_once
            bad_input::whatever_is_wrong_is_named_with_its_field_rule_and_remedy
            webhooks::the_published_libraries_verify_what_a_post_has_sent
            webhooks::a_receiver_that_failed_is_asked_again_and_one_that_hangs_holds_up_nobody
            webhooks::an_endpoint_is_at_a_public_https_url_or_it_is_refused
            bad_input::a_key_that_is_expired_or_unknown_opens_nothing
        ;
        silent:
            journeys::a_video_pulled_by_a_presigned_url_is_published_and_learned_by_asking
            tokens::a_token_that_ends_in_mid_flight_costs_one_refused_init_and_one_refresh
            tokens::a_token_that_ends_while_polling_leads_back_to_polling
        ;
        deadly:
            killed::ten_kills_lose_no_post_and_publish_none_twice
        ;
        rough:
            faults::twelve_posts_among_faults_are_each_published_once
        ;
        eager:
            limits::seven_posts_of_each_creator_never_exceed_tiktoks_minutes
        ;
        impatient:
            letters::a_bad_message_of_a_batch_fails_alone_is_put_aside_and_harmless_when_it_is_sent_again
        ;
        crowded:
            letters::of_ten_messages_two_bad_ones_are_put_aside_and_the_others_done_once
        ;
        overheard:
            canaries::no_secret_is_anywhere_and_one_that_is_planted_is_found
        ;
    };
    let conclusion = libtest_mimic::run(&arguments, trials);
    let mut rigs = Arc::into_inner(rigs).expect("every journey is over");
    if let Err(error) = runtime.block_on(rigs.stop()) {
        eprintln!("a stack did not stop as it should: {error:#}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}
