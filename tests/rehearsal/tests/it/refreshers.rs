//! The storm of refreshers in short; the program `refreshers` plays a thousand rounds in each mode.

use rehearsal::refreshers::{MODES, Orders, rehearse};

#[test]
fn fifty_refreshers_at_once_ask_tiktok_once_and_lock_nobody_out_who_could_be_kept() {
    let rounds = 60;
    let report = rehearse(&Orders { rounds, ..Orders::default() });
    assert!(report.wrong().is_empty(), "{report}");
    assert_eq!(report.tallies.len(), MODES.len());
    for tally in &report.tallies {
        assert_eq!(tally.rounds, 60, "{report}");
        assert_eq!(tally.plain_calls, tally.plain, "{report}");
        let befallen = tally.crashes + tally.lost + tally.slow + tally.connects;
        assert_eq!(tally.plain + befallen, tally.rounds, "{report}");
    }
}
