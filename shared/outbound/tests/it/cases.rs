//! Every way we know to have somebody else's server ask for what is not public.

use std::net::IpAddr;

use bytes::Bytes;
use http::HeaderMap;
use outbound::{Failure, forbidden};

use crate::it::trap::{Names, Trap, outbound};

/// Addresses nobody may be sent to: the ends of each range, what lies in them that matters, and every IPv6 form.
const FORBIDDEN: &[&str] = &[
    // this machine, the Lambda runtime's address among them
    "127.0.0.1",
    "127.0.0.0",
    "127.0.1.1",
    "127.255.255.255",
    "::1",
    // metadata services, the neighbours of the Lambda runtime, ECS's credentials
    "169.254.169.254",
    "169.254.170.2",
    "169.254.100.1",
    "169.254.100.5",
    "169.254.0.0",
    "169.254.255.255",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "febf:ffff::1",
    "fd00:ec2::254",
    "fd00:ec2::23",
    // private networks
    "10.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.0",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.0",
    "192.168.1.1",
    "192.168.255.255",
    "fc00::",
    "fc00::1",
    "fd12:3456:789a::1",
    "fdff:ffff::1",
    "fec0::1",
    // a provider's own network
    "100.64.0.0",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    // nobody, and this network
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "::",
    // many at once
    "224.0.0.1",
    "239.255.255.255",
    "255.255.255.255",
    "ff00::",
    "ff02::1",
    "ff05::1:3",
    // documentation, benchmarks, reserved
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.255",
    "198.18.0.0",
    "198.19.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.88.99.1",
    "240.0.0.1",
    "250.1.2.3",
    "2001:db8::1",
    "3fff::1",
    "3fff:fff::1",
    "2001:2::1",
    "100::1",
    "5f00::1",
    "4000::1",
    "2001:10::1",
    "2001:20::1",
    // IPv4 in IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo; of a public address as well
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "::10.0.0.1",
    "::8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:0808:0808::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
];

/// Hosts that mean something else than they look like, without a port.
const DISGUISED: &[&str] = &[
    // 127.0.0.1, 169.254.169.254 and 10.0.0.1 in every base that parsers take
    "2130706433",
    "0x7f000001",
    "0x7F000001",
    "017700000001",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f.1",
    "127.1",
    "127.0.1",
    "0177.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0000.0000.0001",
    "00000177.0.0.1",
    "127.0x1",
    "127.0.0.01",
    "127.0.0.0x1",
    "2852039166",
    "0xa9fea9fe",
    "025177524776",
    "0251.0376.0251.0376",
    "0xa9.0xfe.0xa9.0xfe",
    "169.254.43518",
    "169.16689662",
    "0xa9.254.0251.254",
    "167772161",
    "0xa000001",
    "012.0.0.1",
    "10.1",
    "3232235777",
    "0xc0a80101",
    "0300.0250.1.1",
    "0",
    "0x0",
    "00",
    "0.0",
    "127.0.0.1.",
    "2130706433.",
    "0x7f.1.",
    "169.254.169.254.",
    // percent-encoded, full-width, other digits and dots
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "%30x7f.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "127．0．0．1",
    "①②⑦.⓪.⓪.①",
    "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "%6c%6f%63%61%6c%68%6f%73%74",
    "ｌｏｃａｌｈｏｓｔ",
    "loc\u{ad}alhost",
    // IPv6 in its spellings; zone ids are none
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::ffff:7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::%6c]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[::1%25lo]",
    "[::1%lo]",
    "[FD00:EC2::254]",
    "[::]",
    // names that mean this machine or this network
    "localhost",
    "LOCALHOST",
    "LocalHost",
    "localhost.",
    "localhost..",
    "a.localhost",
    "localhost.localdomain",
    "ip6-localhost",
    "metadata",
    "metadata.google.internal",
    "instance-data",
    "instance-data.ec2.internal",
    "ip-10-0-0-1.ec2.internal",
    "printer.local",
    "router.lan",
    "nas.home.arpa",
    "intranet",
    "db",
    "hidden.onion",
    "example.com.",
    "xn--",
    "",
    ".",
    "..",
    "a..b.example",
];

/// Whole URLs; `PORT` is the trap's.
const SHAPES: &[&str] = &[
    "http://public.example:PORT/",
    "HTTP://public.example:PORT/",
    "http://93.184.216.34:PORT/",
    "ftp://public.example:PORT/",
    "file:///etc/passwd",
    "file://localhost/proc/self/environ",
    "gopher://127.0.0.1:PORT/_GET",
    "dict://127.0.0.1:PORT/",
    "ldap://127.0.0.1:PORT/",
    "tftp://127.0.0.1:PORT/",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "jar:https://public.example!/",
    "ws://127.0.0.1:PORT/",
    "wss://127.0.0.1:PORT/",
    "about:blank",
    "blob:https://public.example/1",
    "//127.0.0.1:PORT/",
    "/path",
    "127.0.0.1:PORT",
    "https:127.0.0.1:PORT",
    "https:/127.0.0.1:PORT",
    "https:///127.0.0.1:PORT/",
    "https:////127.0.0.1:PORT/",
    "https:\\\\127.0.0.1:PORT\\",
    "https://public.example\\@127.0.0.1:PORT/",
    "https://public.example@127.0.0.1:PORT/",
    "https://user:secret@public.example:PORT/",
    "https://public.example:PORT@127.0.0.1:PORT/",
    "https://127.0.0.1:PORT#@public.example/",
    "https://127.0.0.1:PORT?@public.example/",
    "https://127.0.0.1:PORT\\.public.example/",
    "https://127.0.0.1:PORT /",
    " https://127.0.0.1:PORT/",
    "https://127.0.0.1:PORT/\t",
    "https://127.0.\n0.1:PORT/",
    "https://public.example\r\nHost: 127.0.0.1/",
    "https://public.example/a b",
    "https://127.0.0.1\0.example/",
    "https://[::1:PORT/",
    "https://::1:PORT/",
    "https://[127.0.0.1]:PORT/",
    "https://127.0.0.1:PORT:80/",
    "https://127.0.0.1:99999/",
    "https://public.example:0/",
    "https://public.example:22/",
    "https://public.example:25/",
    "https://public.example:80/",
    "https://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
    "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
    "https://169.254.100.1:9001/",
    "",
    "https://",
    "https:",
    "https://?",
    "https://#",
    "https://:PORT/",
    "https://@127.0.0.1:PORT/",
    "https://:@127.0.0.1:PORT/",
];

