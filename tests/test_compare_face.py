"""The face of comparing two models: the functions, what the report says, as text, data, page and script."""

import inspect
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import crosscheck
from crosscheck import registry
from crosscheck.report import comparison, comparison_html, comparison_words
from crosscheck.report.comparison_terminal import text

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

DOCS = Path(__file__).parents[1] / "docs" / "compare.md"
BOTH = pytest.mark.skipif(bool(registry.missing("jax")), reason="jax or flax is not installed")


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.norm, self.out = nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Linear(7, 3)

    def forward(self, x):
        return self.out(torch.nn.functional.gelu(self.norm(self.hidden(x))))


def flax_head(exact=False):
    from flax import nnx

    class Port(nnx.Module):
        def __init__(self, rngs):
            self.a, self.b = nnx.Linear(5, 7, rngs=rngs), nnx.BatchNorm(7, momentum=0.9, rngs=rngs)
            self.c = nnx.Linear(7, 3, rngs=rngs)

        def __call__(self, x):
            return self.c(nnx.gelu(self.b(self.a(x)), approximate=not exact))

    return Port(nnx.Rngs(0))


@pytest.fixture(scope="module")
def report():
    """Two faults: the activation, and whose variance a batch norm keeps."""
    pytest.importorskip("flax")
    return crosscheck.compare(Head(), flax_head(), "x: n c = 6 5", rungs=("eval", "train"))


# The functions


def test_the_public_names_are_there_and_importing_them_loads_no_framework():
    code = "import crosscheck, sys; print(*(name for name in ('torch', 'jax', 'rich') if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
    assert all(inspect.getdoc(getattr(crosscheck, name)) for name in crosscheck.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'comparer'"):
        _ = crosscheck.comparer


def test_compare_has_the_defaults_of_the_engine():
    from crosscheck.twins.compare import compare
    from crosscheck.twins.ladder import RUNGS

    own, engine = (inspect.signature(function).parameters for function in (crosscheck.compare, compare))
    assert {name: own[name].default for name in ("rungs", "seed")} == {
        name: engine[name].default for name in ("rungs", "seed")
    }
    assert own["rungs"].default == tuple(RUNGS)


def test_agreement_is_returned_and_disagreement_raised_with_the_report():
    model = nn.Linear(5, 3)
    assert crosscheck.assert_agree(model, model, np.ones((2, 5), "float32"), rungs=("given",)).agree
    with pytest.raises(crosscheck.Disagreement, match="first divergence") as raised:
        crosscheck.assert_agree(
            Head(),
            nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3)),
            "x: n c = 6 5",
            rungs=("eval",),
        )
    assert isinstance(raised.value, AssertionError)
    assert raised.value.report.status == "diverge"


@pytest.mark.parametrize(
    "inputs",
    [
        np.ones((2, 5), "float32"),
        torch.ones(2, 5),
        [np.ones((2, 5), "float32")],
        {"x": np.ones((2, 5), "float32")},
        "n c = 2 5",
        ["x: n c = 2 5 float32"],
    ],
    ids=["array", "tensor", "list", "dict", "spec", "specs"],
)
def test_inputs_may_be_arrays_of_any_kind_or_specs(inputs):
    assert crosscheck.compare(Head(), Head(), inputs, rungs=("given",)).agree


def test_what_cannot_be_compared_is_refused_by_name():
    with pytest.raises(TypeError, match=r"second is int; expected a torch.nn.Module"):
        crosscheck.compare(Head(), 3, "n c = 2 5")
    with pytest.raises(ValueError, match="rungs has"):
        crosscheck.compare(Head(), Head(), "n c = 2 5", rungs=("forward",))
    with pytest.raises(ValueError, match=r"pairing names 'hiden.weight'.*did you mean hidden.weight"):
        crosscheck.compare(Head(), Head(), "n c = 2 5", pairing={"hiden.weight": "hidden.weight"})


# Text


