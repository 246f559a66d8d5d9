//! All queue functions together, on one stage.

mod it {
    mod company;
    mod crashes;
    mod days;
    mod limits;
}
