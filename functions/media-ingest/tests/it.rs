//! The probe on real media.

#[cfg(test)]
mod it {
    mod probe;
}
