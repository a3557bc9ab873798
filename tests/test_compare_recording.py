"""What a run records takes hardly any memory, is the same whatever way it took, and hangs nothing."""

import mmap
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from torch import nn

import crosscheck
from crosscheck.models import jax_border, shelf
from crosscheck.models.jax_model import JaxModel
from crosscheck.models.model import Ask, Call, Forced
from crosscheck.models.open import open_model
from crosscheck.models.shelf import PAGE, Shelf
from crosscheck.pairing.fits import Fit
from crosscheck.twins.forced import Match, forces
from crosscheck.twins.units import Unit

X = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)


class Port(nnx.Module):
    def __init__(self):
        self.inner, self.out = nnx.Linear(3, 60, rngs=nnx.Rngs(0)), nnx.Linear(60, 2, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.out(jax.nn.relu(self.inner(x)))


def net(activation):
    return nn.Sequential(nn.Linear(3, 60), activation, nn.Linear(60, 2))


def on_file(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, (mmap.mmap, memoryview))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, bool, np.complex128])
def test_what_has_no_room_in_memory_is_kept_on_file(dtype):
    shelf, rng = Shelf(room=0), np.random.default_rng(0)
    arrays = [(8 * rng.standard_normal((n, 700))).astype(dtype).T for n in (3, 50, 9)]
    kept = [shelf.keep(array) for array in arrays]
    del shelf
    assert all(map(on_file, kept[1:2]))
    for array, found in zip(arrays, kept):
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


def test_what_is_forced_lies_as_the_other_model_has_it_and_goes_wherever_it_takes_it():
    call = Call("block", "Block", None, {"x": np.arange(120.0).reshape(2, 3, 4, 5)})
    images = {"x": ("0", Fit("m h w c -> m c h w"))}
    match = Match(Unit("block", "0"), call, call, images, again={"1": "0", "2": "nowhere"})
    found = forces([match])["0"].inputs
    assert set(found) == {"0", "1"}
    for value in found.values():
        np.testing.assert_array_equal(value, call.inputs["x"].transpose(0, 3, 1, 2))


def test_what_is_small_or_first_stays_in_memory_as_it_was():
    shelf, large = Shelf(room=3 * PAGE), np.ones((PAGE, 1))
    kept = shelf.keep(large[:300])
    large[:] = 2
    assert (kept == 1).all()
    assert shelf.keep(large[:300], copy=False).base is large
    assert on_file(shelf.keep(large))
    assert not on_file(shelf.keep(np.ones(3)))


