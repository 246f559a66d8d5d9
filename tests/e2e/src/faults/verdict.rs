//! What became of the posts, judged by TikTok's world and their rows.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use domain::post::PostState;

use crate::rig::Rig;

/// What became of one post.
#[derive(Clone, Debug)]
pub struct Fate {
    /// Names the post in what is printed.
    pub tag: String,
    pub state: &'static str,
    /// Why it failed.
    pub code: Option<String>,
    pub inits: usize,
    pub publications: usize,
    /// An answer to an init was lost or late, or the function died around it.
    pub init_was_lost: bool,
    pub took: Duration,
    /// What is wrong with that, and what went wrong before.
    pub wrong: Option<String>,
}

impl Fate {
    /// What is wrong with how it ended; what a fault may lead to is not.
    pub(super) fn judge(&mut self, state: &PostState) {
        self.state = state.name();
        if let PostState::Failed { failure, .. } = state {
            self.code = Some(failure.code.clone());
        }
        self.wrong = match (state, self.publications) {
            (_, 2..) => Some(format!("a duplicate: TikTok has it {} times", self.publications)),
            (PostState::Published { .. }, 1) | (PostState::Failed { .. }, 0) => None,
            (PostState::Published { .. }, _) => Some("lost: TikTok does not have it".to_owned()),
            (PostState::Failed { .. }, _) => Some("TikTok has it, and it is called failed".to_owned()),
            (PostState::Unconfirmed { .. }, 1) if self.init_was_lost => None,
            (PostState::Unconfirmed { .. }, 1) => Some("in doubt although no init was lost".to_owned()),
            (PostState::Unconfirmed { .. }, _) => {
                Some("lost: in doubt, and TikTok does not have it".to_owned())
            }
            (other, _) => Some(format!("it never ends: {}", other.name())),
        };
    }

    fn is_duplicate(&self) -> bool {
        self.publications > 1
    }

    fn is_lost(&self) -> bool {
        self.publications == 0 && self.state != "failed"
    }
}

/// Calls that the functions made about posts, by name; sweeps are about nothing in particular.
#[derive(Debug)]
pub struct Calls {
    posts: usize,
    by_name: BTreeMap<String, usize>,
}

impl Calls {
    pub(super) fn of(rig: &Rig, posts: usize) -> Self {
        let mut by_name = BTreeMap::new();
        for call in rig.wire.calls() {
            if call.function.is_some() && call.about.is_some() {
                *by_name.entry(call.name()).or_insert(0) += 1;
            }
        }
        Self { posts, by_name }
    }

    /// So many a post.
    pub fn each(&self) -> f64 {
        number(self.by_name.values().sum()) / number(self.posts)
    }

    fn each_named(&self, name: &str) -> f64 {
        number(self.by_name.get(name).copied().unwrap_or_default()) / number(self.posts)
    }

    /// What is called more often than `before`, by how much more often a post; the most first.
    fn more_than<'a>(&'a self, before: &Self) -> Vec<(&'a str, f64)> {
        let more = |name: &'a String| (name.as_str(), self.each_named(name) - before.each_named(name));
        let mut more: Vec<_> = self.by_name.keys().map(more).collect();
        more.sort_by(|one, other| other.1.total_cmp(&one.1));
        more
    }
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// What a run came to.
#[derive(Debug)]
pub struct Report {
    pub fates: Vec<Fate>,
    /// What stayed in the queues.
    pub left_over: Option<String>,
    /// How often a rule of the wire struck, by what it did.
    pub strikes: BTreeMap<&'static str, usize>,
    /// How often the sandbox's faults struck, by kind.
    pub faults: BTreeMap<String, usize>,
    /// How often a sweep was left out, came twice, and so on, beside EventBridge's own.
    pub sweeps: BTreeMap<&'static str, usize>,
    pub calls: Calls,
    /// Before anything went wrong.
    pub quiet: Calls,
    pub took: Duration,
}

impl Report {
    /// An error if a post was published twice, lost, or never ended, or if a message stayed behind.
    pub fn verdict(&self) -> Result<()> {
        let wrong: Vec<_> = self.fates.iter().filter_map(|fate| Some((fate, fate.wrong.as_ref()?))).collect();
        let told: Vec<_> = wrong.iter().map(|(fate, wrong)| format!("{}: {wrong}", fate.tag)).collect();
        ensure!(wrong.is_empty(), "{} of {} posts:\n{}", wrong.len(), self.fates.len(), told.join("\n"));
        if let Some(left_over) = &self.left_over {
            bail!("{left_over}");
        }
        Ok(())
    }

    /// An error if a post cost more than 1.3 times the calls of one in a quiet run.
    pub fn thrifty(&self) -> Result<()> {
        ensure!(self.ratio() <= 1.3, "{:.2} times the calls of a quiet run", self.ratio());
        Ok(())
    }

    /// How many times the calls of a quiet run.
    pub fn ratio(&self) -> f64 {
        self.calls.each() / self.quiet.each()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |is: &dyn Fn(&Fate) -> bool| self.fates.iter().filter(|fate| is(fate)).count();
        let mut line = |what: &str, number: String| writeln!(f, "{what:<58} {number:>8}");
        line("posts", self.fates.len().to_string())?;
        line("published once", count(&|it| it.state == "published" && it.publications == 1).to_string())?;
        line("  of them begun more than once", count(&|it| it.inits > 1).to_string())?;
        line("  of them after trouble around the init", {
            count(&|it| it.state == "published" && it.init_was_lost).to_string()
        })?;
        line("unconfirmed, and TikTok has it", {
            count(&|it| it.state == "unconfirmed" && it.publications == 1).to_string()
        })?;
        line("failed", count(&|it| it.state == "failed").to_string())?;
        let mut codes = BTreeMap::new();
        for code in self.fates.iter().filter_map(|fate| fate.code.as_deref()) {
            *codes.entry(code).or_insert(0) += 1;
        }
        for (code, number) in codes {
            line(&format!("  {code}"), i32::to_string(&number))?;
        }
        line("published twice", count(&Fate::is_duplicate).to_string())?;
        line("lost", count(&Fate::is_lost).to_string())?;
        line("wrong otherwise", {
            count(&|it| it.wrong.is_some() && !it.is_duplicate() && !it.is_lost()).to_string()
        })?;
        for (what, number) in &self.strikes {
            line(&format!("the wire: {what}"), number.to_string())?;
        }
        for (what, number) in &self.faults {
            line(&format!("TikTok: {what}"), number.to_string())?;
        }
        for (what, number) in &self.sweeps {
            line(&format!("sweeps {what}"), number.to_string())?;
        }
        line("calls a post, quiet", format!("{:.1}", self.quiet.each()))?;
        line("calls a post", format!("{:.1}", self.calls.each()))?;
        for (name, more) in self.calls.more_than(&self.quiet).into_iter().take(5) {
            line(&format!("  {name}"), format!("{more:+.1}"))?;
        }
        line("times the calls of a quiet run", format!("{:.2}", self.ratio()))?;
        let mut times: Vec<_> = self.fates.iter().map(|fate| fate.took).collect();
        times.sort_unstable();
        for (name, share) in [("median", 2), ("longest", 1)] {
            let at = (times.len() / share).saturating_sub(share % 2);
            let time = times.get(at).copied().unwrap_or_default();
            line(
                &format!("seconds from the request to the end, {name}"),
                format!("{:.1}", time.as_secs_f64()),
            )?;
        }
        line("minutes", format!("{:.1}", self.took.as_secs_f64() / 60.0))
    }
}
