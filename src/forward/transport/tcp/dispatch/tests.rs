//! Transcripts of one upstream's connections, and the rules that hold whatever happens.

mod play;

use super::*;
use crate::dns::Rcode;
use play::{MS, Play};
use proptest::prelude::*;

#[test]
fn rfc7766_6_2_1_an_idle_connection_is_used_again_and_closed_after_ten_seconds() {
    let mut play = Play::new();
    play.ask(1, 5000 * MS);
    play.pass(MS);
    play.answer(1);
    play.pass(5000 * MS);
    play.ask(1, 5000 * MS);
    play.pass(MS);
    play.answer(1);
    play.pass(20_000 * MS);
    play.says(
        "0 ms: q1 on 1
         1 ms: q1: NOERROR
         5001 ms: q2 on 1 again
         5002 ms: q2: NOERROR
         15002 ms: close 1",
    );
    assert_eq!(play.failed, 0);
}

#[test]
fn one_question_at_a_time_is_on_a_connection_so_one_that_hangs_holds_up_no_other() {
    let mut play = Play::new();
    play.ask_many(1, 3);
    play.pass(MS);
    play.answer(2);
    play.answer(3);
    play.pass(6000 * MS);
    play.says(
        "0 ms: q1 on 1
         0 ms: q2 on 2
         0 ms: q3 on 3
         1 ms: q2: NOERROR
         1 ms: q3: NOERROR
         300 ms: close 2
         300 ms: close 3
         5000 ms: close 1
         5000 ms: q1: Timeout",
    );
}

#[test]
fn an_upstream_that_answers_only_the_first_question_of_a_connection_is_found_out_once() {
    let mut play = Play::new();
    play.ask(1, 5000 * MS);
    play.answer(1);
    play.ask(1, 5000 * MS);
    play.pass(PATIENCE);
    play.answer(2);
    play.ask(1, 5000 * MS);
    play.answer(3);
    play.says(
        "0 ms: q1 on 1
         0 ms: q1: NOERROR
         0 ms: q2 on 1 again
         300 ms: q2 on 2
         300 ms: close 2
         300 ms: close 1
         300 ms: q2: NOERROR
         300 ms: q3 on 3
         300 ms: close 3
         300 ms: q3: NOERROR",
    );
    play.pass(MEMORY);
    play.ask(1, 5000 * MS);
    play.answer(4);
    play.ask(1, 5000 * MS);
    assert!(play.transcript.ends_with("q5 on 4 again\n"), "it is tried again\n{}", play.transcript);
}

#[test]
fn a_slow_answer_on_a_connection_that_was_used_before_is_taken_and_it_is_used_again() {
    let mut play = Play::new();
    play.ask(1, 5000 * MS);
    play.answer(1);
    play.ask(1, 5000 * MS);
    play.pass(PATIENCE + 100 * MS);
    play.answer(1);
    play.ask(1, 5000 * MS);
    play.says(
        "0 ms: q1 on 1
         0 ms: q1: NOERROR
         0 ms: q2 on 1 again
         300 ms: q2 on 2
         400 ms: close 2
         400 ms: q2: NOERROR
         400 ms: q3 on 1 again",
    );
    assert_eq!(play.failed, 0);
}

#[test]
fn where_answers_usually_take_long_silence_is_waited_for_longer() {
    let mut play = Play::new();
    for _ in 0..3 {
        play.ask(1, 5000 * MS);
        play.pass(250 * MS);
        play.answer(1);
    }
    play.ask(1, 5000 * MS);
    play.pass(749 * MS);
    assert_eq!(play.sent[&4], 1);
    play.pass(MS);
    assert_eq!(play.sent[&4], 2);
}

#[test]
fn rfc7766_6_2_4_a_question_whose_connection_ends_is_asked_once_more_on_a_fresh_one_and_never_again() {
    let mut play = Play::new();
    play.ask(1, 5000 * MS);
    play.end(1);
    play.end(2);
    play.says(
        "0 ms: q1 on 1
         0 ms: close 1
         0 ms: q1 on 2
         0 ms: close 2
         0 ms: q1: Unreachable",
    );
    assert_eq!((play.failed, play.retried), (2, 1));
}

