//! Truncated answers, and the connection they lead to.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::Ordering::SeqCst;

use super::super::tests::*;
use crate::dns::Rcode;

/// The answer over UDP: truncated, with a forged address in it.
fn truncated(got: &Got) -> Vec<u8> {
    let mut reply = got.reply(Rcode::NOERROR, &[address(&got.name(), 66)]);
    reply[2] |= 0x02;
    reply
}

#[tokio::test]
async fn a_truncated_answer_is_ignored_and_the_question_asked_over_tcp() {
    let mut world = World::of(|got| now(if got.tcp { got.good() } else { truncated(got) }));
    assert_eq!(world.ask("www.example").await.unwrap().answer[0].rdata[3], 1);
    assert_eq!((world.counts(0).tcp_truncated, world.asked(0), world.asked_over_tcp(0)), (1, 2, 1));
}

#[tokio::test]
async fn a_truncated_answer_over_tcp_is_a_failure() {
    let upstream = Scripted::start(|got: &Got| now(truncated(got))).await;
    let forwarder = forwarder(&[&upstream]);
    assert_eq!(ask(&forwarder, "www.example").await, Err(Failure::Malformed));
}

#[tokio::test]
async fn many_questions_at_once_each_get_their_own_answer() {
    let upstream = Scripted::start(|got: &Got| now(if got.tcp { got.good() } else { truncated(got) })).await;
    let forwarder = forwarder(&[&upstream]);
    let names: Vec<String> = (0..50).map(|number| format!("n{number}")).collect();
    let replies = futures(names.iter().map(|name| ask(&forwarder, name))).await;
    for (name, reply) in names.iter().zip(replies) {
        assert_eq!(reply.unwrap().answer[0].owner, question(name).name);
    }
}

#[tokio::test]
async fn an_error_without_a_question_over_tcp_is_the_answer() {
    let bare = |got: &Got| vec![got.bytes[0], got.bytes[1], 0x81, 0x05, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut world = World::of(move |got| now(if got.tcp { bare(got) } else { truncated(got) }));
    assert_eq!(world.ask("www.example").await.unwrap().rcode, Rcode::REFUSED);
}

#[tokio::test]
async fn a_connection_that_went_stale_is_opened_once_more() {
    // Each connection answers one question and is closed on the next.
    let answered = Mutex::new(HashSet::new());
    let upstream = Scripted::start(move |got: &Got| match got.tcp {
        false => now(truncated(got)),
        true if answered.lock().unwrap().insert(got.from) => now(got.good()),
        true => vec![],
    })
    .await;
    let forwarder = forwarder(&[&upstream]);
    for number in 0..6 {
        assert!(ask(&forwarder, &format!("n{number}")).await.is_ok(), "question {number}");
    }
    assert!(upstream.connections.load(SeqCst) >= 6);
}
