#!/usr/bin/env python3
"""DNS over TLS and over HTTPS beside dnsdist, Unbound, BIND and Knot Resolver: CPU for each answer, in one run.

    cargo build --release && benches/encrypted.py target/release/privatelink-dns [--rounds 5] [--seconds 2]

All servers have one thread, the same certificate (ECDSA P-256) and the same record in memory, run on core 0 at the same
time, and are asked in turn from core 1, over 127.0.0.1; the order rotates from round to round. Each figure is the median
of the rounds, in microseconds: user and system time of the server with all its processes, for each answer that the
client got. So it has the kernel's work for TCP in it.

  dot      DNS over TLS: one connection, 100 questions in flight (dnsperf)
  dot new  the same, a new connection with a full handshake for each question
  post     DNS over HTTPS, POST: one connection, 100 requests under way (h2load, for dnsperf loses dnsdist's answers;
           dnsperf for BIND and Knot Resolver, which do not answer h2load)
  get      the same, GET

It fails if a bar is missed, or a server does not answer. Compare ratios within one run, not figures of two runs. It
needs Linux, two cores, and Debian's dnsperf, nghttp2-client, openssl, dnsdist, unbound, bind9 and knot-resolver; a server
that is missing is left out, and what is measured against it too.
"""
import argparse
import base64
import os
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from stand import OURS, beside, cpu, free_port, is_missed, wire  # noqa: E402
import stand  # noqa: E402

NAME = "acct.privatelink.blob.core.windows.net"
ZONE = NAME.split(".", 1)[1]
ADDRESS = "10.1.0.5"
# With RD: Knot Resolver answers nothing without it. Over HTTPS the id is 0 (RFC 8484 section 4.1).
QUERY = struct.pack("!6H", 0, 0x100, 1, 0, 0, 0) + wire(NAME) + struct.pack("!HH", 1, 1)
FIGURES = ["dot", "dot new", "post", "get"]

# Figure, the servers of which the best counts (all others, if none is named), and ours in relation to it at most.
BARS = [
    ("dot", None, 0.4),
    ("dot new", None, 0.7),
    ("post", "dnsdist", 0.75),
    ("get", "dnsdist", 0.75),
]


class Server(stand.Server):
    """A server with the record, on three ports of its own."""

    takes_h2load = True

    def __init__(self, folder):
        self.certificate, self.key = f"{folder}/cert.pem", f"{folder}/key.pem"
        self.dns, self.dot, self.doh = free_port(), free_port(), free_port()
        super().__init__(folder)

    def answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.2)
            try:
                client.connect(("127.0.0.1", self.dns))
                client.send(QUERY)
                return client.recv(512).endswith(bytes(map(int, ADDRESS.split("."))))
            except OSError:
                return False


class Ours(Server):
    name = OURS

    def configure(self):
        folder = self.folder
        self.config("list", f"{ADDRESS} {NAME}\n")
        return [ARGS.server, "serve", "--config", self.config("privatelink-dns.toml", f"""
listen = ["127.0.0.1:{self.dns}"]
zone_dir = "{folder}"
state_dir = "{folder}/.state"
control = "off"
[backup]
geos = ["we"]
[[sources]]
name = "all"
path = "{folder}/list"
[forward]
upstreams = ["127.0.0.1:9"]
[tls]
cert = "{self.certificate}"
key = "{self.key}"
[dot]
listen = ["127.0.0.1:{self.dot}"]
[doh]
listen = ["127.0.0.1:{self.doh}"]
""")]


class Dnsdist(Server):
    name, program = "dnsdist", "dnsdist"

    def configure(self):
        pair = f'"{self.certificate}", "{self.key}"'
        return ["dnsdist", "--supervised", "--disable-syslog", "-C", self.config("dnsdist.conf", f"""
setSecurityPollSuffix("")
setMaxTCPClientThreads(1)
addLocal("127.0.0.1:{self.dns}")
addTLSLocal("127.0.0.1:{self.dot}", {pair})
addDOHLocal("127.0.0.1:{self.doh}", {pair}, "/dns-query")
addAction(AllRule(), SpoofAction("{ADDRESS}"))
""")]


class Unbound(Server):
    name, program = "unbound", "unbound"

    def configure(self):
        return ["unbound", "-d", "-c", self.config("unbound.conf", f"""
server:
  num-threads: 1
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{self.folder}"
  pidfile: "{self.folder}/pid"
  use-syslog: no
  logfile: ""
  interface: 127.0.0.1@{self.dns}
  interface: 127.0.0.1@{self.dot}
  interface: 127.0.0.1@{self.doh}
  tls-port: {self.dot}
  https-port: {self.doh}
  tls-service-pem: "{self.certificate}"
  tls-service-key: "{self.key}"
  access-control: 127.0.0.0/8 allow
  local-zone: "{ZONE}" static
  local-data: "{NAME} 10 A {ADDRESS}"
remote-control:
  control-enable: no
""")]


