"""A run folder as a real run leaves it, made from a seed: what report_test.py draws.

Usage: report_fixture.py DIR [SEED [WORKERS [BOUND or inf]]]
"""

import json
import math
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))
import targets  # noqa: E402
from rubato_cli.files.run_folder import RunFolder  # noqa: E402

ROWS = 30_000
FEATURES = ("utilisation", "months since delinquency", "debt to income", "inquiries", "age",
            "loan amount", "term = 60 months", "employment years", "grade = G", "purpose = other")


def scored_rows(rng, noise):
    """[(score, label)] by falling score, where the score is the truth seen through noise."""
    rows = []
    for _ in range(ROWS):
        truth = rng.gauss(-1.7, 1.25)
        label = rng.random() < 1 / (1 + math.exp(-truth))
        rows.append((1 / (1 + math.exp(-0.93 * (truth + rng.gauss(0, noise)))), int(label)))
    return sorted(rows, reverse=True)


def evaluate(rows):
    positives = sum(label for _, label in rows)
    negatives = len(rows) - positives
    area = seen = 0
    roc, ks = [{"fpr": 0.0, "tpr": 0.0}], 0.0
    for i, (_, label) in enumerate(rows, 1):
        seen += label
        area += 0 if label else seen
        fpr, tpr = (i - seen) / negatives, seen / positives
        ks = max(ks, tpr - fpr)
        if i % (len(rows) // 150) == 0:
            roc.append({"fpr": fpr, "tpr": tpr})
    auc = area / positives / negatives
    return {"rows": len(rows), "positives": positives, "auc": auc, "auc_low": auc - 0.0061,
            "auc_high": auc + 0.0061, "gini": 2 * auc - 1, "ks": ks, "pr_auc": 0.4312,
            "logloss": -sum(math.log(p if y else 1 - p) for p, y in rows) / len(rows),
            "brier": sum((p - y) ** 2 for p, y in rows) / len(rows), "roc": roc,
            **tables(rows, positives)}


def tables(rows, positives):
    size, captured, calibration, lift = len(rows) // 10, 0, [], []
    for i in range(10):
        part = rows[i * size:(i + 1) * size]
        events = sum(label for _, label in part)
        captured += events
        lift.append({"rows": size, "positives": events, "cut": part[-1][0],
                     "lift": events / size / (positives / len(rows)),
                     "captured": captured / positives})
        calibration.insert(0, {"rows": size, "positives": events, "observed": events / size,
                               "mean_predicted": sum(score for score, _ in part) / size})
    return {"calibration": calibration, "lift": lift}


def worker(seat):
    wait = 3.1 if seat == 0 else 9.4
    spent = {"compute": 31.2 + seat, "wait": wait, "pull": 5.2, "push": 3.9, "other": 1.3}
    return {"seat": seat, "pushes": 2735, "rows": 700_160,
            "samples_per_second": 700_160 / sum(spent.values()), "seconds": spent,
            "bytes_pulled": 1_950_000_000 - 9e7 * seat, "bytes_pushed": 1_520_000_000}


def shard(rng, place, bound):
    mean = 30 if bound == "inf" else bound / 4
    highest = 400 if bound == "inf" else bound
    ages = [min(int(rng.expovariate(1 / (mean + 0.01))), highest) for _ in range(5470)]
    return {"place": place, "pushes": 5470, "rows": 41_233 + place, "duplicates_refused": 0,
            "staleness_histogram": [[age, ages.count(age)] for age in sorted(set(ages))]}


def metrics(rng, evaluation, workers, bound):
    kept = {split: {key: value for key, value in content.items() if not isinstance(value, list)}
            for split, content in evaluation.items() if isinstance(content, dict)}
    shards = [shard(rng, place, bound) for place in range(4)]
    oldest = max(pair[0] for s in shards for pair in s["staleness_histogram"])
    return {**kept,
            "train": {"seconds": 46.8, "rows": 1_400_320, "samples_per_second": 29_921.4,
                      "clock": 2735, "epoch_used": 4, "snapshot_used": 5, "resumed_from_clock": 0},
            "run": {"seed": 1, "version": "0.1.0 (9558f11)", "data_sha256": "8f3a" * 16},
            "staleness": {"bound": bound, "max_observed": oldest},
            "updates": {"lost": 0, "duplicates_refused": 0},
            "workers": [worker(seat) for seat in range(workers)],
            "shards": shards,
            "processes": [{"name": name, "peak_memory_bytes": mib << 20, "cpu_seconds": 20.0}
                          for name, mib in (("scheduler-0", 21), ("server-0", 143),
                                            ("server-1", 139), ("worker-0", 214),
                                            ("worker-1", 211))]}


def write_telemetry(folder, rng, workers):
    folder.mkdir()
    for seat in range(workers):
        lines = []
        for clock in range(5, 2735, 5):
            loss = 0.402 + 0.29 * math.exp(-clock / 170) + rng.gauss(0, 0.017)
            lines.append({"event": "progress", "clock": clock, "epoch": clock // 547,
                          "loss": loss, "rows": clock * 256,
                          "seconds_since_start": clock * 0.0171 + rng.random() / 20})
            if seat == 0 and clock % 545 == 0:
                epoch = clock // 547  # counted from 0
                auc = 0.771 + 0.013 * (1 - math.exp(-epoch)) - 0.0007 * max(0, epoch - 3)
                lines.append({"event": "validation", "epoch": epoch, "clock": clock,
                              "seconds": clock * 0.0171,
                              "figures": {"auc": auc, "logloss": 0.437 - 2.2 * (auc - 0.76)}})
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"worker-{seat}.jsonl").write_text(text + '{"event": "progr', "utf-8")


