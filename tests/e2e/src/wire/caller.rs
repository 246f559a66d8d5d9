//! Which process is at the other end of a connection.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A process that runs a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    /// The function's physical name.
    pub function: String,
}

/// The function's process that owns the connection from `port` to our `ours`, both on loopback; `None`: it is no function's.
pub(super) fn behind(port: u16, ours: u16) -> Option<Process> {
    let socket = socket_of(port, ours)?;
    processes().find(|process| owns(process.pid, &socket))
}

/// Every process that runs a function on this machine.
pub(crate) fn processes() -> impl Iterator<Item = Process> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some(Process { pid, function: function_of(pid)? }))
}

/// What the process was told that it is.
pub(super) fn function_of(pid: i32) -> Option<String> {
    variable(pid, "AWS_LAMBDA_FUNCTION_NAME")
}

/// What the process was told that AWS is: stacks on one machine give their functions the same names.
pub(crate) fn endpoint_of(pid: i32) -> Option<String> {
    variable(pid, "AWS_ENDPOINT_URL")
}

fn variable(pid: i32, name: &str) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let text = environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// `socket:[<inode>]` of the other end, as its owner's file descriptors name it.
fn socket_of(port: u16, ours: u16) -> Option<PathBuf> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (from, to, inode) = (fields.get(1)?, fields.get(2)?, fields.get(9)?);
        let connects = port_of(from)? == port && port_of(to)? == ours;
        connects.then(|| PathBuf::from(format!("socket:[{inode}]")))
    })
}

fn port_of(address: &str) -> Option<u16> {
    u16::from_str_radix(address.split_once(':')?.1, 16).ok()
}

fn owns(pid: i32, socket: &Path) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    descriptors
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target.as_os_str().as_bytes() == socket.as_os_str().as_bytes())
}

/// Only what still runs a function is killed: a process id may have been given away again.
pub(crate) fn kill(pid: i32) {
    if function_of(pid).is_some()
        && let Some(pid) = rustix::process::Pid::from_raw(pid)
    {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}
