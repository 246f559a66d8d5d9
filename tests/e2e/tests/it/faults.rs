//! A few posts among faults; `cargo run -p e2e --bin faults` draws as many as one likes.

use anyhow::{Result, ensure};
use e2e::faults::Plan;
use e2e::rig::Rig;

pub(crate) async fn twelve_posts_among_faults_are_each_published_once(rig: &Rig) -> Result<()> {
    let plan = Plan { posts: 12, seed: 5, crowd: 12, quiet: 1 };
    let report = e2e::faults::schedules(rig, plan, |_| {}).await?;
    println!("{report}");
    let struck: usize = report.strikes.values().sum();
    ensure!(struck >= 12, "only {struck} calls were struck");
    report.verdict()
}
