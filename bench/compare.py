#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lacquer beside its peers: the same files, the same job (standard.yaml, peers.py), turn by turn
in one run, so that what else the machine does hits all alike. What was delivered is measured, too.
Python 3.9 without packages; peers that are not installed are named. See README.md."""
import argparse
import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import harness
import peers
from harness import Failed, Meter

TIERS = ("off", "sample", "full")
BASE = "lacquer, sample"  # lacquer as it comes
OVER_DB = 0.01  # what counts as over the ceiling


class Track:
    def __init__(self, path):
        self.path = os.path.realpath(path)
        self.name = os.path.splitext(os.path.basename(path))[0]
        told = file_figures([self.path])[0]
        self.rate_hz, self.n_frames = told["rate_hz"], told["n_frames"]
        self.seconds = self.n_frames / self.rate_hz


KNOWN = {}  # figures of files that were measured before, by their bytes


def file_figures(paths):
    """By meters of the bench's own (file_meter.c), one process a core."""
    def one(path):
        sha256 = hashlib.sha256()
        with open(path, "rb") as f:
            for part in iter(lambda: f.read(1 << 20), b""):
                sha256.update(part)
        key = sha256.digest()
        if key not in KNOWN:
            done = subprocess.run([harness.tool("file_meter"), path], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, check=False)
            if done.returncode:
                raise Failed(done.stderr.decode(errors="replace").strip())
            KNOWN[key] = json.loads(done.stdout)
        return KNOWN[key]
    with ThreadPoolExecutor(harness.cores()) as pool:
        return list(pool.map(one, paths))


def job_text():
    """standard.yaml without its tracks, and their paths."""
    path = os.path.join(harness.HERE, "standard.yaml")
    with open(path, encoding="utf-8") as f:
        head, _, tail = f.read().partition("tracks:\n")
    sources = [line.split("source:")[1].strip(" }\n") for line in tail.splitlines() if line]
    return head, [os.path.join(harness.HERE, s) for s in sources]


class Lacquer:
    def __init__(self, device, tier, manifest):
        self.device, self.tier, self.manifest = device, tier, manifest

    def master_all(self, tracks, folder, jobs):
        def work(meter):
            meter.run([harness.tool("lacquer"), "render", self.manifest, "-o", folder, "--force",
                       "-q", "--device", self.device, "--verify", self.tier, "-j", str(jobs)])
        return harness.timed(work)

    @staticmethod
    def files(tracks, folder):
        """Of every track and variant, in order: VARIANT/NUMBER TITLE.wav."""
        of = {v[0]: sorted(glob.glob(os.path.join(glob.escape(folder), v[0], "*.wav")))
              for v in peers.VARIANTS}
        return [of[v[0]][i] for i in range(len(tracks)) for v in peers.VARIANTS]


class Peer:
    def __init__(self, name, shared):
        self.how, self.shared = peers.PEERS[name][1], shared

    def master_all(self, tracks, folder, jobs):
        def one(track):
            meter = Meter()
            self.how.master(meter, track, folder, self.shared)
            return meter

        def work(meter):
            with ThreadPoolExecutor(jobs) as pool:
                for part in pool.map(one, tracks):
                    meter.add(part)
        return harness.timed(work)

    @staticmethod
    def files(tracks, folder):
        return [os.path.join(folder, f"{t.name}.{v[0]}.wav")
                for t in tracks for v in peers.VARIANTS]


def delivered(figures, tracks):
    """How near what was delivered is to what was asked."""
    wanted = [(t, v) for t in tracks for v in peers.VARIANTS]
    miss = [abs(f["lufs"] - v[1]) for f, (_, v) in zip(figures, wanted)]
    over = [f["true_peak_dbtp"] - peers.CEILING_DB for f in figures]
    return {"files": len(figures), "loudness_miss_lu": {"mean": sum(miss) / len(miss),
                                                        "worst": max(miss)},
            "highest_true_peak_dbtp": max(over) + peers.CEILING_DB,
            "over_ceiling": sum(o > OVER_DB for o in over),
            "wrong_length": sum(f["n_frames"] != t.n_frames for f, (t, _) in zip(figures, wanted))}


