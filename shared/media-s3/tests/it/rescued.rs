use domain::account::{Sealed, Tokens};
use domain::{AccountId, Timestamp};
use ports::Rescue as _;

use crate::stage::Stage;

fn tokens(epoch: u64) -> Tokens {
    let sealed = |byte| Sealed { data_key: vec![byte; 184], cipher: vec![byte; 90] };
    let at = |second| Timestamp::from_second(second).expect("a time");
    Tokens {
        epoch,
        access: sealed(1),
        refresh: sealed(2),
        previous_refresh: Some((epoch - 1, sealed(3))),
        issued_at: at(1_800_000_000),
        access_expires_at: at(1_800_086_400),
        refresh_expires_at: at(1_831_536_000),
        scopes: vec!["video.publish".to_owned()],
    }
}

#[tokio::test]
async fn a_kept_generation_comes_back_as_it_was_and_only_that_one() {
    let stage = Stage::new().await;
    let (account, other) = (AccountId::from_bits(1), AccountId::from_bits(2));
    stage.bucket.keep(&account, &tokens(7)).await.unwrap();
    assert_eq!(stage.bucket.kept(&account, 7).await.unwrap(), Some(tokens(7)));
    assert_eq!(stage.bucket.kept(&account, 6).await.unwrap(), None);
    assert_eq!(stage.bucket.kept(&account, 8).await.unwrap(), None);
    assert_eq!(stage.bucket.kept(&other, 7).await.unwrap(), None);
    assert!(stage.object(&format!("rescue/{account}/7")).await.is_some());
}
