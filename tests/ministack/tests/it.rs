//! The emulator goes when its value goes.

use std::net::TcpStream;

use ministack::Ministack;

#[test]
fn it_answers_until_it_is_dropped() {
    let ministack = Ministack::start().expect("MiniStack starts");
    let address = ministack.endpoint().strip_prefix("http://").expect("plain http").to_owned();
    assert!(TcpStream::connect(&address).is_ok());
    drop(ministack);
    assert!(TcpStream::connect(&address).is_err());
}
