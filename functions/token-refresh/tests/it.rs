//! Refreshing tokens, judged by TikTok's log.

#[cfg(test)]
mod it {
    mod care;
    mod days;
    mod invalid;
    mod lease;
    mod rescue;
    mod rig;
    mod sweep;
}
