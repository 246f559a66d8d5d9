//! Checks and the sweep, judged by TikTok's log.

#[cfg(test)]
mod it {
    mod cancel;
    mod check;
    mod heard;
    mod limits;
    mod release;
    mod reminders;
    mod rig;
    mod sweep;
    mod token;
    mod videos;
}
