#!/usr/bin/env python3
"""Zone transfers and changes of a large zone, beside NSD, Knot DNS and BIND: time, CPU and memory, in one run.

    cargo build --release && benches/transfers.py target/release/privatelink-dns [--records 1000000] [--rounds 3]

All servers have the same records, run on core 0 at the same time and are asked in turn from core 1, over 127.0.0.1.
Each figure is a median. CPU is user and system time of a server with all its processes, so it has the kernel's work
for what is sent.

  axfr     the whole zone over TCP: CPU
  signed   the same, asked with TSIG (hmac-sha256) and so answered
  change   one record of the zone changes: the wall time from the new file to the first answer with it, and the CPU
           until the server is quiet again
  ixfr     what this one record makes of an IXFR: wall time of an answer
  memory   proportional set size after the changes

`ours, zone file` has the records in a hand-written file, as the others do. `ours, list` has them in a list, which is
read, planned and written as a zone file before it is served. `ours, list and feed` makes the RPZ feed of it too, and
its `change` ends when the feed has the record.

It fails if a bar is missed. Compare ratios within one run, not figures of two runs. It needs Linux, two cores, and
Debian's nsd, knot and bind9; a server that is missing is left out, and what is measured against it too.
"""
import argparse
import base64
import hashlib
import hmac
import os
import random
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from stand import beside, cpu, free_port, is_missed, memory, wire  # noqa: E402
import stand  # noqa: E402

APEX = "privatelink.blob.core.windows.net"
FEED = "rpz.privatelink"
SECRET = hashlib.sha256(b"no secret").digest()
A, SOA, IXFR, AXFR = 1, 6, 251, 252
OURS, LIST, LIST_AND_FEED = "ours, zone file", "ours, list", "ours, list and feed"

# Figure, whose, in relation to whose, at most.
BARS = [
    ("axfr", OURS, "nsd", 0.4),
    ("signed", OURS, "nsd", 0.6),
    ("change wall", OURS, "knot", 0.2),
    ("change cpu", OURS, "knot", 0.2),
]
COLUMNS = ["axfr", "signed", "change wall", "change cpu", "ixfr", "memory"]


# --- messages


def question(name, rtype, serial=None, is_signed=False):
    """A query; for an IXFR with the SOA of the version that the client has."""
    authority = b""
    if serial is not None:
        authority = b"\xc0\x0c" + struct.pack("!HHIH", SOA, 1, 0, 22) + b"\0\0" + struct.pack("!5I", serial, 0, 0, 0, 0)
    head = struct.pack("!6H", random.randrange(65536), 0, 1, 0, int(serial is not None), 0)
    message = head + wire(name) + struct.pack("!HH", rtype, 1) + authority
    return signed(message) if is_signed else message


def signed(message):
    """The query with a TSIG record (RFC 8945)."""
    key, algorithm, now = wire("k1"), wire("hmac-sha256"), struct.pack("!Q", int(time.time()))[2:]
    variables = key + struct.pack("!HI", 255, 0) + algorithm + now + struct.pack("!3H", 300, 0, 0)
    mac = hmac.digest(SECRET, message + variables, "sha256")
    rdata = algorithm + now + struct.pack("!HH", 300, len(mac)) + mac + message[:2] + struct.pack("!HH", 0, 0)
    return message[:10] + b"\0\1" + message[12:] + key + struct.pack("!HHIH", 250, 255, 0, len(rdata)) + rdata


class Stream:
    """A TCP connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def ask(self, query, records):
        """Sends a query and reads as many records as the answer has to have, in however many messages."""
        self.socket.sendall(struct.pack("!H", len(query)) + query)
        buffer, at = self.buffer, 0
        while records > 0:
            while len(buffer) - at < 14 or len(buffer) - at - 2 < struct.unpack_from("!H", buffer, at)[0]:
                more = self.socket.recv(1 << 20)
                if not more:
                    raise EOFError("the connection ended within an answer")
                buffer, at = buffer[at:] + more, 0
            length, _, flags, _, answers, _, additional = struct.unpack_from("!7H", buffer, at)
            if flags & 15 or not answers:
                raise ValueError(f"RCODE {flags & 15}, {answers} records")
            records, at = records - answers, at + 2 + length
        if records < 0 or additional != int(query[11] == 1):
            raise ValueError(f"{-records} records too many, or {additional} records for the signature")
        self.buffer = buffer[at:]


def over_udp(port, name, rtype):
    """The end of the first record of an answer: an address, or the serial and the numbers behind it; else nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.connect(("127.0.0.1", port))
        try:
            query = question(name, rtype)
            client.send(query)
            reply = client.recv(4096)
        except OSError:
            return None
    if reply[:2] != query[:2] or reply[3] & 15 or reply[6:8] == b"\0\0":
        return None
    # Behind the question there is one record, whose name is a pointer.
    at = len(query) + 12
    rdata = reply[at:at + struct.unpack_from("!H", reply, at - 2)[0]]
    return rdata if rtype == A else rdata[-20:-16]


