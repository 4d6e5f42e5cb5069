//! The listeners: plain and TLS, a thread for each connection, all of which end with the test.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

use super::Door;
use super::fault::Sent;
use super::http::Request;
use super::world::World;

/// A listening door.
pub(crate) struct Listener {
    door: Door,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    open: Open,
    running: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

/// The connections, by a number of their own.
type Open = Arc<Mutex<HashMap<usize, TcpStream>>>;

impl Listener {
    /// Listens; on a port that the kernel chooses if it is 0.
    pub(crate) fn start(
        door: Door,
        address: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        world: &Arc<Mutex<World>>,
    ) -> Self {
        let mut listener = Self { door, address, tls, open: Open::default(), running: None };
        listener.open(world);
        listener
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens again at the same address.
    pub(crate) fn open(&mut self, world: &Arc<Mutex<World>>) {
        // The standard library sets SO_REUSEADDR, so that the old port can be had again.
        let socket = TcpListener::bind(self.address).unwrap();
        self.address = socket.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let (door, tls, open, world) = (self.door, self.tls.clone(), Arc::clone(&self.open), Arc::clone(world));
        let over = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            for (number, stream) in socket.incoming().map_while(Result::ok).enumerate() {
                if over.load(Ordering::Acquire) {
                    return;
                }
                let Ok(kept) = stream.try_clone() else { continue };
                open.lock().unwrap_or_else(PoisonError::into_inner).insert(number, kept);
                let (tls, world, open) = (tls.clone(), Arc::clone(&world), Arc::clone(&open));
                thread::spawn(move || {
                    // A connection that breaks off is the client's or the test's wish.
                    let _gone = connection(door, &stream, tls, &world);
                    // The last handle closes it, by a reset where one is due.
                    open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
                });
            }
        });
        self.running = Some((is_over, thread));
    }

    /// Ends every connection, at once.
    pub(crate) fn end_connections(&self) {
        for (_, stream) in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain() {
            let _gone = stream.shutdown(Shutdown::Both);
        }
    }

    /// Listens no more.
    pub(crate) fn close(&mut self) {
        if let Some((is_over, thread)) = self.running.take() {
            is_over.store(true, Ordering::Release);
            // Wakes the thread, which then sees that it is over.
            let _woken = TcpStream::connect(self.address);
            thread.join().unwrap();
        }
        self.end_connections();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

fn connection(door: Door, stream: &TcpStream, tls: Option<Arc<ServerConfig>>, world: &Mutex<World>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        None => serve(door, stream, stream, world),
        Some(tls) => {
            let connection = ServerConnection::new(tls).map_err(io::Error::other)?;
            serve(door, StreamOwned::new(connection, stream), stream, world)
        }
    }
}

fn serve(door: Door, mut stream: impl Read + Write, socket: &TcpStream, world: &Mutex<World>) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = Request::read(&mut stream, &mut buffer)? {
        let sent = world.lock().unwrap_or_else(PoisonError::into_inner).answer(door, &request);
        match sent {
            Sent::Whole(answer) => stream.write_all(&answer.bytes())?,
            Sent::Raw(bytes) => {
                stream.write_all(&bytes)?;
                stream.flush()?;
                return socket.shutdown(Shutdown::Both);
            }
            Sent::Cut(answer, length) => {
                let bytes = answer.bytes();
                let end = (bytes.len() - answer.body.len() + length).min(bytes.len());
                stream.write_all(&bytes[..end])?;
                stream.flush()?;
                return socket.shutdown(Shutdown::Both);
            }
            Sent::Slow(answer, between) => {
                for octet in answer.bytes() {
                    stream.write_all(&[octet])?;
                    stream.flush()?;
                    thread::sleep(between);
                }
            }
            // Until the client goes or the test ends the connection.
            Sent::Hang => return wait_for_end(socket),
            Sent::Reset => {
                SockRef::from(socket).set_linger(Some(std::time::Duration::ZERO))?;
                return Ok(());
            }
        }
        stream.flush()?;
    }
    Ok(())
}

fn wait_for_end(mut socket: &TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    while socket.read(&mut buffer)? > 0 {}
    Ok(())
}
