//! The short forms of what the program plays for long.

mod it {
    mod campaigns;
    mod mutants;
    mod schedules;
}
