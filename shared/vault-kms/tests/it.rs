//! The vault against an emulated KMS.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use aws_sdk_kms::Client;
use aws_sdk_kms::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_kms::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_kms::primitives::Blob;
use domain::Timestamp;
use domain::account::{Binding, Sealed, TokenField};
use ministack::Ministack;
use ports::{OpenError, Plaintext, Vault as _};
use vault_kms::{ENCRYPTION_CONTEXT, KmsVault};

const SECRET: &str = "act.a-token-that-nobody-may-see";

struct Stage {
    vault: KmsVault,
    kms: Client,
    key_id: String,
    seconds: Arc<AtomicI64>,
    requests: Requests,
    ministack: Ministack,
}

impl Stage {
    async fn new() -> Self {
        let ministack = Ministack::start().expect("MiniStack starts");
        let kms = Client::new(&ministack.sdk_config());
        let key_id = created(&kms).await;
        let (seconds, requests) = (Arc::default(), Requests::default());
        let vault = vault(&ministack, &key_id, &seconds, &requests);
        Self { vault, kms, key_id, seconds, requests, ministack }
    }

    /// The same key in another process.
    fn elsewhere(&self) -> KmsVault {
        vault(&self.ministack, &self.key_id, &self.seconds, &self.requests)
    }

    fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Requests to KMS since the last look.
    fn requests(&self) -> usize {
        self.requests.0.swap(0, Ordering::Relaxed)
    }
}

async fn created(kms: &Client) -> String {
    let created = kms.create_key().send().await.expect("the key is new");
    created.key_metadata.expect("a description").key_id
}

fn vault(ministack: &Ministack, key_id: &str, seconds: &Arc<AtomicI64>, requests: &Requests) -> KmsVault {
    let config = aws_sdk_kms::config::Builder::from(&ministack.sdk_config()).interceptor(requests.clone());
    let seconds = Arc::clone(seconds);
    KmsVault::new(Client::from_conf(config.build()), key_id, move || {
        Timestamp::from_second(1_800_000_000 + seconds.load(Ordering::Relaxed)).expect("a time")
    })
}

#[derive(Debug, Clone, Default)]
struct Requests(Arc<AtomicUsize>);

impl Intercept for Requests {
    fn name(&self) -> &'static str {
        "Requests"
    }

    fn read_after_transmit(
        &self,
        _: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn secret() -> Plaintext {
    Plaintext::new(SECRET.to_owned())
}

fn place() -> Binding<'static> {
    Binding { client_key: "app", open_id: "creator", field: TokenField::Access, epoch: 7 }
}

async fn is_foreign(vault: &KmsVault, sealed: &Sealed, binding: &Binding<'_>) -> bool {
    matches!(vault.open(sealed, binding).await, Err(OpenError::Foreign))
}

#[tokio::test]
async fn a_sealed_token_opens_in_its_place_also_in_another_process() {
    let stage = Stage::new().await;
    let sealed = stage.vault.seal(&secret(), &place()).await.unwrap();
    assert_eq!(stage.vault.open(&sealed, &place()).await.unwrap(), secret());
    assert_eq!(stage.elsewhere().open(&sealed, &place()).await.unwrap(), secret());
    assert_eq!(sealed.cipher.len(), 12 + SECRET.len() + 16);
}

#[tokio::test]
async fn a_ciphertext_that_was_moved_never_opens() {
    let stage = Stage::new().await;
    let mut places = Vec::new();
    for client_key in ["app", "other-app"] {
        for open_id in ["creator", "other", "creatorr"] {
            for field in [TokenField::Access, TokenField::Refresh] {
                for epoch in [0, 6, 7, 8, 77] {
                    places.push(Binding { client_key, open_id, field, epoch });
                }
            }
        }
    }
    // parts that would read the same without their lengths
    places.push(Binding { client_key: "appc", open_id: "reator", field: TokenField::Access, epoch: 7 });
    let mut sealed = Vec::new();
    for place in &places {
        sealed.push(stage.vault.seal(&secret(), place).await.unwrap());
    }
    let (mut opened, mut refused) = (0, 0);
    for (from, sealed) in places.iter().zip(&sealed) {
        for to in &places {
            match stage.vault.open(sealed, to).await {
                Ok(token) if from == to && token == secret() => opened += 1,
                Err(OpenError::Foreign) if from != to => refused += 1,
                other => panic!("from {from:?} to {to:?}: {other:?}"),
            }
        }
    }
    assert_eq!((opened, refused), (61, 61 * 60));
}

