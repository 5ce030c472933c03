#!/usr/bin/env python3
"""Runs on a GPU against runs on the CPU, end to end: the same seeds give the same model. Without a
GPU the backend is the one built against tests/cuda_emulator; RUBATO_CUDA_LIBRARY names another."""

import os
import random
import unittest

from real_fleet import BIN, FleetTest, Rubato

EMULATED = str(BIN.parent / "librubato_cuda_emulated.so")
# In step, so that both see the same weights: what differs is the order of sums.
EXACT = ("train.staleness=0", "optimizer.learning_rate=0.02")
# Targets of several outputs, with the label and the figure of each.
JOINT = {
    "classes": ("cause", "logloss", ""),
    "quantile": ("days", "pinball", "quantiles = [0.1, 0.5, 0.9]\nexpected_shortfall = true\n")}


def claims(rows):
    """A made-up book of claims, line by line: what caused them, and how long they stayed open."""
    rng = random.Random(3)
    yield "size,region,cause,days"
    for _ in range(rows):
        size, region = rng.gauss(0, 1), rng.choice("ABCD")
        pull = size + "ABCD".index(region) + rng.gauss(0, 0.5)
        cause = "fire" if pull < 1 else "theft" if pull < 2 else "water"
        yield f"{size:.3f},{region},{cause},{30 + 10 * pull + rng.gauss(0, 5):.2f}"


class CudaRunTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        before = os.environ.get("RUBATO_CUDA_LIBRARY")
        os.environ["RUBATO_CUDA_LIBRARY"] = before or EMULATED
        cls.addClassCleanup(lambda: os.environ.pop("RUBATO_CUDA_LIBRARY"))

    def check_same(self, name, other):
        """Two runs of one model: figures that differ by roundings only."""
        self.assertAlmostEqual(name["test"]["auc"], other["test"]["auc"], delta=0.003)
        self.assertAlmostEqual(name["test"]["logloss"], other["test"]["logloss"], delta=0.003)
        self.assertEqual(name["train"]["rows"], other["train"]["rows"])
        self.assertGreater(name["test"]["auc"], 0.7)

    def test_every_model_trains_on_a_gpu_as_on_the_cpu(self):
        for kind in ("linear", "mlp", "wide_deep", "deepfm"):
            with self.subTest(model=kind):
                words = (f"model.kind={kind}", *EXACT)
                on_cpu = self.train_well(f"{kind}-cpu", *words)
                on_gpu = self.train_well(f"{kind}-gpu", "device=cuda", *words)
                self.check_same(on_gpu, on_cpu)
                self.assertEqual(on_gpu["staleness"]["max_observed"], 0)

    def test_several_outputs_are_learned_on_a_gpu_as_on_the_cpu(self):
        (self.path / "claims.csv").write_text("\n".join(claims(1200)) + "\n")
        for target, (label, figure, keys) in JOINT.items():
            (self.path / f"{target}.toml").write_text(
                f'[data]\npath = "claims.csv"\nlabel = "{label}"\n'
                f'drop = ["{"days" if label == "cause" else "cause"}"]\n'
                f'[target]\nkind = "{target}"\n{keys}[model]\nkind = "deepfm"\nhidden = [16]\n'
                f'embedding_dim = 4\n[train]\nepochs = 4\nbatch = 32\nbest_epoch = false\n')
            with self.subTest(target=target):
                run, words = f"{target}.toml", (*EXACT, "fleet.workers=1")
                on_cpu = self.train_well(f"{target}-cpu", *words, run=run)["test"]
                on_gpu = self.train_well(f"{target}-gpu", "device=cuda", *words, run=run)["test"]
                local = self.train_well(f"{target}-local", "device=cuda", "fleet.servers=0",
                                        *words, run=run)["test"]
                self.assertLess(on_cpu[figure], 0.8 * on_cpu[f"constant_{figure}"])
                self.assertAlmostEqual(on_gpu[figure] / on_cpu[figure], 1, delta=0.003)
                self.assertAlmostEqual(local[figure] / on_cpu[figure], 1, delta=0.003)

    def test_a_stale_fleet_on_one_gpu_converges(self):
        metrics = self.train_well("stale", "device=cuda:0", "model.kind=mlp", "fleet.workers=3",
                                  "train.staleness=4", "train.precision=bf16",
                                  "optimizer.learning_rate=0.02")
        self.assertGreater(metrics["test"]["auc"], 0.7)
        self.assertLessEqual(metrics["staleness"]["max_observed"], 4)
        self.assertEqual(metrics["updates"]["lost"], 0)

    def test_without_servers_the_model_is_that_of_a_fleet_in_step(self):
        for kind in ("linear", "deepfm"):
            with self.subTest(model=kind):
                words = (f"model.kind={kind}", "fleet.workers=1", *EXACT)
                fleet = self.train_well(f"{kind}-fleet", *words)
                local = self.train_well(f"{kind}-local", "device=cuda", "fleet.servers=0", *words)
                self.check_same(local, fleet)
                self.assertEqual(local["shards"], [])

    def test_without_servers_there_is_no_word_of_a_fleet(self):
        local = self.train_well("alone", "device=cuda", "fleet.servers=0", "fleet.workers=1",
                                "train.staleness=4")
        self.assertEqual(local["staleness"], {"bound": 0, "max_observed": 0})
        page = (self.path / "alone" / "report.html").read_text("utf-8")
        self.assertIn("One process trained", page)
        self.assertIn("cuda, precision f32", page)
        for word in ("histogram", "shards of this run", "bound 4", "staleness 4", "at the end"):
            self.assertNotIn(word, page)
        code, stdout, _ = Rubato(self.path, ["status", "alone"]).end()
        self.assertEqual(code, 0)
        self.assertRegex(stdout, r"alone: finished, clock (\d+) of \1, no servers")
        (self.path / "alone" / "metrics.json").unlink()
        self.assertIn("train again, to another --out",
                      Rubato(self.path, ["status", "alone"]).end()[1])

    def test_without_servers_nothing_can_be_resumed_or_predicted_with(self):
        self.train_well("local", "device=cuda", "fleet.servers=0", "fleet.workers=1")
        code, _, stderr = self.start("local", "device=cuda", "fleet.servers=0", "fleet.workers=1",
                                     resume=True).end()
        self.assertEqual(code, 2)
        self.assertIn("commits no snapshot, so there is nothing to resume", stderr)

    def test_a_gpu_that_is_not_there_is_one_sentence(self):
        code, _, stderr = self.start("none", "device=cuda:64").end()
        self.assertEqual(code, 2)
        self.assertIn('device = "cuda:64": this host has', stderr)
        self.assertFalse((self.path / "none").exists())


if __name__ == "__main__":
    unittest.main()
