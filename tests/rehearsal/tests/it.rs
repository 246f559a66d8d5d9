//! All queue functions together, on one stage.

#[cfg(test)]
mod it {
    mod company;
    mod crashes;
    mod days;
    mod evidence;
    mod expiry;
    mod limits;
    mod million;
    #[cfg(feature = "refreshers")]
    mod refreshers;
    mod reuse;
    mod uploads;
}
