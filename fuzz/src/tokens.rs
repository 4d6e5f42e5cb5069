//! A challenge names a key of the agent or nothing. A reply gives a token that fits into a header or an error that is
//! one steady line; it takes a bounded time, and no secret comes back.

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use privatelink_dns::sync::live::outside::{CallError, Outside, Reply, Request};
use privatelink_dns::sync::live::settings::Identity;
use privatelink_dns::sync::live::token::{Tokens, himds, reply};

const FOLDER: &str = "/var/opt/azcmagent/tokens/";
const SECRET: &str = "s3cr3t-of-the-file";

/// Reads the bytes as a challenge.
pub fn hold_challenge(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(name) = himds::key_name(text) else { return };
    assert!(text.contains(&format!("{FOLDER}{name}")), "{name} is not in {text}");
    assert!(name.ends_with(".key") && !name.starts_with('.') && name.len() <= 255, "{name}");
    assert!(name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet)), "{name}");
    let mixed: String =
        text.chars().enumerate().map(|(at, c)| if at < 5 { c.to_ascii_uppercase() } else { c }).collect();
    assert_eq!(himds::key_name(&mixed).as_deref(), Ok(name.as_str()), "the scheme's case means nothing");
}

/// Reads the bytes as a status and the body of a reply, as a machine's and as a service principal's.
pub fn hold_reply(data: &[u8]) {
    let _ = reply::refusal(data);
    let _ = std::str::from_utf8(data).map(reply::holder);
    if let Ok(token) = reply::token(data, 1_795_629_411) {
        let text = token.text.reveal();
        assert!(!text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic()), "{text:?}");
        assert!(!token.life.is_zero() && token.life <= Duration::from_hours(48), "{:?}", token.life);
    }
    let Some((status, rest)) = data.split_first() else { return };
    let (retry, body) = rest.split_at(rest.len().min(usize::from(status % 4)));
    let status = [200, 400, 401, 404, 410, 429, 500, 302][usize::from(*status >> 5)];
    let retry = ("retry-after".to_owned(), String::from_utf8_lossy(retry).into_owned());
    let challenge = ("www-authenticate".to_owned(), String::from_utf8_lossy(body).into_owned());
    let reply = Reply { status, headers: vec![retry, challenge], body: body.to_vec() };
    let file = "/secret".into();
    let principal = Identity::Secret { client_id: "a".to_owned(), tenant: "t".to_owned(), file };
    for (identity, has_himds) in [(Identity::Managed(None), false), (Identity::Managed(None), true), (principal, false)]
    {
        let world = World { reply: reply.clone(), has_himds, ..World::default() };
        let mut tokens = Tokens::new(identity, "https://login".to_owned(), "https://arm/".to_owned());
        for _ in 0..3 {
            let got = tokens.get(&world).map(|_| ()).map_err(|error| error.to_string());
            // A place that was told no secret cannot give one away: what looks like it came from elsewhere.
            let knows_secret = *world.was_read.lock().unwrap();
            is_sound(&got, knows_secret);
            assert!(!knows_secret || !format!("{tokens:?}").contains(SECRET));
            tokens.reject();
        }
        assert!(*world.clock.lock().unwrap() < Duration::from_mins(5), "a read of a source ends");
    }
}

fn is_sound(got: &Result<(), String>, knows_secret: bool) {
    let Err(text) = got else { return };
    assert!(!knows_secret || !text.contains(SECRET), "{text}");
    assert!(!text.chars().any(char::is_control) && text.chars().count() < 4_000, "{text:?}");
}

/// A world that always says the same.
#[derive(Default)]
struct World {
    reply: Reply,
    has_himds: bool,
    clock: Mutex<Duration>,
    /// True once the file with the secret was read.
    was_read: Mutex<bool>,
}

impl Outside for World {
    fn send(&self, _: &Request<'_>) -> Result<Reply, CallError> {
        Ok(self.reply.clone())
    }

    fn elapsed(&self) -> Duration {
        *self.clock.lock().unwrap()
    }

    fn unix(&self) -> u64 {
        1_795_629_411 + self.elapsed().as_secs()
    }

    fn wait(&self, time: Duration) -> bool {
        *self.clock.lock().unwrap() += time;
        true
    }

    fn random(&self) -> f64 {
        0.5
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, _: &Path, _: u64) -> io::Result<(Vec<u8>, u32)> {
        *self.was_read.lock().unwrap() = true;
        Ok((SECRET.as_bytes().to_vec(), 0o600))
    }

    fn read_itself(&self, path: &Path, max: u64) -> io::Result<(Vec<u8>, u32)> {
        self.read(path, max)
    }

    fn owner(&self, _: &Path) -> Option<u32> {
        None
    }

    fn exists(&self, _: &Path) -> bool {
        self.has_himds
    }

    fn run(&self, _: &str, _: &[&str], _: Duration) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}
