//! Asks one question again and again while something else happens, and keeps every answer that was not right.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;

use super::client::Ask;
use super::wait_until;

/// A question that is being asked without a pause.
pub(crate) struct Prober {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU32>,
    thread: Option<JoinHandle<Vec<String>>>,
}

impl Prober {
    /// Starts asking; every answer's addresses must be among `right`.
    pub(crate) fn start(question: Ask, server: SocketAddr, right: &[&str]) -> Self {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let right: Vec<String> = right.iter().map(ToString::to_string).collect();
        let (stopped, counter) = (Arc::clone(&stop), Arc::clone(&asked));
        let thread = std::thread::spawn(move || {
            let mut wrong = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                match question.try_to(server) {
                    Ok(reply) if reply.addresses().iter().any(|address| right.contains(address)) => {}
                    Ok(reply) => wrong.push(reply.to_string()),
                    Err(why) => wrong.push(why),
                }
                counter.fetch_add(1, Ordering::Relaxed);
                // A pace that leaves the server some of a small machine.
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            wrong
        });
        let prober = Self { stop, asked, thread: Some(thread) };
        prober.some_more();
        prober
    }

    /// Waits until some more questions have been answered.
    pub(crate) fn some_more(&self) {
        let enough = self.asked.load(Ordering::Relaxed) + 20;
        wait_until("the prober gets answers", || self.asked.load(Ordering::Relaxed) >= enough);
    }

    /// Ends; panics if any answer was not right.
    pub(crate) fn all_were_right(mut self) {
        self.some_more();
        self.stop.store(true, Ordering::Relaxed);
        let wrong = self.thread.take().and_then(|thread| thread.join().ok()).expect("the prober did not panic");
        let asked = self.asked.load(Ordering::Relaxed);
        assert!(wrong.is_empty(), "{} of {asked} answers were not right, the first:\n{}", wrong.len(), wrong[0]);
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
