//! The functions of an earlier revision and of this one side by side, as during every deployment.
//!
//! Every other function is the earlier one's, then the halves change places while posts are under way: rows and messages of each
//! are read by the other. The template is today's: a stack's template is there before its functions are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use domain::Timestamp;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use slipway::client::text;
use slipway::progress::Progress;
use slipway::repo;
use slipway::stack::build::some_functions;
use slipway::stack::{FUNCTIONS, Profile};
use tiktok_sandbox::{Endpoint, Fault, FaultKind};
use tokio::time::Instant;

use crate::journey::{Journey, PATIENCE};
use crate::rig::{GOOD_VIDEO, Rig, repository_file};

/// Binaries by the function's name.
pub type Binaries = BTreeMap<String, PathBuf>;

/// How long before its time a post is asked for that the change of halves is to come upon.
const AHEAD: Duration = Duration::from_mins(1);
/// Creators who connect at once.
const CONNECTING: usize = 4;

/// Builds the functions of both revisions: those of `previous` in a worktree with a target directory of its own, under `.slipway`.
/// Gives the two ways to deploy half of each; a function that the earlier revision lacks is today's in both.
pub async fn halves(previous: &str, progress: Progress) -> Result<[Binaries; 2]> {
    let root = repo::root()?;
    let earlier = checkout(&root, previous)?;
    let known = FUNCTIONS.into_iter().filter(|name| earlier.join("functions").join(name).is_dir());
    let known: Vec<_> = known.collect();
    let now = some_functions(&root, &FUNCTIONS, Profile::Dev, progress).await?;
    let before = some_functions(&earlier, &known, Profile::Dev, progress).await?;
    Ok([0, 1].map(|first| {
        let mut half = now.clone();
        half.extend(before.clone().into_iter().skip(first).step_by(2));
        half
    }))
}

/// A worktree of a revision.
fn checkout(root: &Path, revision: &str) -> Result<PathBuf> {
    let commit = format!("{revision}^{{commit}}");
    let Ok(commit) = git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]) else {
        let shallow =
            git(root, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|answer| answer == "true");
        let remedy = if shallow { ", which is shallow: `git fetch --unshallow` completes it" } else { "" };
        bail!("`{revision}` is not in this clone{remedy}");
    };
    let directory = repo::local(root).join("versions").join(&commit);
    if !directory.join("template.yaml").is_file() {
        git(root, &["worktree", "prune"])?;
        git(root, &["worktree", "add", "--force", "--detach", &directory.to_string_lossy(), &commit])?;
    }
    Ok(directory)
}

fn git(root: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().context("starting git")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {}: {said}", arguments.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What happens to a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Plain,
    /// Its video comes after it.
    Waits,
    /// The access token has ended.
    TokenEnded,
    /// TikTok's answer to the init is lost.
    AnswerLost,
    Scheduled,
}

const KINDS: [Kind; 5] = [Kind::Scheduled, Kind::Plain, Kind::Waits, Kind::TokenEnded, Kind::AnswerLost];

/// When a post was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Before,
    Across,
    After,
}

/// What became of a post.
#[derive(Debug)]
struct Ended {
    phase: Phase,
    kind: Kind,
    state: &'static str,
    publications: usize,
    id: String,
}

/// What became of all posts.
#[derive(Debug)]
pub struct Report {
    ended: Vec<Ended>,
    /// Functions that went on with a process of before the change.
    stayed: Vec<String>,
    took: Duration,
}

impl Report {
    /// An error unless every post was published once, and every function changed.
    pub fn verdict(&self) -> Result<()> {
        let wrong = self.ended.iter().filter(|post| post.state != "published" || post.publications != 1);
        let wrong: Vec<_> = wrong.collect();
        let told = wrong.iter().map(|Ended { phase, kind, state, publications, id }| {
            format!("{phase:?} {kind:?} {id}: {state}, TikTok has it {publications} times")
        });
        ensure!(wrong.is_empty(), "not published once:\n{}", told.collect::<Vec<_>>().join("\n"));
        ensure!(self.stayed.is_empty(), "{:?} did not change", self.stayed);
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (phase, what) in [
            (Phase::Before, "with the first halves"),
            (Phase::Across, "while they changed places"),
            (Phase::After, "with the others"),
        ] {
            let posts = self.ended.iter().filter(|post| post.phase == phase);
            let once = posts.clone().filter(|post| post.state == "published" && post.publications == 1);
            writeln!(f, "{what:<26} {:>3} posts, {:>3} published once", posts.count(), once.count())?;
        }
        writeln!(f, "{} posts in {:.0} s", self.ended.len(), self.took.as_secs_f64())
    }
}

