#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tables and a chart of the results of one machine: results/NAME.json (lacquer_bench),
NAME-peers.json (compare.py) and NAME-scaling.json (scaling.py), of those that are there, become
results/NAME.md and NAME.svg. Python 3.9 without packages. See README.md."""
import argparse
import html
import json
import os
import sys

import harness

# ---- tables ----


def number(x, digits=3):
    """Three digits that mean something, thousands set off."""
    if x is None:
        return ""
    if x and abs(x) < 10 ** (digits - 1):
        return f"{x:.{digits}g}"
    return f"{x:,.0f}"


def between(s, digits=3):
    median, least, most = (number(s[k], digits) for k in ("median", "least", "most"))
    return f"{median} ({least} to {most})"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in r) + " |" for r in rows]) + "\n"


def peers_part(result):
    rows = []
    for r in result["rows"]:
        same = {None: "", True: "yes", False: "**no**"}[r["same_samples_every_round"]]
        over = f"{r['over_ceiling']} of {r['files']}"
        rows.append((r["name"], between(r["x_real_time_per_core"]), between(r["cpu_ratio"]),
                     between(r["wall_ratio"]), number(r["rss_mb"]),
                     f"{r['loudness_miss_lu']['mean']:.2f} / {r['loudness_miss_lu']['worst']:.2f}",
                     f"{r['highest_true_peak_dbtp']:+.2f}", over, same))
    text = (f"## Beside other tools\n\n{', '.join(result['tracks'])}:"
            f" {result['delivered_seconds']:.0f} s of audio delivered, {result['rounds']} rounds,"
            f" {result['jobs']} tracks at a time;"
            f" {', '.join(' '.join(v) for v in result['versions'].items())}. Ratios are to"
            f" \"{result['base']}\" of the same round: median (least to most).\n\n")
    text += table(("", "x real time per core", "CPU time, ratio", "wall time, ratio", "memory, MB",
                   "loudness missed by, LU: mean / worst", "highest true peak, dBTP",
                   "files over -1 dBTP", "same samples every round"), rows)
    named = [f"- {r['name']}: {r['what']}" for r in result["rows"] if r["what"]]
    absent = [f"- {n}: did not take part: {w}" for n, w in result["absent"].items()]
    return text + "\n" + "\n".join(named + absent) + "\n"


def programs_part(benches):
    rows = [(p["device"], number(b["delivered_seconds"]), p["verify"],
             number(p["per_core"]["x_real_time"]), number(p["wall"]["x_real_time"]))
            for b in benches for p in b["programs"] if p]
    return ("## End to end\n\n`lacquer render`, three variants, decode to receipts, x real time of"
            " all audio delivered.\n\n"
            + table(("device", "seconds delivered", "--verify", "per core", "wall"), rows))


def counts_of(benches, key):
    """{(slot, stage, pass): counts per frame} of the first engine that has counted."""
    found = {}
    for bench in benches:
        for engine in bench["engines"]:
            for p in engine["passes"] if engine else []:
                if key in p["per_frame"]:
                    found.setdefault((p["slot"], p["stage"], p["pass"]), p["per_frame"][key])
    return found


class Speed:
    """Of a pass, a stage or the whole, at some frames per second."""

    def __init__(self, engine, rate_hz, touched, work):
        self.most, self.channels, self.rate_hz = engine["ceilings"], engine["channels"], rate_hz
        self.touched, self.work = touched, work

    def row(self, name, x_real_time, keys):
        frames = x_real_time * self.rate_hz
        there = [k for k in keys if k in self.touched]
        moved = sum(sum(self.touched[k].values()) for k in there)
        ops = sum(self.work[k]["float_ops"] for k in keys if k in self.work)
        return (name, number(x_real_time), number(frames * self.channels / 1e6),
                *self.share(moved, frames, "copy_bytes_per_s"),
                *self.share(ops, frames, "float_ops_per_s"))

    def share(self, each, frames, ceiling):
        """Of a frame, and of what the machine can do; empty where it was not measured."""
        if not each or not self.most[ceiling]:
            return number(each or None), ""
        return number(each), number(100 * each * frames / self.most[ceiling], 2) + " %"


def engine_part(bench, engine, touched, work):
    """A device's time is wall time, the reference's and that of software a core's."""
    clock = engine["clock"]
    speed = Speed(engine, bench["rate_hz"], touched, work)
    rows, every, seconds, label = [], [], {}, {}  # label: of a slot; two may have one stage
    for p in engine["passes"]:
        key = p["slot"], p["stage"], p["pass"]
        if clock not in p or (key not in touched and key not in work):
            continue  # these settings do not use it
        again = p["stage"] in label.values() and p["slot"] not in label
        stage = label.setdefault(p["slot"], p["stage"] + " again" * again)
        seconds.setdefault(stage, []).append((key, 1 / p[clock]["x_real_time"]))
        rows.append((stage, p["pass"], p[clock]["x_real_time"], key))
    out = []
    for stage, parts in seconds.items():
        if len(parts) > 1:
            out.append(speed.row(f"**{stage}**", 1 / sum(s for _, s in parts),
                                 [k for k, _ in parts]))
        every += [k for k, _ in parts]
        out += [speed.row(f"{stage}: {name}", x, [key]) for at, name, x, key in rows if at == stage]
    whole = engine[f"chain_and_one_variant_{clock}"]["x_real_time"]
    out.append(speed.row("**the whole, decoded to quantised**", whole, every))
    most, told = engine["ceilings"], ""
    if most["copy_bytes_per_s"]:
        told = (f" Ceilings measured in the same run: copy {most['copy_bytes_per_s'] / 1e9:.1f}"
                f" GB/s (read and written), + and * {most['float_ops_per_s'] / 1e9:.0f} G/s.")
    return (f"## Passes on {engine['engine']}\n\nChain and one variant of the standard job, "
            f"{'a core' if clock == 'per_core' else 'wall time'}, {engine['lanes']} lane(s)."
            f"{told}\n\n"
            + table(("", "x real time", "M samples/s", "bytes per frame", "of the copy's bandwidth",
                     "+ - * per frame", "of the arithmetic"), out))