def test_one_screen_says_where_why_and_what_to_do(report):
    screen = text(report.document(), 100)
    assert screen.startswith("✗ Head (torch) and Port (flax.nnx) differ on eval and train\n")
    for line in (
        r"first divergence the model's own code, between norm and out norm gives the same; what reaches out is not",
        r"cause +One side has the exact gelu, the other its tanh approximation",
        r"torch +exact gelu",
        r"flax.nnx +gelu by tanh",
        r"proof +with torch's way in place of flax.nnx's the difference goes from \S+ to \S+e-1[5-9]",
        r"in torch +F.gelu\(x, approximate='tanh'\)",
        r"evidence +https://",
        r"then +norm \(BatchNorm1d\) \| b \(BatchNorm\) cause .{0,200} torch new value .{0,200} flax.nnx new value",
        r"✗ train +\d+ ",
        r"pairing +all 8 parameters and buffers paired",
        r"input +x: n c = \(6, 5\) float32",
    ):
        assert re.search(line, " ".join(screen.split())), line
    assert str(report) == screen
    assert "diverge at the wiring" in repr(report)


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_screen_but_links(report, width):
    wide = [line for line in text(report.document(), width).splitlines() if len(line) > width]
    assert all("https://" in line for line in wide), wide


def test_the_same_cause_at_several_places_is_told_once():
    def net(eps):
        return nn.Sequential(*(layer for _ in range(3) for layer in (nn.Linear(4, 4), nn.LayerNorm(4, eps=eps))))

    found = crosscheck.compare(net(1e-5), net(1e-3), "n c = 3 4", rungs=("eval",))
    told = comparison_words.told(found.document())
    assert len(found.culprits) == 3
    assert len(told) == 1
    assert ("also at", "3 (LayerNorm), 5 (LayerNorm)".replace(" (LayerNorm)", "")) in told[0].rows


def test_what_no_module_can_be_blamed_for_is_told_by_its_tensor():
    class Two(nn.Linear):
        def forward(self, x):
            return {"logits": super().forward(x), "hidden": x}

    class One(nn.Linear):
        def forward(self, x):
            return {"logits": super().forward(x)}

    screen = str(crosscheck.compare(Two(5, 3), One(5, 3), "x: n c = 2 5", rungs=("eval",)))
    assert "output hidden" in screen
    assert "the second model has no such output" in screen


def test_a_model_that_raises_is_told_by_its_own_line():
    class Raising(nn.Linear):
        def forward(self, x):
            raise RuntimeError("no such luck")

    screen = str(crosscheck.compare(Raising(5, 3), nn.Linear(5, 3), "x: n c = 2 5"))
    assert screen.startswith("! Not compared: the first model (Raising) raised RuntimeError: no such luck")
    assert "test_compare_face.py" in screen


class Made(nn.Module):
    """A linear layer and what a function makes of it."""

    def __init__(self, function):
        super().__init__()
        self.layer, self.function = nn.Linear(5, 3), function

    def forward(self, x):
        return self.function(self.layer(x))


PLAIN = lambda y: y  # noqa: E731
CLEAR = [
    ("random", lambda y: y + torch.rand(()), PLAIN, "in evaluation mode the first model draws random numbers"),
    ("nothing", lambda y: None, PLAIN, "the first model has no such output"),
    ("fewer", lambda y: (y, y), lambda y: (y,), "the second model has no such output"),
    ("shapes", PLAIN, lambda y: y[:, :2], "shapes differ: (2, 3) and (2, 2)"),
    ("nan", PLAIN, torch.log, "NaN or infinite in the second model"),
    ("integers", lambda y: y.argmax(-1), lambda y: y.argmin(-1), "differ on eval"),
    ("detached", PLAIN, torch.detach, "gradient layer.weight, on eval"),
]


@pytest.mark.parametrize(("first", "second", "said"), [row[1:] for row in CLEAR], ids=[row[0] for row in CLEAR])
def test_odd_models_get_a_clear_statement(first, second, said):
    found = crosscheck.compare(Made(first), Made(second), "x: n c = 2 5", rungs=("eval",))
    assert not found.agree
    assert said in " ".join(str(found).split())


@pytest.mark.parametrize(
    "make",
    [
        lambda: Made(lambda y: torch.fft.fft(y)),
        lambda: Made(PLAIN).bfloat16(),
        lambda: Made(PLAIN).double(),
        lambda: nn.LazyLinear(3),
        nn.ReLU,
    ],
    ids=["complex", "bfloat16", "float64", "lazy", "without parameters"],
)
def test_odd_models_agree_with_themselves(make):
    model = make()
    found = crosscheck.compare(model, model, "x: n c = 2 5")
    assert found.agree, str(found)


