# SPDX-License-Identifier: MIT
"""The standard job (standard.yaml) in other tools. Steps of every peer, each a process over whole
files as a script would do it: EQ and multiband once a track, its loudness measured (EBU R128); for
every variant a gain to the target, a limiter at four times the rate with its ceiling at -1 dB,
dither, and the result's loudness and true peak measured."""
import cmath
import math
import os
import re
import shutil
import struct
import subprocess

from harness import Failed, Meter, apart

CEILING_DB = -1.0
VARIANTS = (("s14", -14, 24), ("l9", -9, 24), ("cd9", -9, 16))  # name, LUFS, bits
THRESHOLDS = (-28, -28, -34, -44)
FIR_TAPS = 16385
MOST_DRIVE_DB = 24
RATES = (44100, 48000)  # of which the plugins' latencies are known

# ---- the EQ: squared magnitude of the analog prototypes ----


def magnitude(f):
    def w2(hz):
        return (f / hz) ** 2

    def bell(hz, gain_db, q):
        w, a = w2(hz), 10 ** (gain_db / 40)
        return ((1 - w) ** 2 + w * (a / q) ** 2) / ((1 - w) ** 2 + w / (a * q) ** 2)

    def shelf(w, gain_db):  # low; a high shelf turned round
        a = 10 ** (gain_db / 40)
        return a * a * ((a - w) ** 2 + 2 * w * a) / ((1 - a * w) ** 2 + 2 * w * a)

    high = w2(10000)
    a = 10 ** (2 / 40)
    h2 = w2(30) ** 2 / (1 + w2(30) ** 2) * shelf(w2(100), 1.5) * bell(300, -2, 1)
    h2 *= bell(3000, 1, 0.7)
    h2 *= a * a * ((1 - a * high) ** 2 + 2 * high * a) / ((a - high) ** 2 + 2 * high * a)
    return math.sqrt(h2)