/// Creators of two apps, some of whom differ by one letter, or where one's name begins with another's.
fn creators() -> Vec<(&'static str, String)> {
    let mut creators = Vec::new();
    for client_key in ["aw2f0jx7k1qd9m5e", "sbaw2f0jx7k1qd9m5e"] {
        for number in 0..10 {
            creators.push((client_key, format!("-000Qm4kC5sVxT0yW9uGqk3o2cBfJ7hZr1a{number}")));
        }
        for odd in [
            "",
            "_000Qm4kC5sVxT0yW9uGqk3o2cBfJ7hZr1a0",
            "-000Qm4kC5sVxT0yW9uGqk3o2cBfJ7hZr1a",
            "1",
            "1|access",
        ] {
            creators.push((client_key, odd.to_owned()));
        }
    }
    creators
}

#[tokio::test]
async fn of_ciphertexts_swapped_between_creators_fields_and_generations_none_opens() {
    let stage = Stage::new().await;
    let creators = creators();
    let mut places = Vec::new();
    for (client_key, open_id) in &creators {
        for field in [TokenField::Access, TokenField::Refresh] {
            for epoch in [1, 2, 3, 10, 11, u64::MAX] {
                places.push(Binding { client_key, open_id, field, epoch });
            }
        }
    }
    // two processes: what is swapped may be under one data key, or under two
    let vaults = [&stage.vault, &stage.elsewhere()];
    let mut sealed = Vec::new();
    for (number, place) in places.iter().enumerate() {
        let secret = Plaintext::new(format!("{SECRET} number {number}"));
        sealed.push((vaults[number % 2].seal(&secret, place).await.unwrap(), secret));
    }
    let (mut opened, mut whole, mut halves) = (0, 0, 0);
    for (from, (given, secret)) in places.iter().zip(&sealed) {
        for (to, (there, _)) in places.iter().zip(&sealed) {
            match stage.vault.open(given, to).await {
                Ok(token) if from == to && token == *secret => opened += 1,
                Err(OpenError::Foreign) if from != to => whole += 1,
                other => panic!("from {from:?} to {to:?}: {other:?}"),
            }
            if from == to {
                continue;
            }
            // the ciphertext alone, with the data key of the place it comes to
            let half = Sealed { data_key: there.data_key.clone(), cipher: given.cipher.clone() };
            assert!(is_foreign(&stage.vault, &half, to).await, "half of {from:?} in {to:?}");
            halves += 1;
        }
    }
    let count = places.len();
    println!(
        "{} creators, {count} places: {opened} opened in their own, {whole} swapped and {halves} half swapped refused",
        creators.len()
    );
    assert_eq!((opened, whole, halves), (count, count * (count - 1), count * (count - 1)));
    assert_eq!((creators.len(), count), (30, 360));
}

#[tokio::test]
async fn a_ciphertext_with_a_changed_bit_never_opens() {
    let stage = Stage::new().await;
    let sealed = stage.vault.seal(&secret(), &place()).await.unwrap();
    for bit in 0..sealed.cipher.len() * 8 {
        let mut changed = sealed.clone();
        changed.cipher[bit / 8] ^= 1 << (bit % 8);
        assert!(is_foreign(&stage.vault, &changed, &place()).await, "bit {bit}");
    }
    for len in 0..sealed.cipher.len() {
        let mut cut = sealed.clone();
        cut.cipher.truncate(len);
        assert!(is_foreign(&stage.vault, &cut, &place()).await, "cut to {len} bytes");
    }
}

#[tokio::test]
async fn a_ciphertext_under_another_data_key_does_not_open() {
    let stage = Stage::new().await;
    let sealed = stage.vault.seal(&secret(), &place()).await.unwrap();
    let other = stage.elsewhere().seal(&secret(), &place()).await.unwrap();
    assert_ne!(sealed.data_key, other.data_key);
    let swapped = Sealed { data_key: other.data_key, cipher: sealed.cipher };
    assert!(is_foreign(&stage.vault, &swapped, &place()).await);
}

#[tokio::test]
async fn a_data_key_that_is_not_of_this_vault_does_not_open() {
    let stage = Stage::new().await;
    let sealed = stage.vault.seal(&secret(), &place()).await.unwrap();
    let garbage = Sealed { data_key: b"no data key".to_vec(), ..sealed.clone() };
    assert!(is_foreign(&stage.vault, &garbage, &place()).await);

    // the same key, another context
    let plain = stage.kms.generate_data_key().key_id(&stage.key_id).number_of_bytes(32).send().await.unwrap();
    let contextless = Sealed { data_key: plain.ciphertext_blob.unwrap().into_inner(), ..sealed };
    assert!(is_foreign(&stage.vault, &contextless, &place()).await);
}

#[tokio::test]
async fn a_data_key_bears_the_encryption_context() {
    let stage = Stage::new().await;
    let sealed = stage.vault.seal(&secret(), &place()).await.unwrap();
    let decrypt = stage.kms.decrypt().key_id(&stage.key_id).ciphertext_blob(Blob::new(sealed.data_key));
    assert!(decrypt.clone().send().await.is_err());
    let with = decrypt.encryption_context(ENCRYPTION_CONTEXT.0, ENCRYPTION_CONTEXT.1).send().await.unwrap();
    assert_eq!(with.plaintext.unwrap().as_ref().len(), 32);
}

