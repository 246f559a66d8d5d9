#[test]
fn the_sdk_tries_three_times_within_sane_limits_and_has_our_client() {
    let config = lambda_kit::aws::sdk_config();
    let retries = config.retry_config().unwrap();
    assert_eq!(retries.max_attempts(), 3);
    let timeouts = config.timeout_config().unwrap();
    assert_eq!(timeouts.connect_timeout().unwrap().as_secs(), 1);
    assert_eq!(timeouts.operation_attempt_timeout().unwrap().as_secs(), 5);
    assert!(config.http_client().is_some());
    assert!(config.credentials_provider().is_some());
}
