"""How fast the suite is: compilations and time with an empty cache and with a full one, and what tracing costs.

A count is free of noise where a time is not: with a full cache nothing at all may be compiled again, or this exits 1.
`scripts/bench suite PATTERN ...` measures the cases that match.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter

from crosscheck.settings import one_thread, unchanging

EVENTS = {
    "/jax/compilation_cache/compile_requests_use_cache": "programs",
    "/jax/compilation_cache/cache_hits": "from cache",
}
ROUNDS = 30


def main():
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(int(sys.argv[2]), sys.argv[3:])))
        return 0
    cores = unchanging()["cores"]
    print("run   processes  cases  JAX programs  compiled  wall [s]  CPU [s]  slowest case", flush=True)
    compiled = 0
    for processes in dict.fromkeys((1, cores)):
        with tempfile.TemporaryDirectory() as cache:
            for name in ("cold", "warm"):
                found = in_fresh_process(cache, processes, sys.argv[1:])
                counts = [str(found.get(key, "-")) for key in ("programs", "compiled")]
                row = f"{name:4}  {processes:9}  {found['cases']:5}  {counts[0]:>12}  {counts[1]:>8}"
                slowest = "{} {:.1f} s".format(*found["slowest"])
                print(f"{row}  {found['wall']:8.1f}  {found['cpu']:7.1f}  {slowest}", flush=True)
        compiled += found.get("compiled", 0)
    if compiled:
        print(f"compiled again with a full cache: {compiled} programs")
    print_trace_overhead()
    return 1 if compiled else 0


def in_fresh_process(cache, processes, patterns):
    environment = os.environ | {"CROSSCHECK_CACHE": cache, "TORCHINDUCTOR_CACHE_DIR": f"{cache}/inductor"}
    before, start = os.times(), time.perf_counter()
    words = [sys.executable, __file__, "--measure", str(processes), *patterns]
    run = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return json.loads(run.stdout) | {"wall": time.perf_counter() - start, "cpu": cpu}


def measure(processes, patterns):
    """Run the suite; programs are counted where it runs in this process alone."""
    one_thread()
    import jax

    from crosscheck.case import select
    from crosscheck.ladder import Settings
    from crosscheck.suite import run

    counts = Counter()
    jax.monitoring.register_event_listener(lambda event, **_: counts.update([EVENTS[event]] if event in EVENTS else []))
    results = run(select(patterns), Settings(), processes)
    if results.exit_code:
        sys.exit(f"the suite does not agree: {results.counts}")
    slowest = max(results.outcomes, key=lambda outcome: outcome.seconds)
    found = {"cases": len(results.outcomes), "slowest": (slowest.case, slowest.seconds)}
    if processes == 1:
        found |= {"programs": counts["programs"], "compiled": counts["programs"] - counts["from cache"]}
    return found


def print_trace_overhead():
    """A pass that records every submodule beside one that does not, alternating, on a net of ordinary size."""
    one_thread()
    from crosscheck.case import Case
    from crosscheck.session import Session, split_columns

    case = Case(
        "nets.deep_net.DeepNet",
        arguments={"layer_dims": (784, 300, 100, 10), "batch_norm": True},
        inputs={"X": "n=784 m=256"},
    )
    columns, _ = split_columns(("numpy", "torch", "jax"))
    session = Session(case, columns)
    print(f"\n{case.target} {case.arguments['layer_dims']}, 256 examples: forward and backward, with every submodule")
    for column in columns:
        times = {True: [], False: []}
        for _ in range(ROUNDS + 1):
            for trace, found in times.items():
                start = time.perf_counter()
                session.subject(column).observe(session.feed(), True, trace)
                found.append(time.perf_counter() - start)
        traced, plain = (statistics.median(found[1:]) for found in times.values())
        print(f"{column:5}  plain {plain * 1e3:6.2f} ms  traced {traced * 1e3:6.2f} ms  ratio {traced / plain:.2f}")


if __name__ == "__main__":
    sys.exit(main())