#[test]
fn an_upstream_that_closes_after_each_answer_answers_all_of_twenty() {
    let mut play = Play::new();
    let questions = play.ask_many(1, 20);
    while let Some(connection) = questions.iter().find_map(|question| play.connection_of(*question)) {
        // A connection closes behind its answer, when the next question may be on it already.
        if play
            .dispatch
            .exchanges
            .iter()
            .flat_map(|own| &own.attempts)
            .any(|attempt| attempt.connection.0 == connection && attempt.is_reused)
        {
            play.end(connection);
        } else {
            play.answer(connection);
        }
    }
    assert!(questions.iter().all(|question| play.outcomes[question] == Ok(Rcode::NOERROR)), "{}", play.transcript);
}

/// What a server does with one connection more than it takes.
fn twenty_at_a_server_of_five(turn_away: impl Fn(&mut Play, u64)) {
    let mut play = Play::new();
    let questions = play.ask_many(1, 20);
    for _ in 0..10 {
        let mut taken = 0;
        for question in &questions {
            let Some(connection) = play.connection_of(*question) else { continue };
            taken += 1;
            if taken > 5 {
                turn_away(&mut play, connection);
            }
        }
        play.pass(350 * MS);
        let answered: Vec<u64> = questions.iter().filter_map(|question| play.connection_of(*question)).collect();
        answered.iter().take(5).for_each(|connection| play.answer(*connection));
    }
    let good = |question: &&u32| play.outcomes.get(question) == Some(&Ok(Rcode::NOERROR));
    assert_eq!(questions.iter().filter(good).count(), 20, "{}", play.transcript);
}

#[test]
fn an_upstream_that_takes_five_connections_and_closes_the_others_answers_all_of_twenty() {
    twenty_at_a_server_of_five(Play::end);
}

#[test]
fn an_upstream_that_takes_five_connections_and_refuses_the_others_answers_all_of_twenty() {
    twenty_at_a_server_of_five(Play::refuse);
}

#[test]
fn a_question_whose_connection_ended_while_others_hang_is_asked_once_more_in_the_end() {
    let mut play = Play::new();
    let hanging = play.ask(1, 10_000 * MS);
    let question = play.ask(1, 5000 * MS);
    play.end(2);
    assert_eq!(play.connection_of(question), None);
    play.pass(CROWDED);
    play.answer(play.connection_of(question).unwrap());
    assert_eq!(play.outcomes[&question], Ok(Rcode::NOERROR));
    assert!(play.connection_of(hanging).is_some());
}

#[test]
fn a_connection_that_cannot_be_opened_fails_its_question_at_once() {
    let mut play = Play::new();
    play.ask(1, 5000 * MS);
    play.refuse(1);
    play.says(
        "0 ms: q1 on 1
         0 ms: close 1
         0 ms: q1: Unreachable",
    );
}

#[test]
fn a_malformed_answer_counts_on_a_fresh_connection_and_on_one_used_before_the_question_is_asked_once_more() {
    let mut play = Play::new();
    play.ask(1, 5000 * MS);
    play.answer(1);
    play.ask(1, 5000 * MS);
    play.malformed(1);
    play.malformed(2);
    play.says(
        "0 ms: q1 on 1
         0 ms: q1: NOERROR
         0 ms: q2 on 1 again
         0 ms: close 1
         0 ms: q2 on 2
         0 ms: close 2
         0 ms: q2: Malformed",
    );
}

#[test]
fn no_connection_is_kept_idle_while_others_stay_silent_so_that_a_server_of_one_connection_comes_to_those() {
    let mut play = Play::new();
    let questions = play.ask_many(1, 5);
    play.answer(1);
    assert_eq!(play.open[&ConnectionId(1)], None, "kept, at first");
    play.pass(PATIENCE);
    assert!(!play.open.contains_key(&ConnectionId(1)));
    for (connection, question) in (2..=5).zip(&questions[1..]) {
        play.answer(connection);
        assert_eq!(play.outcomes[question], Ok(Rcode::NOERROR));
        assert_eq!(play.open.contains_key(&ConnectionId(connection)), connection == 5, "the last one may stay");
    }
}

#[test]
fn sixteen_connections_are_opened_at_once_and_the_other_questions_follow_on_them() {
    let mut play = Play::new();
    let questions = play.ask_many(1, 20);
    assert_eq!(play.open.len(), 16);
    questions[..16].iter().for_each(|question| play.answer(play.connection_of(*question).unwrap()));
    assert_eq!(play.open.len(), 4 + MAX_IDLE);
    assert!(questions[16..].iter().all(|question| play.sent[question] == 1));
}

