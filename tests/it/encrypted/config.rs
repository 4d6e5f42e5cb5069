//! Encryption as the config has it: what a changed file may end, and what `check`, `doctor`, `reload` and `status` say.

use super::{answer, query};
use crate::support::tls::{Encrypted, OURS};
use crate::support::wait_until;

#[test]
fn a_config_that_ends_too_early_ends_no_encryption_and_demands_no_less_until_a_person_says_so() {
    let mut world = Encrypted::new();
    let server = world.site.start();
    for section in ["doh", "dot", "tls"] {
        world.site.remove_config(section);
    }
    for section in ["doh", "dot", "tls"] {
        server.until_says(&format!("[{section}] is no longer in it"), 0);
    }
    answer(&mut world.connect(&server), &query(OURS));
    world.site.run("reload", &[]).expect(0, &["'[dot] listen' changed; that takes effect at the next start"]);
    let text = || world.site.status()["verdict"]["findings"].to_string();
    wait_until("nobody can encrypt", || text().contains("clients that encrypt get no answer at 127.0.0.1:"));
    server.stop();
}
