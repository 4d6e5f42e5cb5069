//! Equal questions share one exchange.

use super::*;

#[tokio::test]
async fn forty_who_ask_the_same_cost_one_query_and_all_get_the_answer() {
    let upstream = Scripted::start(|got: &Got| vec![(30 * MS, got.good())]).await;
    let forwarder = forwarder(&[&upstream]);
    let replies = futures((0..40).map(|_| ask(&forwarder, "same.example"))).await;
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!((upstream.asked(), forwarder.groups()[0].status().shared), (1, 39));
}

#[tokio::test]
async fn questions_with_other_flags_or_of_another_group_do_not_share() {
    let upstream = Scripted::start(|got: &Got| vec![(30 * MS, got.good())]).await;
    let forwarder = start(vec![group(&[upstream.address]), group(&[upstream.address])]);
    let plain = question("same.example");
    let with_do = Question { dnssec_ok: true, ..plain.clone() };
    let with_cd = Question { checking_disabled: true, ..plain.clone() };
    let deadline = Instant::now() + Duration::from_secs(5);
    let groups = forwarder.groups();
    let asked = [(0, &plain), (0, &with_do), (0, &with_cd), (1, &plain)];
    let replies = futures(asked.map(|(group, question)| groups[group].ask(question, 0, deadline))).await;
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(upstream.asked(), 4);
}

#[tokio::test]
async fn the_first_to_ask_may_leave_and_the_others_still_get_the_answer() {
    let upstream = Scripted::start(|got: &Got| vec![(100 * MS, got.good())]).await;
    let forwarder = Arc::new(forwarder(&[&upstream]));
    let own = Arc::clone(&forwarder);
    let first = tokio::spawn(async move { ask(&own, "same.example").await });
    while forwarder.groups()[0].status().asked == 0 {
        tokio::task::yield_now().await;
    }
    let second = ask(&forwarder, "same.example");
    first.abort();
    assert!(second.await.is_ok());
    assert_eq!(upstream.asked(), 1);
}

#[tokio::test]
async fn one_who_joins_late_waits_to_its_own_deadline() {
    let upstream = Scripted::start(|got: &Got| vec![(600 * MS, got.good())]).await;
    let forwarder = forwarder(&[&upstream]);
    let question = question("same.example");
    let begin = Instant::now();
    let group = &forwarder.groups()[0];
    let (early, late) =
        tokio::join!(group.ask(&question, 0, begin + 300 * MS), group.ask(&question, 0, begin + 3000 * MS));
    assert_eq!(early, Err(Failure::Timeout));
    assert!(late.is_ok());
    assert_eq!(counts(&forwarder, 0).received, 1);
}
