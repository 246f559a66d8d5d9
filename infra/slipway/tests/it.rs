//! The stack without the product: functions that only say what they were called with.

mod it {
    mod edge;
    mod keys;
    mod stack;
    mod stub;
}
