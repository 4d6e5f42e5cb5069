//! The addresses of this machine.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use nix::errno::Errno;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use socket2::{Domain, Socket, Type};

/// The addresses of this machine's interfaces.
pub(crate) fn own() -> Vec<IpAddr> {
    let address = |found: InterfaceAddress| {
        let address = found.address?;
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::from(address.ip())))
    };
    getifaddrs().into_iter().flatten().filter_map(address).collect()
}

/// Whether queries to this address can reach this machine now. The kernel is asked with a socket, because it knows more
/// than the interfaces show: all of 127.0.0.0/8, local routes, and IPv6 addresses that are not usable yet. Where
/// `net.ipv4.ip_nonlocal_bind` is set, every address counts.
pub(crate) fn is_here(address: SocketAddr) -> bool {
    let any_port = match address {
        SocketAddr::V4(address) => SocketAddr::from((*address.ip(), 0)),
        SocketAddr::V6(mut address) => {
            address.set_port(0);
            address.into()
        }
    };
    let is_absent = |error: io::Error| error.kind() == io::ErrorKind::AddrNotAvailable;
    has_family(address) && (address.ip().is_unspecified() || !UdpSocket::bind(any_port).is_err_and(is_absent))
}

/// Whether the kernel knows addresses of this kind at all: many hardened machines run without IPv6.
pub(crate) fn has_family(address: SocketAddr) -> bool {
    let unknown = Errno::EAFNOSUPPORT as i32;
    let tried = Socket::new(Domain::for_address(address), Type::DGRAM, None);
    !tried.is_err_and(|error| error.raw_os_error() == Some(unknown))
}

/// Lets a socket be bound to an address that this machine does not have yet: it gets packets once the machine has it.
pub(crate) fn allow_absent(socket: &Socket, address: SocketAddr) {
    // Without this the bind fails and says why.
    let _ = match address {
        SocketAddr::V4(_) => socket.set_freebind_v4(true),
        SocketAddr::V6(_) => socket.set_freebind_v6(true),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_wildcards_are_here_and_an_address_of_documentation_is_not() {
        for (address, here) in [("127.0.0.1:53", true), ("127.9.9.9:53", true), ("0.0.0.0:53", true), ("[::]:53", true)]
            .into_iter()
            .chain([("198.51.100.1:53", false), ("[2001:db8::1]:53", false)])
        {
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(is_here(address), here && has_family(address), "{address}");
        }
        assert!(own().contains(&IpAddr::from([127, 0, 0, 1])));
    }

    #[test]
    fn a_socket_is_bound_to_an_address_that_is_not_here() {
        let address: SocketAddr = "198.51.100.1:0".parse().unwrap();
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        assert_eq!(socket.bind(&address.into()).unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
        allow_absent(&socket, address);
        socket.bind(&address.into()).unwrap();
    }
}
