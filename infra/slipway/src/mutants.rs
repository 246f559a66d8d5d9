//! Breaks the product on purpose, one patch at a time, and lets the simulation find it.
//!
//! Each patch of `mutants/` is applied to a scratch checkout of the last commit, which has a target directory of its own, so
//! that only what a patch touches is compiled again, in the profile that is compiled fastest. Patches of what everything is
//! built on come last: each is compiled again twice, with it and without. A mutant that survives its schedules shows a weakness
//! of the schedules.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

/// How they are played.
#[derive(Debug, Clone)]
pub struct Play {
    /// Patches by name, without `.patch`; all of them if none is named.
    pub names: Vec<String>,
    /// The ten that say so alone: what is run with every test.
    pub ten: bool,
    /// Schedules that a mutant may survive before it counts as not found.
    pub limit: u64,
    /// Threads that share the schedules.
    pub threads: usize,
    /// Leaves the checkout and what was compiled behind, for another time.
    pub keep: bool,
}

/// A patch, and the invariants that it may break.
struct Mutant {
    name: String,
    path: PathBuf,
    invariants: Vec<String>,
    is_one_of_ten: bool,
    /// Functions are built on it.
    is_shared: bool,
}

/// What became of a mutant.
enum Fate {
    Found { seed: String, rule: String, schedules: String },
    Survived,
    NotApplied(String),
    NotBuilt(String),
}

impl Play {
    /// Plays them, and says how each was found. `false`: one was not.
    pub fn run(&self, root: &Path) -> Result<bool> {
        let root = fs::canonicalize(root).with_context(|| format!("looking for `{}`", root.display()))?;
        let mut mutants = mutants(&root, &self.names)?;
        mutants.retain(|mutant| mutant.is_one_of_ten || !self.ten);
        let place = root.join("target/mutants");
        let scratch = Scratch { tree: place.join("tree"), target: place.join("target"), root };
        let good = scratch.prepare().and_then(|()| self.play(&scratch, &mutants));
        if self.keep {
            return good;
        }
        let removed = scratch.remove();
        good.and_then(|good| removed.map(|()| good))
    }

    fn play(&self, scratch: &Scratch, mutants: &[Mutant]) -> Result<bool> {
        let since = Instant::now();
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        let mut good = true;
        println!("{:<46} {:<10} {:>9} {:>6}  again", "mutant", "rule", "schedules", "s");
        for mutant in mutants {
            let began = Instant::now();
            let fate = scratch.judge(mutant, self)?;
            scratch.restore()?;
            let took = began.elapsed().as_secs();
            let wanted = mutant.invariants.join(", ");
            let name = &mutant.name;
            if let Fate::Found { seed, rule, schedules } = fate {
                let expected = mutant.invariants.contains(&rule);
                let remark = if expected { String::new() } else { format!(" (expected: {wanted})") };
                println!("{name:<46} {rule:<10} {schedules:>9} {took:>6}  {seed}{remark}");
                for invariant in &mutant.invariants {
                    *found.entry(invariant).or_default() += 1;
                }
                continue;
            }
            good = false;
            match fate {
                Fate::Found { .. } => {}
                Fate::Survived => {
                    println!("{name:<46} SURVIVED {} schedules (should break {wanted})", self.limit);
                }
                Fate::NotApplied(why) => println!("{name:<46} does not apply: {why}"),
                Fate::NotBuilt(why) => println!("{name:<46} does not compile: {why}"),
            }
        }
        let by_invariant = found.iter().map(|(invariant, count)| format!("{invariant} {count}"));
        println!("found by what they break: {}", by_invariant.collect::<Vec<_>>().join(", "));
        let verdict = if good { "every one was found" } else { "NOT every one was found" };
        println!("{} mutants in {} s: {verdict}", mutants.len(), since.elapsed().as_secs());
        Ok(good)
    }
}

