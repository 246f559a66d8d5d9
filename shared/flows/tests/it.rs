//! Steps that more than one function takes.

#[cfg(test)]
mod it {
    mod steps;
}
