"""How long a comparison takes and how much memory, beside one plain forward and backward pass of the slower model.

A comparison runs both models some times, in float64; compiling JAX's programs is counted apart: tracing a model, and
what the first call of a program takes longer than the second, which is made for this alone and is not counted (XLA
builds some kernels as late as that). The plain pass is in float64 too, and compiled. Importing is counted with neither.
Each comparison and each plain pass is in a process of its own; memory is the most that the process had to itself, less
what it had with both models built. Linux tells that (/proc/self/status); pages of files that are mapped, which it takes
back when it needs room, do not count. `--fault` plants a mistake first: eps of a norm in the middle of the first model.
"""

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

MODELS = ("resnet50", "encoder", "tagger")
ALLOWED = 12


def main():
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(*sys.argv[2:])))
        return 0
    fault = "--fault" in sys.argv
    wanted = [name for name in sys.argv[1:] if name != "--fault"]
    print("model     plain torch  plain jax  compare  compiling  ratio  allowed  MiB: torch   jax  compare  verdict")
    missed = False
    for model in wanted or MODELS[: 2 if fault else 3]:
        plain = {side: in_fresh_process(model, side) for side in ("torch", "jax")}
        found = in_fresh_process(model, "faulty" if fault else "compare")
        slower = max(side["seconds"] for side in plain.values())
        ratio = (found["seconds"] - found["compiling"]) / slower
        missed |= found["verdict"] != ("diverge" if fault else "agree") or (ratio > ALLOWED and not fault)
        print(
            f"{model:9} {plain['torch']['seconds']:9.2f} s  {plain['jax']['seconds']:7.2f} s  {found['seconds']:5.1f} s"
            f"  {found['compiling']:7.1f} s  {ratio:5.1f}  {'' if fault else ALLOWED:7}"
            f"  {plain['torch']['memory']:10.0f} {plain['jax']['memory']:5.0f}  {found['memory']:7.0f}"
            f"  {found['verdict']}",
            flush=True,
        )
    return 1 if missed else 0


