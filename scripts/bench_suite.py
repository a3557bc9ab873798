"""How fast the suite is: compilations and time with an empty cache and with a full one, and what tracing costs.

Counts are free of noise where times are not. This exits 1 if there are more JAX programs than passes, costs and
optimizers of the cases in their dtypes, or if anything is compiled again with a full cache. Operations that are run
eagerly are programs of their own, counted apart. `scripts/bench suite PATTERN ...` measures the cases that match.
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

MADE = "/jax/core/compile/backend_compile_duration"
FROM_CACHE = "/jax/compilation_cache/cache_hits"
OURS = "jit(run)"
ROUNDS = 30
MAY_COST = {"numpy": "may be 1.15", "torch": "may be 1.35", "jax": "and no program more: the suite runs this one alone"}
"""A pass that records every submodule, beside one that does not."""


def main():
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(int(sys.argv[2]), sys.argv[3:])))
        return 0
    cores = unchanging()["cores"]
    print("run   processes  cases  JAX programs  allowed  operations  compiled  wall [s]  CPU [s]  slowest", flush=True)
    failures = []
    for processes in dict.fromkeys((1, cores)):
        with tempfile.TemporaryDirectory() as cache:
            for name in ("cold", "warm"):
                found = in_fresh_process(cache, processes, sys.argv[1:])
                counts = [str(found.get(key, "-")) for key in ("programs", "allowed", "operations", "compiled")]
                row = f"{name:4}  {processes:9}  {found['cases']:5}  {counts[0]:>12}  {counts[1]:>7}  {counts[2]:>10}"
                slowest = "{} {:.1f} s".format(*found["slowest"])
                print(f"{row}  {counts[3]:>8}  {found['wall']:8.1f}  {found['cpu']:7.1f}  {slowest}", flush=True)
                if found.get("programs", 0) > found.get("allowed", 0):
                    failures.append(f"{found['programs']} JAX programs; {found['allowed']} are allowed")
        if found.get("compiled"):
            failures.append(f"compiled again with a full cache: {found['compiled']} programs")
    print_trace_overhead()
    print("\n".join(failures))
    return 1 if failures else 0


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
    made = lambda event, _, fun_name="", **__: counts.update([fun_name == OURS] if event == MADE else [])  # noqa: E731
    jax.monitoring.register_event_duration_secs_listener(made)
    jax.monitoring.register_event_listener(lambda event, **_: counts.update([event]))
    cases = select(patterns)
    results = run(cases, Settings(), processes)
    if results.exit_code:
        sys.exit(f"the suite does not agree: {results.counts}")
    slowest = max(results.outcomes, key=lambda outcome: outcome.seconds)
    found = {"cases": len(results.outcomes), "slowest": (slowest.case, slowest.seconds)}
    if processes == 1:
        found |= {"programs": counts[True], "operations": counts[False], "allowed": sum(map(programs, cases))}
        found["compiled"] = counts[True] + counts[False] - counts[FROM_CACHE]
    return found


def programs(case):
    """Every pass once in each dtype, where all is compiled another that nobody watches; one cost, one step a rule."""
    from crosscheck.ladder import Settings
    from crosscheck.rungs.training import RULES
    from crosscheck.session import Session

    passes = len(Session(case, ["numpy"]).passes())
    watched = passes * len(Settings().dtypes)
    return watched + passes * case.compiled + (1 + len(RULES)) * bool(case.cost)


def print_trace_overhead():
    """A pass that records every submodule beside one that does not, by turns, on a net of ordinary size: CPU time."""
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
                start = time.process_time()
                session.subject(column).observe(session.feed(), True, trace)
                found.append(time.process_time() - start)
        traced, plain = (statistics.median(found[1:]) for found in times.values())
        ratio = f"ratio {traced / plain:.2f}, {MAY_COST[column]}"
        print(f"{column:5}  plain {plain * 1e3:6.2f} ms  traced {traced * 1e3:6.2f} ms  {ratio}")


if __name__ == "__main__":
    sys.exit(main())
