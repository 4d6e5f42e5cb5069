//! Many datagrams in one system call, on a connected socket.
//!
//! In: a descriptor and buffers. Out: the number of datagrams sent, or the length of each received one. Never: a wait.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};

/// Datagrams per call.
pub(crate) const SIZE: usize = 32;
/// Octets of a buffer: more than the 1232 that we ask for, since some servers ignore that.
pub(crate) const DATAGRAM: usize = 4096;

/// Sends up to [`SIZE`] datagrams and returns the number sent. An error is that of the first.
pub(crate) fn send<'a>(fd: RawFd, datagrams: impl Iterator<Item = &'a [u8]>) -> Result<usize, Errno> {
    let slices: Vec<[IoSlice<'_>; 1]> = datagrams.take(SIZE).map(|bytes| [IoSlice::new(bytes)]).collect();
    let mut headers = MultiHeaders::<()>::preallocate(slices.len(), None);
    let none = [None; SIZE];
    let control: [ControlMessage<'_>; 0] = [];
    let flags = MsgFlags::MSG_NOSIGNAL;
    sendmmsg(fd, &mut headers, &slices, &none[..slices.len()], control, flags).map(Iterator::count)
}

/// The kernel's structures for a receiving call, made once for many.
pub(crate) struct ReceiveHeaders(MultiHeaders<SockaddrStorage>);

impl ReceiveHeaders {
    pub(crate) fn new() -> Self {
        Self(MultiHeaders::preallocate(SIZE, None))
    }

    /// Reads up to [`SIZE`] datagrams into `buffer`, [`DATAGRAM`] octets apart: the length of each and whether it was
    /// cut.
    pub(crate) fn receive(&mut self, fd: RawFd, buffer: &mut [u8]) -> Result<Vec<(usize, bool)>, Errno> {
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            buffer.chunks_exact_mut(DATAGRAM).map(|chunk| [IoSliceMut::new(chunk)]).collect();
        let received = recvmmsg(fd, &mut self.0, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None)?;
        Ok(received.map(|m| (m.bytes.min(DATAGRAM), m.flags.contains(MsgFlags::MSG_TRUNC))).collect())
    }
}
