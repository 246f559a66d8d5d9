//! The drop folder in memory, and the real API behind the door.

#[cfg(test)]
mod it {
    mod crashes;
    mod door;
    mod drops;
    mod messages;
    mod photos;
    mod places;
    mod rig;
}
