//! Times of posts; `cargo run -p e2e --bin scheduled` tells how well they are kept.

use anyhow::Result;
use e2e::rig::Rig;
use e2e::scheduled::NEAR;

pub(crate) async fn eight_posts_with_a_time_of_their_own_never_reach_tiktok_early(rig: &Rig) -> Result<()> {
    let report = e2e::scheduled::run(rig, 8, &NEAR, |_| {}).await?;
    println!("{report}");
    report.verdict()
}