def test_a_rung_that_raises_is_no_agreement():
    class Shy(nn.Linear):
        def forward(self, x):
            if self.training:
                raise RuntimeError("not in public")
            return super().forward(x)

    found = crosscheck.compare(Shy(5, 3), nn.Linear(5, 3), "x: n c = 2 5")
    assert (found.status, found.agree) == ("crashed", False)
    assert "could not be compared on train, which raised RuntimeError: not in public" in " ".join(str(found).split())


def test_models_that_give_nan_alike_agree():
    class Log(nn.Linear):
        def forward(self, x):
            return torch.log(super().forward(x))

    model = Log(5, 3)
    assert crosscheck.compare(model, model, "x: n c = 6 5", rungs=("eval",)).agree


# Data


def test_the_document_is_strict_json_that_can_be_read_again(report, tmp_path):
    report.write_json(tmp_path / "report.json")
    document = comparison.read(tmp_path / "report.json")
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["divergences"][0]["cause"]["causes"][0]["id"] == "gelu-tanh-default"
    assert [entry["kind"] for entry in document["statements"]] == ["cause", "cause"]
    (tmp_path / "other.json").write_text('{"format": "crosscheck report", "version": 1}')
    with pytest.raises(ValueError, match="is not a crosscheck comparison"):
        comparison.read(tmp_path / "other.json")