#[tokio::test]
async fn the_same_token_is_sealed_differently_each_time() {
    let stage = Stage::new().await;
    let mut nonces = std::collections::HashSet::new();
    for _ in 0..100 {
        let sealed = stage.vault.seal(&secret(), &place()).await.unwrap();
        assert!(nonces.insert(sealed.cipher[..12].to_vec()));
    }
}

#[tokio::test]
async fn kms_makes_one_data_key_for_five_minutes_or_a_thousand_tokens() {
    let stage = Stage::new().await;
    let first = stage.vault.seal(&secret(), &place()).await.unwrap();
    stage.pass(299);
    assert_eq!(stage.vault.seal(&secret(), &place()).await.unwrap().data_key, first.data_key);
    assert_eq!(stage.requests(), 1);
    stage.pass(1);
    let second = stage.vault.seal(&secret(), &place()).await.unwrap();
    assert_ne!(second.data_key, first.data_key);
    for _ in 1..1_000 {
        assert_eq!(stage.vault.seal(&secret(), &place()).await.unwrap().data_key, second.data_key);
    }
    assert_eq!(stage.requests(), 1);
    assert_ne!(stage.vault.seal(&secret(), &place()).await.unwrap().data_key, second.data_key);
    assert_eq!(stage.requests(), 1);
}

#[tokio::test]
async fn a_batch_that_starts_cold_makes_one_data_key() {
    let stage = Stage::new().await;
    let place = place();
    let secret = secret();
    let (one, two, three) = tokio::join!(
        stage.vault.seal(&secret, &place),
        stage.vault.seal(&secret, &place),
        stage.vault.seal(&secret, &place)
    );
    assert_eq!(one.unwrap().data_key, two.unwrap().data_key);
    three.unwrap();
    assert_eq!(stage.requests(), 1);
}

#[tokio::test]
async fn kms_is_asked_once_for_both_tokens_of_an_account_and_again_after_five_minutes() {
    let stage = Stage::new().await;
    let refresh = Binding { field: TokenField::Refresh, ..place() };
    let sealed = stage.vault.seal(&secret(), &place()).await.unwrap();
    let sealed_refresh = stage.vault.seal(&secret(), &refresh).await.unwrap();
    stage.requests();
    stage.vault.open(&sealed, &place()).await.unwrap();
    stage.vault.open(&sealed_refresh, &refresh).await.unwrap();
    assert_eq!(stage.requests(), 1);
    stage.pass(300);
    stage.vault.open(&sealed, &place()).await.unwrap();
    assert_eq!(stage.requests(), 1);
}

#[tokio::test]
async fn a_key_that_is_off_or_not_there_is_a_refusal_and_says_nothing_about_the_token() {
    let stage = Stage::new().await;
    let sealed = stage.vault.seal(&secret(), &place()).await.unwrap();
    let nowhere =
        vault(&stage.ministack, "00000000-0000-0000-0000-000000000000", &stage.seconds, &stage.requests);
    assert!(nowhere.seal(&secret(), &place()).await.unwrap_err().refused);

    stage.kms.disable_key().key_id(&stage.key_id).send().await.unwrap();
    let cold = stage.elsewhere();
    assert!(cold.seal(&secret(), &place()).await.unwrap_err().refused);
    let Err(OpenError::Port(error)) = cold.open(&sealed, &place()).await else {
        panic!("a key that is off is not a foreign ciphertext");
    };
    assert!(error.refused, "{error:?}");
}

#[tokio::test]
async fn when_kms_does_not_answer_the_token_may_open_later() {
    let Stage { vault, ministack, .. } = Stage::new().await;
    let sealed = Sealed { data_key: vec![1; 64], cipher: vec![2; 64] };
    drop(ministack);
    assert!(!vault.seal(&secret(), &place()).await.unwrap_err().refused);
    let Err(OpenError::Port(error)) = vault.open(&sealed, &place()).await else {
        panic!("nobody said that it is foreign");
    };
    assert!(!error.refused);
}

#[tokio::test]
async fn nothing_that_is_printed_holds_a_secret() {
    let stage = Stage::new().await;
    let sealed = stage.vault.seal(&secret(), &place()).await.unwrap();
    let opened = stage.vault.open(&sealed, &place()).await;
    let foreign = stage.vault.open(&sealed, &Binding { epoch: 8, ..place() }).await;
    let printed = format!("{:?} {sealed:?} {opened:?} {foreign:?} {:?}", stage.vault, secret());
    assert!(!printed.contains(SECRET) && !printed.contains("act."), "{printed}");
    for bytes in [&sealed.data_key, &sealed.cipher] {
        let start = format!("{}, {}, {}", bytes[0], bytes[1], bytes[2]);
        assert!(!printed.contains(&start), "{printed}");
    }
    assert!(printed.contains("[redacted]") && printed.contains("[sealed]"));
}
