use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::process::Command;

use super::asked_to_stop;
use crate::progress::Progress;
use crate::repo;
use crate::stack::{Profile, build, prerequisites, venv};

/// Everything runs, whatever failed before it; the end says what did.
#[derive(Args)]
pub struct Test {
    /// Only these: fmt, template, clippy, docs, deny, tests, mutants
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
}

struct Check {
    name: &'static str,
    title: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(&'static str, &'static str)>,
}

impl Check {
    fn new(name: &'static str, title: &'static str, program: impl Into<PathBuf>, arguments: &str) -> Self {
        let arguments = arguments.split_whitespace().map(str::to_owned).collect();
        Self { name, title, program: program.into(), arguments, variables: Vec::new() }
    }

    /// Runs it, its output where ours goes.
    async fn run(&self, root: &Path) -> Result<bool> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.variables.iter().copied()).current_dir(root);
        let mut child = command
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", self.title))?;
        tokio::select! {
            status = child.wait() => Ok(status.with_context(|| format!("waiting for {}", self.title))?.success()),
            stop = asked_to_stop() => { stop?; anyhow::bail!("interrupted") }
        }
    }
}

impl Test {
    pub async fn run(self) -> Result<ExitCode> {
        let root = repo::root()?;
        let python = prerequisites::check().await?;
        // the adapters' tests and the end-to-end tests need the emulator
        venv::prepare(&root, &python, Progress::Shown).await?;
        let mut verdicts = Vec::new();
        for check in self.checks(&root, &python).await? {
            eprintln!("\n== {}", check.title);
            let since = Instant::now();
            let passed = check.run(&root).await?;
            verdicts.push((check.title, passed, since.elapsed().as_secs()));
        }
        eprintln!();
        for (title, passed, seconds) in &verdicts {
            eprintln!("  {} {title} ({seconds} s)", if *passed { "✓" } else { "✗" });
        }
        let all = verdicts.iter().all(|(_, passed, _)| *passed);
        Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn checks(&self, root: &Path, python: &Path) -> Result<Vec<Check>> {
        let mut checks = vec![Check::new("fmt", "formatting", "cargo", "fmt --all --check")];
        if self.wants("template") {
            let requirements = root.join("infra/lint/requirements.txt");
            let directory = repo::local(root).join("lint-venv");
            let lint = venv::prepare_from(&directory, &requirements, python, Progress::Shown).await?;
            let unittest = "-m unittest discover --start-directory infra/lint";
            checks.push(Check::new("template", "template.yaml", lint.python(), "infra/lint/lint.py"));
            checks.push(Check::new("template", "the judge of template.yaml", lint.python(), unittest));
        }
        checks.push(Check::new(
            "clippy",
            "clippy",
            "cargo",
            "clippy --workspace --all-targets -- --deny warnings",
        ));
        let docs = Check::new(
            "docs",
            "documentation",
            "cargo",
            "doc --workspace --no-deps --document-private-items",
        );
        checks.push(Check { variables: vec![("RUSTDOCFLAGS", "--deny warnings")], ..docs });
        if prerequisites::runs("cargo", &["deny", "--version"]).await {
            checks.push(Check::new("deny", "dependencies", "cargo", "deny check bans licenses sources"));
        } else {
            eprintln!(
                "  cargo-deny is not installed: dependencies are not judged (cargo install cargo-deny)"
            );
        }
        if self.wants("tests") {
            build::functions(root, Profile::Dev, Progress::Shown).await?;
        }
        if prerequisites::runs("cargo", &["nextest", "--version"]).await {
            checks.push(Check::new(
                "tests",
                "examples in the documentation",
                "cargo",
                "test --workspace --doc",
            ));
            checks.push(Check::new("tests", "tests", "cargo", "nextest run --workspace --no-fail-fast"));
        } else {
            checks.push(Check::new("tests", "tests", "cargo", "test --workspace --no-fail-fast"));
        }
        let this = std::env::current_exe().context("looking for this program")?;
        checks.push(Check::new("mutants", "ten mutants", this, "mutants --ten"));
        checks.retain(|check| self.wants(check.name));
        Ok(checks)
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}
