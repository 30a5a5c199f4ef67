#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Limiters at equal loudness: lacquer's styles against the limiters that are installed.

Every excerpt is rendered to each target loudness at -1 dBTP by `lacquer render` and by every
peer, and compared with what went in. What is measured, and how: bench/README.md. Needs
Python 3.9, numpy, ffmpeg; takes sox, LADSPA and LV2 plugins where ffmpeg finds them."""
import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile

import numpy as np

RATE = 44100
CEILING_DB = -1.0
STYLES = ("transparent", "balanced", "punchy", "loud")

# ---- peers: an ffmpeg filter that limits at -1 dBFS what the drive has raised ----

UP = "aresample=176400:resampler=soxr:precision=28"
DOWN = "aresample=44100:resampler=soxr:precision=28"


def alimiter(attack_ms, release_ms):
    return f"alimiter=level=0:limit=-1dB:attack={attack_ms}:release={release_ms}:latency=1"


def lv2(uri, controls):
    return f"lv2=p={uri.replace(':', chr(92) * 2 + ':')}:c={controls}"


PEERS = {
    "alimiter 4x 5/50": f"{UP},{alimiter(5, 50)},{DOWN}",
    "alimiter 4x 10/100": f"{UP},{alimiter(10, 100)},{DOWN}",
    "alimiter 4x 20/200": f"{UP},{alimiter(20, 200)},{DOWN}",
    "alimiter 4x 40/400": f"{UP},{alimiter(40, 400)},{DOWN}",
    "alimiter 1x 20/200": alimiter(20, 200),
    "x42 dpl 50": lv2("http://gareus.org/oss/lv2/dpl#stereo",
                      "gain=0|threshold=-1|release=0.05|truepeak=1"),
    "LSP 4x 5/20": lv2("http://lsp-plug.in/plugins/lv2/limiter_stereo",
                       "ovs=6|th=0.8913|boost=0|alr=0|mode=0|lk=5|at=5|rt=20|dith=0"
                       "|igv_l=0|ogv_l=0"),
    "Calf 4x 5/50": lv2("http://calf.sourceforge.net/plugins/Limiter",
                        "limit=0.8913|attack=5|release=50|asc=0|oversampling=4|auto_level=0"),
    "SWH 4x 50": f"{UP},ladspa=f=fast_lookahead_limiter_1913:p=fastLookaheadLimiter"
                 f":c=c0=0|c1=-1|c2=0.05,{DOWN}",
    "sox compand 4x": None,
}
SOX_COMPAND = ("rate -v 176400 compand 0,0.05 -19,-19,0,-19 0 -90 0.001 rate -v 44100 "
               "gain 18").split()


def run(command, data=None):
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.decode(errors='replace')[-300:]}")
    return done.stdout


def stereo(raw):
    return np.frombuffer(raw, "<f4").reshape(-1, 2).T.astype(np.float64)


RAW = ["-f", "f32le", "-ar", str(RATE), "-ac", "2"]


def decode(path):
    return stereo(run(["ffmpeg", "-nostdin", "-v", "error", "-i", path] + RAW + ["-"]))


def limit_by(peer, x, drive_db):
    """What the peer makes of x, [2][frames], with its delay."""
    data = (10 ** (drive_db / 20) * x).T.astype("<f4").tobytes()
    if PEERS[peer] is None:  # compand knows no levels above 0 dBFS: 18 dB down and up again
        data = (10 ** ((drive_db - 18) / 20) * x).T.astype("<f4").tobytes()
        form = ["-t", "raw", "-e", "floating-point", "-b", "32", "-r", str(RATE), "-c", "2", "-"]
        return stereo(run(["sox", "-V1", "-D"] + form + form + SOX_COMPAND, data))
    return stereo(run(["ffmpeg", "-v", "error"] + RAW + ["-i", "-", "-af", PEERS[peer]] + RAW
                      + ["-"], data))


# ---- meters ----

def power_of_two(n):
    return 1 << int(n - 1).bit_length()


def k_weighting(frequency_hz):
    """|H|^2 of BS.1770's two filters, after libebur128's formulas for any rate."""
    def biquad(b, a):
        z = np.exp(-2j * np.pi * frequency_hz / RATE)
        return np.abs((b[0] + b[1] * z + b[2] * z * z) / (a[0] + a[1] * z + a[2] * z * z)) ** 2
    k, q = np.tan(np.pi * 1681.974450955533 / RATE), 0.7071752369554196
    vh = 10 ** (3.999843853973347 / 20)
    vb = vh ** 0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = biquad([(vh + vb * k / q + k * k) / a0, 2 * (k * k - vh) / a0,
                    (vh - vb * k / q + k * k) / a0],
                   [1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])
    k, q = np.tan(np.pi * 38.13547087602444 / RATE), 0.5003270373238773
    a0 = 1 + k / q + k * k
    return shelf * biquad([1, -2, 1], [1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])


def k_weighted(x):
    n = power_of_two(x.shape[1] + RATE)
    weight = np.sqrt(k_weighting(np.fft.rfftfreq(n, 1 / RATE)))
    return np.fft.irfft(np.fft.rfft(x, n) * weight, n)[:, :x.shape[1]]


def loudness(x):
    """Integrated loudness in LUFS, BS.1770-4. Zero phase: the energies are the same."""
    hop = RATE // 10
    y = k_weighted(x)[:, :x.shape[1] // hop * hop]
    energy = np.square(y).sum(0).reshape(-1, hop).sum(1)
    block = np.convolve(energy, np.ones(4), "valid") / (4 * hop)
    block = block[block > 10 ** ((-70 + 0.691) / 10)]
    block = block[block > block.mean() / 10]
    return 10 * np.log10(block.mean()) - 0.691


def true_peak(x):
    """In dBTP: 4x by Fourier interpolation of overlapping windows, and another 16x by a
    16-tap sinc where that comes within 0.8 dB of the highest (64x in all)."""
    size, half = 8192, 4096
    i, phase = np.arange(-7, 9), np.arange(1, 16)[:, None] / 16
    taps = np.sinc(phase - i) * np.i0(8 * np.sqrt(1 - ((phase - i) / 8.001) ** 2)) / np.i0(8)
    top = 0.0
    for channel in x:
        padded = np.pad(channel, (size // 4, size))
        at = np.arange(0, len(channel), half)[:, None] + np.arange(size)
        y = np.concatenate([4 * np.fft.irfft(np.fft.rfft(padded[part]), 4 * size)[:, size:-size]
                            for part in np.array_split(at, len(at) // 16 + 1)]).ravel()
        top = max(top, np.abs(y).max())
        near = np.flatnonzero(np.abs(y) > 10 ** (-0.8 / 20) * np.abs(y).max())
        near = np.unique(np.concatenate([near - 1, near]))
        near = near[(near > 8) & (near < len(y) - 9)]
        for part in np.array_split(near, len(near) // 2000 + 1):
            if len(part):
                top = max(top, np.abs(y[part[:, None] + i] @ taps.T).max())
    return 20 * np.log10(top)


FRAME = 2048  # 46.4 ms
WINDOW = np.hanning(FRAME + 1)[:-1]


def erb_number(frequency_hz):
    return 21.4 * np.log10(1 + 0.00437 * frequency_hz)


def masking_tables():
    """Bins to ERB bands, [bands][bins]; spreading, [to][from]; threshold of hearing."""
    frequency = np.fft.rfftfreq(FRAME, 1 / RATE)
    number = erb_number(frequency)
    bands = int(erb_number(20000))
    centre = (10 ** ((np.arange(bands) + 0.5) / 21.4) - 1) / 0.00437
    member = (np.floor(number) == np.arange(bands)[:, None]).astype(float)
    for band in np.flatnonzero(member.sum(1) == 0):  # narrower than a bin: the nearest bin
        member[band, np.abs(frequency - centre[band]).argmin()] = 1
    steps = np.arange(bands)[:, None] - np.arange(bands)
    spread = 10 ** (np.where(steps < 0, 18.0 * steps, -8.0 * steps) / 10)
    khz = centre / 1000
    quiet_db = (3.64 * khz ** -0.8 - 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz ** 4)
    # A sine at full scale plays at 92 dB SPL; its windowed bins hold 3/2 (FRAME / 4)^2.
    quiet = 10 ** ((quiet_db - 92) / 10) * 1.5 * (FRAME / 4) ** 2
    return member, spread, quiet


TABLES = masking_tables()
MASK_DB = -6.0


def noise_to_mask(x, y):
    """nmr_db, share of disturbed frames in %, and the gain's movement in dB; x, y alike."""
    member, spread, quiet = TABLES
    starts = np.arange(0, x.shape[1] - FRAME + 1, FRAME // 2)
    ratios, gains, energies = [], [], []
    for part in np.array_split(starts, len(starts) // 64 + 1):
        at = part[:, None] + np.arange(FRAME)
        a, b = x[:, at] * WINDOW, y[:, at] * WINDOW
        energy = np.square(a).sum((0, 2))
        gain = (a * b).sum((0, 2)) / np.maximum(energy, 1e-12)
        a *= gain[:, None]
        signal = np.square(np.abs(np.fft.rfft(a))) @ member.T
        noise = np.square(np.abs(np.fft.rfft(b - a))) @ member.T
        mask = 10 ** (MASK_DB / 10) * (signal @ spread.T) + quiet
        loud = energy > 10 ** (-6) * FRAME  # -60 dBFS
        ratios.append((noise / mask).max(0)[loud])
        gains.append(gain[loud])
    ratio, gain = np.concatenate(ratios), np.concatenate(gains)
    return (10 * np.log10(max(ratio.mean(), 1e-12)),
            100 * np.mean(10 * np.log10(ratio.max(1) + 1e-12) > 1.5),
            np.std(20 * np.log10(np.maximum(gain, 1e-6))))


def onsets(x):
    """The 50 frames where the energy of the differenced sum rises most over the mean of
    the 23 ms before, by 3 dB at least, one within 50 ms; at most 40 dB under the loudest."""
    hop = 128
    d = np.diff(x.sum(0), prepend=0.0)
    d = d[:len(d) // hop * hop].reshape(-1, hop)
    level = 10 * np.log10(np.square(d).mean(1) + 1e-12)
    before = np.convolve(level, np.ones(8) / 8)[:len(level)]
    rise = level - np.concatenate([[level[0]], before[:-1]])
    edge, reach = int(0.15 * RATE / hop), int(0.05 * RATE / hop)
    found = [k for k in range(edge, len(level) - edge)
             if rise[k] > 3 and level[k] > level.max() - 40
             and rise[k] == rise[k - reach:k + reach + 1].max()]
    return sorted(k * hop for k in sorted(found, key=lambda k: -rise[k])[:50])


def attack_db(x, at):
    """Peak, and energy, of the first 10 ms over the mean energy from -50 to +150 ms."""
    attack = x[:, at - 44:at + 441]
    local = np.square(x[:, at - 2205:at + 6615]).mean() + 1e-12
    return (20 * np.log10(np.abs(attack).max() + 1e-12) - 10 * np.log10(local),
            10 * np.log10(np.square(attack).mean() + 1e-12) - 10 * np.log10(local))


def softening(x, y, at):
    """Mean loss at the onsets, in dB: (peak, energy)."""
    if not at:
        return None, None
    loss = np.array([np.subtract(attack_db(x, k), attack_db(y, k)) for k in at])
    return tuple(loss.mean(0))


def measure(x, y, at):
    nmr, disturbed, movement = noise_to_mask(x, y)
    peak, energy = softening(x, y, at)
    return {"lufs": loudness(y), "dbtp": true_peak(y), "nmr_db": nmr,
            "disturbed_percent": disturbed, "gain_movement_db": movement,
            "attack_peak_loss_db": peak, "attack_energy_loss_db": energy}


# ---- peers at a loudness ----

def delay_of(x, y):
    n = power_of_two(x.shape[1] + y.shape[1])
    cross = np.fft.irfft((np.conj(np.fft.rfft(x, n)) * np.fft.rfft(y, n)).sum(0), n)
    return int((cross.argmax() + n // 2) % n - n // 2)


class Peer:
    """A peer on one excerpt. Its output is scaled to exactly -1 dBTP, up or down, and
    compared with `idle`, what it makes of the excerpt when nothing is to be limited."""

    def __init__(self, name, x):
        self.name, self.tried, self.frames = name, [], x.shape[1]
        self.padded = np.pad(x, ((0, 0), (0, RATE // 10)))
        quiet = limit_by(name, self.padded, -40.0)
        self.delay = delay_of(x[:, :4 * RATE], quiet[:, :4 * RATE])
        self.idle = self.cut(quiet) * 100
        self.idle_null_db = 20 * np.log10(
            np.sqrt(np.mean((self.idle - x) ** 2) / np.mean(x ** 2)) + 1e-12)

    def cut(self, y):
        y = y[:, max(self.delay, 0):max(self.delay, 0) + self.frames]
        return np.pad(y, ((0, 0), (0, self.frames - y.shape[1])))

    def at_drive(self, drive_db):
        y = self.cut(limit_by(self.name, self.padded, drive_db))
        y *= 10 ** ((CEILING_DB - true_peak(y)) / 20)
        self.tried.append((drive_db, loudness(y)))
        return y

    def at_loudness(self, lufs):
        """Within 0.04 LU; None where no drive up to 30 dB comes as loud."""
        for _ in range(9):
            drive = self.guess(lufs)
            y = self.at_drive(drive)
            error = self.tried[-1][1] - lufs
            if abs(error) < 0.04:
                return y
            if drive >= 30 and error < 0:
                break
        return None

    def guess(self, lufs):
        below = max((t for t in self.tried if t[1] < lufs), default=None)
        above = min((t for t in self.tried if t[1] >= lufs), default=None)
        if below and above and below < above:
            share = (lufs - below[1]) / (above[1] - below[1])
            return below[0] + min(max(share, 0.1), 0.9) * (above[0] - below[0])
        drive, reached = below or above or (0.0, loudness(self.idle))
        return min(drive + (lufs - reached) / (0.6 if self.tried else 1.0), 30.0)


# ---- lacquer ----

def excerpt(paths, seconds):
    """Of the files, joined: the part, on a grid of seconds, that has more energy than three
    quarters of the others, faded in and out over 20 ms."""
    x = np.concatenate([decode(path) for path in paths], 1)
    energy = np.square(x).sum(0)[:x.shape[1] // RATE * RATE].reshape(-1, RATE).sum(1)
    count = min(seconds, len(energy))
    parts = np.convolve(energy, np.ones(count), "valid")
    start = np.argsort(parts, kind="stable")[(len(parts) * 3) // 4] * RATE
    x = x[:, start:start + count * RATE].copy()
    ramp = np.linspace(0, 1, RATE // 50)
    x[:, :len(ramp)] *= ramp
    x[:, -len(ramp):] *= ramp[::-1]
    return x


def write_float_wav(path, x):
    run(["ffmpeg", "-y", "-v", "error"] + RAW + ["-i", "-", "-c:a", "pcm_f32le", path],
        x.T.astype("<f4").tobytes())


def render(program, folder, excerpts, variants, device):
    """{(excerpt, variant): (audio, receipt)}; excerpts {name: x}, variants {name: settings}."""
    for name, x in excerpts.items():
        write_float_wav(os.path.join(folder, f"{name}.wav"), x)
    manifest = {"lacquer": 1, "output": "{source}.{variant}.{ext}", "variants": {
        name: {"true_peak": CEILING_DB, "format": "wav", "bits": 32, **settings}
        for name, settings in variants.items()},
        "tracks": [{"source": f"{name}.wav", "chain": []} for name in excerpts]}
    path = os.path.join(folder, "manifest.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(manifest, file)
    out = os.path.join(folder, "out")
    run([program, "render", path, "-o", out, "-q", "-f", "-d", device, "--verify", "off"])
    results = {}
    for name in excerpts:
        for variant in variants:
            wav = os.path.join(out, f"{name}.{variant}.wav")
            with open(wav + ".receipt.json", encoding="utf-8") as file:
                results[name, variant] = decode(wav), json.load(file)
    return results


# ---- tones ----

def tones():
    """{name: (frequencies in Hz, amplitudes)}: peaks 6 dB above the ceiling."""
    top = 10 ** ((CEILING_DB + 6) / 20)
    return {"40 Hz": ([40.0], [top]), "60 Hz + 7 kHz": ([60.0, 7000.0], [0.8 * top, 0.2 * top]),
            "19 + 20 kHz": ([19000.0, 20000.0], [top / 2, top / 2])}


def tone(frequencies, amplitudes):
    t = np.arange(5 * RATE) / RATE
    return np.tile(sum(a * np.sin(2 * np.pi * f * t)
                       for f, a in zip(frequencies, amplitudes)), (2, 1))


def residual_db(y, frequencies):
    """What is not the tones in the third and fourth second, against the tones."""
    y, t = y[0, 2 * RATE:4 * RATE], np.arange(2 * RATE, 4 * RATE) / RATE
    basis = np.stack([shape(2 * np.pi * f * t) for f in frequencies for shape in (np.sin, np.cos)])
    fitted = np.linalg.lstsq(basis.T, y, rcond=None)[0] @ basis
    return 10 * np.log10(np.square(y - fitted).mean() / np.square(fitted).mean() + 1e-20)


# ---- the comparison ----

def rounded(value):
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return round(float(value), 3) if isinstance(value, (float, np.floating)) else value


def styles_of(options):
    """{name: settings}: the styles, and what --style adds."""
    settings = {style: {"style": style} for style in STYLES}
    for item in options.styles:
        name, text = item.split("=", 1)
        pairs = (pair.split(":") for pair in text.split(","))
        settings[name] = {k: v if k == "style" else float(v) for k, v in pairs}
    return settings


def measure_lacquer(options, excerpts, attacks):
    styles = styles_of(options)
    variants = {f"{style}{target:g}": {**settings, "loudness": target}
                for style, settings in styles.items() for target in options.targets}
    variants.update({f"{style}-most": {**settings, "loudness": -5.0}
                     for style, settings in styles.items()})
    owner = {f"{style}{end}": style for style in styles
             for end in ["-most"] + [f"{target:g}" for target in options.targets]}
    cases, most = [], {}
    with tempfile.TemporaryDirectory() as folder:
        done = render(options.lacquer, folder, excerpts, variants, options.device)
    for (name, variant), (y, receipt) in done.items():
        style = owner[variant]
        if variant.endswith("-most"):
            most.setdefault(f"lacquer {style}", {})[name] = loudness(y)
            continue
        if receipt["measured"]["target_reached"]:
            cases.append({"limiter": f"lacquer {style}", "excerpt": name,
                          "target_lufs": variants[variant]["loudness"],
                          **measure(excerpts[name], y, attacks[name])})
    return cases, most


def measure_peer(peer, options, excerpts, attacks):
    cases, most, nulls = [], {}, []
    for name, x in excerpts.items():
        at = Peer(peer, x)
        nulls.append(at.idle_null_db)
        for target in options.targets:
            y = at.at_loudness(target)
            if y is not None:
                cases.append({"limiter": peer, "excerpt": name, "target_lufs": target,
                              **measure(at.idle, y, attacks[name])})
        most[name] = loudness(at.at_drive(24.0))
    return cases, most, max(nulls)


def measure_peers(options, excerpts, attacks):
    peers = {"cases": [], "loudest_lufs": {}, "idle_difference_db": {}, "missing": []}
    if options.peers_from:
        with open(options.peers_from, encoding="utf-8") as file:
            old = json.load(file)
        peers["cases"] = [case for case in old["cases"] if case["limiter"] in PEERS]
        peers["loudest_lufs"] = {k: v for k, v in old["loudest_lufs"].items() if k in PEERS}
        peers["idle_difference_db"], peers["missing"] = old["idle_difference_db"], old["missing"]
        return peers
    for peer in options.peers or PEERS:
        print(peer, file=sys.stderr, flush=True)
        try:
            (more, peers["loudest_lufs"][peer],
             peers["idle_difference_db"][peer]) = measure_peer(peer, options, excerpts, attacks)
            peers["cases"] += more
        except (OSError, RuntimeError):
            peers["missing"].append(peer)
    return peers


def measure_tones(options, peers):
    signals = {name: tone(*parts) for name, parts in tones().items()}
    with tempfile.TemporaryDirectory() as folder:
        done = render(options.lacquer, folder,
                      {f"t{i}": x for i, x in enumerate(signals.values())},
                      styles_of(options), options.device)
    table = {f"lacquer {style}": {name: residual_db(done[f"t{i}", style][0], tones()[name][0])
                                  for i, name in enumerate(signals)}
             for style in styles_of(options)}
    for peer in peers:
        table[peer] = {name: residual_db(limit_by(peer, x, 0.0), tones()[name][0])
                       for name, x in signals.items()}
    return table


def version(command):
    try:
        return run(command).decode(errors="replace").split("\n")[0]
    except (OSError, RuntimeError):
        return "none"


def machine(options):
    cpu = platform.processor()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next((line.split(":")[1].strip() for line in file if "model name" in line), cpu)
    return {"cpu": cpu, "system": platform.platform(), "numpy": np.__version__,
            "python": platform.python_version(), "ffmpeg": version(["ffmpeg", "-version"]),
            "sox": version(["sox", "--version"]),
            "lacquer": " ".join(run([options.lacquer, "version"]).decode().split())}


FIGURES = ("nmr_db", "disturbed_percent", "gain_movement_db", "attack_peak_loss_db",
           "attack_energy_loss_db", "dbtp")


def summary(cases, limiters, targets):
    """[{limiter, target, excerpts reached, medians}]"""
    rows = []
    for target in targets:
        for limiter in limiters:
            own = [c for c in cases if (c["limiter"], c["target_lufs"]) == (limiter, target)]
            row = {"limiter": limiter, "target_lufs": target, "reached": len(own)}
            for figure in FIGURES:
                values = [c[figure] for c in own if c[figure] is not None]
                pick = max if figure == "dbtp" else np.median
                row[figure] = float(pick(values)) if values else None
            rows.append(row)
    return rows


def cell(value, form=".1f"):
    return "-" if value is None else format(value, form)


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + \
           ["| " + " | ".join(row) + " |" for row in rows] + [""]


def per_excerpt(report, target):
    nmr = {(c["limiter"], c["excerpt"]): c["nmr_db"] for c in report["cases"]
           if c["target_lufs"] == target}
    names = list(report["excerpts"])
    rows = [[limiter] + [cell(nmr.get((limiter, name))) for name in names]
            for limiter in report["limiters"]]
    return [f"NMR in dB at {target:g} LUFS, every excerpt (-: not reached):", ""] + \
        table(["limiter"] + names, rows)


def markdown(report):
    machine_line = "; ".join(f"{k}: {v}" for k, v in report["machine"].items())
    count = len(report["excerpts"])
    lines = ["# Limiters at equal loudness", "",
             "Written by `bench/limiter_quality.py`; what the columns are: "
             "[bench/README.md](../README.md).", "", machine_line, "",
             f"{count} excerpts of {report['seconds']} s, -1 dBTP; medians of the excerpts that "
             "the limiter brings to the target, the true peak is the highest.", ""]
    for target in report["targets"]:
        rows = [[r["limiter"], f"{r['reached']} of {count}", cell(r["nmr_db"]),
                 cell(r["disturbed_percent"]), cell(r["gain_movement_db"], ".2f"),
                 cell(r["attack_peak_loss_db"], ".2f"), cell(r["attack_energy_loss_db"], ".2f"),
                 cell(r["dbtp"], ".3f")]
                for r in report["summary"] if r["target_lufs"] == target]
        lines += [f"## {target:g} LUFS", ""] + table(
            ["limiter", "reached", "NMR dB", "disturbed %", "gain movement dB",
             "attack peak loss dB", "attack energy loss dB", "true peak dBTP"], rows)
        lines += per_excerpt(report, target)
    lines += ["## THD+N, 6 dB over the ceiling", ""]
    names = list(tones())
    lines += table(["limiter"] + names, [[k] + [cell(v[n]) for n in names]
                                         for k, v in report["thdn_db"].items()])
    lines += ["## Loudest, in LUFS (lacquer: target -5; peers: 24 dB of drive)", ""]
    names = list(report["excerpts"])
    lines += table(["limiter"] + names, [[k] + [cell(v.get(n)) for n in names]
                                         for k, v in report["loudest_lufs"].items()])
    nulls = report["idle_difference_db"]
    lines += ["Idle difference (a peer that limits nothing against its input, dB re input): "
              + ", ".join(f"{k} {v:.0f}" for k, v in nulls.items())
              + ". Peers that failed or are not installed: "
              + (", ".join(report["missing"]) or "none") + ".", ""]
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lacquer", default="build/lacquer")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=int, default=12, help="of every excerpt")
    parser.add_argument("--target", type=float, action="append", dest="targets",
                        help="LUFS; default: -11 -9 -7")
    parser.add_argument("--style", action="append", default=[], dest="styles",
                        metavar="NAME=KEY:VALUE[,...]", help="more settings of lacquer's")
    parser.add_argument("--peer", action="append", dest="peers", choices=list(PEERS),
                        help="default: all")
    parser.add_argument("--peers-from", metavar="JSON",
                        help="earlier result of the same excerpts and targets to take the "
                             "peers' figures from")
    parser.add_argument("--output", default="bench/results/limiter-quality",
                        help="where .json and .md go")
    parser.add_argument("audio", nargs="+", metavar="NAME=FILE[+FILE...]",
                        help="an excerpt, of one file or of several one after the other")
    options = parser.parse_args()
    options.targets = options.targets or [-11.0, -9.0, -7.0]
    return options


def main():
    options = arguments()
    excerpts = {name: excerpt(files.split("+"), options.seconds)
                for name, files in (item.split("=", 1) for item in options.audio)}
    attacks = {name: onsets(x) for name, x in excerpts.items()}
    cases, loudest = measure_lacquer(options, excerpts, attacks)
    peers = measure_peers(options, excerpts, attacks)
    nulls, missing = peers["idle_difference_db"], peers["missing"]
    cases += peers["cases"]
    loudest.update(peers["loudest_lufs"])
    limiters = [f"lacquer {style}" for style in styles_of(options)] + list(nulls)
    report = {"machine": machine(options), "styles": styles_of(options), "seconds": options.seconds,
              "targets": options.targets, "limiters": limiters,
              "excerpts": {name: {"lufs": loudness(x), "dbtp": true_peak(x),
                                  "onsets": len(attacks[name])} for name, x in excerpts.items()},
              "summary": [rounded(row) for row in summary(cases, limiters, options.targets)],
              "cases": [rounded(case) for case in cases],
              "thdn_db": rounded(measure_tones(options, list(nulls))),
              "loudest_lufs": rounded(loudest), "idle_difference_db": rounded(nulls),
              "missing": missing}
    report["excerpts"] = rounded(report["excerpts"])
    with open(options.output + ".json", "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
        file.write("\n")
    with open(options.output + ".md", "w", encoding="utf-8") as file:
        file.write(markdown(report))


if __name__ == "__main__":
    main()
