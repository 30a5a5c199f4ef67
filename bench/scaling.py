#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How the cost of `lacquer render` grows: with the audio's length, tracks, variants, threads, rate
and channels, and what a catalogue of very many units costs in planning, rendering and reporting
beside its audio. CPU time of whole processes, rounds over all cases. Python 3.9 without packages;
the audio is made here. See README.md."""
import argparse
import json
import math
import os
import random
import shutil
import struct
import sys
import tempfile

import harness
from harness import Failed

LOOP_SECONDS = 5
CHAIN = ("- eq: {bands: [{type: highpass, freq: 30, slope: 12},"
         " {type: bell, freq: 300, gain: -2}]}",
         "- multiband: {crossovers: [120, 1000, 6000], bands: [{threshold: -28, ratio: 2},"
         " {threshold: -28, ratio: 2}, {threshold: -34, ratio: 2}, {threshold: -44, ratio: 2}]}")
LAYOUTS = {1: "auto", 2: "auto", 6: "5.1", 8: "7.1", 12: "7.1.4"}
RATES = (44100, 48000, 88200, 96000, 176400, 192000)
REPORTED = 20  # units of a large catalogue that are rendered in one shard

# ---- audio ----


def loop_of(rate_hz, channels):
    """Noise under a beat of two hertz, in 16 bits: every channel its own."""
    source, frames = random.Random(rate_hz * 16 + channels), LOOP_SECONDS * rate_hz
    level = [0.02 + 0.3 * math.exp(-8 * (2 * i / rate_hz % 1)) for i in range(frames)]
    samples = [int(32767 * level[i] * (2 * source.random() - 1))
               for i in range(frames) for _ in range(channels)]
    return struct.pack(f"<{len(samples)}h", *samples)


def write_wav(path, loop, rate_hz, channels, seconds):
    """Whole loops and a part of one, as WAVE of 16 bits."""
    frame, size = 2 * channels, round(seconds * rate_hz) * 2 * channels
    with open(path, "wb") as f:
        f.write(struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1,
                            channels, rate_hz, rate_hz * frame, frame, 16, b"data", size))
        for done in range(0, size, len(loop)):
            f.write(loop[:size - done])


class Place:
    """A folder with the sources that cases name, each made once."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0

    def source(self, seconds, rate_hz=44100, channels=2):
        path = os.path.join(self.folder, f"{seconds}s-{rate_hz}-{channels}.wav")
        if not os.path.exists(path):
            harness.apart(lambda: write_wav(path, loop_of(rate_hz, channels), rate_hz, channels,
                                            seconds))
        return path

    def manifest(self, tracks, n_variants=1):
        """tracks: text of the list."""
        self.count += 1
        path = os.path.join(self.folder, f"{self.count}.yaml")
        loud = [f"  v{i}: {{loudness: {-20 + i % 12}, true_peak: -1, format: wav, bits: 24}}\n"
                for i in range(n_variants)]
        harness.save(path, "lacquer: 1\nchains:\n  house:\n" + "".join(f"    {c}\n" for c in CHAIN)
                     + "variants:\n" + "".join(loud) + "defaults: {chain: house}\ntracks:\n"
                     + tracks)
        return path


def lacquer(meter, *words):
    return meter.run([harness.tool("lacquer"), *words])


class Render:
    """One way to render, as often as asked for, into a folder that is thrown away."""

    def __init__(self, place, manifest, jobs=1, device="cpu", more=()):
        self.place, self.manifest, self.jobs, self.device = place, manifest, jobs, device
        self.more = more

    def __call__(self, meter):
        out = os.path.join(self.place.folder, "out")
        try:
            lacquer(meter, "render", self.manifest, "-o", out, "-q", "--device", self.device,
                    "--verify", "off", "-j", str(self.jobs), *self.more)
        finally:
            shutil.rmtree(out, ignore_errors=True)


# ---- cases ----


def listed(path, layout="auto"):
    return f"  - {{source: {json.dumps(path)}, layout: {layout}}}\n"


def rows(place, n, path):
    """A track list of n rows over one file, as a spreadsheet has it."""
    name = os.path.join(place.folder, f"rows-{n}.csv")
    harness.save(name, "source,title\n" + "".join(f"{path},t{i}\n" for i in range(n)))
    return listed(name)


def series(place, size, device, most_tracks):
    """name: (what grows, what one of it is, its cases in the order of size)."""
    seconds = [size * k for k in (1, 2, 4, 8)]
    short, one = place.source(0.5), place.source(size)
    of_length = [(s, Render(place, place.manifest(listed(place.source(s))), 1, device))
                 for s in seconds]
    of_tracks = [(n, Render(place, place.manifest(rows(place, n, short)), 1, device))
                 for n in (1, 10, 100, 1000) if n <= most_tracks]
    of_variants = [(n, Render(place, place.manifest(listed(one), n), 1, device))
                   for n in (1, 2, 4, 8, 16)]
    many = place.manifest(rows(place, 2 * harness.cores(), one))
    of_threads = [(n, Render(place, many, n, device)) for n in threads()]
    of_rate = [(r, Render(place, place.manifest(listed(place.source(size, r))), 1, device))
               for r in RATES]
    of_channels = [(c, Render(place, place.manifest(listed(place.source(size, 44100, c), layout)),
                              1, device)) for c, layout in LAYOUTS.items()]
    return {"length": ("seconds of one track", of_length),
            "tracks": ("tracks of 0.5 s", of_tracks),
            "variants": (f"variants of a track of {size} s", of_variants),
            "threads": (f"threads, {2 * harness.cores()} tracks of {size} s", of_threads),
            "rate": (f"Hz, {size} s", of_rate),
            "channels": (f"channels, {size} s", of_channels)}


