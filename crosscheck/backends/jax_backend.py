"""Runs the JAX column: one jitted function a case, dtype and train flag gives outputs, gradients, state and trace."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from optax.tree_utils import tree_get, tree_set

from crosscheck import cache
from crosscheck.axes import Array
from crosscheck.backends import base
from crosscheck.backends.base import Point, Rule, Slope, astuple, build, matching
from crosscheck.backends.jax_watch import Recorder, path_of, paths_by_id, watching
from crosscheck.backends.programs import Program
from crosscheck.backends.xla import quick_options
from crosscheck.feed import Feed
from crosscheck.numerics.formats import arithmetic
from crosscheck.observation import Node, Observation

Arrays = dict[str, Any]


def configure() -> None:
    """float64 where asked for, and compiled programs kept between runs."""
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_compilation_cache_dir", str(cache.folder(f"jax-{jax.__version__}")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


configure()


class Subject(base.Subject):
    column = "jax"

    def __init__(self, case: Any, dtype: str, mode: str, device: str):
        super().__init__(case, dtype, mode, device)
        self.jax_device = jax.devices("gpu" if device == "gpu" else "cpu")[0]
        self.function = None if isinstance(self.find(case.target), type) else build("jax", case)
        self.graphs: dict[bool, Any] = {}
        self.variables: dict[str, Any] = {}
        self.other: dict[str, Any] = {}
        if self.function is None:
            self.build()
        self.layout.require_coverage({path: tuple(v.shape) for path, v in self.variables.items()})
        self.trainable = {row.column_path for row in self.layout.rows if row.trainable}
        self.compiled: dict[Any, Any] = {}

    def sibling(self, dtype: str, mode: str) -> Subject:
        """Of what was built nothing depends on either."""
        other = copy.copy(self)
        other.dtype, other.mode, other.compiled = dtype, mode, {}
        return other

    def build(self) -> None:
        """Build the module without running its initializers: the arrays come from the feed."""
        takes_rngs = "rngs" in inspect.signature(self.find(self.case.target).__init__).parameters
        model = nnx.eval_shape(lambda: build("jax", self.case, **({"rngs": nnx.Rngs(0)} if takes_rngs else {})))
        for train in (False, True):
            (model.train if train else model.eval)()
            self.graphs[train], state = nnx.split(model)
        flat = {path_of(keys): variable for keys, variable in nnx.to_flat_state(state)}
        self.keys = {path_of(keys): keys for keys, _ in nnx.to_flat_state(state)}
        self.variables = {path: v for path, v in flat.items() if not isinstance(v, nnx.RngState)}
        self.other = {path: concrete(v) for path, v in flat.items() if isinstance(v, nnx.RngState)}

    def module_paths(self) -> list[str]:
        if self.function is not None:
            return [""]
        return sorted(paths_by_id(self.model({}, {}, False)).values())

    def model(self, params: Arrays, state: Arrays, train: bool) -> Any:
        """The module with these arrays in place (those not given stay abstract)."""
        filled = [
            (self.keys[path], variable.replace((params | state).get(path, variable.get_value())))
            for path, variable in self.variables.items()
        ] + [(self.keys[path], variable) for path, variable in self.other.items()]
        return nnx.merge(self.graphs[train], nnx.from_flat_state(filled))

    def observe(self, feed: Feed, train: bool, trace: bool = True) -> Observation:
        args = self.arguments(feed)
        cotangents = [self.output(u, index) for index, u in enumerate(feed.cotangents)]
        if not self.case.differentiable:
            outputs, nodes, _ = self.program("plain", train, trace)(args)
            return self.gather(self.nodes(nodes, None), tuple(map(numpy, outputs)), {}, {}, {})
        run = self.program("gradient", train, trace)
        with self.compiling():
            (gradients, input_gradients, probed), (outputs, nodes, state) = run(args, cotangents)
        return self.gather(
            self.nodes(nodes, probed),
            tuple(map(numpy, outputs)),
            self.layout.from_column({k: numpy(v) for k, v in gradients.items()}, trainable=True),
            {name: numpy(value) for name, value in input_gradients.items()},
            self.layout.from_column({k: numpy(v) for k, v in state.items()}, trainable=False),
        )

    def nodes(self, recorded: Any, probed: Any) -> list[Node]:
        """Recorded inputs and outputs, with the gradients by their probes as cotangents, in the order of the calls."""
        result = []
        for key, (inputs, outputs) in recorded.items():
            name = key.partition(" ")[2]
            d_inputs, d_outputs = probed[name] if probed is not None else ((), ())
            arrays = [tuple(numpy(v) for v in values) for values in (inputs, outputs, d_outputs, d_inputs)]
            result.append(Node(name.partition("#")[0], *arrays))
        return result

    def forward(self, args: Arrays, probes: Any, train: bool, trace: bool) -> tuple[Any, Any, Any]:
        """Outputs, recorded nodes, state afterwards; pure, so that it can be traced, differentiated and jitted."""
        with jax.default_matmul_precision("tensorfloat32" if self.dtype == "tf32" else "highest"):
            return self.run(args, probes, train, trace)

    def run(self, args: Arrays, probes: Any, train: bool, trace: bool) -> tuple[Any, Any, Any]:
        inputs = [(args["data"] | args["inputs"])[name] for name in self.case.inputs]
        if self.function is not None:
            recorder = Recorder({}, probes)
            inputs = list(recorder.enter("", tuple(inputs)))
            result = self.function(*inputs)
            outputs = astuple(recorder.leave("", tuple(inputs), result))
            return outputs, recorder.numbered(), {}
        model = self.model(args["params"], args["state"], train)
        recorder = Recorder(paths_by_id(model), probes)
        with watching(model, recorder, args["uniforms"], trace):
            outputs = astuple(model(*inputs))
        state = {path_of(keys): v.get_value() for keys, v in nnx.to_flat_state(nnx.state(model)) if self.is_state(keys)}
        return outputs, recorder.numbered(), state

    def is_state(self, keys: Any) -> bool:
        path = path_of(keys)
        return path in self.variables and path not in self.trainable

    def program(self, kind: str, train: bool, trace: bool) -> Any:
        """The function for one kind of run, jitted unless the mode is eager, made once."""
        key = (kind, train, trace)
        if key not in self.compiled:
            function = self.plain(train, trace) if kind == "plain" else self.gradient(train, trace)
            self.compiled[key] = self.jitted(function, str(key))
        return self.compiled[key]

    def plain(self, train: bool, trace: bool) -> Any:
        def run(args: Arrays) -> Any:
            return self.forward(args, None, train, trace)

        return run

    def gradient(self, train: bool, trace: bool) -> Any:
        def run(args: Arrays, cotangents: Any) -> Any:
            probes = self.probes(args, train) if trace else None

            def forward(params: Arrays, inputs: Arrays, probes: Any) -> Any:
                at = args | {"params": params, "inputs": inputs}
                outputs, nodes, state = self.forward(at, probes, train, trace)
                return [y for y, _ in smooth(outputs, cotangents)], (outputs, nodes, state)

            _, pullback, shown = jax.vjp(forward, args["params"], args["inputs"], probes, has_aux=True)
            return pullback([u.astype(y.dtype) for y, u in smooth(shown[0], cotangents)]), shown

        return run

    def probes(self, args: Arrays, train: bool) -> Any:
        """Zeros shaped like every recorded input and output: adding them makes their cotangents gradients."""
        _, nodes, _ = jax.eval_shape(self.plain(train, True), args)
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), nodes)
        return {key.partition(" ")[2]: io for key, io in zeros.items()}

    def slope(self, feed: Feed, point: Point) -> Slope:
        assert feed.labels is not None
        loss, gradients, state = self.cost_program()(self.arguments(feed, point), self.labels(feed.labels))
        own = self.layout.from_column
        return Slope(float(loss), own(as_numpy(gradients), trainable=True), own(as_numpy(state), trainable=False))

    def update(self, rule: Rule, point: Point, slope: Slope) -> Point:
        key = f"update {rule!r}"
        if key not in self.compiled:
            tx = self.find(f"training.optimizers.{rule.name}")(**rule.hyperparameters)
            self.compiled[key] = self.jitted(updating(tx), key)
        params, gradients = (self.to_device(values) for values in (point.params, slope.gradients))
        moments = {
            own: {
                path: value / factor(**rule.hyperparameters)
                for path, value in self.to_device(point.moments.get(name) or zeros(point.params)).items()
            }
            for name, (own, factor) in self.layout.moments[rule.name].items()
        }
        params, kept = self.compiled[key](gradients, params, moments, np.int32(point.t))
        named = self.named_moments(rule, {own: as_numpy(values) for own, values in kept.items()})
        return Point(self.layout.from_column(as_numpy(params), True), slope.state, named, point.t + 1, slope)

    def to_device(self, values: Mapping[str, Array]) -> Arrays:
        return {path: self.array(value) for path, value in self.layout.to_column(values, trainable=True).items()}

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """Run eagerly, every operation is a program of its own; on a CPU none is worth optimizing."""
        before = jax.config.read("jax_disable_most_optimizations")
        jax.config.update("jax_disable_most_optimizations", self.mode == "eager" and self.device == "cpu")
        try:
            yield
        finally:
            jax.config.update("jax_disable_most_optimizations", before)

    def jitted(self, function: Any, name: str, often: bool = False) -> Any:
        """Compiled, unless the mode is eager. On a CPU only the cases that are compiled everywhere are optimized in
        full, and what is run `often` a little: for the others the compiler's time is most of the suite's."""
        if self.mode == "eager":
            return function
        quick = self.device == "cpu" and not self.case.compiled
        options = quick_options(int(often)) if quick else None
        whole = f"{self.case!r}|{self.dtype}|{sorted(self.trainable)}|{name}"
        return Program(function, whole, self.jax_device, options)

    def cost_program(self) -> Any:
        """Loss, gradients by the parameters and state of one training pass; shared by all optimizers."""
        if "cost" not in self.compiled:

            def run(args: Arrays, labels: Any) -> Any:
                def loss(params: Arrays) -> Any:
                    outputs, _, state = self.forward(args | {"params": params}, None, True, False)
                    return self.cost(*outputs, labels), state

                (value, state), gradients = jax.value_and_grad(loss, has_aux=True)(args["params"])
                return value, gradients, state

            self.compiled["cost"] = self.jitted(run, "cost", often=True)
        return self.compiled["cost"]

    def arguments(self, feed: Feed, point: Point | None = None) -> Arrays:
        """Everything that varies between runs, as arguments of the jitted function."""
        at = point or feed
        inputs = {
            name: self.array(self.layout.data_to_column(value, self.specs[name].axes))
            for name, value in feed.inputs.items()
        }
        data = {name for name in inputs if self.is_data(name) or not self.case.differentiable}
        return {
            "params": {k: self.array(v) for k, v in self.layout.to_column(at.params, True).items()},
            "state": {k: self.array(v) for k, v in self.layout.to_column(at.state, False).items()},
            "inputs": {name: value for name, value in inputs.items() if name not in data},
            "data": {name: value for name, value in inputs.items() if name in data},
            "uniforms": {
                path: self.array(self.layout.data_to_column(value, self.layout.data_axes(path, "in", value.ndim)))
                for path, value in dict(feed.uniforms).items()
            },
        }

    def output(self, value: Array, index: int) -> Any:
        """An array laid out like an output of the whole: its cotangent."""
        return self.array(self.layout.data_to_column(value, self.axes_of("", "out", index, value.ndim)))

    def labels(self, value: Array) -> Any:
        return self.array(self.layout.data_to_column(value, self.label_axes()))

    def array(self, value: Array) -> Any:
        dtype = jnp.dtype(arithmetic(self.dtype).storage.name) if value.dtype.kind == "f" else value.dtype
        cast = np.asarray(value).astype(dtype)
        if self.mode == "jit" and self.jax_device == jax.devices()[0]:
            return cast  # a compiled function takes it to the usual device itself, and sooner
        return jax.device_put(cast, self.jax_device)


def smooth(outputs: Any, cotangents: Any) -> list[tuple[Any, Any]]:
    """The outputs that can be differentiated, with their cotangents."""
    return [(y, u) for y, u in matching(outputs, cotangents) if jnp.issubdtype(jnp.result_type(y), jnp.floating)]


def as_numpy(values: Mapping[str, Any]) -> dict[str, Array]:
    return {path: numpy(value) for path, value in values.items()}


def numpy(value: Any) -> Array:
    """As a NumPy array; bfloat16, which NumPy lacks, as float32."""
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype == jnp.bfloat16 else array


def concrete(variable: Any) -> Any:
    """A real value for an abstract random-number state; its numbers are never used, for draws are handed in."""
    value = variable.get_value()
    is_key = jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    return variable.replace(jax.random.key(0) if is_key else jnp.zeros(value.shape, value.dtype))


def zeros(params: Mapping[str, Array]) -> dict[str, Array]:
    return {path: np.zeros_like(value) for path, value in params.items()}


def updating(tx: Any) -> Any:
    """A step of an optax transformation, from its first state at t=0 and from the moments of the point later."""

    def run(gradients: Arrays, params: Arrays, moments: Mapping[str, Arrays], t: Any) -> Any:
        first = tx.init(params)
        has = {name: value for name, value in [*moments.items(), ("count", t)] if tree_get(first, name) is not None}
        later = tree_set(first, **has)
        state = jax.tree.map(lambda start, kept: jnp.where(t == 0, start, kept), first, later)
        updates, state = tx.update(gradients, state, params)
        return optax.apply_updates(params, updates), kept_by(state)

    return run


def kept_by(state: Any) -> dict[str, Arrays]:
    """Whatever an optimizer's state has for every parameter: its own name -> parameter's path -> array."""
    kept: dict[str, Arrays] = {}
    for keys, leaf in jax.tree_util.tree_flatten_with_path(state)[0]:
        if len(keys) > 1 and isinstance(keys[-1], jax.tree_util.DictKey):
            kept.setdefault(str(keys[-2]).lstrip("."), {})[keys[-1].key] = leaf
    return kept
