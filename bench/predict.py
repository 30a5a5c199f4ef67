#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the counted bytes and operations of every pass let a GPU do at most, before there is one to
measure: results/NAME-*.json (lacquer_bench with a Vulkan device, software too: the counts are the
same on all) become results/DEVICE-predicted.md. Predictions, not results. See README.md."""
import argparse
import os
import sys

import harness
from report import benches_of, counts_of, number, table

# Of a device, per second. Its maker's figures but for the copy, which is what such devices are
# measured at: read and written bytes together.
DEVICES = {
    "h200": {
        "name": "NVIDIA H200", "memory": "4.8 TB/s HBM3e, copies at 4.0 to 4.3",
        "copy_bytes": 4.1e12,
        "float_ops": 132 * 128 * 1.98e9,  # multiprocessors, lanes, clock; no fma
        "other_ops": 132 * 64 * 1.98e9,   # integers, compares, selects: half the lanes
        "near_bytes": 132 * 128 * 1.98e9,  # L1 and shared memory: 128 bytes a clock each
        "clock_hz": 1.98e9,
        "transfer_bytes": 50e9,  # PCIe 5.0 x16, either way
        "cores": 16,
    },
}
LANES = 64            # tracks side by side
POINTS = 16           # control points that a sequential pass loads while it works on as many
CLOCKS_PER_POINTS = 800  # a load from memory, or 16 dependent steps of about 50 clocks
RATE_HZ = 44100
TARGET_X_REAL_TIME, TARGET_BANDWIDTH, TARGET_END_TO_END = 20000, 0.5, 5000
# Of standard.yaml: its variants, and those of them that differ in more than the file's format.
VARIANTS, LIMITED = 3, 2
ONCE = ("eq", "multiband")                  # per track: these stages, these passes of the limiter,
ONCE_IN_LIMITER = ("half_way", "detect")    # and the first of the two meters


def seconds_per_frame(key, sequential, touched, work, device):
    """{what bounds: seconds}; of a pass and a frame of one of many lanes."""
    moved, done = touched.get(key, {}), work.get(key, {})
    times = {"memory": sum(moved.values()) / device["copy_bytes"]}
    if done:
        times["+ - *"] = done["float_ops"] / device["float_ops"]
        times["other operations"] = done["other_ops"] / device["other_ops"]
        near = done["loaded_bytes"] + done["stored_bytes"] + done["shared_bytes"]
        times["L1 and shared memory"] = near / device["near_bytes"]
    if sequential and done.get("stored_bytes"):
        points = done["loaded_bytes"] / 4 / 4  # words of four columns side by side
        clocks = points / POINTS * CLOCKS_PER_POINTS
        times["latency of a walk"] = clocks / device["clock_hz"] / LANES
    return times


def predict(benches, device):
    # what the standard job itself does not touch, it does not run
    touched, work = counts_of(benches[:1], "touched_bytes"), counts_of(benches, "work")
    sequential = {(p["slot"], p["stage"], p["pass"]): p.get("sequential", False)
                  for b in benches for e in b["engines"] if e for p in e["passes"]}
    rows, total, moved = [], 0.0, 0.0
    for key in (k for k in sequential if k in touched and k in work):
        times = seconds_per_frame(key, sequential[key], touched, work, device)
        bound = max(times, key=times.get)
        total += times[bound]
        bytes_ = sum(touched[key].values())
        moved += bytes_
        done = work[key]
        share = times["memory"] / times[bound]
        rows.append((f"{key[1]}: {key[2]}", number(bytes_), number(done["float_ops"]),
                     number(done["other_ops"]),
                     number(done["loaded_bytes"] + done["stored_bytes"] + done["shared_bytes"]),
                     bound, number(float(f"{1 / times[bound] / RATE_HZ:.3g}")),
                     number(100 * share, 2) + " %"))
    return rows, total, moved


def host_seconds(bench):
    """CPU seconds beside the passes, of a second delivered with --verify sample: files, hashes,
    receipts, samples compared. And those that the reference's passes take."""
    x = {p["verify"]: p["per_core"]["x_real_time"] for p in bench["programs"] if p}
    meters, passes = [], 0.0
    for p in (p for p in bench["engines"][0]["passes"] if "per_core" in p):
        times = LIMITED
        if p["stage"] == "loudness":
            meters += [p["slot"]] * (p["slot"] not in meters)
            times = 1 if p["slot"] == meters[0] else LIMITED
        if p["stage"] in ONCE or (p["stage"] == "limiter" and p["pass"] in ONCE_IN_LIMITER):
            times = 1
        if p["stage"] == "dither":
            times = VARIANTS
        passes += times / VARIANTS / p["per_core"]["x_real_time"]
    return 1 / x["sample"] - passes, passes


