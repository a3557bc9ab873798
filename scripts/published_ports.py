"""Hugging Face transformers' PyTorch models beside their Flax twins, with random weights, one call each, no map given.

Small configurations; all hidden states are compared. The Flax twins do all their arithmetic in the dtype that their
constructor is given, float32 unless told otherwise; one row is left so.
"""

import argparse
import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
warnings.filterwarnings("ignore")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from flax import linen  # noqa: E402
from rich.console import Console  # noqa: E402
from transformers import BertConfig, BertModel, ResNetConfig, ResNetModel  # noqa: E402
from transformers.models.bert.modeling_flax_bert import FlaxBertModule  # noqa: E402
from transformers.models.resnet.modeling_flax_resnet import FlaxResNetModule  # noqa: E402

import crosscheck  # noqa: E402

PAGE = Path(__file__).parent.parent / "docs" / "ports.md"
BERT = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 32,
    "max_position_embeddings": 20,
}
RESNET = {"num_channels": 3, "embedding_size": 8, "hidden_sizes": [8, 12], "depths": [2, 2]}


class FlaxBert(linen.Module):
    config: BertConfig
    dtype: object

    @linen.compact
    def __call__(self, input_ids, attention_mask, token_type_ids, train=False):
        places = jnp.broadcast_to(jnp.arange(input_ids.shape[1]), input_ids.shape)
        whole = FlaxBertModule(self.config, dtype=self.dtype)
        given = input_ids, attention_mask, token_type_ids, places, None
        return whole(*given, deterministic=not train, output_hidden_states=True)


class FlaxResNet(linen.Module):
    config: ResNetConfig
    dtype: object

    @linen.compact
    def __call__(self, pixel_values, train=False):
        whole = FlaxResNetModule(self.config, dtype=self.dtype)
        return whole(pixel_values, deterministic=not train, output_hidden_states=True)


@dataclass(frozen=True)
class Twin:
    """name: as the table has it; config: of both; second: the flax module; inputs: in the layout of torch."""

    name: str
    config: object
    first: type
    second: type
    inputs: dict
    dtype: object = jnp.float64

    def compare(self, progress):
        self.config.output_hidden_states = True
        module = self.second(self.config, self.dtype)
        given = {name: np.moveaxis(x, 1, -1) if x.ndim == 4 else x for name, x in self.inputs.items()}
        variables = module.init(jax.random.key(0), **given)
        torch.manual_seed(0)
        return crosscheck.compare(self.first(self.config), (module, variables), self.inputs, progress=progress)


def words(padded):
    rng = np.random.default_rng(0)
    mask = np.ones((2, 7), int)
    mask[1, 5:] = not padded
    return {
        "input_ids": rng.integers(0, 50, (2, 7)) * mask,
        "attention_mask": mask,
        "token_type_ids": np.zeros((2, 7), int),
    }


def pictures():
    return {"pixel_values": np.random.default_rng(0).standard_normal((2, 3, 32, 32)).astype(np.float32)}


def twins():
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return [
        Twin("BERT", BertConfig(**BERT), BertModel, FlaxBert, words(True)),
        Twin("BERT without dropout", BertConfig(**BERT, **still), BertModel, FlaxBert, words(True)),
        Twin("BERT, Flax in float32", BertConfig(**BERT), BertModel, FlaxBert, words(True), jnp.float32),
        Twin("ResNet, basic blocks", ResNetConfig(**RESNET, layer_type="basic"), ResNetModel, FlaxResNet, pictures()),
        Twin("ResNet, bottlenecks", ResNetConfig(**RESNET), ResNetModel, FlaxResNet, pictures()),
    ]


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("patterns", nargs="*", help="parts of names; all if none is given")
    options.add_argument("--write", action="store_true", help=f"write {PAGE.name} in docs")
    options = options.parse_args()
    torch.set_num_threads(1)
    console, found = Console(), []
    for twin in twins():
        if options.patterns and not any(part in twin.name for part in options.patterns):
            continue
        start = time.perf_counter()
        with console.status(twin.name) as status:
            report = twin.compare(lambda what, twin=twin: status.update(f"{twin.name}: {what}"))
        found.append((twin, report))
        console.rule(f"{twin.name}, {time.perf_counter() - start:.0f} s")
        print(report)
    if options.write:
        PAGE.write_text(page(found))


def page(found):
    versions = f"transformers {transformers.__version__}, torch {torch.__version__}, jax {jax.__version__}"
    lines = [
        "# Published ports, compared",
        "",
        "Hugging Face transformers shipped Flax twins of its PyTorch models up to version 4. Here some are compared in",
        "one call each, with random weights, small configurations and no map of names: every parameter and buffer was",
        "paired by itself. `scripts/ports --write` makes this page.",
        "",
        f"{versions}.",
        "",
        "| model | paired | eval | train | given weights | own dtype | first divergence | cause |",
        "|---|---|---|---|---|---|---|---|",
        *(row(twin, report) for twin, report in found),
        "",
        "What each report says:",
    ]
    for twin, report in found:
        lines += ["", f"## {twin.name}", "", "```", *(line.rstrip() for line in str(report).splitlines()), "```"]
    return "\n".join(lines) + "\n"


def row(twin, report):
    rungs = {finding.rung: outcome(finding) for finding in report.findings}
    at = report.first_divergence
    cause = " and ".join(cause.id for cause in report.causes[0].causes) if report.causes else ""
    cells = [twin.name, f"{len(report.pairing.links)} of {len(report.pairing.links) + len(report.pairing.first_alone)}"]
    cells += [rungs.get(name, "") for name in ("eval", "train", "given", "precision")]
    return f"| {' | '.join([*cells, at.where if at else 'none', cause])} |"


def outcome(finding):
    if not finding.gaps:
        return finding.reason.partition(":")[0]
    return "diverges" if finding.diverges and not finding.excused else "agrees"


if __name__ == "__main__":
    main()
