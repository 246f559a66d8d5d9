//! `cargo run -p e2e --bin refreshes`: an access token lives 240 s and is refreshed at 60 % of that, ten times over, by the
//! clock alone; then the creator still posts.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use e2e::journey::{Journey, PATIENCE};
use e2e::rig::{GOOD_VIDEO, Rig, Setup};
use slipway::progress::Progress;
use tiktok_sandbox::Endpoint;

const LIFE: Duration = Duration::from_mins(4);

#[derive(Parser)]
struct Arguments {
    /// How many refreshes to wait for
    #[arg(long, default_value_t = 10)]
    times: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    e2e::ended(run().await)
}

async fn run() -> Result<()> {
    let Arguments { times } = Arguments::parse();
    let mut setup = Setup::default().with("RefreshAtPercent", "60").with("RefreshJitterPercent", "0");
    setup.progress = Progress::Shown;
    setup.tiktok.tokens.access_ms = 240_000;
    let rig = Rig::start(setup).await?;
    let ended = refreshes(&rig, times).await;
    rig.stop().await?;
    ended
}

async fn refreshes(rig: &Rig, times: usize) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let mut last = rig.sandbox().now_ms();
    for number in 1..=times {
        let refreshed = rig.sandbox().wait_for(LIFE, |world| {
            let mut refreshes = world.calls(Endpoint::Token).filter(|(_, call)| {
                let ours = call.account.as_deref() == Some(&journey.account);
                ours && call.request["grant_type"] == "refresh_token" && call.status == 200
            });
            refreshes.nth(number - 1).map(|(entry, _)| entry.at_ms)
        });
        let at = refreshed
            .await
            .with_context(|| format!("no refresh within the token's life\n{}", rig.last_words()))?;
        println!(
            "refresh {number:>2} came {:>5.1} s after the token was issued",
            Duration::from_millis((at - last).unsigned_abs()).as_secs_f64()
        );
        last = at;
    }
    let (id, asked) = journey.post_a_good_video().await?;
    journey.becomes(&id, "published").await?;
    journey.published_once(&asked, GOOD_VIDEO)?;
    ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    rig.every_queue_is_empty(PATIENCE).await?;
    println!("{} refreshes, and the creator still posts", journey.refreshes());
    Ok(())
}