#[test]
fn a_hundred_questions_that_hang_keep_neither_their_own_network_nor_another_one_waiting() {
    let mut play = Play::new();
    play.ask_many(1, 100);
    let (own, other) = (play.ask(1, 5000 * MS), play.ask(2, 5000 * MS));
    assert!(play.connection_of(other).is_some(), "at once");
    play.pass(1500 * MS);
    assert!(play.connection_of(own).is_some());
}

#[test]
fn however_many_networks_ask_what_hangs_a_network_without_a_question_gets_the_next_free_place() {
    let mut play = Play::new();
    for _ in 0..600 {
        for network in 1..=4 {
            play.ask(network, 60_000 * MS);
        }
        play.pass(12 * MS);
    }
    let newcomers: Vec<u32> = (101..=200).map(|network| play.ask(network, 60_000 * MS)).collect();
    let served = newcomers.iter().filter(|question| play.connection_of(**question).is_some()).count();
    assert!(served > 10, "{served}");
    for question in newcomers {
        if play.connection_of(question).is_none() {
            let busy = play.open.iter().find_map(|(id, carried)| carried.map(|_| id.0)).unwrap();
            play.answer(busy);
        }
        assert!(play.connection_of(question).is_some() || play.outcomes.contains_key(&question));
    }
}

#[test]
fn a_queue_that_is_full_turns_a_question_away_and_one_that_waited_too_long_is_not_asked() {
    let mut play = Play::new();
    let questions = play.ask_many(1, 600);
    let turned_away = |question: &&u32| play.outcomes.get(question) == Some(&Err(Failure::Overloaded));
    assert_eq!(questions.iter().filter(turned_away).count(), 600 - 16 - 512);
    play.pass(6000 * MS);
    assert_eq!(play.outcomes.len(), 600);
    assert!(
        questions
            .iter()
            .any(|question| play.outcomes[question] == Err(Failure::Timeout) && !play.sent.contains_key(question))
    );
}

#[test]
fn a_cancelled_question_gives_up_its_connection_and_is_not_asked_when_its_turn_comes() {
    let mut play = Play::new();
    let questions = play.ask_many(1, 18);
    play.cancel(questions[16]);
    play.cancel(questions[0]);
    assert!(!play.sent.contains_key(&questions[16]) && play.sent[&questions[17]] == 1);
    assert!(play.transcript.ends_with("close 1\n0 ms: q18 on 17\n"), "{}", play.transcript);
    assert_eq!(play.failed, 0);
}

/// A step of a made-up history.
fn step(play: &mut Play, (kind, choice): (u8, u8)) {
    let busy: Vec<u64> = play.open.iter().filter(|(_, carried)| carried.is_some()).map(|(id, _)| id.0).collect();
    let any: Vec<u64> = play.open.keys().map(|id| id.0).collect();
    let pick = |from: &[u64]| from.get(usize::from(choice) % from.len().max(1)).copied();
    match (kind, pick(&busy), pick(&any)) {
        (0..=5, _, _) => {
            play.ask(choice % 7, MS * 40 * u32::from(choice));
        }
        (6, _, _) if choice % 4 == 0 && play.asked > 0 => play.cancel(u32::from(choice) % play.asked + 1),
        (6 | 7, Some(connection), _) => play.answer(connection),
        (8, Some(connection), _) => play.malformed(connection),
        (9, _, Some(connection)) => play.end(connection),
        (10, Some(connection), _) => play.refuse(connection),
        _ => play.pass(MS * 4 * u32::from(choice)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_question_ends_once_and_is_asked_twice_at_most_whatever_happens(
        steps in prop::collection::vec((0_u8..12, any::<u8>()), 0..200),
    ) {
        let mut play = Play::new();
        for one in steps {
            step(&mut play, one);
        }
        play.pass(30_000 * MS);
        prop_assert!((1..=play.asked).all(|asked| play.outcomes.contains_key(&asked) != play.cancelled.contains(&asked)));
        prop_assert!(play.dispatch.is_done() && play.open.is_empty());
        prop_assert_eq!(play.dispatch.wake(play.now), None);
    }
}