async fn refused(outbound: &outbound::Outbound, url: &str) {
    let posted = outbound.post(url, HeaderMap::new(), Bytes::from_static(b"{}")).await;
    assert!(matches!(posted, Err(Failure::Refused(_))), "`{url}` posted: {posted:?}");
    let got = outbound.get(url, 0, None).await;
    assert!(matches!(got, Err(Failure::Refused(_))), "`{url}` read: {got:?}");
}

#[tokio::test]
async fn nobody_is_led_to_what_is_not_public() {
    let trap = Trap::set("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let (names, port) = (Names::default(), trap.port);
    let public: IpAddr = "93.184.216.34".parse().unwrap();
    let strict = outbound(&names, "");
    // exceptions open exactly themselves
    let lenient = outbound(&names, &format!("127.0.0.1:{}, stack.example:{port}", port.wrapping_add(1)));
    let mut cases = 0;

    for text in FORBIDDEN {
        let address: IpAddr = text.parse().unwrap();
        assert!(forbidden(address).is_some(), "{address}");
        let literal = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        refused(&strict, &format!("https://{literal}:{port}/hook")).await;
        // a public name that leads there, alone and among good addresses, first and last
        names.say("public.example", &[&[address]]);
        refused(&strict, &format!("https://public.example:{port}/hook")).await;
        names.say("public.example", &[&[public, address]]);
        refused(&strict, &format!("https://public.example:{port}/hook")).await;
        names.say("public.example", &[&[address, public]]);
        refused(&lenient, &format!("https://public.example:{port}/hook")).await;
        cases += 4;
    }
    names.say("public.example", &[&["127.0.0.1".parse().unwrap()]]);
    for host in DISGUISED {
        for rules in [&strict, &lenient] {
            refused(rules, &format!("https://{host}:{port}/")).await;
        }
        cases += 1;
    }
    for shape in SHAPES {
        for rules in [&strict, &lenient] {
            refused(rules, &shape.replace("PORT", &port.to_string())).await;
        }
        cases += 1;
    }
    refused(&strict, &format!("https://public.example:{port}/{}", "a".repeat(2_100))).await;
    cases += 1;

    assert!(cases >= 400, "{cases} cases");
    assert_eq!(trap.connections(), 0, "connections in {cases} cases");
    println!("{cases} cases, {} connections", trap.connections());
}

#[tokio::test]
async fn a_name_that_changes_between_two_look_ups_gains_nothing() {
    let trap = Trap::set("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let names = Names::default();
    let strict = outbound(&names, "");
    let loopback: &[IpAddr] = &["127.0.0.1".parse().unwrap()];
    // nobody lives there, and no machine of ours has a way to it
    let nowhere: &[IpAddr] = &["2a0f:ffff:dead::1".parse().unwrap()];
    names.say("rebound.example", &[nowhere, loopback]);
    let url = format!("https://rebound.example:{}/", trap.port);

    let first = strict.post(&url, HeaderMap::new(), Bytes::new()).await;
    assert!(matches!(first, Err(Failure::Connect | Failure::Timeout)), "{first:?}");
    assert_eq!(
        names.asked.load(std::sync::atomic::Ordering::SeqCst),
        1,
        "resolved once, connected to what was judged"
    );
    let second = strict.post(&url, HeaderMap::new(), Bytes::new()).await;
    assert!(matches!(second, Err(Failure::Refused(_))), "{second:?}");
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_leads_nowhere() {
    let trap = Trap::set("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    for status in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n",
            trap.port
        );
        let door = Trap::set(answer.leak()).await;
        let lenient = outbound(&Names::default(), &format!("127.0.0.1:{}", door.port));
        let url = format!("http://127.0.0.1:{}/", door.port);
        let answer = lenient.post(&url, HeaderMap::new(), Bytes::new()).await.unwrap();
        assert_eq!((answer.status.as_u16(), door.connections()), (status, 1));
        assert_eq!(lenient.get(&url, 0, None).await.unwrap().status().as_u16(), status);
    }
    assert_eq!(trap.connections(), 0);
}

#[test]
fn what_is_public_is_let_through() {
    for address in [
        "1.1.1.1",
        "8.8.8.8",
        "93.184.216.34",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2003::1",
        "2a00::1",
        "3ffe::1",
    ] {
        assert_eq!(forbidden(address.parse().unwrap()), None, "{address}");
    }
    let rules = outbound::Rules::default();
    for url in [
        "https://example.com/hook",
        "https://example.com:8443/hook?token=a%20b",
        "https://münchen.example/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://local.example.com/",
        "https://notlocalhost.com/",
    ] {
        assert!(rules.judge(url).is_ok(), "{url}: {:?}", rules.judge(url));
    }
}
