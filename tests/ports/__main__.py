"""python -m tests.ports [parts of names] [--turned]: every port sound and with every mistake, and some with two; how
many are detected, placed and explained. With --turned the port comes first, then the original."""

import sys
import time
from itertools import combinations

import torch

from tests.ports.every import EVERY

TURNED = "--turned"


def main(patterns):
    torch.set_num_threads(1)
    turned = TURNED in patterns
    patterns = [pattern for pattern in patterns if pattern != TURNED]
    chosen = [port for port in EVERY if not patterns or any(part in port.name for part in patterns)]
    counts = dict.fromkeys(("sound", "accused", "planted", "detected", "placed", "explained"), 0)
    pairs = {"two": 0, "both found": 0}
    for port in chosen:
        start = time.perf_counter()
        report = port.compared(turned=turned)
        counts["sound"] += 1
        counts["accused"] += not report.agree
        told(port.name, "sound", "" if report.agree else "ACCUSED", report, start)
        for mistake in port.mistakes:
            start = time.perf_counter()
            report = port.compared(mistake, turned=turned)
            verdict = judged(mistake, report, turned)
            counts["planted"] += 1
            for name in ("detected", "placed", "explained"):
                counts[name] += verdict[name]
            told(port.name, mistake.name, " ".join(n.upper() for n, ok in verdict.items() if not ok), report, start)
        for both in apart(port):
            start = time.perf_counter()
            report = port.compared(*both, turned=turned)
            found = {place(culprit.divergence, turned) for culprit in report.accused()}
            pairs["two"] += 1
            pairs["both found"] += all(found & set(mistake.blame) for mistake in both)
            names = " and ".join(mistake.name for mistake in both)
            told(port.name, names, "" if all(found & set(m.blame) for m in both) else "NOT BOTH", report, start)
    print(counts | pairs)


def place(divergence, turned):
    """Where it is in the original."""
    return divergence.second if turned else divergence.first


def judged(mistake, report, turned):
    """explained: by the right cause first, or, of a mistake outside the catalogue, by none."""
    at, first = report.first_divergence, next(iter(report.accused()), None)
    ids = [cause.id for cause in first.explanation.causes] if first and first.explanation else []
    right = bool(ids) and set(ids) <= set(mistake.cause) if mistake.cause else not ids
    return {
        "detected": not report.agree,
        "placed": at is not None and place(at, turned) in mistake.blame,
        "explained": right,
    }


def apart(port, most=2):
    """Pairs of mistakes at different places that the catalogue has."""
    known = [mistake for mistake in port.mistakes if mistake.cause]
    return [(a, b) for a, b in combinations(known, 2) if not set(a.blame) & set(b.blame)][:most]


def told(port, mistake, wrong, report, start):
    print(f"{port:10} {mistake:40.40} {wrong or 'ok':30} {time.perf_counter() - start:5.1f} s", flush=True)
    for culprit in report.accused()[:3] if wrong else ():
        print(f"    {culprit.rung} {culprit.divergence.direction} {culprit.divergence.where}: {culprit.explanation}")


main(sys.argv[1:])