def row(name, runs, base, seconds, figures, hashes, tracks):
    ratios = [r["cpu_s"] / b["cpu_s"] for r, b in zip(runs, base)]
    walls = [r["wall_s"] / b["wall_s"] for r, b in zip(runs, base)]
    result = {"name": name, "what": peers.PEERS[name][2] if name in peers.PEERS else "",
              "cpu_s": harness.spread([r["cpu_s"] for r in runs]),
              "wall_s": harness.spread([r["wall_s"] for r in runs]),
              "rss_mb": harness.beyond_own(max(r["rss_mb"] for r in runs)),
              "x_real_time_per_core": harness.spread([seconds / r["cpu_s"] for r in runs]),
              "x_real_time_wall": harness.spread([seconds / r["wall_s"] for r in runs]),
              "cpu_ratio": harness.spread(ratios), "wall_ratio": harness.spread(walls),
              "same_samples_every_round": None if len(hashes) < 2 else
              all(h == hashes[0] for h in hashes)}
    result.update(delivered(figures, tracks))
    return result


def contestants(devices, manifest, wanted, rates_hz, shared):
    """Who takes part, and why others do not."""
    those, absent = {}, {}
    for device in ["cpu"] + devices:
        for tier in TIERS:
            name = f"lacquer, {tier}" + ("" if device == "cpu" else f", {device}")
            those[name] = Lacquer(device, tier, manifest)
    for name in peers.PEERS:
        why = "not asked for" if name not in wanted else peers.missing(name, shared, rates_hz)
        if why:
            absent[name] = why
        else:
            those[name] = Peer(name, shared)
    return those, absent


def compare(arguments, work):
    machine = harness.machine()
    head, sources = job_text()
    tracks = [Track(path) for path in arguments.files or sources]
    rates_hz = sorted({t.rate_hz for t in tracks})
    seconds = sum(t.seconds for t in tracks) * len(peers.VARIANTS)
    manifest = os.path.join(work, "job.yaml")
    harness.save(manifest, head + "tracks:\n" + "".join(
        f"  - {{source: {json.dumps(t.path)}}}\n" for t in tracks))
    shared = peers.Shared(work, rates_hz)
    those, absent = contestants(arguments.devices, manifest, arguments.peers, rates_hz, shared)
    runs, hashes, figures = {n: [] for n in those}, {n: [] for n in those}, {}
    for turn in range(arguments.rounds):
        first = turn * len(those) // arguments.rounds
        for name in (list(those) * 2)[first:first + len(those)]:  # who begins changes
            folder = os.path.join(work, str(list(those).index(name)))
            os.makedirs(folder, exist_ok=True)
            runs[name].append(those[name].master_all(tracks, folder, arguments.jobs))
            figures[name] = file_figures(those[name].files(tracks, folder))
            hashes[name].append([f["sha256"] for f in figures[name]])
            print(f"round {turn + 1}: {name}: {runs[name][-1]['cpu_s']:.2f} CPU s", file=sys.stderr)
        rows = [row(n, runs[n], runs[BASE], seconds, figures[n], hashes[n], tracks) for n in those]
        harness.save_json(arguments.output, {  # every round: a run that is ended leaves a result
            "lacquer_compare": 1, "machine": machine, "rounds": turn + 1, "jobs": arguments.jobs,
            "tracks": [t.name for t in tracks], "delivered_seconds": seconds, "base": BASE,
            "versions": versions(), "rows": rows, "absent": absent})


def versions():
    told = {}
    for name, words in (("lacquer", [harness.tool("lacquer"), "version"]),
                        ("ffmpeg", ["ffmpeg", "-version"]), ("sox", ["sox", "--version"])):
        try:
            told[name] = re.search(r"\d+\.\d[\w.+-]*", Meter().run(words)).group()
        except (OSError, Failed, AttributeError):
            pass
    return told


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", help="stereo tracks (default: those of standard.yaml)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=harness.cores(),
                        help="tracks at a time, of lacquer and of every peer (default: cores)")
    parser.add_argument("--device", action="append", default=[], dest="devices",
                        help="of lacquer, beside the CPU: index:0 ...; may be repeated")
    parser.add_argument("--peer", action="append", choices=list(peers.PEERS), dest="peers",
                        help="only this one; may be repeated")
    parser.add_argument("-o", "--output", default=os.path.join(
        harness.HERE, "results", f"{harness.machine_name()}-peers.json"), help="JSON")
    arguments = parser.parse_args()
    arguments.peers = arguments.peers or list(peers.PEERS)
    if arguments.rounds < 1 or arguments.jobs < 1:
        parser.error("--rounds and --jobs are at least 1")
    try:
        with tempfile.TemporaryDirectory(prefix="lacquer-compare-") as work:
            compare(arguments, work)
    except (Failed, OSError) as why:
        print(f"compare.py: {why}", file=sys.stderr)
        return 1
    print(arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
