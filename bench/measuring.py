"""What compare and run share: starting commands and reading the clock around them, meters, benches, rounds, results."""

import collections
import dataclasses
import functools
import hashlib
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent

STRACE_TIMEOUT_S = 120
GONE_TIMEOUT_MS = 10_000
CELL = 10  # characters of a table's column
NOT_OFFERED = 69  # EX_UNAVAILABLE: a runtime that does not have this command, like the floor, is left out silently


class Failure(Exception):
    pass


def clean_up_when_ended():
    """Whoever ends this by SIGTERM or by closing its terminal finds no containers left either: an interrupt cleans up."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)


class NotOffered(Failure):
    """The runtime does not have this command, and does not claim to."""


@dataclasses.dataclass
class Metric:
    """How a kind of reading is shown: what to divide it by, with how many digits, and which columns."""
    unit: str
    divisor: float
    digits: int
    columns: tuple


METRICS = {
    "wall": Metric("ms", 1e6, 2, ("min", "median", "spread", "ratio")),
    "cpu": Metric("ms", 1e3, 2, ("min", "median", "spread", "ratio")),
    "each": Metric("ms", 1e6, 2, ("min", "median", "ratio")),
    "limit": Metric("MB", 1024, 2, ("median", "ratio")),
    "calls": Metric("", 1, 0, ("median", "ratio")),
    "tasks": Metric("", 1, 0, ("median",)),
    "execs": Metric("", 1, 0, ("median",)),
    "peak": Metric("MB", 1024, 2, ("median", "ratio")),
    "rss": Metric("MB", 1024, 2, ("median", "ratio")),
    "pss": Metric("MB", 1024, 2, ("median", "ratio")),
    "anonymous": Metric("MB", 1024, 2, ("median", "ratio")),
    "charged": Metric("MB", 1024, 2, ("median", "ratio")),
}
ADDABLE = ("wall", "cpu", "calls")


# ---------------------------------------------------------------------------------------------------------------------
# Starting commands

def build_spawn(wanted):
    """The path of the compiled spawn.cpp, from `wanted`, or from a cache keyed by its source."""
    source = HERE / "spawn.cpp"
    if wanted:
        target = pathlib.Path(wanted).resolve()
    else:
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "arca-bench"
        target = cache / ("spawn-" + hashlib.sha256(source.read_bytes()).hexdigest()[:16])
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        compiler = os.environ.get("CXX", "c++")
        if not shutil.which(compiler):
            raise Failure(f"no {compiler} to compile spawn.cpp with: bring a compiled one with --spawn FILE")
        subprocess.run([compiler, "-std=c++20", "-O2", "-static", "-o", str(target), str(source)], check=True)
    return target


class Spawner:
    """Talks to spawn.cpp."""

    def __init__(self, program, log):
        self.log = str(log)
        # a session of its own: an interrupt from the terminal must not end it before the containers are cleaned up
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.unread = 0

    def ask(self, *fields):
        while self.unread:  # what an interrupt kept from being read
            self.read_answer()
        self.process.stdin.write("\x1f".join(map(str, fields)).encode() + b"\n")
        self.process.stdin.flush()
        self.unread += 1
        return self.read_answer()

    def read_answer(self):
        answer = self.process.stdout.readline().split()
        self.unread -= 1
        return answer

    def forget_output(self):
        open(self.log, "w").close()

    def output(self):
        return pathlib.Path(self.log).read_text(errors="replace").strip()

    def run(self, argv):
        """(wall ns, cpu us, peak kB, status) of a command that ran to its end."""
        self.forget_output()
        wall, user, system, peak, status = map(int, self.ask("time", "/", self.log, *argv))
        return wall, user + system, peak, status

    def start(self, argv):
        self.forget_output()
        return int(self.ask("start", "/", self.log, *argv)[0])

    def is_gone(self, pid, timeout_ms):
        return self.ask("gone", pid, timeout_ms) == [b"1"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# ---------------------------------------------------------------------------------------------------------------------
# Meters: what is read while a command runs

class TimeMeter:
    rounds, warm_up = 40, 3

    def __init__(self, spawner, directory):
        self.spawner = spawner

    def command(self, argv):
        wall, cpu, _, status = self.spawner.run(argv)
        return status, {"wall": wall, "cpu": cpu}

    def waiting(self, pid):
        return {}


class MemoryMeter:
    """Peak of the largest process of a command, and what a created container holds while it waits for its start."""
    rounds, warm_up = 5, 1

    def __init__(self, spawner, directory):
        self.spawner = spawner

    def command(self, argv):
        _, _, peak, status = self.spawner.run(argv)
        return status, {"peak": peak}

    def waiting(self, pid):
        time.sleep(0.1)  # the runtime may not be asleep at its gate yet
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
        readings = {"rss": sizes["Rss"], "pss": sizes["Pss"], "anonymous": sizes.get("Pss_Anon", 0)}
        charged = self.charged(pid)
        return readings | ({"charged": charged} if charged is not None else {})

    @staticmethod
    def charged(pid):
        """What the container's own cgroup is charged with, in kB; None without the memory controller of cgroup v2."""
        for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            current = pathlib.Path("/sys/fs/cgroup" + line.removeprefix("0::") + "/memory.current")
            if line.startswith("0::") and current.exists():
                return int(current.read_text()) // 1024
        return None


