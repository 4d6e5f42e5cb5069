//! The upstreams called "system": the name servers in `/etc/resolv.conf`.
//!
//! In: the bytes of the file. Out: its name servers in order. Any line except a `nameserver` line with an address is
//! skipped, as in resolv.conf(5), whatever octets it has.

use crate::forward::settings::UpstreamSpec;

/// The largest number of name servers used (MAXNS of resolv.conf(5)).
const MAX_SERVERS: usize = 3;

/// The name servers in a resolv.conf, port 53. The scope of an address may be the name of an interface.
pub(crate) fn name_servers(bytes: &[u8]) -> Vec<UpstreamSpec> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            (words.next() == Some(b"nameserver")).then(|| words.next())?
        })
        .filter_map(|word| UpstreamSpec::at(str::from_utf8(word).ok()?, 53))
        .take(MAX_SERVERS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> Vec<String> {
        let show = |spec: &UpstreamSpec| match spec {
            UpstreamSpec::Address(address) => address.to_string(),
            UpstreamSpec::Scoped(scoped) => scoped.to_string(),
            UpstreamSpec::System => String::new(),
        };
        name_servers(bytes).iter().map(show).collect()
    }

    #[test]
    fn the_first_three_name_servers_are_read_and_all_else_is_passed_over() {
        let text = b"# made by hand\nsearch example\nnameserver 168.63.129.16 # host\n nameserver ::1\nnameserver x\n\
            nameserver\noptions edns0\nnameserver fe80::1%7\nnameserver 10.0.0.4\n";
        assert_eq!(shown(text), ["168.63.129.16:53", "[::1]:53", "[fe80::1%7]:53"]);
    }

    #[test]
    fn octets_that_are_not_utf8_lose_no_name_server() {
        for text in [
            &b"# G\xe9n\xe9r\xe9 par DHCP\nnameserver 10.0.0.1\n"[..],
            b"search caf\xe9.example\nnameserver 10.0.0.1",
            b"nameserver 10.0.0.1 # \xff\xfe\r\n",
            b"\xef\xbb\xbf\n\0\xff\n\tnameserver\t10.0.0.1\r\n",
            b"nameserver \xff\nnameserver 10.0.0.1\n",
        ] {
            assert_eq!(shown(text), ["10.0.0.1:53"], "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn a_scope_may_be_the_name_of_an_interface_that_need_not_be_there() {
        let text = b"nameserver fe80::1%eth0\nnameserver fe80::2%\nnameserver 10.0.0.1%eth0\nnameserver fe80::3%a/b\n\
            nameserver fe80::4%sixteen-octets-x\nnameserver fe80::5%br-lan.100\n";
        assert_eq!(shown(text), ["[fe80::1%eth0]:53", "[fe80::5%br-lan.100]:53"]);
    }
}
