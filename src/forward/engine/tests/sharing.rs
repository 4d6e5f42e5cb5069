//! Equal questions share one exchange.

use super::super::tests::*;

#[tokio::test]
async fn forty_equal_questions_cost_one_query_and_all_get_the_answer() {
    let mut world = World::of(|got| vec![(30 * MS, got.good())]);
    let replies = world.all((0..40).map(|_| "same.example".to_owned())).await;
    assert!(replies.iter().all(|(reply, took)| reply.is_ok() && *took == 30 * MS));
    assert_eq!((world.asked(0), world.status().shared), (1, 39));
}

#[tokio::test]
async fn the_outcome_of_a_flight_is_stored_once_however_many_wait_and_all_share_what_was_stored() {
    let mut world = World::of(|got| vec![(30 * MS, got.good())]);
    let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = |number: usize| -> Keep {
        let (kept, begin) = (Arc::clone(&kept), world.now);
        Box::new(move |outcome, now| {
            kept.lock().unwrap().push((number, now - begin));
            let reply = Reply { authentic: true, ..outcome?.as_ref().clone() };
            Ok(Arc::new(reply))
        })
    };
    let places: Vec<Place> =
        (0..40).map(|number| world.pose_kept(question("same.example"), keep(number), Duration::from_secs(5))).collect();
    let mut replies = Vec::new();
    for place in &places {
        replies.push(world.answer(place).await.0.unwrap());
    }
    assert_eq!(*kept.lock().unwrap(), [(0, 30 * MS)], "by the first who asked, at the end");
    assert!(replies.iter().all(|reply| Arc::ptr_eq(reply, &replies[0])) && replies[0].authentic);
}

#[tokio::test]
async fn questions_with_other_flags_or_of_another_group_do_not_share() {
    let mut cast = Cast::default();
    let upstream = cast.scripted(|got| vec![(30 * MS, got.good())]);
    let mut world = cast.begin_with(vec![group(&[upstream]), group(&[upstream])]);
    let plain = question("same.example");
    let with_do = Question { dnssec_ok: true, ..plain.clone() };
    let with_cd = Question { checking_disabled: true, ..plain.clone() };
    let asked = [(0, plain.clone()), (0, with_do), (0, with_cd), (1, plain)];
    let places = asked.map(|(group, question)| world.pose(group, question, None, Duration::from_secs(5)));
    for place in places {
        assert!(world.answer(&place).await.0.is_ok());
    }
    assert_eq!(world.asked(0), 4);
}

#[tokio::test]
async fn equal_questions_with_other_flags_are_not_on_one_port_at_one_time_and_different_questions_are() {
    let ports = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&ports);
    let mut world = World::of(move |got| {
        seen.lock().unwrap().push((got.name().to_string(), got.from.port()));
        vec![(30 * MS, got.good())]
    });
    let places: Vec<_> = (0..6)
        .map(|flags| {
            let (dnssec_ok, authentic_data) = (flags % 3 == 1, flags % 3 == 2);
            let name = question("same.example");
            Question { dnssec_ok, authentic_data, checking_disabled: flags > 2, ..name }
        })
        .chain(["one.example", "two.example", "three.example"].map(question))
        .map(|question| world.pose(0, question, None, Duration::from_secs(5)))
        .collect();
    for place in places {
        assert!(world.answer(&place).await.0.is_ok());
    }
    let all = ports.lock().unwrap();
    let mut of_same: Vec<u16> = all.iter().filter(|(name, _)| name == "same.example.").map(|(_, port)| *port).collect();
    of_same.sort_unstable();
    of_same.dedup();
    assert_eq!(of_same.len(), 6);
    let mut others: Vec<u16> = all.iter().filter(|(name, _)| name != "same.example.").map(|(_, port)| *port).collect();
    others.dedup();
    assert_eq!(others.len(), 1, "they share a port");
}

#[tokio::test]
async fn the_first_to_ask_may_leave_and_the_others_still_get_the_answer() {
    let mut world = World::of(|got| vec![(100 * MS, got.good())]);
    let first = world.pose(0, question("same.example"), None, Duration::from_secs(5));
    world.turn().await;
    assert_eq!((world.status().asked, world.asked(0)), (1, 1));
    drop(first);
    assert!(world.ask("same.example").await.is_ok());
    assert_eq!((world.status().shared, world.asked(0)), (1, 1));
}

#[tokio::test]
async fn a_waiter_that_joins_late_waits_to_its_own_deadline() {
    let mut world = World::of(|got| vec![(600 * MS, got.good())]);
    let begin = world.now;
    let early = world.pose(0, question("same.example"), None, 300 * MS);
    let late = world.pose(0, question("same.example"), None, 3000 * MS);
    let (answer, at) = world.answer(&early).await;
    assert!(answer == Err(Failure::Timeout) && at - begin < 300 * MS + LATE, "{answer:?} {:?}", at - begin);
    let (answer, at) = world.answer(&late).await;
    assert!(answer.is_ok() && at - begin == 600 * MS);
    assert_eq!(world.counts(0).received, 1);
}
