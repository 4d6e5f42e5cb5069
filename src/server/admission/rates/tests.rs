//! Rate limits on a clock of their own.

use std::time::Duration;

use super::*;

const RATES: Rates = Rates {
    errors: NonZeroU32::new(2),
    negative: NonZeroU32::new(3),
    forwarded: NonZeroU32::new(4),
    handshakes: NonZeroU32::new(5),
};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn judge(limits: &Limits, kind: LimitedKind, client: &str, now: Instant, times: usize) -> Vec<RateDecision> {
    (0..times).map(|_| limits.judge(&RATES, kind, ip(client), now)).collect()
}

#[test]
fn every_second_negative_answer_that_is_withheld_slips() {
    use RateDecision::{Drop, Pass, Slip};
    let now = Instant::now();
    let limits = Limits::new(now);
    let verdicts = judge(&limits, LimitedKind::Negative, "192.0.2.1", now, 8);
    assert_eq!(verdicts, [Pass, Pass, Pass, Drop, Slip, Drop, Slip, Drop]);
}

#[test]
fn refusals_and_forwarded_questions_never_slip() {
    let now = Instant::now();
    let limits = Limits::new(now);
    for (kind, pass) in [(LimitedKind::Error, 2), (LimitedKind::Forwarded, 4)] {
        let verdicts = judge(&limits, kind, "192.0.2.1", now, 20);
        assert!(verdicts[..pass].iter().all(|verdict| *verdict == RateDecision::Pass), "{verdicts:?}");
        assert!(verdicts[pass..].iter().all(|verdict| *verdict == RateDecision::Drop), "{verdicts:?}");
    }
}

#[test]
fn kinds_and_networks_are_counted_apart_and_a_second_later_all_is_forgotten() {
    let now = Instant::now();
    let limits = Limits::new(now);
    judge(&limits, LimitedKind::Error, "192.0.2.1", now, 50);
    for (kind, client) in
        [(LimitedKind::Negative, "192.0.2.1"), (LimitedKind::Error, "192.0.3.1"), (LimitedKind::Error, "2001:db8::")]
    {
        assert_eq!(judge(&limits, kind, client, now, 1), [RateDecision::Pass], "{kind:?} {client}");
    }
    assert_eq!(judge(&limits, LimitedKind::Error, "192.0.2.77", now, 1), [RateDecision::Drop], "the same network");
    assert_eq!(judge(&limits, LimitedKind::Error, "192.0.2.1", now + Duration::from_secs(1), 1), [RateDecision::Pass]);
}

#[test]
fn without_a_rate_there_is_no_limit() {
    let now = Instant::now();
    let (limits, rates) = (Limits::new(now), Rates { errors: None, negative: None, forwarded: None, handshakes: None });
    for kind in [LimitedKind::Error, LimitedKind::Negative, LimitedKind::Forwarded] {
        assert!((0..10_000).all(|_| limits.judge(&rates, kind, ip("192.0.2.1"), now) == RateDecision::Pass));
    }
}