def config(workers, bound):
    return {"data": {"format": "csv", "path": "loans_2019.csv.gz", "label": "default",
                     "drop": ["id"], "seed": 1},
            "model": {"kind": "mlp", "hidden": [64, 32], "embedding_dim": 8},
            "optimizer": {"kind": "adagrad", "learning_rate": 0.05, "l2": 0.0},
            "train": {"staleness": bound, "epochs": 5, "batch": 256, "seed": 1, "best_epoch": True},
            "fleet": {"servers": 2, "shards_per_server": 2, "workers": workers},
            "snapshot": {"every_clocks": 500, "keep": 2}, "device": "cpu"}


def cleansing():
    return {"rows": {"read": 200_412, "dropped_missing_label": 238, "dropped_missing_time": 0,
                     "dropped_ignored_label": 0, "train": 140_032, "validation": 30_102,
                     "test": 30_040},
            "positives": {"train": 29_871, "validation": 6_402, "test": 6_391},
            "split": {"kind": "hash", "seed": 3, "group": "customer", "stratified": True},
            "inputs": [{"path": "loans_2019.csv.gz", "sha256": "8f3a" * 16, "bytes": 9_345_112}],
            "columns": [{"name": "loan_amount", "role": "number", "missing": 0,
                         "signed_log": True},
                        {"name": "loan_grade", "role": "category", "missing": 812, "levels": 9},
                        {"name": {"latin1": "größe"}, "role": "number", "missing": 0},
                        {"name": "default", "role": "label", "missing": 238}],
            "warnings": [{"column": "batch", "kind": "constant",
                          "sentence": "column batch has one value in all training rows: it was "
                                      "left out"},
                         {"column": "recoveries", "kind": "leak",
                          "sentence": "column recoveries alone ranks the label with AUC 0.991: "
                                      "is it known before the loan is made? Drop it with "
                                      "data.drop = [\"recoveries\"]"}]}


def write(folder, seed=1, workers=2, bound=8):
    """Fills the empty or missing `folder`."""
    rng = random.Random(seed)
    folder = pathlib.Path(folder)
    (folder / "data").mkdir(parents=True)
    test, best = evaluate(scored_rows(rng, 0.25)), evaluate(scored_rows(rng, 0.0))
    evaluation = {
        "test": test, "validation": evaluate(scored_rows(rng, 0.26)),
        "oracle": best,
        "top_features": [{"name": name, "weight": 0.81 * 0.78 ** i * (-1) ** (i % 3 == 2)}
                         for i, name in enumerate(FEATURES)]}
    for name, content in (("target.json", targets.BINARY),
                          ("evaluation.json", evaluation), ("config.json", config(workers, bound)),
                          ("metrics.json", metrics(rng, evaluation, workers, bound)),
                          ("data/cleansing.json", cleansing())):
        RunFolder(str(folder)).write_json(name, content)
    write_telemetry(folder / "telemetry", rng, workers)


if __name__ == "__main__":
    write(sys.argv[1], *(word if word == "inf" else int(word) for word in sys.argv[2:]))
