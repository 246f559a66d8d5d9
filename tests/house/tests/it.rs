//! The rules of the house that a compiler does not keep.

#[cfg(test)]
mod it {
    mod defaults;
    mod logs;
    mod order;
    mod panics;
    mod rules;
}
