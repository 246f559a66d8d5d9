//! What the kernel knows of a process.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a process may take to come to rest after its request has arrived here.
const RESTS_WITHIN: Duration = Duration::from_secs(2);

/// Time on the processor since the process began, all its threads together, to the nanosecond. It waits until every thread
/// sleeps: the kernel brings the figure up to date when a thread leaves the processor.
pub(crate) async fn processor_time(pid: u32) -> Result<Duration> {
    let deadline = Instant::now() + RESTS_WITHIN;
    loop {
        let before = sum(pid)?;
        if all_sleep(pid)? && sum(pid)? == before {
            return Ok(before);
        }
        if Instant::now() > deadline {
            bail!("process {pid} does not come to rest");
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

/// The most memory it ever had resident, in bytes.
pub(crate) fn peak_memory(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("reading `{path}`"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|text| text.trim().strip_suffix("kB")).and_then(|text| text.trim().parse::<u64>().ok());
    Ok(kilobytes.with_context(|| format!("`{path}` has no VmHWM"))? * 1024)
}

/// Threads alive.
pub(crate) fn threads(pid: u32) -> Result<usize> {
    Ok(tasks(pid)?.len())
}

fn tasks(pid: u32) -> Result<Vec<String>> {
    let path = format!("/proc/{pid}/task");
    let entries = fs::read_dir(&path).with_context(|| format!("reading `{path}`"))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}

fn sum(pid: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for task in tasks(pid)? {
        let path = format!("/proc/{pid}/task/{task}/schedstat");
        // a thread may end meanwhile
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let first = text.split_whitespace().next().and_then(|text| text.parse::<u64>().ok());
        nanoseconds += first.with_context(|| format!("reading `{path}`"))?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn all_sleep(pid: u32) -> Result<bool> {
    let asleep = |task: &String| {
        let stat = fs::read_to_string(format!("/proc/{pid}/task/{task}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('S'))
    };
    Ok(tasks(pid)?.iter().all(asleep))
}
