//! The rules of the house that a compiler does not keep.

mod it {
    mod defaults;
    mod order;
}