class SyscallMeter:
    """System calls of a command and all it starts, as strace sees them until the command itself has ended."""
    rounds, warm_up = 3, 1
    CALL = re.compile(r"^(\d+) +([a-z_0-9]+)\(")
    END = re.compile(r"^(\d+) +\+\+\+ (?:exited with (\d+)|killed by (\S+))")

    def __init__(self, spawner, directory):
        self.spawner = spawner
        self.trace = directory / "trace"
        if not shutil.which("strace"):
            raise Failure("counting system calls needs strace")

    def command(self, argv):
        self.trace.write_text("")
        strace = self.spawner.start(["strace", "-f", "-q", "-I2", "-s0", "-esignal=none", f"-o{self.trace}", *argv])
        self.wait_for_command(strace)
        return self.read_trace()

    def wait_for_command(self, strace):
        """strace itself would stay for as long as a container that the command left behind."""
        deadline = time.monotonic() + STRACE_TIMEOUT_S
        while not self.spawner.is_gone(strace, 20):
            if self.command_end() is not None:
                if not self.spawner.is_gone(strace, 200):
                    self.let_go(strace)
                return
            if time.monotonic() > deadline:
                self.let_go(strace)
                raise Failure(f"no end within {STRACE_TIMEOUT_S} s under strace")

    def let_go(self, strace):
        os.kill(strace, 15)
        if not self.spawner.is_gone(strace, GONE_TIMEOUT_MS):
            raise Failure("strace does not let go of what it traces")

    def command_end(self):
        lines = self.trace.read_text(errors="replace").splitlines()
        command = lines[0].split()[0] if lines else None
        for line in reversed(lines):
            end = self.END.match(line)
            if end and end[1] == command:
                return int(end[2]) if end[2] else 128
        return None

    def read_trace(self):
        tasks, names = set(), collections.Counter()
        for line in self.trace.read_text(errors="replace").splitlines():
            call = self.CALL.match(line)
            if call:
                tasks.add(call[1])
                names[call[2]] += 1
        execs = names["execve"] + names["execveat"]
        readings = {"calls": sum(names.values()), "tasks": len(tasks), "execs": execs, "names": names}
        status = self.command_end()
        return 1 if status is None else status, readings

    def waiting(self, pid):
        return {}


METERS = {"time": TimeMeter, "syscalls": SyscallMeter, "memory": MemoryMeter}


# ---------------------------------------------------------------------------------------------------------------------
# A runtime with its state directory and its containers

