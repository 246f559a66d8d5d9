//! TikTok's minutes; `cargo run -p e2e --bin limits` has more creators.

use anyhow::Result;
use e2e::rig::Rig;

pub(crate) async fn seven_posts_of_each_creator_never_exceed_tiktoks_minutes(rig: &Rig) -> Result<()> {
    let report = e2e::limits::run(rig, 3, 7, |_| {}).await?;
    println!("{report}");
    report.verdict()
}
