//! The short forms of what the program plays for long.

mod it {
    mod mutants;
    mod schedules;
}