def scaling_part(result):
    text = (f"## Growth\n\n`lacquer render --device {result['device']} --verify off`, CPU seconds,"
            f" medians of {result['rounds']}. Exponent: from the last but one to the last; 1 is"
            " linear.\n\n")
    rows = []
    for name, s in result["series"].items():
        rows.append((name, s["what"], "<br>".join(number(c["size"]) for c in s["cases"]),
                     "<br>".join(number(c["cpu_s"]["median"]) for c in s["cases"]),
                     "<br>".join(number(c["wall_s"]["median"]) for c in s["cases"]),
                     "<br>".join(number(c["rss_mb"]) for c in s["cases"]),
                     f"{s['exponent']:.2f}" if "exponent" in s else ""))
    text += table(("", "of", "size", "CPU s", "wall s", "memory, MB", "exponent"), rows)
    variants = result["series"]["variants"]
    one, each = variants["cases"][0]["cpu_s"]["median"], variants["each_cpu_s"]
    n, last = variants["cases"][-1]["size"], variants["cases"][-1]["cpu_s"]["median"]
    text += (f"\n{n} variants cost {last / one:.1f} times one: what they share, {one - each:.2g} s,"
             f" is paid once, each variant {each:.2g} s.\n")
    for key, what in (("planned", "planned, a shard of about 20 units rendered, reported"),
                      ("rendered", "rendered whole")):
        steps = [s for s in result[key][0] if s != "units"] if result[key] else []
        rows = [(number(c["units"]),) + tuple(
            f"{number(c[s]['cpu_s'])} / {number(c[s]['rss_mb'])}" for s in steps)
            for c in result[key]]
        if rows:
            text += (f"\nA catalogue of four variants a track of 0.05 s, {what}: CPU s / MB.\n\n"
                     + table(("units",) + tuple(s.replace("_", " ") for s in steps), rows))
    return text