def test_a_full_disk_leaves_it_in_memory(monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(shelf, "Part", full)
    large = np.ones(PAGE)
    kept = Shelf(room=0).keep(large)
    assert kept is not large
    assert not on_file(kept)


def opened(given):
    return open_model(given, {"x": X}, False, "first")


@pytest.mark.parametrize("given", [Port(), net(nn.ReLU())], ids=["flax", "torch"])
def test_a_record_on_file_is_the_one_in_memory(given, monkeypatch):
    model = opened(given)
    output = "" if "" in model.look(Ask(model.values(), {"x": X})).outputs else "0"
    ask = Ask(model.values(), {"x": X}, cotangents={output: np.ones((40, 2))}, trace=True)
    before = model.run(ask)
    monkeypatch.setattr(shelf.Shelf.__init__, "__defaults__", (0,))
    after = model.run(ask)
    sides = ("inputs", "outputs", "cotangents", "input_cotangents")
    assert [call.key for call in before.calls] == [call.key for call in after.calls]
    for one, other in zip(before.calls, after.calls):
        for side in sides:
            assert getattr(one, side).keys() == getattr(other, side).keys()
            assert getattr(one, side)
            for name, value in getattr(one, side).items():
                np.testing.assert_array_equal(value, getattr(other, side)[name])
    assert on_file(after.calls[0].outputs[""])
    assert not on_file(before.calls[0].outputs[""])


def test_one_program_serves_whatever_is_recorded_or_forced():
    model = opened(Port())
    ask = Ask(model.values(), {"x": X}, cotangents={"": np.ones((40, 2))})
    plain = model.run(ask)
    nothing = {"inputs": {}, "outputs": {}, "cotangents": {}, "input_cotangents": {}}
    given = {"outputs": {"": np.full((40, 60), 2.0)}, "cotangents": {"": np.full((40, 60), 3.0)}}
    forced = model.run(Ask(**{**vars(ask), "forced": {"inner": Forced(**(nothing | given))}}))
    traced = model.run(Ask(**{**vars(ask), "trace": True}))
    assert len(model.programs) == 1
    np.testing.assert_array_equal(plain.outputs[""], traced.outputs[""])
    values = model.values()
    np.testing.assert_allclose(forced.outputs[""], 2 * values["out.kernel"].sum(0) + np.zeros((40, 1)), rtol=1e-6)
    np.testing.assert_allclose(forced.gradients["inner.bias"], 120, rtol=1e-6)
    calls = {call.key: call for call in forced.calls}
    np.testing.assert_allclose(calls["inner"].outputs[""], X @ values["inner.kernel"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(calls["inner"].cotangents[""], values["out.kernel"].sum(1) + np.zeros((40, 1)))


@pytest.mark.parametrize("given", [Port(), net(nn.ReLU())], ids=["flax", "torch"])
def test_what_is_forced_without_a_cotangent_leads_nowhere(given):
    model = opened(given)
    inner = "inner" if isinstance(given, Port) else "0"
    force = {inner: Forced({}, {"": np.full((40, 60), 2.0)}, {}, {})}
    run = model.run(Ask(model.values(), {"x": X}, cotangents={"": np.ones((40, 2))}, forced=force))
    assert not run.gradients[f"{inner}.bias"].any()
    assert not run.input_gradients["x"].any()
    assert next(call for call in run.calls if call.key == inner).cotangents[""].any()


def test_torch_takes_what_is_forced_and_weighs_what_came():
    model = opened(net(nn.ReLU()))
    force = {"0": Forced({}, {"": np.full((40, 60), 2.0)}, {"": np.full((40, 60), 3.0)}, {})}
    run = model.run(Ask(model.values(), {"x": X}, cotangents={"": np.ones((40, 2))}, forced=force))
    values = {name: value.astype(float) for name, value in model.values().items()}
    call = next(call for call in run.calls if call.key == "0")
    np.testing.assert_allclose(call.outputs[""], X.astype(float) @ values["0.weight"].T + values["0.bias"])
    np.testing.assert_allclose(call.cotangents[""], values["2.weight"].sum(0) + np.zeros((40, 1)))
    np.testing.assert_allclose(run.gradients["0.bias"], 120)
    np.testing.assert_allclose(run.outputs[""], 2 * values["2.weight"].sum(1) + values["2.bias"] + np.zeros((40, 1)))


def test_what_nothing_goes_on_with_is_recorded():
    class Unused(Port):
        def __call__(self, x):
            self.inner(x)
            return x

    run = opened(Unused()).run(Ask(opened(Unused()).values(), {"x": X}, cotangents={"": np.ones((40, 3))}, trace=True))
    call = next(call for call in run.calls if call.key == "inner")
    assert call.outputs[""].any()
    assert not call.cotangents[""].any()


def test_an_interrupt_in_the_middle_of_a_program_stops_it(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(jax_border.Host, "ahead", interrupted)
    with pytest.raises(KeyboardInterrupt):
        crosscheck.compare(net(nn.GELU()), Port(), X)


@pytest.mark.parametrize("way", ["on file", "by JAX's own callback"])
def test_the_verdict_is_the_same_whatever_way_values_take(way, monkeypatch):
    if way == "on file":
        monkeypatch.setattr(shelf.Shelf.__init__, "__defaults__", (0,))
    else:
        monkeypatch.setattr(jax_border, "buffer_callback", None)
    assert crosscheck.compare(net(nn.ReLU()), Port(), X).agree
    report = crosscheck.compare(net(nn.Tanh()), Port(), X)
    assert report.culprits[0].explanation.causes[0].id == "activation-other"


def test_a_gradient_that_is_stopped_is_found_where_it_is():
    class Stopped(Port):
        def __call__(self, x):
            return self.out(jax.nn.relu(jax.lax.stop_gradient(self.inner(x))))

    report = crosscheck.compare(net(nn.ReLU()), Stopped(), X)
    assert {(c.divergence.direction, c.divergence.wiring, c.divergence.after) for c in report.culprits} == {
        ("backward", True, "0")
    }


def test_recording_takes_one_core_no_longer_than_it_needs():
    """Where JAX has one thread, a callback that waits for an array of JAX's waits for ever."""
    code = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import jax, numpy as np
from flax import nnx
import crosscheck
class Wide(nnx.Module):
    def __init__(self, slope):
        self.a, self.b = (nnx.Linear(*n, rngs=nnx.Rngs(0)) for n in ((400, 400), (400, 400)))
        self.slope = slope
    def __call__(self, x):
        return self.b(self.slope * self.a(x))
print(crosscheck.compare(Wide(1.0), Wide(1.5), np.ones((400, 400), np.float32), rungs=("eval",)).status)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout.split() == ["diverge"]


def test_a_model_on_another_device_is_compared_and_told():
    code = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import jax, numpy as np, torch, crosscheck
from flax import nnx
with jax.default_device(jax.devices()[1]):
    port = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
x = jax.device_put(np.ones((4, 3), np.float32), jax.devices()[1])
report = crosscheck.compare(torch.nn.Linear(3, 2), port, x)
print(report.status, *report.notes, sep="\\n")
assert port.kernel.get_value().devices() == {jax.devices()[1]}
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["agree", "the second model's arrays are on cpu:1; it is run on cpu:0"]


def test_unlike_machines_are_told(monkeypatch):
    monkeypatch.setattr(JaxModel, "at_home", lambda self, _: vars(self).update(home="gpu:0", machine="gpu:0"))
    report = crosscheck.compare(net(nn.ReLU()), Port(), X)
    assert report.agree
    assert any("first model is run on cpu:0, the second model is run on gpu:0" in note for note in report.notes)


def test_a_model_without_values_is_refused():
    with pytest.raises(TypeError, match="meta device"):
        crosscheck.compare(nn.Linear(3, 2, device="meta"), Port(), X)


def test_random_keys_and_whole_numbers_pass():
    class Keyed(nnx.Module):
        def __init__(self):
            self.part = Part()
            self.out = nnx.Linear(3, 2, rngs=nnx.Rngs(0))

        def __call__(self, x):
            return self.out(self.part(x, jax.random.key(0), jnp.arange(3), x > 0, jnp.zeros((0, 2))))

    class Part(nnx.Module):
        def __call__(self, x, key, whole, mask, empty):
            return x * whole + mask + empty.sum()

    run = opened(Keyed()).run(Ask(opened(Keyed()).values(), {"x": X}, cotangents={"": np.ones((40, 2))}, trace=True))
    call = next(call for call in run.calls if call.key == "part")
    kinds = {name: (value.dtype.kind, value.shape) for name, value in call.inputs.items()}
    assert kinds == {"0": ("f", (40, 3)), "1": ("u", (2,)), "2": ("i", (3,)), "3": ("b", (40, 3)), "4": ("f", (0, 2))}
    assert call.cotangents[""].any()


def test_a_class_that_has_its_bases_call_is_recorded_once():
    """In whatever order the classes are come upon."""

    class Own(nnx.Linear):
        pass

    class Louder(nnx.Linear):
        def __call__(self, x):
            return 2 * super().__call__(x)

    class Net(nnx.Module):
        def __init__(self):
            self.parts = nnx.List([cls(3, 3, rngs=nnx.Rngs(0)) for cls in (Own, nnx.Linear, Louder)])

        def __call__(self, x):
            for part in self.parts:
                x = part(x)
            return x

    model = open_model(Net(), {"0": np.ones((2, 3))}, False, "first")
    look = model.look(Ask(model.values(), {"0": np.ones((2, 3))}))
    assert look.calls == ("parts.0", "parts.1", "parts.2", "")
