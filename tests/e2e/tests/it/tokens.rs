//! Tokens end, and nobody has to notice.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::journey::{Journey, PATIENCE};
use e2e::rig::{GOOD_VIDEO, Rig};
use e2e::wire::{Act, Rule, When};
use tiktok_sandbox::Endpoint;

pub(crate) async fn a_token_that_ends_in_mid_flight_costs_one_refused_init_and_one_refresh(
    rig: &Rig,
) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let media = journey.upload(GOOD_VIDEO).await?;
    // after creator_info was answered and before init is asked
    let pause = Rule::new(When::Before, Act::Delay(Duration::from_millis(1_500))).of("publish-init");
    let pause = rig.wire.install(pause.on("S3", "CopyObject").about(&journey.account));
    let asked = journey.post_with(&media);
    let id = journey.create(&asked).await?;
    ensure!(rig.wire.strikes(pause, PATIENCE).await, "the copy was never made\n{}", rig.last_words());
    journey.expire_access_token();
    journey.becomes(&id, "published").await?;
    let codes = journey.init_codes();
    ensure!(codes == ["access_token_invalid", "ok"], "inits: {codes:?}");
    ensure!(journey.refreshes() == 1, "{} refreshes", journey.refreshes());
    journey.published_once(&asked, GOOD_VIDEO)?;
    rig.every_queue_is_empty(PATIENCE).await
}

pub(crate) async fn a_token_that_ends_while_polling_leads_back_to_polling(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let (id, asked) = journey.post_a_good_video().await?;
    journey.until(&id, "processing", |post| post.state.name() == "processing").await?;
    journey.expire_access_token();
    journey.becomes(&id, "published").await?;
    let codes: Vec<_> = journey.calls(Endpoint::StatusFetch).into_iter().map(|call| call.code).collect();
    ensure!(codes.first().map(String::as_str) == Some("access_token_invalid"), "status calls: {codes:?}");
    ensure!(codes.last().map(String::as_str) == Some("ok"), "status calls: {codes:?}");
    ensure!(journey.refreshes() == 1, "{} refreshes", journey.refreshes());
    ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    journey.published_once(&asked, GOOD_VIDEO)?;
    rig.every_queue_is_empty(PATIENCE).await
}

pub(crate) async fn a_token_is_refreshed_twice_without_anyones_help(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let refreshed = rig.sandbox().wait_for(Duration::from_secs(450), |world| {
        let calls = world
            .calls(Endpoint::Token)
            .filter(|(_, call)| call.account.as_deref() == Some(&journey.account));
        let refreshes =
            calls.filter(|(_, call)| call.request["grant_type"] == "refresh_token" && call.status == 200);
        (refreshes.count() >= 2).then_some(())
    });
    refreshed.await.with_context(|| format!("{} refreshes\n{}", journey.refreshes(), rig.last_words()))?;
    let (id, asked) = journey.post_a_good_video().await?;
    journey.becomes(&id, "published").await?;
    journey.published_once(&asked, GOOD_VIDEO)?;
    ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    rig.every_queue_is_empty(PATIENCE).await
}
