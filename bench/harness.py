# SPDX-License-Identifier: MIT
"""What compare.py and scaling.py share: commands timed with their children, the machine's name,
medians with their spread, files that appear whole."""
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


class Failed(Exception):
    """A command that did not do its work; the text says which and why."""


class Meter:
    """Adds up what commands cost: CPU seconds (user and system, all threads and waited-for
    children), and the largest resident set of one process in MB."""

    def __init__(self):
        self.cpu_s = 0.0
        self.rss_mb = 0.0

    def run(self, command, to=None, statuses=(0,)):
        """Runs a command without input; its messages and, unless that goes to a file `to`, its
        output as one text. `statuses`: what it may exit with."""
        with tempfile.TemporaryFile() as text, open(to or os.devnull, "wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                       stdout=output if to else text, stderr=text)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            text.seek(0)
            said = text.read().decode(errors="replace")
        self.cpu_s += usage.ru_utime + usage.ru_stime
        self.rss_mb = max(self.rss_mb, usage.ru_maxrss / 1024)
        if process.returncode not in statuses:
            raise Failed(f"{command[0]}: exit status {process.returncode}: {said[-400:].strip()}")
        return said

    def add(self, other):
        self.cpu_s += other.cpu_s
        self.rss_mb = max(self.rss_mb, other.rss_mb)


def apart(work):
    """work() in a process of its own: what it leaves in memory would count as the resident set
    of every command that is started later."""
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(child, 0)[1]:
        raise Failed("cannot make what a case needs")


def beyond_own(rss_mb):
    """None when that may be this process's own, which every command starts with."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return rss_mb if rss_mb > 1.02 * own else None


def timed(work):
    """work(meter) once: {"cpu_s", "wall_s", "rss_mb"}."""
    meter, start = Meter(), time.monotonic()
    work(meter)
    return {"cpu_s": meter.cpu_s, "wall_s": time.monotonic() - start, "rss_mb": meter.rss_mb}


def spread(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            return re.search(r"model name\s*:\s*(.*)", f.read()).group(1).strip()
    except (OSError, AttributeError):
        return platform.processor() or platform.machine()


def cores():
    return len(os.sched_getaffinity(0))


def machine():
    return {"cpu": cpu_model(), "cores": cores(), "system": platform.platform(terse=True),
            "load": round(os.getloadavg()[0], 2)}


def machine_name():
    """Of the files of results: the processor's name without its maker, and the cores."""
    words = re.sub(r"\(.*?\)|@.*", " ", cpu_model()).lower()
    words = [w for w in re.findall(r"[a-z0-9-]+", words)
             if w not in ("amd", "intel", "cpu", "processor", "core") and "-core" not in w]
    return "-".join(words + [f"{cores()}-cores" if cores() > 1 else "1-core"])


def save(path, text):
    """Under its name only when it is whole."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    part = f"{path}.{os.getpid()}"
    with open(part, "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(part, path)


def rounded(value):
    """Four significant digits: more is noise, and makes differences hard to read."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def save_json(path, value):
    save(path, json.dumps(rounded(value), indent=1) + "\n")


def tool(name):
    """A program of the build, or one that the environment names (LACQUER, LACQUER_FILE_METER)."""
    places = {"lacquer": "build/lacquer", "file_meter": "build/bench/file_meter"}
    path = os.environ.get("LACQUER" if name == "lacquer" else "LACQUER_FILE_METER",
                          os.path.join(ROOT, places[name]))
    if not os.access(path, os.X_OK):
        raise Failed(f"{path}: not there; ./run bench builds it")
    return path


if __name__ == "__main__":
    print(machine_name())