class Runtime:
    def __init__(self, word, directory, bundles, spawner):
        label, separator, path = word.partition("=")
        if not separator:
            label, path = os.path.basename(word), word
        self.label = label
        self.path = shutil.which(path) or ""
        if not self.path:
            raise Failure(f"no runtime {path}")
        self.path = os.path.abspath(self.path)
        self.root = directory / "state" / label
        self.root.mkdir(parents=True)
        self.pid_file = directory / f"{label}.pid"
        self.bundles, self.spawner = bundles, spawner
        self.known, self.resident = set(), None
        self.count = 0
        self.options = ()  # of the runtime, before the command

    def argv(self, *arguments, root=None):
        return [self.path, "--root", str(root or self.root), *self.options, *arguments]

    def check(self, argv, status):
        if status == NOT_OFFERED:
            raise NotOffered
        if status != 0:
            raise Failure(f"{' '.join(argv)}: status {status}: {self.spawner.output()}")

    def call(self, *arguments):
        """A command that is not measured."""
        argv = self.argv(*arguments)
        self.check(argv, self.spawner.run(argv)[3])

    def measure(self, meter, *arguments, root=None):
        argv = self.argv(*arguments, root=root)
        status, readings = meter.command(argv)
        self.check(argv, status)
        return readings

    def new_id(self):
        self.count += 1
        name = f"bench-{os.getpid()}-{self.label}-{self.count}"
        self.known.add(name)
        return name

    def forget(self, name):
        self.known.discard(name)

    def launch_arguments(self, command, which, name):
        self.pid_file.unlink(missing_ok=True)
        return (*command, "--bundle", str(self.bundles / which), "--pid-file", str(self.pid_file), name)

    def pid(self):
        return int(self.pid_file.read_text())

    def run_detached(self):
        name = self.new_id()
        self.call(*self.launch_arguments(("run", "-d"), "sleep", name))
        return name, self.pid()

    def running(self):
        """The container that lives as long as the whole measurement."""
        if not self.resident:
            self.resident = self.run_detached()[0]
        return self.resident

    def wait_gone(self, pid):
        if not self.spawner.is_gone(pid, GONE_TIMEOUT_MS):
            raise Failure(f"{self.label}: process {pid} does not end")

    def clean(self):
        for name in self.known:
            self.spawner.run(self.argv("delete", "-f", name))


# ---------------------------------------------------------------------------------------------------------------------
# Benches: each gives (name, readings) pairs of one round of one runtime

def bench_run(runtime, meter):
    name = runtime.new_id()
    yield "run", runtime.measure(meter, "run", "--bundle", str(runtime.bundles / "true"), name)
    runtime.forget(name)


def bench_cold(runtime, meter):
    """As on a host where this runtime has never run: nothing cached in its state directory."""
    name = runtime.new_id()
    with tempfile.TemporaryDirectory(dir=runtime.root.parent) as root:
        arguments = ("run", "--bundle", str(runtime.bundles / "true"), name)
        yield "run, new state directory", runtime.measure(meter, *arguments, root=root)
    runtime.forget(name)


def bench_cycle(runtime, meter):
    name, parts = runtime.new_id(), {}
    parts["create"] = runtime.measure(meter, *runtime.launch_arguments(("create",), "true", name))
    waiting = meter.waiting(runtime.pid())
    parts["start"] = runtime.measure(meter, "start", name)
    runtime.wait_gone(runtime.pid())
    parts["delete"] = runtime.measure(meter, "delete", name)
    runtime.forget(name)
    yield from parts.items()
    total = {key: sum(part[key] for part in parts.values()) for key in ADDABLE if key in parts["create"]}
    if total:
        yield "create+start+delete", total
    if waiting:
        yield "created, waiting for start", waiting


def bench_exec(runtime, meter):
    yield "exec", runtime.measure(meter, "exec", runtime.running(), "/bin/true")


def bench_state(runtime, meter):
    yield "state", runtime.measure(meter, "state", runtime.running())


def bench_kill(runtime, meter):
    name, pid = runtime.run_detached()
    yield "kill KILL", runtime.measure(meter, "kill", name, "KILL")
    runtime.wait_gone(pid)
    runtime.call("delete", name)
    runtime.forget(name)


def bench_force(runtime, meter):
    name, pid = runtime.run_detached()
    yield "delete -f, running", runtime.measure(meter, "delete", "-f", name)
    runtime.wait_gone(pid)
    runtime.forget(name)


def bench_version(runtime, meter):
    yield "--version", runtime.measure(meter, "--version")


BENCHES = {"run": bench_run, "cold": bench_cold, "cycle": bench_cycle, "exec": bench_exec, "state": bench_state,
           "kill": bench_kill, "force": bench_force, "version": bench_version}


# ---------------------------------------------------------------------------------------------------------------------
# Rounds and results

class Results:
    """samples[bench][metric][label] is a list with one reading a round; names[bench][label] the last call counts."""

    def __init__(self):
        nested = functools.partial(collections.defaultdict, functools.partial(collections.defaultdict, list))
        self.samples = collections.defaultdict(nested)
        self.names = collections.defaultdict(dict)
        self.failures = {}

    def add(self, name, label, readings):
        for metric, value in readings.items():
            if metric == "names":
                self.names[name][label] = value
            else:
                self.samples[name][metric][label].append(value)

    def take(self, other, labels):
        """What `other` has of these runtimes."""
        for name, metrics in other.samples.items():
            for metric, values in metrics.items():
                self.samples[name][metric].update({label: values[label] for label in labels if label in values})
            self.names[name].update(other.names[name])