def in_fresh_process(model, what):
    run = subprocess.run(
        [sys.executable, __file__, "--measure", model, what], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(run.stdout)


def measure(model, what):
    from crosscheck.settings import one_thread

    one_thread()
    first, second, x = globals()[model]()
    if what == "faulty":
        norms = [part for part in first.modules() if "Norm" in type(part).__name__]
        norms[len(norms) // 2].eps = 1e-2
    peak = Peak()
    found = ({"torch": plain_torch, "jax": plain_jax}.get(what) or compared)(first, second, x)
    return found | {"memory": peak.above()}


def plain_torch(first, _, x):
    import torch

    first.double().train()
    x = torch.tensor(x).double() if x.dtype.kind == "f" else torch.tensor(x)

    def step():
        first.zero_grad()
        output = first(x)
        output.backward(torch.ones_like(output))

    return {"seconds": best(step)}


def plain_jax(_, second, x):
    import jax
    import jax.numpy as jnp
    from flax import nnx

    def wide(v):
        return v.astype(float) if jnp.issubdtype(v.dtype, jnp.floating) else v

    for _, part in nnx.iter_modules(second):
        if hasattr(part, "param_dtype"):
            part.param_dtype = "float64"
    with jax.enable_x64(True):
        nnx.update(second, jax.tree.map(wide, nnx.state(second)))
        x = jnp.moveaxis(jnp.asarray(x, float), 1, -1) if x.ndim == 4 else jnp.asarray(x)
        step = nnx.jit(nnx.grad(lambda model, x: model(x).sum()))
        return {"seconds": best(lambda: jax.block_until_ready(step(second, x)))}


def best(step, times=3):
    step()
    found = []
    for _ in range(times):
        start = time.perf_counter()
        step()
        found.append(time.perf_counter() - start)
    return min(found)


def compared(first, second, x):
    from crosscheck.twins.compare import compare

    with compiling_apart() as (compiling, again):
        start = time.perf_counter()
        report = compare(first, second, x)
        took = time.perf_counter() - start - sum(again)
    return {
        "seconds": took,
        "compiling": sum(compiling),
        "verdict": report.status,
    }


@contextmanager
def compiling_apart():
    """(seconds of tracing and compiling, seconds of the second calls by which the latter are told)."""
    import jax

    from crosscheck.models.jax_model import JaxModel

    compiling, again = [], []
    plain, traced = JaxModel.program, JaxModel.traced

    def program(*args):
        run, border = plain(*args)
        ran = []

        def twice(*arguments):
            first, result = timed(lambda: run(*arguments))
            if not ran:
                second, _ = timed(lambda: run(*arguments))
                compiling.append(first - second)
                again.append(second)
            ran.append(1)
            return result

        def timed(call):
            start = time.perf_counter()
            result = jax.block_until_ready(call())
            return time.perf_counter() - start, result

        return twice, border

    def tracing(self, ask):
        start = time.perf_counter()
        found = traced(self, ask)
        compiling.append(time.perf_counter() - start)
        return found

    JaxModel.program, JaxModel.traced = program, tracing
    try:
        yield compiling, again
    finally:
        JaxModel.program, JaxModel.traced = plain, traced


class Peak:
    """The most memory that the process has to itself from now on, looked at every few milliseconds."""

    def __init__(self):
        self.before = self.most = private()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            self.most = max(self.most, private())
            time.sleep(0.005)

    def above(self):
        return self.most - self.before


def private():
    """MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024


def resnet50():
    from flax import nnx

    from jax_impl.nets import resnet as in_jax
    from torch_impl.nets import resnet as in_torch

    x = np.random.default_rng(0).standard_normal((4, 3, 112, 112)).astype(np.float32)
    return in_torch.resnet50(10), in_jax.resnet50(10, rngs=nnx.Rngs(0)), x


def encoder(layers=12, c=256, heads=8, hidden=1024):
    """Twelve layers of torch.nn's, and of one's own on nnx.MultiHeadAttention."""
    import jax
    from flax import nnx
    from torch import nn

    class Layer(nnx.Module):
        def __init__(self, rngs):
            self.attention = nnx.MultiHeadAttention(heads, c, decode=False, rngs=rngs)
            self.norm1, self.norm2 = (nnx.LayerNorm(c, epsilon=1e-5, rngs=rngs) for _ in range(2))
            self.wide, self.narrow = nnx.Linear(c, hidden, rngs=rngs), nnx.Linear(hidden, c, rngs=rngs)

        def __call__(self, x):
            x = self.norm1(x + self.attention(x))
            return self.norm2(x + self.narrow(jax.nn.relu(self.wide(x))))

    class Encoder(nnx.Module):
        def __init__(self, rngs):
            self.layers = nnx.List([Layer(rngs) for _ in range(layers)])

        def __call__(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    layer = nn.TransformerEncoderLayer(c, heads, hidden, dropout=0.0, batch_first=True)
    x = np.random.default_rng(0).standard_normal((4, 64, c)).astype(np.float32)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False), Encoder(nnx.Rngs(0)), x


def tagger(words=1000, c=128, hidden=256, tags=12):
    import torch
    from flax import nnx
    from torch import nn

    class Torch(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.lstm = nn.Embedding(words, c), nn.LSTM(c, hidden, batch_first=True)
            self.out = nn.Linear(hidden, tags)

        def forward(self, ids):
            return self.out(self.lstm(self.embed(ids))[0])

    class Flax(nnx.Module):
        def __init__(self, rngs):
            self.words = nnx.Embed(words, c, rngs=rngs)
            self.recurrent = nnx.RNN(nnx.OptimizedLSTMCell(c, hidden, rngs=rngs))
            self.head = nnx.Linear(hidden, tags, rngs=rngs)

        def __call__(self, ids):
            return self.head(self.recurrent(self.words(ids)))

    torch.manual_seed(0)
    return Torch(), Flax(nnx.Rngs(0)), np.random.default_rng(0).integers(0, words, (16, 50))


if __name__ == "__main__":
    sys.exit(main())