def end_to_end(bench, device, whole):
    host, passes = host_seconds(bench)
    moved = (1 / VARIANTS + 1) * bench["engines"][0]["channels"] * 4 * RATE_HZ
    parts = (("passes on the device, as above", whole),
             ("transfers, source up and every variant down", device["transfer_bytes"] / moved),
             (f"host, {device['cores']} cores like those of this machine", device["cores"] / host))
    least = min(parts, key=lambda p: p[1])
    rows = [(name, number(float(f"{x:.2g}"))) for name, x in parts]
    return f"""
## End to end

Of a second delivered, `lacquer render` with `--verify sample` takes {1000 * (host + passes):.2f} ms
of a core here, {1000 * passes:.2f} of them for the reference's passes. The rest is what the host
does beside a device: decoding, hashes, files, receipts, meters, and the samples that the
reference computes again. All three overlap; the slowest decides.

{table(("part", "x real time at most"), rows)}
Bound by: {least[0].split(",")[0]}, {number(float(f"{least[1]:.2g}"))} x real time. To be checked
on the device: {number(TARGET_END_TO_END)}.
"""


def page(name, key):
    device = DEVICES[key]
    benches = benches_of(os.path.join(harness.HERE, "results"), name)
    rows, total, moved = predict(benches, device)
    if not rows:
        raise KeyError(f"{name}: no counts; lacquer_bench 1 bench/standard.yaml index:0 makes them")
    whole = float(f"{1 / total / RATE_HZ:.2g}")
    bound = number(100 * moved / device["copy_bytes"] / total, 2)
    most = {k: f"{device[k] / 1e12:.1f}" for k in ("float_ops", "other_ops", "near_bytes")}
    text = f"""# {device['name']}: predicted, not measured

**No such device has run this.** [predict.py](../predict.py) makes the table from counts that hold
on every device, of a stereo frame of the standard job's chain and one variant: bytes that a pass
must read and write, counted on the reference; operations, and bytes of all loads and stores,
counted by the shaders themselves before a compiler leaves something out. And from what
{device['name']} can do at most: memory {device['memory']} TB/s;
{most['float_ops']} T + - * a second without fma; {most['other_ops']} T integer operations, compares
and selects; {most['near_bytes']} TB/s of L1 and shared memory.

A pass takes as long as its slowest resource, and passes follow each other. These are upper bounds:
launches, barriers, too few workgroups and cache misses come on top; operations that a compiler
drops come off. A walk (`follow`) goes through points in order, one invocation per band and track:
taken as {CLOCKS_PER_POINTS} clocks for {POINTS} points, {LANES} tracks side by side.

"""
    text += table(("pass", "bytes touched", "+ - *", "other operations",
                   "bytes loaded, stored, shared", "bound by", "x real time at most",
                   "of the copy's bandwidth"), rows)
    part = number(100 * TARGET_X_REAL_TIME / whole, 2)
    text += f"""
All passes: {number(moved)} bytes a frame; at most {number(whole)} x real time, at {bound} % of the
copy's bandwidth. To be checked on the device: {number(TARGET_X_REAL_TIME)} x real time for its part
of the standard job, {part} % of this bound; and {100 * TARGET_BANDWIDTH:.0f} % of the copy's
bandwidth for a pass that is bound by memory. What another resource bounds cannot reach that: the
last column is the most it can.
"""
    text += end_to_end(benches[0], device, whole)
    path = os.path.join(harness.HERE, "results", f"{key}-predicted.md")
    harness.save(path, text)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", nargs="?", default=harness.machine_name(),
                        help="the machine that has counted (default: this one)")
    parser.add_argument("--device", choices=list(DEVICES), default="h200")
    arguments = parser.parse_args()
    try:
        print(page(arguments.name, arguments.device))
    except (OSError, KeyError, ValueError) as why:
        print(f"predict.py: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