def measure_bench(bench, title, runtimes, meter, rounds, warm_up, results):
    """All rounds of one bench. A runtime that fails is left out of the rest, and nothing is reported of it."""
    taking_part, collected = list(runtimes), Results()
    for number in range(warm_up + rounds):
        for runtime in taking_part[:] if number % 2 == 0 else taking_part[::-1]:
            try:
                for name, readings in bench(runtime, meter):
                    if number >= warm_up:
                        collected.add(name, runtime.label, readings)
            except Failure as failure:
                if not isinstance(failure, NotOffered):
                    results.failures[f"{runtime.label}, {title}"] = str(failure)
                taking_part.remove(runtime)
    results.take(collected, [runtime.label for runtime in taking_part])


def spread(values):
    """How far the middle half of the readings lies apart, relative to the median."""
    if len(values) < 2 or not statistics.median(values):
        return None
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / statistics.median(values)


def summary(values, first):
    return {
        "min": min(values),
        "median": statistics.median(values),
        "ratio": statistics.median(b / a for a, b in zip(first, values) if a) if first and any(first) else None,
        "spread": spread(values),
    }


def print_tables(results, runtimes, names_shown):
    width = max(len(runtime.label) for runtime in runtimes) + 2
    for bench, metrics in results.samples.items():
        print_heads(bench, metrics, width)
        for runtime in runtimes:
            cells = [cell for metric, labels in metrics.items()
                     for cell in row_cells(METRICS[metric], labels, runtime.label, runtimes[0].label)]
            print(f"  {runtime.label:{width}}" + "".join(f"{cell:>{CELL}}" for cell in cells))
            names = results.names[bench].get(runtime.label)
            if names and names_shown:
                print("     " + " ".join(f"{name}:{count}" for name, count in names.most_common(names_shown)))
    for what, failure in results.failures.items():
        print(f"\nFAILED {what}: {failure}")


def print_heads(bench, metrics, width):
    """The bench and its metrics in one line, the columns of each metric in the next."""
    titles, columns = "", ""
    for name in metrics:
        metric = METRICS[name]
        span = CELL * len(metric.columns)
        title = f"{name}, {metric.unit}" if metric.unit else name
        titles += f"{title:>{span}}" if len(metric.columns) == 1 else f"{'':{CELL // 2}}{title:-^{span - CELL // 2}}"
        columns += "".join(f"{column:>{CELL}}" for column in metric.columns)
    print(f"\n{bench}\n  {'':{width}}{titles}\n  {'':{width}}{columns}")


def row_cells(metric, labels, label, first):
    if label not in labels:
        return ["-"] * len(metric.columns)
    figures = summary(labels[label], labels.get(first))
    return ["-" if figures[column] is None else cell(column, figures[column], metric) for column in metric.columns]


def cell(column, figure, metric):
    if column == "ratio":
        return f"{figure:.3f}"
    return f"{figure:.0%}" if column == "spread" else f"{figure / metric.divisor:.{metric.digits}f}"


def as_json(results, runtimes):
    benches = []
    for bench, metrics in results.samples.items():
        for metric, labels in metrics.items():
            scale = METRICS[metric].divisor
            figures = {}
            for label, values in labels.items():
                scaled = [value / scale for value in values]
                first = labels.get(runtimes[0].label)
                figures[label] = summary(values, first) | {
                    "min": min(scaled), "median": statistics.median(scaled), "samples": scaled}
            benches.append({"bench": bench, "metric": metric, "unit": METRICS[metric].unit, "runtimes": figures})
    calls = {bench: {label: dict(names.most_common()) for label, names in labels.items()}
             for bench, labels in results.names.items() if labels}
    return {
        "kernel": platform.release(), "cpus": os.cpu_count(), "load": os.getloadavg()[0],
        "runtimes": [{"label": r.label, "path": r.path, "version": version_of(r)} for r in runtimes],
        "results": benches, "failures": results.failures,
    } | ({"calls": calls} if calls else {})


def version_of(runtime):
    runtime.spawner.run(runtime.argv("--version"))
    return runtime.spawner.output().partition("\n")[0]


def host_busybox():
    for candidate in ("busybox.static", "busybox"):
        if shutil.which(candidate):
            return shutil.which(candidate)
    raise Failure("no busybox on this host: name a static one with --busybox")
