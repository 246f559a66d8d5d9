//! Publishing, judged by TikTok's log.

#[cfg(test)]
mod it {
    mod ambiguous;
    mod app;
    mod fates;
    mod limits;
    mod order;
    mod rig;
    mod slot;
    mod token;
}
