#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The scripts of bench/ on a second of sound: what they measure is not looked at, but that they
measure it, that what they count is what it must be, and that tables and chart come of it."""
import cmath
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "..", "bench")
sys.path.insert(0, BENCH)
import harness  # noqa: E402
import peers  # noqa: E402
import scaling  # noqa: E402

LACQUER_BENCH = os.environ["LACQUER_BENCH"]


def run(script, *words):
    done = subprocess.run([sys.executable, os.path.join(BENCH, script), *words], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout, done.stderr


class Scripts(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.sound = self.path("sound.wav")
        scaling.write_wav(self.sound, scaling.loop_of(44100, 2), 44100, 2, 1.5)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def load(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return json.load(f)

    def measured(self, name, devices):
        """lacquer_bench's result, as file `name`."""
        with open(os.path.join(BENCH, "standard.yaml"), encoding="utf-8") as f:
            head = f.read().partition("tracks:\n")[0]
        manifest = self.path("bench.yaml")
        harness.save(manifest, f"{head}tracks:\n  - {{source: {self.sound}}}\n")
        out = subprocess.run([LACQUER_BENCH, "1", manifest, *devices], check=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        harness.save(self.path(name), out)
        return json.loads(out)

    def test_fir_has_the_response_of_the_prototypes(self):
        taps = peers.design_fir(44100)
        for hz in (60, 100, 300, 1000, 3000, 10000, 15000):
            h = abs(sum(t * cmath.exp(-2j * math.pi * hz / 44100 * i) for i, t in enumerate(taps)))
            self.assertLess(abs(20 * math.log10(h / peers.magnitude(hz))), 0.01, hz)

    def test_next_drive_meets_a_straight_line(self):
        def lufs(drive):
            return -20 + 0.5 * drive
        tried = [(2, lufs(2)), (4, lufs(4))]
        self.assertAlmostEqual(lufs(peers.next_drive(tried, -14)), -14)

    def test_a_command_that_fails_is_told(self):
        with self.assertRaisesRegex(harness.Failed, "exit status 3: because"):
            harness.Meter().run(["sh", "-c", "echo because; exit 3"])

    def test_compare_and_report(self):
        words = [self.sound, "--rounds", "2", "-o", self.path("m-peers.json"), "--peer", "ffmpeg"]
        status, _, messages = run("compare.py", *words)
        self.assertEqual(status, 0, messages)
        result = self.load("m-peers.json")
        rows = {r["name"]: r for r in result["rows"]}
        self.assertEqual("ffmpeg" in rows, "ffmpeg" not in result["absent"])
        self.assertIn("SoX", result["absent"])
        self.assertEqual(rows["lacquer, sample"]["cpu_ratio"]["most"], 1)
        for tier in ("off", "sample", "full"):
            row = rows[f"lacquer, {tier}"]
            self.assertEqual((row["files"], row["over_ceiling"], row["wrong_length"]), (3, 0, 0))
            self.assertTrue(row["same_samples_every_round"])
            self.assertGreater(row["cpu_s"]["least"], 0)
        self.measured("m.json", [])
        status, out, messages = run("report.py", "m", "--results", self.folder.name)
        self.assertEqual(status, 0, messages)
        with open(out.strip(), encoding="utf-8") as f:
            text = f.read()
        for part in ("Beside other tools", "End to end", "Passes on cpu", "| eq: filter |"):
            self.assertIn(part, text)
        xml.etree.ElementTree.parse(self.path("m.svg"))

    def test_compare_tells_what_is_wrong(self):
        status, _, messages = run("compare.py", self.path("none.wav"), "-o", self.path("x.json"))
        self.assertEqual(status, 1)
        self.assertIn("none.wav", messages)
        self.assertFalse(os.path.exists(self.path("x.json")))

    def test_scaling(self):
        status, _, messages = run("scaling.py", "--rounds", "1", "--seconds", "1", "--tracks", "10",
                                  "--units", "40", "--rendered", "8", "-o", self.path("s.json"))
        self.assertEqual(status, 0, messages)
        result = self.load("s.json")
        for name in ("length", "tracks", "variants", "rate", "channels"):
            sizes = [c["size"] for c in result["series"][name]["cases"]]
            self.assertEqual(sizes, sorted(sizes), name)
            self.assertGreater(result["series"][name]["cases"][0]["cpu_s"]["median"], 0)
        self.assertEqual(result["planned"][0]["units"], 40)
        self.assertIn("verify_quick", result["rendered"][0])

    def test_what_passes_touch(self):
        passes = self.measured("t.json", [])["engines"][0]["passes"]
        found = {(p["slot"], p["stage"], p["pass"]): p["per_frame"] for p in passes}
        if not any("touched_bytes" in f for f in found.values()):
            self.skipTest("pages are not counted here")
        # Two channels of 4 bytes, and up to two pages more of each buffer.
        more = 2 * 3 * 4096 / (1.5 * 44100)
        for (_, stage, name), f in found.items():
            if (stage, name) in (("eq", "filter"), ("multiband", "apply"), ("limiter", "apply"),
                                 ("dither", "quantise")):
                written = f["touched_bytes"]["written"]
                runs = max(1, round(written / 8))  # the gain is applied again where it missed
                self.assertLessEqual(runs, 2 if stage == "limiter" else 1, stage)
                self.assertGreaterEqual(written, 8 * runs, stage)
                self.assertLessEqual(written, (8 + more) * runs, stage)


if __name__ == "__main__":
    unittest.main()