def fft(x):
    n = len(x)
    if n == 1:
        return x
    even, odd = fft(x[::2]), fft(x[1::2])
    turned = [cmath.exp(-2j * math.pi * k / n) * odd[k] for k in range(n // 2)]
    return [e + t for e, t in zip(even, turned)] + [e - t for e, t in zip(even, turned)]


def design_fir(rate_hz):
    """Linear phase, Hann window."""
    grid, half = 1 << 16, FIR_TAPS // 2
    h = [magnitude(min(k, grid - k) * rate_hz / grid) for k in range(grid)]
    taps = [v.real / grid for v in fft(h)]  # even: its transform is its inverse transform
    return [taps[(i - half) % grid] * (0.5 - 0.5 * math.cos(2 * math.pi * (i + 1) / (FIR_TAPS + 1)))
            for i in range(FIR_TAPS)]


def write_float_wav(path, samples, rate_hz):
    data = struct.pack(f"<{len(samples)}f", *samples)
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 3, 1,
                       rate_hz, 4 * rate_hz, 4, 32, b"data", len(data))
    with open(path, "wb") as f:
        f.write(head + data)


# ---- ffmpeg ----

SOXR = ":resampler=soxr:precision=28"


def ffmpeg(meter, arguments):
    return meter.run(["ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-y"] + arguments)


def summary(text):
    """Loudness and true peak of ebur128's summary."""
    text = text[text.rfind("Integrated loudness"):]
    loudness = re.search(r"I:\s*(-?[\d.]+|-inf)", text)
    peak = re.search(r"Peak:\s*(-?[\d.]+|-inf)", text)
    if not loudness:
        raise Failed("ffmpeg: no summary of ebur128")
    return float(loudness.group(1)), float(peak.group(1)) if peak else None


def drive_for(target_lufs, lufs):
    return max(-MOST_DRIVE_DB, min(MOST_DRIVE_DB, target_lufs - lufs))


def encoding(bits):
    if bits == 16:
        return "osf=s16:dither_method=triangular", "pcm_s16le"
    return "osf=s32:output_sample_bits=24:dither_method=triangular", "pcm_s24le"


def lv2(uri, controls):
    return f"lv2=p={uri.replace(':', chr(92) * 2 + ':')}:c={controls}"


LSP, CALF = "http://lsp-plug.in/plugins/lv2", "http://calf.sourceforge.net/plugins"
DPL = "http://gareus.org/oss/lv2/dpl#stereo"


def firequalizer(track, shared):
    gain = ("max(1e-12,st(0,(f/30)^4)/(1+ld(0))"
            "*1.1885022274*((1.0901844924-st(1,(f/100)^2))^2+2*1.0901844924*ld(1))"
            "/((1-1.0901844924*ld(1))^2+2*1.0901844924*ld(1))"
            "*((1-st(2,(f/300)^2))^2+ld(2)*0.7943282347)/((1-ld(2))^2+ld(2)*1.2589254118)"
            "*((1-st(3,(f/3000)^2))^2+ld(3)*2.2898453)/((1-ld(3))^2+ld(3)*1.8188781)"
            "*1.2589254118*((1-1.1220184543*st(4,(f/10000)^2))^2+2*1.1220184543*ld(4))"
            "/((1.1220184543-ld(4))^2+2*1.1220184543*ld(4)))").replace(",", "\\,")
    late = FIR_TAPS // 2
    return (f"firequalizer=fft2=on:delay={late + 0.5}/{track.rate_hz}:accuracy=1:wfunc=hann"
            f":gain='4.342944819*log({gain})',atrim=start_sample={late}"
            f":end_sample={track.n_frames + late},asetpts=PTS-STARTPTS")


def afir(track, shared):
    late = FIR_TAPS // 2
    wav = os.path.join(shared.folder, f"eq{track.rate_hz}.wav")
    return (f"apad=pad_len={late}[x];amovie={wav}[ir];[x][ir]afir={shared.afir_options},"
            f"volume={shared.afir_gain_db:.3f}dB:precision=float,"
            f"atrim=start_sample={late}:end_sample={track.n_frames + late},asetpts=PTS-STARTPTS")


def acompressors(track, shared):
    split = "acrossover=split=120 1000 6000:order=4th[b0][b1][b2][b3];"
    bands = "".join(f"[b{i}]acompressor=threshold={t}dB:ratio=2:attack=20:release=150:knee=2.82843"
                    f"[c{i}];" for i, t in enumerate(THRESHOLDS))
    return f"{split}{bands}[c0][c1][c2][c3]amix=inputs=4:normalize=0"


def lsp_eq_multiband(track, shared):
    late = 6144  # frames of the FIR equaliser
    band = [f"cm_{i}=0|scm_{i}=1|al_{i}={10 ** (t / 20):.5f}|cr_{i}=2|at_{i}=20|rt_{i}=150"
            f"|kn_{i}=0.5" for i, t in enumerate(THRESHOLDS)]
    eq = ("mode=1|ft_0=2|f_0=30|q_0=0.7071|s_0=0|fm_0=6|g_0=1|ft_1=5|fm_1=6|f_1=100|g_1=1.18850"
          "|q_1=0.7071|ft_2=1|fm_2=6|f_2=300|g_2=0.794328|q_2=1|ft_3=1|fm_3=6|f_3=3000|g_3=1.122018"
          "|q_3=0.7|ft_4=3|fm_4=6|f_4=10000|g_4=1.258925|q_4=0.7071")
    multiband = ("mode=1|envb=0|ife_l=0|ofe_l=0|ife_r=0|ofe_r=0|cbe_1=1|sf_1=120|cbe_2=1|sf_2=1000"
                 "|cbe_3=1|sf_3=6000|" + "|".join(band))
    return (f"apad=pad_len={late},{lv2(LSP + '/para_equalizer_x16_stereo', eq)},"
            f"{lv2(LSP + '/mb_compressor_stereo', multiband)},atrim=start_sample={late},"
            "asetpts=PTS-STARTPTS")


def calf_eq_multiband(track, shared):
    eq = ("hp_active=1|hp_freq=30|hp_mode=0|hp_q=0.707|ls_active=1|ls_level=1.1885|ls_freq=100"
          "|ls_q=0.707|p1_active=1|p1_level=0.794328|p1_freq=300|p1_q=1|p2_active=1"
          "|p2_level=1.122018|p2_freq=3000|p2_q=0.7|hs_active=1|hs_freq=10000|hs_level=1.258925"
          "|hs_q=0.707|analyzer=0")
    band = [f"threshold{i}={10 ** (t / 20):.5f}|ratio{i}=2|attack{i}=20|release{i}=150"
            f"|knee{i}=2.82843|detection{i}=0|bypass{i}=0" for i, t in enumerate(THRESHOLDS)]
    multiband = "mode=0|freq0=120|freq1=1000|freq2=6000|" + "|".join(band)
    return (f"{lv2(CALF + '/Equalizer8Band', eq)},"
            f"{lv2(CALF + '/MultibandCompressor', multiband)}")


def alimiter(track, drive_db, resampler):
    return (f"volume={drive_db:.3f}dB:precision=float,aresample={4 * track.rate_hz}{resampler},"
            "alimiter=level=0:limit=-1dB:attack=5:release=50:latency=1,"
            f"aresample={track.rate_hz}{resampler}")


def lsp_limiter(track, drive_db, resampler):
    late = 246 if track.rate_hz == 48000 else 226
    controls = ("ovs=6|th=0.8913|boost=0|alr=1|mode=0|lk=5|at=5|rt=20|dith=0|igv_l=0|ogv_l=0")
    return (f"volume={drive_db:.3f}dB:precision=float,apad=pad_len={late},"
            f"{lv2(LSP + '/limiter_stereo', controls)},atrim=start_sample={late},"
            "asetpts=PTS-STARTPTS")


def x42_limiter(track, drive_db, resampler):
    late = 64 if track.rate_hz == 48000 else 56
    controls = f"gain={drive_db:.3f}|threshold=-1|release=0.05|truepeak=1"
    return (f"apad=pad_len={late},{lv2(DPL, controls)},atrim=start_sample={late},"
            "asetpts=PTS-STARTPTS")


def next_drive(tried, target_lufs):
    """The drive after those that gave too little or too much: (drive, LUFS) of each."""
    (drive, lufs), slope = tried[-1], 1.3
    if len(tried) > 1 and tried[-2][1] != lufs:
        slope = max(1, min(3, (drive - tried[-2][0]) / (lufs - tried[-2][1])))
    return drive + slope * (target_lufs - lufs)


class Ffmpeg:
    def __init__(self, chain, limiter=alimiter, resampler=SOXR, corrections=0):
        self.chain, self.limiter, self.resampler = chain, limiter, resampler
        self.corrections = corrections  # renders more until the loudness is within 0.2 LU

    def master(self, meter, track, folder, shared):
        premaster = os.path.join(folder, f"{track.name}.pre.wav")
        graph = ",".join(part(track, shared) for part in self.chain)
        text = ffmpeg(meter, ["-i", track.path, "-filter_complex",
                              f"{graph},ebur128=framelog=verbose[out]", "-map", "[out]", "-c:a",
                              "pcm_f32le", premaster])
        lufs, _ = summary(text)
        for variant in VARIANTS:
            self.variant(meter, track, folder, premaster, variant, lufs)
        os.unlink(premaster)

    def variant(self, meter, track, folder, premaster, variant, lufs):
        name, target, bits = variant
        tried, drive = [], drive_for(target, lufs)
        sample_format, codec = encoding(bits)
        for _ in range(1 + self.corrections):
            chain = (f"{self.limiter(track, drive, self.resampler)},"
                     f"ebur128=framelog=verbose:peak=true,aresample={sample_format}")
            text = ffmpeg(meter, ["-i", premaster, "-af", chain, "-c:a", codec, "-fflags",
                                  "+bitexact", os.path.join(folder, f"{track.name}.{name}.wav")])
            tried.append((drive, summary(text)[0]))
            if abs(tried[-1][1] - target) <= 0.2:
                break
            drive = next_drive(tried, target)


class Loudnorm:
    """ffmpeg's EQ and compressors, then its loudness normaliser in two passes, which limits."""

    def master(self, meter, track, folder, shared):
        premaster = os.path.join(folder, f"{track.name}.pre.wav")
        ffmpeg(meter, ["-i", track.path, "-filter_complex",
                       f"{firequalizer(track, shared)},{acompressors(track, shared)}[out]", "-map",
                       "[out]", "-c:a", "pcm_f32le", premaster])
        for name, target, bits in VARIANTS:
            norm = f"loudnorm=I={target}:TP={CEILING_DB}:LRA=20"
            first = ffmpeg(meter, ["-i", premaster, "-af", norm + ":print_format=json", "-f",
                                   "null", "-"])
            found = dict(re.findall(r'"(\w+)" : "([^"]*)"', first))
            measured = ":".join(f"measured_{key}={found['input_' + name_in]}" for key, name_in in
                                (("I", "i"), ("TP", "tp"), ("LRA", "lra"), ("thresh", "thresh")))
            sample_format, codec = encoding(bits)
            ffmpeg(meter, ["-i", premaster, "-af",
                           f"{norm}:{measured}:offset={found['target_offset']},"
                           f"aresample={track.rate_hz}{SOXR},ebur128=framelog=verbose:peak=true,"
                           f"aresample={sample_format}", "-c:a", codec, "-fflags", "+bitexact",
                           os.path.join(folder, f"{track.name}.{name}.wav")])
        os.unlink(premaster)


class Sox:
    """SoX has no loudness meter: ffmpeg's reads its files."""

    def master(self, meter, track, folder, shared):
        premaster = os.path.join(folder, f"{track.name}.pre.wav")
        bands = [f"0.02,0.15 6:{t},{t},0,{t // 2}" for t in THRESHOLDS]
        meter.run(["sox", "-V1", "-D", track.path, "-e", "floating-point", "-b", "32", premaster,
                   "gain", "-6", "fir", os.path.join(shared.folder, f"eq{track.rate_hz}.txt"),
                   "gain", "+6", "mcompand", bands[0], "120", bands[1], "1000", bands[2], "6000",
                   bands[3]])
        lufs = self.measure(meter, premaster)
        for name, target, bits in VARIANTS:
            drive = drive_for(target, lufs)
            top = CEILING_DB - drive
            out = os.path.join(folder, f"{track.name}.{name}.wav")
            meter.run(["sox", "-V1", premaster, "-b", str(bits), out, "rate", "-v",
                       str(4 * track.rate_hz), "compand", "0,0.05",
                       f"{top:.3f},{top:.3f},0,{top:.3f}", "0", "-90", "0.001", "rate", "-v",
                       str(track.rate_hz), "gain", f"{drive:.3f}", "dither"])
            self.measure(meter, out, ":peak=true")
        os.unlink(premaster)

    @staticmethod
    def measure(meter, path, more=""):
        return summary(ffmpeg(meter, ["-i", path, "-af", f"ebur128=framelog=verbose{more}", "-f",
                                      "null", "-"]))[0]


# What is compared: name, tools and plugins that it needs, and how; what it is.
PEERS = {
    "ffmpeg": ((), Ffmpeg((firequalizer, acompressors)),
               "firequalizer, acrossover and acompressor, alimiter between soxr"),
    "ffmpeg, to the target": ((), Ffmpeg((firequalizer, acompressors), corrections=3),
                              "the same, up to three renders more until within 0.2 LU"),
    "ffmpeg, fast": (("afir",), Ffmpeg((afir, acompressors), resampler=""),
                     "afir in place of firequalizer, swresample in place of soxr"),
    "ffmpeg loudnorm": ((), Loudnorm(), "loudnorm in two passes in place of gain and limiter"),
    "SoX": (("sox",), Sox(), "fir, mcompand, rate -v, compand as limiter; ffmpeg as its meter"),
    "LSP": ((LSP + "/limiter_stereo",), Ffmpeg((lsp_eq_multiband,), lsp_limiter),
            "LSP plugins (linear-phase EQ, multiband compressor, 4x limiter) in ffmpeg"),
    "Calf, x42": ((CALF + "/MultibandCompressor", DPL), Ffmpeg((calf_eq_multiband,), x42_limiter),
                  "Calf EQ (minimum phase) and multiband compressor, x42 true-peak limiter"),
}

# ---- what is installed ----


class Shared:
    """Files and figures that peers need and that are not part of the job's time."""

    def __init__(self, folder, rates_hz):
        self.folder, self.afir_options, self.afir_gain_db = folder, "", 0.0
        for rate_hz in rates_hz:
            apart(lambda rate_hz=rate_hz: self.write_fir(rate_hz))

    def write_fir(self, rate_hz):
        taps = design_fir(rate_hz)
        write_float_wav(os.path.join(self.folder, f"eq{rate_hz}.wav"), taps, rate_hz)
        with open(os.path.join(self.folder, f"eq{rate_hz}.txt"), "w", encoding="ascii") as f:
            f.writelines(f"{t:.17g}\n" for t in taps)

    def level_afir(self, rate_hz):
        """Versions of afir scale differently: a sine says by how much."""
        text = ffmpeg(Meter(), ["-h", "filter=afir"])
        self.afir_options = "gtype=none" if "gtype" in text else "irnorm=-1"
        wav = os.path.join(self.folder, f"eq{rate_hz}.wav")
        graph = (f"sine=frequency=997:sample_rate={rate_hz}:duration=3,"
                 "aformat=sample_fmts=fltp:channel_layouts=stereo[s];"
                 f"amovie={wav}[ir];[s][ir]afir={self.afir_options},atrim=start=1:end=2,"
                 "astats=measure_perchannel=none[out]")
        text = ffmpeg(Meter(), ["-filter_complex", graph, "-map", "[out]", "-f", "null", "-"])
        level = float(re.search(r"RMS level dB:\s*(-?[\d.]+)", text).group(1))
        sine = 20 * math.log10(0.125 / math.sqrt(2))
        self.afir_gain_db = sine + 20 * math.log10(magnitude(997)) - level


def has_plugin(uri):
    return subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                           "sine=duration=0.05,aformat=channel_layouts=stereo", "-af",
                           lv2(uri, "")[:-3], "-f", "null", "-"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def missing(name, shared, rates_hz):
    """Why a peer cannot take part, or None."""
    needs = PEERS[name][0]
    if not shutil.which("ffmpeg"):
        return "ffmpeg is not installed"
    for need in needs:
        if need == "sox" and not shutil.which("sox"):
            return "sox is not installed"
        if need.startswith("http") and not has_plugin(need):
            return f"ffmpeg finds no plugin {need}"
        if need.startswith("http") and not set(rates_hz) <= set(RATES):
            return "the plugins' latencies are known at 44.1 and 48 kHz"
        if need == "afir":
            try:
                shared.level_afir(rates_hz[0])
            except (Failed, AttributeError) as why:
                return f"afir: {why}"
    return None
