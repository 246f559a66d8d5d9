//! Checks and the sweep, judged by TikTok's log.

#[cfg(test)]
mod it {
    mod check;
    mod release;
    mod rig;
    mod sweep;
    mod token;
}