/// A post that was asked for.
struct Asked<'a> {
    journey: &'a Journey<'a>,
    phase: Phase,
    kind: Kind,
    id: String,
    caption: String,
}

/// `creators` creators post with the halves that are deployed, while `others` take their place, and afterwards.
pub async fn run(rig: &Rig, others: Binaries, creators: usize, say: impl Fn(&str)) -> Result<Report> {
    let journeys = stream::iter(0..creators).map(|_| Journey::begin(rig)).buffered(CONNECTING);
    let journeys: Vec<_> = journeys.try_collect().await?;
    say(&format!("{creators} creators are connected"));
    let begun = Instant::now();
    let mut ended = post(rig, &journeys, Phase::Before).await?;
    say("the posts of before have ended");
    let at_work = processes(rig);
    let asked = ask_each(&journeys, Phase::Across).await?;
    rig.stack.update(others).await?;
    say("the halves have changed places");
    ended.extend(end(rig, asked).await?);
    say("the posts of meanwhile have ended");
    rig.wire.forget();
    let later = stream::iter(0..creators.div_ceil(2)).map(|_| Journey::begin(rig)).buffered(CONNECTING);
    let later: Vec<_> = later.try_collect().await?;
    ended.extend(post(rig, &journeys, Phase::After).await?);
    ended.extend(post(rig, &later, Phase::After).await?);
    rig.every_queue_is_empty(PATIENCE).await?;
    let stayed = processes(rig).intersection(&at_work).map(|(function, _)| function.clone()).collect();
    Ok(Report { ended, stayed, took: begun.elapsed() })
}

/// Which processes called out lately.
fn processes(rig: &Rig) -> BTreeSet<(String, i32)> {
    rig.wire.calls().into_iter().filter_map(|call| call.function.zip(call.pid)).collect()
}

async fn post(rig: &Rig, journeys: &[Journey<'_>], phase: Phase) -> Result<Vec<Ended>> {
    end(rig, ask_each(journeys, phase).await?).await
}

async fn ask_each<'a>(journeys: &'a [Journey<'a>], phase: Phase) -> Result<Vec<Asked<'a>>> {
    let asked = journeys.iter().zip(KINDS.iter().cycle()).map(|(journey, kind)| ask(journey, phase, *kind));
    stream::iter(asked).buffered(CONNECTING).try_collect().await
}

async fn ask<'a>(journey: &'a Journey<'a>, phase: Phase, kind: Kind) -> Result<Asked<'a>> {
    let sandbox = journey.rig.sandbox();
    let file = std::fs::read(repository_file(GOOD_VIDEO)?)?;
    let declared = json!({ "kind": "video", "size": file.len(), "content_type": "video/mp4" });
    let media = journey.insist("/v1/media", &declared).await?;
    let mut draft = journey.post_with(text(&media, "id"));
    if kind != Kind::Waits {
        journey.put(&media["upload"], file.clone()).await?;
    }
    match kind {
        Kind::Plain | Kind::Waits => {}
        Kind::TokenEnded => journey.expire_access_token(),
        Kind::AnswerLost => {
            let fault = Fault::once(Endpoint::VideoInit, FaultKind::AnswerLost);
            sandbox.world().inject(Fault { account: Some(journey.account.clone()), ..fault });
        }
        Kind::Scheduled => {
            let at = sandbox.now_ms() + i64::try_from(AHEAD.as_millis())?;
            draft["publish_at"] = json!(Timestamp::from_millisecond(at)?.to_string());
        }
    }
    let created = journey.insist("/v1/posts", &draft).await?;
    if kind == Kind::Waits {
        journey.put(&media["upload"], file).await?;
    }
    let (id, caption) = (text(&created, "id").to_owned(), text(&draft, "caption").to_owned());
    Ok(Asked { journey, phase, kind, id, caption })
}

/// Waits for the last words.
async fn end(rig: &Rig, asked: Vec<Asked<'_>>) -> Result<Vec<Ended>> {
    let ended = asked.into_iter().map(|Asked { journey, phase, kind, id, caption }| async move {
        let deadline = Instant::now() + PATIENCE;
        let state = loop {
            let post = rig.post_soon(&id).await?;
            // an answer that was lost leaves the post in doubt at first
            if ["published", "failed"].contains(&post.state.name()) || Instant::now() > deadline {
                break post.state.name();
            }
        };
        let publications = rig.published(&journey.account, &caption);
        anyhow::Ok(Ended { phase, kind, state, publications, id })
    });
    futures::future::try_join_all(ended).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_that_is_not_there_is_named_with_what_helps() {
        let root = repo::root().unwrap();
        let refused = checkout(&root, "0123456789abcdef").unwrap_err().to_string();
        assert!(refused.starts_with("`0123456789abcdef` is not in this clone"), "{refused}");
    }
}
