//! A few of the kill points; `cargo run -p e2e --bin kills` goes through all.

use anyhow::Result;
use e2e::rig::Rig;

pub(crate) async fn ten_kills_lose_no_post_and_publish_none_twice(rig: &Rig) -> Result<()> {
    let report = e2e::kills::run(rig, Some(10), e2e::kills::CROWD, |_| {}).await?;
    println!("{report}");
    report.verdict()
}