# --- the zone


class Records:
    """The records, as a zone file and as a list. One of them, in the middle, changes from version to version."""

    def __init__(self, number):
        pairs = [(f"acct{n:07}", f"10.{n >> 16 & 127}.{n >> 8 & 255}.{n & 255}") for n in range(number)]
        changing = pairs[number // 2][0]
        pairs[number // 2] = (changing, "10.200.0.HOST")
        head = f"$ORIGIN {APEX}.\n$TTL 10\n@ SOA ns1 hostmaster SERIAL 3600 300 604800 10\n@ NS ns1\nns1 A 10.0.0.4\n"
        self.zone = head + "".join(f"{name} A {address}\n" for name, address in pairs)
        self.list = "".join(f"{name}.{APEX} {address}\n" for name, address in pairs)
        self.changing = f"{changing}.{APEX}"
        # In a transfer the SOA comes twice; our own files have no address for the name server.
        self.in_zone, self.in_managed = number + 4, number + 3

    def write(self, path, template, version):
        with open(path + ".new", "w") as file:
            file.write(template.replace("SERIAL", str(1_000_000_000 + version), 1).replace("HOST", str(version), 1))
        os.rename(path + ".new", path)


# --- servers


class Server(stand.Server):
    """A server with the zone, on a port of its own."""

    def __init__(self, folder, records):
        self.port, self.source, self.records = free_port(), records, records.in_zone
        super().__init__(folder)

    @property
    def file(self):
        return f"{self.folder}/{APEX}.zone"

    def configure(self):
        self.write(1)
        return self.configured()

    def configured(self):
        """Writes the config; the command to run."""
        raise NotImplementedError

    def answers(self):
        return self.has(1)

    def reload(self):
        """Says that the file is another one."""
        self.process.send_signal(signal.SIGHUP)

    def write(self, version):
        self.source.write(self.file, self.source.zone, version)

    def has(self, version):
        return over_udp(self.port, self.source.changing, A) == bytes([10, 200, 0, version])

    def serial(self):
        found = over_udp(self.port, APEX, SOA)
        return struct.unpack("!I", found)[0]


class Nsd(Server):
    name, program = "nsd", "nsd"

    def configured(self):
        secret, folder = base64.b64encode(SECRET).decode(), self.folder
        return ["nsd", "-d", "-c", self.config("nsd.conf", f"""
server:
  ip-address: 127.0.0.1@{self.port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/pid"
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/zones"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
key:
  name: k1
  algorithm: hmac-sha256
  secret: "{secret}"
zone:
  name: {APEX}
  zonefile: {self.file}
  provide-xfr: 127.0.0.1 NOKEY
  provide-xfr: 127.0.0.1 k1
  create-ixfr: yes
  store-ixfr: yes
""")]


class Knot(Server):
    name, program = "knot", "knotd"

    def configured(self):
        secret, folder = base64.b64encode(SECRET).decode(), self.folder
        return ["knotd", "-c", self.config("knot.conf", f"""
server:
  rundir: "{folder}"
  listen: [ 127.0.0.1@{self.port} ]
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: warning
database:
  storage: "{folder}"
control:
  listen: "{folder}/control"
key:
  - id: k1
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: plain
    address: 127.0.0.1
    action: transfer
  - id: signed
    key: k1
    action: transfer
zone:
  - domain: {APEX}
    file: "{self.file}"
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: changes
    acl: [plain, signed]
""")]

    def reload(self):
        subprocess.run(["knotc", "-s", f"{self.folder}/control", "zone-reload", APEX], check=True, capture_output=True)


class Bind(Server):
    name, program = "bind", "named"

    def configured(self):
        secret, folder = base64.b64encode(SECRET).decode(), self.folder
        return ["named", "-g", "-n", "1", "-U", "1", "-c", self.config("named.conf", f"""
key k1 {{ algorithm hmac-sha256; secret "{secret}"; }};
options {{
    directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/session.key";
    listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; notify no;
}};
controls {{ }};
zone "{APEX}" {{
    type primary; file "{self.file}"; ixfr-from-differences yes; allow-transfer {{ 127.0.0.1; key k1; }};
}};
""")]


class Ours(Server):
    name, sections, more_zones = OURS, "", ""

    def configured(self):
        folder = self.folder
        self.config("key", base64.b64encode(SECRET).decode())
        return [ARGS.server, "serve", "--config", self.config("privatelink-dns.toml", f"""
listen = ["127.0.0.1:{self.port}"]
zone_dir = "{folder}"
state_dir = "{folder}/.state"
control = "off"
{self.sections}
[forward]
upstreams = ["127.0.0.1:9"]
[sync]
interval = "1h"
[[zones]]
name = "{APEX}"
on_miss = "nxdomain"
[[keys]]
name = "k1"
secret_file = "{folder}/key"
[[peers]]
name = "plain"
address = ["127.0.0.1:9"]
zones = ["{APEX}"{self.more_zones}]
[[peers]]
name = "signed"
address = ["127.0.0.1:9"]
key = "k1"
zones = ["{APEX}"{self.more_zones}]
""")]

    def reload(self):
        """It sees the file itself."""


class OursByList(Ours):
    name = LIST

    def configured(self):
        self.sections += f'[backup]\n[[sources]]\nname = "all"\npath = "{self.folder}/list"\n'
        return super().configured()

    def write(self, version):
        self.records = self.source.in_managed
        self.source.write(f"{self.folder}/list", self.source.list, version)


class OursWithFeed(OursByList):
    name = LIST_AND_FEED
    sections, more_zones, at = f'[feed]\nrpz = "{FEED}"\n', ', "rpz"', None

    def has(self, version):
        """Whether the feed has the record too: then its serial is another one."""
        serial = super().has(version) and over_udp(self.port, FEED, SOA)
        if not serial or serial == self.at:
            return False
        self.at = serial
        return True


SERVERS = [Nsd, Knot, Bind, Ours, OursByList, OursWithFeed]


# --- measuring


def transfer(server, figures):
    """The whole zone, unsigned and signed."""
    for figure, is_signed in (("axfr", False), ("signed", True)):
        stream, before = Stream(server.port), cpu(server.process.pid)
        stream.ask(question(APEX, AXFR, is_signed=is_signed), server.records)
        figures[figure].append(cpu(server.process.pid) - before)


def change(server, version, figures):
    """A new version, and what a secondary asks then."""
    pid, old = server.process.pid, server.serial()
    server.write(version)
    before, start = cpu(pid), time.monotonic()
    server.reload()
    server.until(f"has version {version}", lambda: server.has(version))
    figures["change wall"].append(time.monotonic() - start)
    server.until("is quiet", lambda: is_quiet(pid))
    figures["change cpu"].append(cpu(pid) - before)
    figures["memory"].append(memory(pid))
    stream = Stream(server.port)
    for _ in range(100):
        start = time.monotonic()
        # Four SOA records, the record that is gone and the one that is new.
        stream.ask(question(APEX, IXFR, serial=old), 6)
        figures["ixfr"].append(time.monotonic() - start)


def is_quiet(pid):
    before = cpu(pid)
    time.sleep(0.5)
    return cpu(pid) - before < 0.005


def measured(servers):
    """The median of each figure of each server."""
    figures = {server.name: {column: [] for column in COLUMNS} for server in servers}
    for version in range(2, 2 + ARGS.rounds):
        for server in servers:
            for _ in range(3):
                transfer(server, figures[server.name])
        for server in servers:
            change(server, version, figures[server.name])
    return {name: {of: statistics.median(all) for of, all in own.items()} for name, own in figures.items()}


def show(figures):
    """The figures, and the bars that are missed."""
    units = {"ixfr": ("ms", 1000), "memory": ("MB", 1)}
    print(f"{'':22}" + "".join(f"{of + ', ' + units.get(of, ('s', 1))[0]:>16}" for of in COLUMNS))
    for name, own in figures.items():
        shown = (f"{own[of] * units.get(of, ('s', 1))[1]:16.3f}" for of in COLUMNS)
        print(f"{name:22}" + "".join(shown))
    missed = 0
    for of, name, other, most in BARS:
        if name in figures and other in figures:
            missed += is_missed(of, name, figures[name][of] / figures[other][of], other, most)
    return missed


def main():
    records = Records(ARGS.records)
    with tempfile.TemporaryDirectory(prefix="transfers-") as folder:
        return beside(SERVERS, ARGS.only, lambda kind: kind(folder, records), lambda servers: show(measured(servers)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", type=os.path.abspath)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", help="a server by its name in the table; more than once for several")
    ARGS = parser.parse_args()
    sys.exit(1 if main() else 0)
