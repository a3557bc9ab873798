"""A parameter that is one in one model and two in the other: a table of embeddings that makes the logits, too."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest
import torch
from flax import linen, nnx

import crosscheck

IDS = "ids: n t = 2 7 int64 below 50"
FOLD = "the two part as soon as they are trained"


class Net(torch.nn.Module):
    def __init__(self, tied):
        super().__init__()
        self.emb = torch.nn.Embedding(50, 16)
        self.fc = torch.nn.Linear(16, 16)
        self.head = torch.nn.Linear(16, 50, bias=False)
        if tied:
            self.head.weight = self.emb.weight

    def forward(self, ids):
        return self.head(torch.tanh(self.fc(self.emb(ids))))


class Port(nnx.Module):
    def __init__(self, tied, activation=jnp.tanh, same=False):
        self.tied, self.activation, rngs = tied, activation, nnx.Rngs(0)
        self.emb = nnx.Embed(50, 16, rngs=rngs)
        self.fc = nnx.Linear(16, 16, rngs=rngs)
        if not tied:
            self.head = nnx.Linear(16, 50, use_bias=False, rngs=rngs)
        if same:
            self.head.kernel.set_value(self.emb.embedding.get_value().T)

    def __call__(self, ids):
        h = self.activation(self.fc(self.emb(ids)))
        return self.emb.attend(h) if self.tied else self.head(h)


class Linen(linen.Module):
    factor: float = 1.0

    @linen.compact
    def __call__(self, ids):
        emb = linen.Embed(50, 16, name="emb")
        return emb.attend(self.factor * jnp.tanh(linen.Dense(16, name="fc")(emb(ids))))


def linen_port(factor=1.0):
    module = Linen(factor)
    return module, module.init(jax.random.key(0), jnp.zeros((2, 7), int))


class Shared(torch.nn.Module):
    """One table for two texts and for the logits, as T5 has it."""

    def __init__(self):
        super().__init__()
        self.shared = torch.nn.Embedding(50, 16)
        self.encoder = torch.nn.ModuleDict({"emb": torch.nn.Embedding(50, 16), "fc": torch.nn.Linear(16, 16)})
        self.decoder = torch.nn.ModuleDict({"emb": torch.nn.Embedding(50, 16), "fc": torch.nn.Linear(16, 16)})
        self.head = torch.nn.Linear(16, 50, bias=False)
        self.encoder["emb"].weight = self.decoder["emb"].weight = self.head.weight = self.shared.weight

    def forward(self, ids):
        source = torch.tanh(self.encoder["fc"](self.encoder["emb"](ids)))
        return self.head(torch.tanh(self.decoder["fc"](self.decoder["emb"](ids.flip(1)) + source)))


class SharedPort(nnx.Module):
    def __init__(self, activation=jnp.tanh):
        self.activation, rngs = activation, nnx.Rngs(0)
        self.shared = nnx.Embed(50, 16, rngs=rngs)
        self.encoder, self.decoder = (nnx.Linear(16, 16, rngs=rngs) for _ in range(2))

    def __call__(self, ids):
        source = jnp.tanh(self.encoder(self.shared(ids)))
        return self.shared.attend(self.activation(self.decoder(self.shared(ids[:, ::-1]) + source)))


def both(first, second, inputs=IDS, **more):
    report = crosscheck.compare(first, second, inputs, **more)
    return report, [note for note in report.notes if FOLD in note], [c.id for e in report.causes for c in e.causes]


@pytest.mark.parametrize("pair", [(Net(True), Port(False)), (Port(True), Net(False))], ids=["torch", "flax"])
def test_one_for_two_agrees_and_says_so(pair):
    report, notes, _ = both(*pair)
    assert report.agree
    assert len(notes) == 1
    assert not report.pairing.second_alone


@pytest.mark.parametrize("pair", [(Net(False), Port(True)), (Port(False), Net(True))], ids=["torch", "flax"])
def test_two_that_differ_cannot_be_one(pair):
    report, notes, causes = both(*pair)
    assert [finding.rung for finding in report.findings if finding.diverges] == ["given"]
    assert causes == ["weights-tied"]
    assert len(notes) == 1
    assert report.causes[0].before > 0.1
    assert report.causes[0].after < 1e-12


def test_two_of_the_same_values_agree_and_the_note_is_there():
    report, notes, _ = both(Port(False, same=True), Net(True))
    assert report.agree
    assert len(notes) == 1


def test_gradients_of_two_are_added_where_they_are_one():
    report, _, _ = both(Net(False), Port(True), rungs=("eval",))
    assert "emb.weight" in [gap.path for gap in report.tensors["eval"]]
    assert report.agree


@pytest.mark.parametrize("turned", [False, True])
def test_what_else_is_wrong_is_told_as_ever(turned):
    pair = (Net(False), Port(True, nnx.sigmoid))
    report, notes, causes = both(*(pair[::-1] if turned else pair))
    assert "activation-other" in causes
    assert len(notes) == 1
    assert not [gap for gap in report.tensors["eval"] if gap.agrees and gap.kind == "output"]


def test_optimizers_step_through_it():
    import optax

    net = Net(False)
    report, _, _ = both(
        net, Port(True), rungs=("eval",), optimizers=(torch.optim.SGD(net.parameters(), 0.1), optax.sgd(0.1))
    )
    assert report.agree
    assert {"emb.weight", "fc.weight"} <= {gap.path for gap in report.tensors["step"]}


@pytest.mark.parametrize("turned", [False, True])
def test_the_product_with_a_table_is_a_layer_of_its_own(turned):
    pair = (Net(True), linen_port(0.5))
    report, notes, causes = both(*(pair[::-1] if turned else pair))
    assert (causes, notes) == (["scale-constant"], [])
    assert [layer.second for layer in report.layers if layer.first == ("emb.attend()" if turned else "head")] == [
        "head" if turned else "emb.attend()"
    ]


@pytest.mark.parametrize("turned", [False, True])
def test_one_table_for_two_texts_and_for_the_logits(turned):
    pair = (Shared(), SharedPort())
    report, notes, _ = both(*(pair[::-1] if turned else pair))
    assert (report.agree, notes) == (True, [])
    pair = (Shared(), SharedPort(nnx.sigmoid))
    assert both(*(pair[::-1] if turned else pair))[2] == ["activation-other"]


class Coder(torch.nn.Module):
    """An autoencoder whose decoder is its encoder turned round."""

    def __init__(self, tied):
        super().__init__()
        self.tied = tied
        self.encode = torch.nn.Linear(6, 6)
        if not tied:
            self.decode = torch.nn.Linear(6, 6, bias=False)

    def forward(self, x):
        h = torch.sigmoid(self.encode(x))
        return torch.nn.functional.linear(h, self.encode.weight.t()) if self.tied else self.decode(h)


class Coded(nnx.Module):
    def __init__(self):
        self.encode = nnx.Linear(6, 6, rngs=nnx.Rngs(0))
        self.decode = nnx.Linear(6, 6, use_bias=False, rngs=nnx.Rngs(1))

    def __call__(self, x):
        return self.decode(nnx.sigmoid(self.encode(x)))


@pytest.mark.parametrize("turned", [False, True])
def test_a_square_matrix_that_is_used_turned_round(turned):
    pair = (Coder(True), Coded())
    report, notes, causes = both(*(pair[::-1] if turned else pair), "x: n c = 4 6")
    assert (report.agree, causes) == ((False, ["weights-tied"]) if turned else (True, []))
    assert len(notes) == 1


def test_a_matrix_that_the_other_model_lacks_is_not_tied():
    class Without(nnx.Module):
        def __init__(self):
            self.encode = nnx.Linear(6, 6, rngs=nnx.Rngs(0))

        def __call__(self, x):
            return nnx.sigmoid(self.encode(x))

    report, notes, _ = both(Coder(False), Without(), "x: n c = 4 6")
    assert not report.agree
    assert not notes
    assert report.pairing.first_alone == ("decode.weight",)


@pytest.mark.parametrize("turned", [False, True])
def test_a_matrix_on_which_nothing_depends_is_not_tied(turned):
    class Unused(Net):
        def __init__(self):
            super().__init__(False)
            self.aside = torch.nn.Linear(16, 50, bias=False)

    pair = (Unused(), Port(False))
    report, notes, _ = both(*(pair[::-1] if turned else pair))
    assert report.agree
    assert not notes
    assert report.pairing.as_data()["second_alone" if turned else "first_alone"] == ("aside.weight",)


@pytest.mark.parametrize("pair", [(Net(False), Port(True)), (Port(False), Net(True)), (Net(False), linen_port())])
def test_the_script_runs_the_two_layers_with_the_matrix_that_each_has(pair, tmp_path):
    report, _, _ = both(*pair)
    script = report.reproduction(tmp_path)
    printed = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert float(printed.split()[-1]) == pytest.approx(report.first_divergence.gap.relative, rel=0.02)


def test_the_pairing_says_that_the_second_has_no_place_for_two():
    weights = {name: value.detach().numpy() for name, value in Net(False).state_dict().items()}
    with pytest.raises(ValueError, match=r"head\.weight of Net has no counterpart in Port"):
        crosscheck.convert(weights, Net(False), Port(True), IDS)