def names(value):
    """The names that the schema fixes; versions, switches and the like are data."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            if name not in ("versions", "environment", "columns", "sizes"):
                yield from names(item)
    elif isinstance(value, list):
        for item in value:
            yield from names(item)


def test_every_entry_is_documented(report):
    documented = set(re.findall(r"`([a-z_]+)`", DOCS.read_text()))
    assert set(names(report.document())) <= documented


# The page


class Page(HTMLParser):
    """The tags, what is loaded, and the text."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.loaded, self.words = [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loaded += [value for name, value in attributes if name == "src"]

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_shows_the_layers_with_the_first_divergence_and_loads_nothing(report, tmp_path):
    report.write_html(tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    words = " ".join(" ".join(page.words).split())
    assert page.loaded == []
    assert "script" not in page.tags
    assert words.count("✗ first divergence") == 2, "among the findings, and in the picture"
    assert "BatchNorm: state on train" in words
    picture = comparison_html.layers(report.document())
    assert [row["text"] for row in picture if row["wiring"]] == ["the model's own code, between norm and out"]
    assert [row["first"] for row in picture] == ["hidden", "norm", "", "out"]


def test_names_from_models_cannot_break_the_page(report):
    document = report.document() | {"notes": ["</style><script>alert(1)</script>"]}
    assert "script" not in Page(comparison_html.render(document)).tags


def test_long_stretches_that_agree_are_folded():
    rows = [{"status": "diverge" if i == 20 else "agree"} for i in range(41)]
    assert [(s["shown"], len(s["rows"])) for s in comparison_html.stretches(rows)] == [
        (False, 14), (True, 13), (False, 14),
    ]  # fmt: skip


# The script


@BOTH
def test_the_script_shows_the_divergence_without_this_project(tmp_path):
    report = crosscheck.compare(Head(), flax_head(exact=True), "x: n c = 6 5", rungs=("train",))
    script = report.reproduction(tmp_path / "issue")
    assert "crosscheck" not in script.read_text()
    assert "layer = torch.nn.BatchNorm1d(num_features=7)" in script.read_text()
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    gaps = {line.partition(" | ")[0]: float(line.split()[-1]) for line in run.stdout.splitlines()}
    assert gaps["output"] < 1e-12
    assert gaps["state running_var"] == pytest.approx(report.first_divergence.gap.relative, rel=0.1)


def test_nothing_to_reproduce_is_said(tmp_path):
    report = crosscheck.compare(Head(), Head(), "x: n c = 6 5", rungs=("given",))
    with pytest.raises(ValueError, match="nothing diverges"):
        report.reproduction(tmp_path)


# Pairing and converting


@BOTH
def test_converted_weights_make_the_other_model_compute_the_same():
    import jax
    import jax.numpy as jnp
    from flax import nnx

    first, second = Head().eval(), flax_head(exact=True)
    found = crosscheck.convert({name: x.numpy() for name, x in first.state_dict().items()}, first, second)
    state = nnx.to_flat_state(nnx.state(second))
    filled = [(path, v.replace(jnp.asarray(found[".".join(path)]))) for path, v in state]
    nnx.update(second, nnx.from_flat_state(filled))
    second.eval()
    x = torch.randn(4, 5)
    with jax.default_matmul_precision("highest"):
        assert np.allclose(first(x).detach().numpy(), second(x.numpy()), atol=1e-5)


def test_a_pairing_is_saved_read_and_held_to_its_models(tmp_path):
    from crosscheck.pairing.saved import load, save

    pairing = crosscheck.pair(Head(), Head(), "n c = 4 5")
    save(pairing, tmp_path / "p.json", first="a", second="b")
    assert load(tmp_path / "p.json") == pairing
    assert crosscheck.compare(Head(), Head(), "n c = 4 5", rungs=("eval",), pairing=tmp_path / "p.json").agree
    with pytest.raises(ValueError, match=r"pairing names 'hidden.weight'"):
        crosscheck.compare(nn.Linear(5, 3), Head(), "n c = 4 5", pairing=tmp_path / "p.json")
    (tmp_path / "own.json").write_text('{"hidden.weight": ["hidden.weight", "o i -> o i"]}')
    assert load(tmp_path / "own.json") == {"hidden.weight": ("hidden.weight", "o i -> o i")}
    (tmp_path / "bad.json").write_text('{"hidden.weight": 3}')
    with pytest.raises(ValueError, match=r"'hidden.weight' is 3; expected a path"):
        load(tmp_path / "bad.json")


# The reference


def test_a_net_of_the_reference_is_either_side():
    from reference.nets.deep_net import DeepNet

    sizes = (5, 7, 3)
    net = DeepNet(sizes, batch_norm=True)

    def port(eps=1e-5):
        return nn.Sequential(nn.Linear(5, 7, bias=False), nn.BatchNorm1d(7, eps=eps), nn.ReLU(), nn.Linear(7, 3))

    agreed = crosscheck.compare(net, port(), "n c = 6 5", rungs=("eval", "precision"))
    assert agreed.agree, str(agreed)
    differing = crosscheck.compare(port(1e-3), net, "n c = 6 5", rungs=("eval",))
    assert differing.first_divergence.first == "1"
    assert differing.first_divergence.second == "layers.0.norm"
    assert [cause.id for cause in differing.causes[0].causes] == ["batchnorm-eps"]
    turned = crosscheck.compare(net, port(1e-3), "n c = 6 5", rungs=("eval",))
    assert turned.first_divergence.first == "layers.0.norm"
    assert [cause.id for cause in turned.causes[0].causes] == ["batchnorm-eps"]


def test_images_of_the_reference_have_channels_last_and_dropout_the_same_masks():
    from dataclasses import dataclass

    from reference.layers.conv import Conv
    from reference.layers.dropout import Dropout
    from reference.module import Chain

    @dataclass(frozen=True)
    class Net(Chain):
        @property
        def parts(self):
            return {"conv": Conv(3, 4, 3), "drop": Dropout(0.7), "last": Conv(4, 2, 3)}

    port = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.3), nn.Conv2d(4, 2, 3))
    assert crosscheck.compare(port, Net(), "x: n c h w = 2 3 8 9", rungs=("eval", "train")).agree
    wrong = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.4), nn.Conv2d(4, 2, 3))
    assert not crosscheck.compare(wrong, Net(), "x: n c h w = 2 3 8 9", rungs=("train",)).agree


def test_parameters_of_the_reference_have_to_be_its_own():
    from reference.nets.deep_net import DeepNet

    net = DeepNet((5, 3))
    good = {"layers": {"0": {"dense": {"W": np.ones((3, 5)), "b": np.zeros((3, 1))}}}}
    assert crosscheck.compare((net, good), (net, good), "n c = 2 5", rungs=("given",)).agree
    with pytest.raises(ValueError, match=r"lack 'layers.0.dense.b'"):
        crosscheck.compare((net, {"layers.0.dense.W": np.ones((3, 5))}), net, "n c = 2 5")
    with pytest.raises(ValueError, match=r"is \(5, 3\); expected \(3, 5\)"):
        crosscheck.compare((net, {"layers.0.dense.W": np.ones((5, 3))}), net, "n c = 2 5")