# ---- the chart ----

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.small { font-size: 11px; fill: #57606a } .title { font-size: 15px; font-weight: 600 }
.ours { fill: #0969da } .theirs { fill: #8c959f } .spread { stroke: #24292f }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9da7b1 } .ours { fill: #4493f8 } .theirs { fill: #6e7781 }
.spread { stroke: #e6edf3 } }
"""
LEFT, BARS, NOTES, STEP, TOP = 170, 400, 300, 26, 62


def chart(result):
    rows = sorted(result["rows"], key=lambda r: -r["x_real_time_per_core"]["median"])
    most = max(r["x_real_time_per_core"]["most"] for r in rows)
    width, height = LEFT + BARS + NOTES, TOP + STEP * len(rows) + 34
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
           f' height="{height}"><title>The standard job in lacquer and other tools</title>'
           f"<style>{STYLE}</style>",
           '<text class="title" x="0" y="18">The standard job: seconds of audio delivered per CPU'
           " second</text>",
           f'<text class="small" x="0" y="38">{html.escape(result["machine"]["cpu"])}, same files,'
           f" turn by turn, {result['rounds']} rounds; lines: slowest to fastest. lacquer's modes:"
           " off, sample, full are what --verify compares.</text>"]
    for i, r in enumerate(rows):
        y, x = TOP + STEP * i, r["x_real_time_per_core"]
        scale = (BARS - 60) / most
        ours = r["name"].startswith("lacquer")
        note = (f"off target by up to {r['loudness_miss_lu']['worst']:.2f} LU; "
                f"{r['over_ceiling']} of {r['files']} over -1 dBTP")
        out += [f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{html.escape(r["name"])}'
                "</text>",
                f'<rect class="{"ours" if ours else "theirs"}" x="{LEFT}" y="{y}" height="18"'
                f' rx="2" width="{x["median"] * scale:.1f}"/>',
                f'<line class="spread" x1="{LEFT + x["least"] * scale:.1f}" y1="{y + 9}"'
                f' x2="{LEFT + x["most"] * scale:.1f}" y2="{y + 9}"/>',
                f'<text x="{LEFT + x["most"] * scale + 6:.1f}" y="{y + 13}">'
                f'{number(x["median"])}</text>',
                f'<text class="small" x="{LEFT + BARS}" y="{y + 13}">{html.escape(note)}</text>']
    out += [f'<text class="small" x="0" y="{height - 8}">How near each came to the target'
            " loudness, by libebur128, and to the ceiling, at 64 points per frame.</text>",
            "</svg>"]
    return "\n".join(out) + "\n"


# ---- files ----


def load(folder, name):
    path = os.path.join(folder, name + ".json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def benches_of(folder, name):
    """The machine's results of lacquer_bench: NAME.json first, then NAME-*.json."""
    others = sorted(n[:-5] for n in os.listdir(folder)
                    if n.startswith(name + "-") and n.endswith(".json"))
    found = [load(folder, n) for n in [name] + others]
    return [b for b in found if b and b.get("lacquer_bench") == 2]


def report(folder, name):
    compared, scaled = load(folder, name + "-peers"), load(folder, name + "-scaling")
    benches = benches_of(folder, name)
    machine = (compared or scaled or {}).get("machine") or harness.machine()
    parts = [f"# {name}\n\n{machine['cpu']}, {machine['cores']} cores; other load at the start:"
             f" {machine['load']}. Written by report.py; what the figures are:"
             " [README](../README.md).\n"]
    if compared:
        parts.append(peers_part(compared))
        harness.save(os.path.join(folder, name + ".svg"), chart(compared))
    if any(b["programs"] for b in benches):
        parts.append(programs_part(benches))
    touched, work = counts_of(benches, "touched_bytes"), counts_of(benches, "work")
    parts += [engine_part(b, e, touched, work) for b in benches for e in b["engines"] if e]
    if scaled:
        parts.append(scaling_part(scaled))
    path = os.path.join(folder, name + ".md")
    harness.save(path, "\n".join(parts))
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", nargs="?", default=harness.machine_name(),
                        help="the machine (default: this one)")
    parser.add_argument("--results", default=os.path.join(harness.HERE, "results"),
                        help="folder of the files")
    arguments = parser.parse_args()
    try:
        print(report(arguments.results, arguments.name))
    except (OSError, KeyError, ValueError) as why:
        print(f"report.py: {arguments.name}: {why!r}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