class Bind(Server):
    name, program, takes_h2load = "bind", "named", False

    def configure(self):
        folder = self.folder
        self.config("zone", f"$TTL 10\n@ SOA ns h 1 3600 300 604800 10\n@ NS ns\nns A 10.0.0.4\nacct A {ADDRESS}\n")
        return ["named", "-g", "-n", "1", "-U", "1", "-c", self.config("named.conf", f"""
tls t {{ cert-file "{self.certificate}"; key-file "{self.key}"; }};
options {{
    directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/session.key";
    listen-on port {self.dns} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    listen-on port {self.dot} tls t {{ 127.0.0.1; }};
    listen-on port {self.doh} tls t http default {{ 127.0.0.1; }};
    recursion no; dnssec-validation no; notify no;
}};
controls {{ }};
zone "{ZONE}" {{ type primary; file "{folder}/zone"; }};
""")]


class Kresd(Server):
    name, program, takes_h2load = "kresd", "kresd", False

    def configure(self):
        return ["kresd", "-n", "-c", self.config("kresd.conf", f"""
net.listen('127.0.0.1', {self.dns}, {{ kind = 'dns' }})
net.listen('127.0.0.1', {self.dot}, {{ kind = 'tls' }})
net.listen('127.0.0.1', {self.doh}, {{ kind = 'doh2' }})
net.tls('{self.certificate}', '{self.key}')
trust_anchors.remove('.')
modules.load('hints')
hints.set('{NAME} {ADDRESS}')
cache.size = 10 * MB
"""), self.folder]


SERVERS = [Dnsdist, Unbound, Bind, Kresd, Ours]


# --- measuring


def by_dnsperf(mode, port, *options):
    """Questions; the answers that came."""
    said = subprocess.run(
        ["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-m", mode, "-d", f"{ARGS.folder}/questions",
         "-l", str(ARGS.seconds), *options], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"Queries completed:\s+(\d+)", said)[1])


def by_https(server, method):
    """Requests; the answers with status 200."""
    url = f"https://127.0.0.1:{server.doh}/dns-query"
    if not server.takes_h2load:
        options = ["-O", f"doh-uri={url}", "-O", f"doh-method={method}"]
        return by_dnsperf("doh", server.doh, "-c", "1", "-q", "100", *options)
    if method == "POST":
        options = ["-d", f"{ARGS.folder}/question", "-H", "content-type: application/dns-message", url]
    else:
        options = [f"{url}?dns={base64.urlsafe_b64encode(QUERY).rstrip(b'=').decode()}"]
    said = subprocess.run(
        ["h2load", "-t", "1", "-c", "1", "-m", "100", "-D", str(ARGS.seconds), *options],
        capture_output=True, text=True, check=True).stdout
    return int(re.search(r"status codes: (\d+) 2xx", said)[1])


ASKED = {
    "dot": lambda server: by_dnsperf("dot", server.dot, "-c", "1", "-q", "100"),
    "dot new": lambda server: by_dnsperf("dot", server.dot, "-c", "64", "-q", "64", "-O", "num-queries-per-conn=1"),
    "post": lambda server: by_https(server, "POST"),
    "get": lambda server: by_https(server, "GET"),
}


def measured(servers):
    """The median of each figure of each server, microseconds."""
    figures = {server.name: {figure: [] for figure in FIGURES} for server in servers}
    for _ in range(ARGS.rounds):
        for figure in FIGURES:
            for server in servers:
                before = cpu(server.process.pid)
                answers = ASKED[figure](server)
                if not answers:
                    raise ValueError(f"{server.name} has no answer for '{figure}'; see {server.folder}/log")
                figures[server.name][figure].append((cpu(server.process.pid) - before) / answers * 1e6)
        servers = servers[1:] + servers[:1]
    return {name: {of: statistics.median(all) for of, all in own.items()} for name, own in figures.items()}


def show(figures):
    """The figures, and the bars that are missed."""
    print(f"{'us an answer':14}" + "".join(f"{of:>10}" for of in FIGURES))
    for name, own in figures.items():
        print(f"{name:14}" + "".join(f"{own[of]:10.1f}" for of in FIGURES))
    missed = 0
    for of, named, most in BARS:
        others = {name: own[of] for name, own in figures.items() if name != OURS and named in (None, name)}
        if others and OURS in figures:
            best = min(others, key=others.get)
            missed += is_missed(of, OURS, figures[OURS][of] / others[best], best, most)
    return missed


def main():
    with tempfile.TemporaryDirectory(prefix="encrypted-") as ARGS.folder:
        prepare(ARGS.folder)
        return beside(SERVERS, ARGS.only, lambda kind: kind(ARGS.folder), lambda servers: show(measured(servers)))


def prepare(folder):
    """The question as dnsperf and as h2load want it, and a certificate that signs itself, with its key."""
    with open(f"{folder}/questions", "w") as file:
        file.write(f"{NAME} A\n")
    with open(f"{folder}/question", "wb") as file:
        file.write(QUERY)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
         "-subj", "/CN=dns.corp.example", "-addext", "subjectAltName=DNS:dns.corp.example,IP:127.0.0.1",
         "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, capture_output=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", type=os.path.abspath)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--only", action="append", help="a server by its name in the table; more than once for several")
    ARGS = parser.parse_args()
    sys.exit(1 if main() else 0)
