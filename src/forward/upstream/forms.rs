//! How queries to one upstream are written, by what its replies have shown: pure, `now` is an argument.
//!
//! In: replies, with the form of their query and what the flight had to give up before. Out: the form of the next
//! query. Never: a finding from one sign, or against a proof that is still remembered.

use std::time::Instant;

use super::quirks::Quirk;
use crate::dns::Rcode;
use crate::forward::transport::message::QueryForm;

/// The signs that make a finding: a refusal of EDNS, confirmed by a plain answer; silence to EDNS while plain questions
/// are answered.
const EDNS_REFUSALS: u8 = 2;
const EDNS_SILENCES: u8 = 3;
/// The same for the case of names: a reply that lost it, or a denial or error that was none in lower case; silence.
const CASE_REFUSALS: u8 = 2;
const CASE_SILENCES: u8 = 3;

/// The same for AD: an error that was none without it; silence.
const AD_REFUSALS: u8 = 2;
const AD_SILENCES: u8 = 3;

/// Whether an upstream can do with EDNS, with names in random case, and with AD.
#[derive(Debug, Default)]
pub(crate) struct Forms {
    edns: Quirk,
    case: Quirk,
    ad: Quirk,
}

/// What a flight has given up in its queries to one upstream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GivenUp {
    pub(crate) edns: Option<Why>,
    pub(crate) case: Option<Why>,
    pub(crate) ad: Option<Why>,
}

/// Why a flight has given up EDNS, random case or AD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// A reply refused it: FORMERR, NOTIMP or BADVERS; a question with its case lost.
    Refused,
    /// A denial or an error, which may be an objection to the case or to AD.
    Denied,
    /// There was no reply.
    Silent,
    /// One of these, which has been counted as a sign.
    Counted,
}

/// The part of a reply that shows something about its upstream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) rcode: Rcode,
    pub(crate) has_edns: bool,
    /// Whether it has a record for the question.
    pub(crate) is_positive: bool,
    /// Whether it has TC: the answer itself comes over TCP.
    pub(crate) is_truncated: bool,
}

impl Shown {
    /// Whether it is how a server answers that does not know EDNS (RFC 6891 section 7), or not our version of it. Such
    /// an answer may still have an OPT record, which then proves nothing.
    pub(crate) fn refuses_edns(self) -> bool {
        matches!(self.rcode, Rcode::FORMERR | Rcode::NOTIMP | Rcode::BADVERS)
    }
}

impl Forms {
    /// How to write a query, if the flight has given up nothing.
    pub(crate) fn usual(&self, now: Instant) -> QueryForm {
        QueryForm { edns: !self.edns.is_active(now), mixed: !self.case.is_active(now), ad: !self.ad.is_active(now) }
    }

    /// Whether the upstream has lately answered a name in random case with a record.
    pub(crate) fn keeps_case(&self, now: Instant) -> bool {
        self.case.is_proven(now)
    }

    /// Whether the upstream has lately answered a query with AD.
    pub(crate) fn takes_ad(&self, now: Instant) -> bool {
        self.ad.is_proven(now)
    }

    /// Learns from a reply to a query of this form. Where the flight gave up several things, the reply counts
    /// against the first of AD, EDNS and the case: once that is known, the next flight shows whether the rest was a
    /// reason too.
    pub(crate) fn learn(&mut self, form: QueryForm, reply: Shown, given_up: &mut GivenUp, now: Instant) {
        if form.edns && reply.has_edns && !reply.refuses_edns() {
            self.edns.observe_success(now);
        }
        // A denial proves nothing: servers that mind the case deny.
        if form.mixed && reply.is_positive {
            self.case.observe_success(now);
        }
        if form.ad && reply.rcode.is_answer() && !reply.is_truncated {
            self.ad.observe_success(now);
        }
        if form.edns && !form.ad && given_up.ad.is_some() {
            if reply.rcode.is_answer() {
                count(&mut self.ad, &mut given_up.ad, true, [AD_REFUSALS, AD_SILENCES], now);
            }
            return;
        }
        let is_silent_to_both = given_up.edns.is_some() && given_up.case == Some(Why::Silent);
        if !form.edns && !reply.refuses_edns() {
            count(&mut self.edns, &mut given_up.edns, true, [EDNS_REFUSALS, EDNS_SILENCES], now);
        }
        if !form.mixed && (form.edns || !is_silent_to_both) {
            let is_better = reply.is_positive;
            count(&mut self.case, &mut given_up.case, is_better, [CASE_REFUSALS, CASE_SILENCES], now);
        }
    }
}