def threads():
    n = [1]
    while n[-1] * 2 <= harness.cores():
        n.append(n[-1] * 2)
    return n


def measure(size, runs):
    return {"size": size, "cpu_s": harness.spread([r["cpu_s"] for r in runs]),
            "wall_s": harness.spread([r["wall_s"] for r in runs]),
            "rss_mb": max(r["rss_mb"] for r in runs)}


def growth(cases):
    """Exponent from the last but one to the last: 1 is linear, less where fixed costs count."""
    a, b = cases[-2:]
    return math.log(b["cpu_s"]["median"] / a["cpu_s"]["median"]) / math.log(b["size"] / a["size"])


def line(cases):
    """Least squares: cost = fixed + each * size."""
    n, x, y = len(cases), [c["size"] for c in cases], [c["cpu_s"]["median"] for c in cases]
    mean_x, mean_y = sum(x) / n, sum(y) / n
    each = (sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y))
            / sum((a - mean_x) ** 2 for a in x))
    return {"fixed_cpu_s": mean_y - each * mean_x, "each_cpu_s": each}


def run_series(place, arguments):
    all_series = series(place, arguments.seconds, arguments.device, arguments.tracks)
    runs = {(name, i): [] for name, (_, cases) in all_series.items() for i in range(len(cases))}
    for turn in range(arguments.rounds):
        for name, i in runs:
            runs[name, i].append(harness.timed(all_series[name][1][i][1]))
        print(f"round {turn + 1} of {arguments.rounds}", file=sys.stderr)
    result = {}
    for name, (what, cases) in all_series.items():
        measured = [measure(size, runs[name, i]) for i, (size, _) in enumerate(cases)]
        result[name] = {"what": what, "cases": measured}
        if len(measured) > 1:
            result[name].update(line(measured), exponent=growth(measured))
    return result


# ---- a catalogue of very many units ----


def catalogue(place, units, render_all):
    """Costs of all steps that look at every unit, four variants a track."""
    n_tracks, found = units // 4, {"units": units}
    manifest = place.manifest(rows(place, n_tracks, place.source(0.05)), 4)
    plan = os.path.join(place.folder, "plan.jsonl")
    out = os.path.join(place.folder, f"catalogue-{units}")
    steps = {"plan": lambda meter: meter.run([harness.tool("lacquer"), "plan", manifest], plan)}
    shard = f"1/{max(1, units // REPORTED)}"
    render = ("render", plan, "-o", out, "-q", "--verify", "off", "--device", "cpu", "-j", "1")
    if render_all:
        steps["render"] = lambda meter: lacquer(meter, *render)
        steps["render_again"] = lambda meter: lacquer(meter, *render)
        steps["report"] = lambda meter: lacquer(meter, "report", out, "-q")
        steps["verify_quick"] = lambda meter: lacquer(meter, "verify", out, "--quick", "-q", "-j",
                                                      "1")
    else:
        steps["render_shard"] = lambda meter: lacquer(meter, *render, "--shard", shard)
        steps["render_shard_again"] = lambda meter: lacquer(meter, *render, "--shard", shard)
        steps["report"] = lambda meter: meter.run(  # 1: units are missing
            [harness.tool("lacquer"), "report", out, "-q"], os.devnull, (1,))
    for name, step in steps.items():
        found[name] = harness.timed(step)
        print(f"{units} units: {name}: {found[name]['cpu_s']:.2f} CPU s", file=sys.stderr)
    shutil.rmtree(out, ignore_errors=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=15, help="of a short track")
    parser.add_argument("--tracks", type=int, default=1000, help="the most at once")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--units", type=int, nargs="*", default=[1000, 10000, 100000],
                        help="sizes of the catalogue that is planned")
    parser.add_argument("--rendered", type=int, nargs="*", default=[500, 1000, 2000, 4000],
                        help="sizes of the catalogue that is rendered whole")
    parser.add_argument("-o", "--output", default=os.path.join(
        harness.HERE, "results", f"{harness.machine_name()}-scaling.json"), help="JSON")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="lacquer-scaling-") as folder:
            place = Place(folder)
            result = {"lacquer_scaling": 1, "machine": harness.machine(),
                      "rounds": arguments.rounds, "device": arguments.device,
                      "series": run_series(place, arguments),
                      "planned": [catalogue(place, n, False) for n in arguments.units],
                      "rendered": [catalogue(place, n, True) for n in arguments.rendered]}
        harness.save_json(arguments.output, result)
    except (Failed, OSError) as why:
        print(f"scaling.py: {why}", file=sys.stderr)
        return 1
    print(arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
