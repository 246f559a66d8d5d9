//! Events become deliveries, and deliveries arrive.

#[cfg(test)]
mod it {
    mod attempts;
    mod days;
    mod events;
    mod rig;
    mod tell;
}
