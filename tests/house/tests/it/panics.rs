//! A panic is one message's failure, or one request's: who handles them catches it, if there is anything to catch.

#[test]
fn no_profile_makes_a_panic_the_end_of_the_process() {
    let manifest = include_str!("../../../../Cargo.toml");
    let said: Vec<_> = manifest.lines().filter(|line| line.trim_start().starts_with("panic")).collect();
    assert_eq!(said, [r#"panic = "unwind""#]);
}
