"""What the benches beside other servers share: the servers as processes, what these take, and names on the wire.

All servers are on core 0, with a folder of their own, and who asks them is on core 1, over 127.0.0.1.
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

OURS = "ours"


class Server:
    """A server: its folder, its process, and `command`, by which it was started."""

    # The name in the table, and the program, without which it is left out; ours has none.
    name, program = "", ""

    def __init__(self, folder):
        self.folder = os.path.join(folder, self.name.replace(", ", "-").replace(" ", "-"))
        os.makedirs(self.folder)
        self.command = self.configure()
        log = open(f"{self.folder}/log", "w")
        command = ["taskset", "-c", "0", *self.command]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)

    def configure(self):
        """Writes the config; the command to run."""
        raise NotImplementedError

    def answers(self):
        """Whether it answers as it should once it has started."""
        raise NotImplementedError

    def start(self):
        self.until("answers", self.answers)

    def until(self, what, is_so):
        """Waits until something is so, and fails if the process ends; the seconds that it took."""
        return until(f"{self.name} {what}", lambda: self.is_running() and is_so(), 120)

    def is_running(self):
        if self.process.poll() is not None:
            raise EOFError(f"{self.name} ended: {open(f'{self.folder}/log').read()[-2000:]}")
        return True

    def config(self, name, text):
        path = f"{self.folder}/{name}"
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def beside(kinds, only, make, measure):
    """What is measured with those of the servers that are installed; they end with it."""
    os.sched_setaffinity(0, {1})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    servers = []
    try:
        for kind in kinds:
            if kind.program and not shutil.which(kind.program):
                print(f"{kind.program} is missing: left out")
            elif not only or kind.name in only:
                servers.append(make(kind))
                servers[-1].start()
        return measure(servers)
    finally:
        for server in servers:
            server.stop()


def is_missed(of, ours, ratio, other, most):
    """Says whether ours takes no more of the other than it may."""
    print(f"{of}: {ours} takes {ratio:.2f} of {other}, {most} at most: {'MISSED' if ratio > most else 'good'}")
    return ratio > most


def until(what, is_so, seconds):
    """Waits until something is so, at most this long."""
    start = time.monotonic()
    while not is_so():
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"{what}: not after {seconds} s")
        time.sleep(0.005)
    return time.monotonic() - start


def family(pid):
    """A process and all below it: NSD forks."""
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in open(f"/proc/{pid}/task/{task}/children").read().split():
                found += family(int(child))
    except OSError:
        pass
    return found


def cpu(pid):
    """CPU seconds of a process, its children, and those that have ended."""
    total = 0
    for one in family(pid):
        try:
            # clock_getcpuclockid(3): in nanoseconds, where /proc/PID/stat has ticks.
            total += time.clock_gettime((~one << 3) | 2)
            ended = open(f"/proc/{one}/stat").read().rsplit(")", 1)[1].split()[13:15]
            total += sum(map(int, ended)) / os.sysconf("SC_CLK_TCK")
        except OSError:
            pass
    return total


def memory(pid):
    """MB; pages that processes share count once."""
    total = 0
    for one in family(pid):
        try:
            rollup = open(f"/proc/{one}/smaps_rollup").read()
            total += int(rollup.split("\nPss:")[1].split()[0])
        except OSError:
            pass
    return total / 1024


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"
