//! Breaks the product on purpose, one patch at a time, and lets the simulation find it.
//!
//! Each patch of `mutants/` is applied to a scratch checkout of the last commit, which has a target directory of its own, so
//! that only what a patch touches is compiled again, in the profile that is compiled fastest. Patches of what everything is
//! built on come last: each is compiled again twice, with it and without. A mutant that survives its schedules shows a weakness
//! of the schedules.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::time::Instant;

use clap::Parser;

/// Breaks the product on purpose, one patch at a time, and lets the simulation find it.
#[derive(Debug, Parser)]
struct Args {
    /// Patches by name, without `.patch`; all of them if none is named.
    names: Vec<String>,
    /// The ten that say so alone: what is run with every test.
    #[arg(long, conflicts_with = "names")]
    ten: bool,
    /// Schedules that a mutant may survive before it counts as not found.
    #[arg(long, default_value_t = 200_000)]
    limit: u64,
    /// Threads that share the schedules.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Leaves the checkout and what was compiled behind, for another time.
    #[arg(long)]
    keep: bool,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("read or write `{path}`")]
    Io { path: PathBuf, source: io::Error },
    #[error("run `{program}`")]
    NotRun { program: &'static str, source: io::Error },
    #[error("`git {asked}` failed: {said}")]
    Git { asked: String, said: String },
    #[error("there is no mutant `{0}`")]
    Unknown(String),
    #[error("patch `{0}` has no line that begins with `Invariant:`")]
    NoInvariant(String),
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

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<bool, Error> {
    let root = Path::new(PACKAGE).join("../..");
    let root = fs::canonicalize(&root).map_err(|source| Error::Io { path: root, source })?;
    let scratch =
        Scratch { target: root.join("target/mutants/target"), tree: root.join("target/mutants/tree"), root };
    let mut mutants = mutants(&args.names)?;
    mutants.retain(|mutant| mutant.is_one_of_ten || !args.ten);
    let good = scratch.prepare().and_then(|()| play(&scratch, &mutants, args));
    if args.keep {
        return good;
    }
    let removed = scratch.remove();
    good.and_then(|good| removed.map(|()| good))
}

fn play(scratch: &Scratch, mutants: &[Mutant], args: &Args) -> Result<bool, Error> {
    let since = Instant::now();
    let mut good = true;
    println!("{:<46} {:<10} {:>9} {:>6}  again", "mutant", "rule", "schedules", "s");
    for mutant in mutants {
        let began = Instant::now();
        let fate = scratch.judge(mutant, args)?;
        scratch.restore()?;
        let took = began.elapsed().as_secs();
        let wanted = mutant.invariants.join(", ");
        let name = &mutant.name;
        match fate {
            Fate::Found { seed, rule, schedules } => {
                let expected = mutant.invariants.contains(&rule);
                let remark = if expected { String::new() } else { format!(" (expected: {wanted})") };
                println!("{name:<46} {rule:<10} {schedules:>9} {took:>6}  {seed}{remark}");
            }
            Fate::Survived => {
                good = false;
                println!("{name:<46} SURVIVED {} schedules (should break {wanted})", args.limit);
            }
            Fate::NotApplied(why) => {
                good = false;
                println!("{name:<46} does not apply: {why}");
            }
            Fate::NotBuilt(why) => {
                good = false;
                println!("{name:<46} does not compile: {why}");
            }
        }
    }
    let verdict = if good { "every one was found" } else { "NOT every one was found" };
    println!("{} mutants in {} s: {verdict}", mutants.len(), since.elapsed().as_secs());
    Ok(good)
}

fn mutants(names: &[String]) -> Result<Vec<Mutant>, Error> {
    let folder = Path::new(PACKAGE).join("mutants");
    let failed = |source| Error::Io { path: folder.clone(), source };
    let mut all = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension() != Some(OsStr::new("patch")) {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let line = text.lines().find_map(|line| line.strip_prefix("Invariant:"));
        let line = line.ok_or_else(|| Error::NoInvariant(name.clone()))?;
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
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|mutant| mutant.name != **name)) {
        return Err(Error::Unknown(unknown.clone()));
    }
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
    fn prepare(&self) -> Result<(), Error> {
        if !self.tree.join(".git").exists() {
            let tree = self.tree.to_string_lossy().into_owned();
            git(&self.root, &["worktree", "prune"])?;
            git(&self.root, &["worktree", "add", "--detach", &tree, "HEAD"])?;
        }
        let head = git(&self.root, &["rev-parse", "HEAD"])?;
        self.restore()?;
        git(&self.tree, &["checkout", "--quiet", "--detach", head.trim()]).map(drop)
    }

    fn remove(&self) -> Result<(), Error> {
        git(&self.root, &["worktree", "remove", "--force", &self.tree.to_string_lossy()])?;
        match fs::remove_dir_all(&self.target) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Error::Io { path: self.target.clone(), source })
            }
            _ => Ok(()),
        }
    }

    fn restore(&self) -> Result<(), Error> {
        git(&self.tree, &["reset", "--quiet", "--hard"])?;
        git(&self.tree, &["clean", "-fdq"]).map(drop)
    }

    fn judge(&self, mutant: &Mutant, args: &Args) -> Result<Fate, Error> {
        let patch = mutant.path.to_string_lossy();
        if let Err(error) = git(&self.tree, &["apply", "--recount", &patch]) {
            return Ok(Fate::NotApplied(chain(&error)));
        }
        let build = ["build", "--profile", "mutants", "-p", "simulation", "--bin", "simulation"];
        let build = self.cargo(&build)?;
        if !build.status.success() {
            let said = String::from_utf8_lossy(&build.stderr).into_owned();
            let error = said.lines().find(|line| line.starts_with("error")).unwrap_or_default();
            return Ok(Fate::NotBuilt(error.to_owned()));
        }
        let program = self.target.join("mutants/simulation");
        let (limit, threads) = (args.limit.to_string(), args.threads.to_string());
        let hunt = Command::new(&program)
            .args(["hunt", "--count", &limit, "--threads", &threads])
            .output()
            .map_err(|source| Error::NotRun { program: "simulation", source })?;
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

    fn cargo(&self, asked: &[&str]) -> Result<Output, Error> {
        Command::new("cargo")
            .args(asked)
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .output()
            .map_err(|source| Error::NotRun { program: "cargo", source })
    }
}

fn git(folder: &Path, asked: &[&str]) -> Result<String, Error> {
    let output = Command::new("git")
        .args(asked)
        .current_dir(folder)
        .output()
        .map_err(|source| Error::NotRun { program: "git", source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Git { asked: asked.join(" "), said })
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
