//! The guard against a trap that would notice any connection.

#[cfg(test)]
mod it {
    mod answers;
    mod cases;
    mod trap;
}
