//! Publishing, judged by TikTok's log.

#[cfg(test)]
mod it {
    mod ambiguous;
    mod app;
    mod breaker;
    mod cancel;
    mod day;
    mod edited;
    mod fates;
    mod limits;
    mod order;
    mod rig;
    mod scheduled;
    mod slot;
    mod token;
}