/// Counts what a flight has given up as a sign, once, when a reply confirms it.
fn count(quirk: &mut Quirk, why: &mut Option<Why>, is_better: bool, [refusals, silences]: [u8; 2], now: Instant) {
    match why {
        Some(Why::Refused) => quirk.observe_failure(now, refusals),
        Some(Why::Denied) if is_better => quirk.observe_failure(now, refusals),
        Some(Why::Silent) => quirk.observe_failure(now, silences),
        Some(Why::Denied | Why::Counted) | None => return,
    }
    *why = Some(Why::Counted);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: QueryForm = QueryForm::FULL;
    const LOWER: QueryForm = QueryForm { mixed: false, ..MIXED };
    const PLAIN: QueryForm = QueryForm { edns: false, ad: false, ..MIXED };
    const NO_AD: QueryForm = QueryForm { ad: false, ..MIXED };
    const GOOD: Shown = Shown { rcode: Rcode::NOERROR, has_edns: true, is_positive: true, is_truncated: false };
    const DENIAL: Shown = Shown { rcode: Rcode::NXDOMAIN, is_positive: false, ..GOOD };

    fn after(forms: &mut Forms, form: QueryForm, reply: Shown, given_up: GivenUp, now: Instant) -> QueryForm {
        forms.learn(form, reply, &mut given_up.clone(), now);
        forms.usual(now)
    }

    #[test]
    fn two_refusals_of_edns_or_three_silences_make_a_finding_and_an_answer_with_opt_unmakes_it() {
        for (why, signs) in [(Why::Refused, 2), (Why::Silent, 3)] {
            let (now, mut forms) = (Instant::now(), Forms::default());
            let given_up = GivenUp { edns: Some(why), ..GivenUp::default() };
            let plain = Shown { has_edns: false, ..GOOD };
            let found = (0..signs).map(|_| !after(&mut forms, PLAIN, plain, given_up, now).edns).collect::<Vec<_>>();
            assert_eq!(found.iter().position(|found| *found), Some(signs - 1), "{why:?}");
            assert!(after(&mut forms, MIXED, GOOD, GivenUp::default(), now).edns);
            for _ in 0..9 {
                assert!(after(&mut forms, PLAIN, plain, given_up, now).edns, "the proof counts for more");
            }
        }
    }

    #[test]
    fn an_opt_beside_badvers_proves_nothing() {
        let (now, mut forms) = (Instant::now(), Forms::default());
        let given_up = GivenUp { edns: Some(Why::Refused), ..GivenUp::default() };
        let badvers = Shown { rcode: Rcode::BADVERS, ..DENIAL };
        for _ in 0..2 {
            forms.learn(MIXED, badvers, &mut GivenUp::default(), now);
            forms.learn(PLAIN, Shown { has_edns: false, ..GOOD }, &mut given_up.clone(), now);
        }
        assert!(!forms.usual(now).edns);
    }

    #[test]
    fn a_denial_is_a_sign_only_if_lower_case_brings_a_record_and_proves_nothing_about_the_case() {
        let (now, mut forms) = (Instant::now(), Forms::default());
        let given_up = GivenUp { case: Some(Why::Denied), ..GivenUp::default() };
        for _ in 0..9 {
            assert!(after(&mut forms, LOWER, DENIAL, given_up, now).mixed);
            forms.learn(MIXED, DENIAL, &mut GivenUp::default(), now);
            assert!(!forms.keeps_case(now));
        }
        assert!(after(&mut forms, LOWER, GOOD, given_up, now).mixed);
        assert!(!after(&mut forms, LOWER, GOOD, given_up, now).mixed);
    }

    #[test]
    fn silence_to_edns_in_random_case_is_a_sign_against_edns_alone() {
        let (now, mut forms) = (Instant::now(), Forms::default());
        let given_up = GivenUp { edns: Some(Why::Silent), case: Some(Why::Silent), ad: None };
        for _ in 0..3 {
            assert_eq!(forms.usual(now), MIXED);
            forms.learn(QueryForm::PLAIN, Shown { has_edns: false, ..GOOD }, &mut given_up.clone(), now);
        }
        assert_eq!(forms.usual(now), QueryForm { edns: false, ..MIXED });
    }

    #[test]
    fn a_flight_is_one_sign_however_many_replies_it_has() {
        let (now, mut forms) = (Instant::now(), Forms::default());
        let mut given_up = GivenUp { edns: Some(Why::Refused), case: Some(Why::Refused), ad: None };
        for _ in 0..9 {
            let both = QueryForm::PLAIN;
            forms.learn(both, Shown { has_edns: false, ..GOOD }, &mut given_up, now);
        }
        assert_eq!(forms.usual(now), MIXED);
    }
    #[test]
    fn two_errors_or_three_silences_to_ad_make_a_finding_and_one_flight_tells_nothing_about_the_case_with_it() {
        for (why, signs) in [(Why::Denied, 2), (Why::Silent, 3)] {
            let (now, mut forms) = (Instant::now(), Forms::default());
            let given_up = GivenUp { ad: Some(why), case: Some(why), edns: None };
            let both = QueryForm { mixed: false, ..NO_AD };
            let error = Shown { rcode: Rcode::REFUSED, is_positive: false, ..GOOD };
            assert!((0..9).all(|_| after(&mut forms, both, error, given_up, now).ad), "it was no better");
            let found = (0..signs).map(|_| !after(&mut forms, both, GOOD, given_up, now).ad).collect::<Vec<_>>();
            assert_eq!(found.iter().position(|found| *found), Some(signs - 1), "{why:?}");
            assert_eq!(forms.usual(now), NO_AD);
            forms.learn(MIXED, DENIAL, &mut GivenUp::default(), now);
            assert!(forms.takes_ad(now) && forms.usual(now).ad, "an answer to AD unmakes it");
        }
    }
}
