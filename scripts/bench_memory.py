"""How much memory a training step of ResNet-50 at 224x224, batch 2, takes: the reference beside torch.

Each in a process of its own: the most that it has during two steps, less what it had before them, with imports, weights
and images. The target is 1.5 times what torch takes in its more frugal layout. Linux tells and forgets the most that a
process had (/proc/self); elsewhere this cannot be measured.
"""

import json
import subprocess
import sys
from pathlib import Path

from crosscheck.settings import one_thread

STEPS = 2
TARGET = 1.5
SIDES = ("ours", "n c h w", "channels last")


def main():
    if len(sys.argv) == 3:
        print(json.dumps(measure(*sys.argv[1:])))
        return 0
    print("dtype    " + "  ".join(f"{side:>13}" for side in SIDES) + "  ratio  target")
    missed = False
    for dtype in ("float32", "float64"):
        took = [in_fresh_process(side, dtype) for side in SIDES]
        ratio = took[0] / min(took[1:])
        missed |= ratio > TARGET
        amounts = "  ".join(f"{amount / 2**20:9.0f} MiB" for amount in took)
        print(f"{dtype}  {amounts}   {ratio:.2f}   {TARGET} {'missed' if ratio > TARGET else 'met'}", flush=True)
    return 1 if missed else 0


def in_fresh_process(side, dtype):
    run = subprocess.run([sys.executable, __file__, side, dtype], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def measure(side, dtype):
    one_thread()
    import plain_torch
    from network_rows import LARGE, our_side, torch_side
    from reference_rows import LAYOUTS

    if side == "ours":
        run = our_side(dtype, LARGE, 224, 2)
    else:
        run = torch_side(dtype, LARGE, plain_torch.resnet50, 224, 2, LAYOUTS[side])
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = memory("VmRSS")
    for _ in range(STEPS):
        run()
    return memory("VmHWM") - before


def memory(name):
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    sys.exit(main())
