use jiff::SignedDuration;
use lambda_kit::settings::Settings;

#[test]
fn every_mistake_is_reported_at_once_and_by_name() {
    let settings = Settings::from_pairs([
        ("EMPTY", ""),
        ("MARGIN", "ten"),
        ("PERCENT", "300"),
        ("LADDER", "35,,20"),
        ("NEGATIVE", "-1"),
        ("STAGE", "prod"),
    ]);
    let stage = settings.required("STAGE");
    assert!(settings.required("TABLE").is_err());
    assert!(settings.required("EMPTY").is_err());
    assert!(settings.seconds("MARGIN").is_err());
    assert!(settings.parsed::<u8>("PERCENT", "a percentage").is_err());
    assert!(settings.parsed_optional::<u8>("PERCENT", "a percentage").is_err());
    assert!(settings.seconds_list("LADDER").is_err());
    assert!(settings.seconds("NEGATIVE").is_err());

    let error = settings.check().unwrap_err();
    let names: Vec<_> = error.names().collect();
    assert_eq!(names, ["TABLE", "EMPTY", "MARGIN", "PERCENT", "PERCENT", "LADDER", "NEGATIVE"]);
    assert_eq!(
        error.to_string(),
        "read settings: `TABLE` is not set; `EMPTY` is not set; `MARGIN` is `ten`, not a whole number of seconds; \
         `PERCENT` is `300`, not a percentage; `PERCENT` is `300`, not a percentage; \
         `LADDER` is `35,,20`, not seconds separated by commas; `NEGATIVE` is `-1`, not a whole number of seconds"
    );
    assert_eq!(stage.as_deref(), Ok("prod"));
}

#[test]
fn good_settings_are_read_as_what_they_are() {
    let settings = Settings::from_pairs([
        ("TABLE", "posts"),
        ("MARGIN", "10"),
        ("LADDER", "35, 20,300"),
        ("HOSTS", " a , ,b"),
        ("PERCENT", "60"),
    ]);
    assert_eq!(settings.required("TABLE").as_deref(), Ok("posts"));
    assert_eq!(settings.seconds("MARGIN"), Ok(SignedDuration::from_secs(10)));
    assert_eq!(settings.seconds_list("LADDER"), Ok([35, 20, 300].map(SignedDuration::from_secs).to_vec()));
    assert_eq!(settings.list("HOSTS"), ["a", "b"]);
    assert_eq!(settings.list("UNSET"), [""; 0]);
    assert_eq!(settings.parsed::<u8>("PERCENT", "a percentage"), Ok(60));
    assert_eq!(settings.parsed_optional::<u8>("UNSET", "a percentage"), Ok(None));
    assert_eq!(settings.optional("UNSET"), None);
    assert_eq!(settings.check(), Ok(()));
}

#[test]
fn settings_come_from_the_environment_of_the_process() {
    let settings = Settings::from_env();
    assert!(settings.required("PATH").is_ok());
    assert!(settings.required("SLIPWAY_NO_SUCH_VARIABLE").is_err());
}
