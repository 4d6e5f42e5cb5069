//! The listeners as the settings want them: opened, moved and closed while the server runs.
//!
//! In: settings. Out: listeners, and what kept one from being opened. A listener that cannot be opened is no reason not
//! to answer queries: it is tried again until it can.
//!
//! They have a thread of their own, behind those that answer queries: however many ask here, no query waits for them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tracing::info;

use super::context::Context;
use super::guard::Listener;
use super::listen;
use super::settings::Settings;
use crate::diag::{Diagnostic, Id, Place};
use crate::explain::Explainer;
use crate::server::Shared;
use crate::status::Board;

/// The admin and the probe listener.
pub(crate) struct Listeners {
    context: Arc<Context>,
    /// Puts the thread behind those that answer queries.
    stand_back: fn(),
    /// None while there was nothing to listen for.
    runtime: Option<Runtime>,
    slots: [Slot; 2],
}

/// The place of one listener.
struct Slot {
    listener: Listener,
    key: &'static str,
    open: Option<Open>,
    /// What was last said of it, so that it is said once.
    failed: Option<Diagnostic>,
}

struct Open {
    /// The address as the settings have it, perhaps with port 0.
    asked: SocketAddr,
    bound: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listeners {
    /// Listens nowhere yet.
    pub(crate) fn new(shared: Arc<Shared>, board: Arc<Board>, explainer: Arc<Explainer>, stand_back: fn()) -> Self {
        let slot = |listener, key| Slot { listener, key, open: None, failed: None };
        let slots = [slot(Listener::Admin, "listen"), slot(Listener::Probe, "probe")];
        Self { context: Context::new(shared, board, explainer), stand_back, runtime: None, slots }
    }

    /// What all connections share.
    pub(crate) fn context(&self) -> Arc<Context> {
        Arc::clone(&self.context)
    }

    /// The address of a listener, if it is open.
    pub(crate) fn address(&self, listener: Listener) -> Option<SocketAddr> {
        let slot = self.slots.iter().find(|slot| slot.listener == listener)?;
        slot.open.as_ref().map(|open| open.bound)
    }

    /// Takes new settings, and does what they ask for. What is new among the failures is given back.
    pub(crate) fn take(&mut self, settings: &Settings) -> Vec<Diagnostic> {
        self.context.settings.store(Arc::new(settings.clone()));
        self.slots.iter_mut().for_each(|slot| slot.failed = None);
        self.open()
    }

    /// Opens what should be open and is not. What is new among the failures is given back.
    pub(crate) fn open(&mut self) -> Vec<Diagnostic> {
        let settings = self.context.settings.load_full();
        let wanted = [settings.listen, settings.probe];
        let before = self.shown();
        let made_room = self.make_room(wanted);
        let mut found = Vec::new();
        for (at, asked) in wanted.into_iter().enumerate() {
            let failed = match self.open_slot(at, asked) {
                // The kernel may take a moment to give an address of our own back; the next try comes soon.
                Err((error, _)) if made_room && error.kind() == io::ErrorKind::AddrInUse => continue,
                Err((_, failed)) => Some(failed),
                Ok(()) => None,
            };
            if self.slots[at].failed != failed {
                found.extend(failed.clone());
                self.slots[at].failed = failed;
            }
        }
        let after = self.shown();
        if after != before {
            let (addresses, failed) = after;
            self.context.board.admin_listens(addresses, failed);
        }
        found
    }

    fn shown(&self) -> (Vec<SocketAddr>, Vec<Diagnostic>) {
        let open = self.slots.iter().filter_map(|slot| slot.open.as_ref());
        (open.map(|open| open.bound).collect(), self.slots.iter().filter_map(|slot| slot.failed.clone()).collect())
    }

    /// Closes what is to go, and what is to move and holds a port that is wanted: on one port, one of our own would be
    /// in the way of another. True if the latter was the case.
    fn make_room(&mut self, wanted: [Option<SocketAddr>; 2]) -> bool {
        let mut made_room = false;
        for (slot, own) in self.slots.iter_mut().zip(wanted) {
            let Some(open) = slot.open.as_ref().filter(|open| Some(open.asked) != own) else { continue };
            let is_in_the_way = wanted.iter().flatten().any(|address| address.port() == open.bound.port());
            if own.is_none() || is_in_the_way {
                slot.open = None;
                made_room |= is_in_the_way;
            }
        }
        made_room
    }

    fn open_slot(&mut self, at: usize, asked: Option<SocketAddr>) -> Result<(), (io::Error, Diagnostic)> {
        let Some(asked) = asked else { return Ok(()) };
        let slot = &self.slots[at];
        if slot.open.as_ref().is_some_and(|open| open.asked == asked) {
            return Ok(());
        }
        let (listener, key) = (slot.listener, slot.key);
        match self.bind(listener, asked) {
            Ok(open) => {
                info!(address = %open.bound, "[admin] {key} is open");
                self.slots[at].open = Some(open);
                Ok(())
            }
            Err(error) => {
                let now = match &self.slots[at].open {
                    Some(open) => format!("{} stays open instead", open.bound),
                    None => "queries are answered all the same".to_owned(),
                };
                let reason = listen::explain(asked, &error);
                let text = format!("cannot listen on {asked}, [admin] {key}: {reason}; {now}, and it is tried again");
                Err((error, Diagnostic::error(Id::ADMIN_FAILED, Place::Server, text)))
            }
        }
    }

    fn bind(&mut self, listener: Listener, asked: SocketAddr) -> io::Result<Open> {
        let socket = listen::bind(asked)?;
        let runtime = match &mut self.runtime {
            Some(runtime) => runtime,
            none => none.insert(start_runtime(self.stand_back)?),
        };
        let socket = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(socket)?
        };
        let bound = socket.local_addr()?;
        let task = runtime.spawn(listen::accept(socket, listener, Arc::clone(&self.context)));
        Ok(Open { asked, bound, task })
    }
}

fn start_runtime(stand_back: fn()) -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("admin").on_thread_start(stand_back).enable_io().enable_time().build()
}

impl Drop for Listeners {
    fn drop(&mut self) {
        // In a task of another runtime nobody may wait for this one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