fn mutants(root: &Path, names: &[String]) -> Result<Vec<Mutant>> {
    let folder = root.join("tests/simulation/mutants");
    let reading = || format!("reading `{}`", folder.display());
    let mut all = Vec::new();
    for entry in fs::read_dir(&folder).with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        if path.extension() != Some(OsStr::new("patch")) {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.display()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Invariant:"));
        let line = line.with_context(|| format!("`{name}` has no line that begins with `Invariant:`"))?;
        let invariants = line.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let is_one_of_ten =
            text.lines().take_while(|line| !line.is_empty()).any(|line| line == "One of the ten.");
        let is_shared = text.contains("\n+++ b/shared/");
        all.push(Mutant { name, path, invariants, is_one_of_ten, is_shared });
    }
    all.sort_by(|one, other| (one.is_shared, &one.name).cmp(&(other.is_shared, &other.name)));
    if names.is_empty() {
        return Ok(all);
    }
    let unknown = names.iter().find(|name| all.iter().all(|mutant| mutant.name != **name));
    ensure!(unknown.is_none(), "there is no mutant `{}`", unknown.map_or("", String::as_str));
    all.retain(|mutant| names.contains(&mutant.name));
    Ok(all)
}

/// A checkout of its own, which is the same for every mutant but for the patch.
struct Scratch {
    root: PathBuf,
    tree: PathBuf,
    target: PathBuf,
}

impl Scratch {
    fn prepare(&self) -> Result<()> {
        if !self.tree.join(".git").exists() {
            let tree = self.tree.to_string_lossy().into_owned();
            git(&self.root, &["worktree", "prune"])?;
            git(&self.root, &["worktree", "add", "--detach", &tree, "HEAD"])?;
        }
        let head = git(&self.root, &["rev-parse", "HEAD"])?;
        self.restore()?;
        git(&self.tree, &["checkout", "--quiet", "--detach", head.trim()]).map(drop)
    }

    fn restore(&self) -> Result<()> {
        git(&self.tree, &["reset", "--quiet", "--hard"])?;
        git(&self.tree, &["clean", "-fdq"]).map(drop)
    }

    fn remove(&self) -> Result<()> {
        git(&self.root, &["worktree", "remove", "--force", &self.tree.to_string_lossy()])?;
        if self.target.exists() {
            fs::remove_dir_all(&self.target)
                .with_context(|| format!("removing `{}`", self.target.display()))?;
        }
        Ok(())
    }

    fn judge(&self, mutant: &Mutant, play: &Play) -> Result<Fate> {
        let patch = mutant.path.to_string_lossy();
        if let Err(error) = git(&self.tree, &["apply", "--recount", &patch]) {
            return Ok(Fate::NotApplied(format!("{error:#}")));
        }
        let build = ["build", "--profile", "mutants", "-p", "simulation", "--bin", "simulation"];
        let build = self.cargo(&build)?;
        if !build.status.success() {
            let said = String::from_utf8_lossy(&build.stderr).into_owned();
            let error = said.lines().find(|line| line.starts_with("error")).unwrap_or_default();
            return Ok(Fate::NotBuilt(error.to_owned()));
        }
        let program = self.target.join("mutants/simulation");
        let (limit, threads) = (play.limit.to_string(), play.threads.to_string());
        let hunt = Command::new(&program)
            .args(["hunt", "--count", &limit, "--threads", &threads])
            .output()
            .with_context(|| format!("starting `{}`", program.display()))?;
        let said = String::from_utf8_lossy(&hunt.stdout).into_owned();
        let mut lines = said.lines();
        Ok(match (lines.next(), lines.next(), lines.next()) {
            (Some(schedules), Some(seed), Some(rule)) => {
                Fate::Found { seed: seed.to_owned(), rule: rule.to_owned(), schedules: schedules.to_owned() }
            }
            _ if hunt.status.success() => Fate::Survived,
            _ => Fate::Found {
                seed: "the program itself stopped".to_owned(),
                rule: "panic".to_owned(),
                schedules: String::new(),
            },
        })
    }

    fn cargo(&self, asked: &[&str]) -> Result<Output> {
        Command::new("cargo")
            .args(asked)
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            // whatever is wanted elsewhere: here the next patch is compiled in a moment, and all of it is removed in the end
            .env_remove("CARGO_INCREMENTAL")
            .output()
            .context("starting cargo")
    }
}

fn git(folder: &Path, asked: &[&str]) -> Result<String> {
    let output = Command::new("git").args(asked).current_dir(folder).output().context("starting git")?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    bail!("`git {}` failed: {}", asked.join(" "), String::from_utf8_lossy(&output.stderr).trim())
}
