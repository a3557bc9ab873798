"""A JAX program of float64 that makes float32 somewhere gives, run without that, what float64 gives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from crosscheck.models.jax_wide import named, narrow_places, widened

X = np.random.default_rng(0).normal(size=(4, 6))
F4, F8 = jnp.float32, jnp.float64


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def rounds(x, width):
    """The number's sign bit set off, in the bits of a format."""
    bits = {F4: (jnp.uint32, 0x7FFFFFFF), F8: (jnp.uint64, 0x7FFFFFFFFFFFFFFF)}[width]
    return lax.bitcast_convert_type(lax.bitcast_convert_type(x, bits[0]) & bits[0](bits[1]), width)


def counted(x, width):
    def body(state):
        i, y = state
        return i + 1, jnp.tanh(y + i.astype(width))

    return lax.while_loop(lambda state: state[0] < 3, body, (0, x.astype(width)))[1]


def cubed(x, width):
    return (x.astype(width) ** 3).astype(F8)


@jax.custom_jvp
def cube(x):
    return x**3


@cube.defjvp
def cube_jvp(primals, tangents):
    return cube(primals[0]), 3 * primals[0] ** 2 * tangents[0]


@jax.custom_vjp
def halved(x):
    return x / 2


halved.defvjp(lambda x: (x / 2, None), lambda _, u: (u / 2,))

FUNCTIONS = {
    "softmax": lambda x, width: jax.nn.softmax(x.astype(width), -1),
    "logsumexp": lambda x, width: jax.nn.logsumexp(x.astype(width), -1),
    "product": lambda x, width: lax.dot_general(x, x, (((1,), (1,)), ((), ())), preferred_element_type=width),
    "table": lambda x, width: x * jnp.sin(jnp.arange(6, dtype=width) / 7),
    "of integers": lambda x, width: x * jnp.sqrt(jnp.arange(6).astype(width)),
    "scan": lambda x, width: lax.scan(lambda h, v: (jnp.tanh(h + v), h), jnp.zeros(6, width), x.astype(width)),
    "scan over float64": lambda x, width: lax.scan(lambda h, v: (h + v.astype(width) ** 3, h), jnp.zeros(6, width), x),
    "inside a scan": lambda x, width: lax.scan(lambda h, v: (h + cubed(v, width), h), jnp.zeros(6), x),
    "cond": lambda x, width: lax.cond(x[0, 0] > 0, jnp.sin, jnp.cos, x.astype(width)),
    "inside a branch": lambda x, width: lax.cond(x[0, 0] < 9, lambda v: cubed(v, width), jnp.cos, x),
    "while": counted,
    "jit": lambda x, width: jax.jit(jnp.cosh)(x.astype(width)),
    "checkpoint": lambda x, width: jax.checkpoint(lambda v: jnp.sin(jnp.exp(v)))(x.astype(width)),
    "custom jvp": lambda x, width: cube(x.astype(width)),
    "custom vjp": lambda x, width: halved(x.astype(width)),
    "vmap": lambda x, width: jax.vmap(lambda v: jnp.linalg.norm(v.astype(width)))(x),
    "convolution": lambda x, width: lax.conv_general_dilated(
        x[None, :, :, None].astype(width), jnp.ones((2, 2, 1, 3), width) / 3, (1, 1), "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"), preferred_element_type=width,
    ),
    "sort": lambda x, width: jnp.sort(x.astype(width), axis=0),
    "cumulative": lambda x, width: jnp.cumsum(x.astype(width), 0) + lax.cummax(x.astype(width), 1),
    "pooling": lambda x, width: lax.reduce_window(
        x.astype(width), np.zeros((), width), lax.add, (2, 2), (1, 1), "VALID"
    ),
    "scatter": lambda x, width: jnp.zeros((4, 6), width).at[jnp.array([0, 0, 2])].add(x[:3].astype(width)),
    "solve": lambda x, width: jnp.linalg.solve((x.T @ x + jnp.eye(6)).astype(width), x.T.astype(width)),
    "clip and where": lambda x, width: jnp.where(x > 0, jnp.clip(x.astype(width), -1, 1), width(0.5)),
    "complex": lambda x, width: jnp.real(jnp.fft.ifft(jnp.tanh(jnp.fft.fft(x.astype(width))))),
    "to complex": lambda x, width: jnp.abs(jnp.exp(x.astype(jnp.complex64 if width == F4 else jnp.complex128))),
    "back and forth": lambda x, width: jnp.exp(x.astype(width)).astype(F8).astype(width).astype(F8),
}  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_it_gives_what_float64_gives_forward_and_backward(function):
    def loss(x, width):
        results = function(x, width)
        return sum(jnp.sum(jnp.sin(y.astype(F8))) for y in jax.tree.leaves(results)), results

    slopes = jax.grad if function is not FUNCTIONS["while"] else lambda f, has_aux: lambda x: (x, f(x)[1])
    narrow, exact = (slopes(lambda x, w=width: loss(x, w), has_aux=True) for width in (F4, F8))
    assert narrow_places(jax.make_jaxpr(lambda x: function(x, F4))(X)) == ("",)
    assert narrow_places(jax.make_jaxpr(lambda x: function(x, F8))(X)) == ()
    alone = jax.jit(widened(lambda x: function(x, F4)))(X)
    for a, b in zip(*map(jax.tree.leaves, (alone, function(X, F8))), strict=True):
        np.testing.assert_allclose(a, b, 1e-13, 1e-14)
    lifted = jax.jit(widened(narrow))(X)
    for a, b, rounded in zip(*map(jax.tree.leaves, (lifted, exact(X), narrow(X))), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, 1e-13, 1e-14)
        assert rounded.dtype == F4 or rounded.shape == a.shape


def test_what_works_on_bits_works_on_those_of_float32():
    lifted = jax.jit(widened(lambda x: rounds(x.astype(F4), F4)))(X)
    assert lifted.dtype == F8
    np.testing.assert_array_equal(lifted, np.abs(X.astype("f4")))


def test_random_numbers_are_those_of_float32():
    def drawn(x):
        return x + jax.random.uniform(jax.random.key(0), x.shape, F4)

    np.testing.assert_allclose(jax.jit(widened(drawn))(X), drawn(X), 1e-6)


def test_arrays_of_float32_that_the_program_holds_or_is_given_are_lifted_too():
    held, given = jnp.asarray(X, F4), np.float32(X)
    found = jax.jit(widened(lambda x, y: (x.astype(F4) * held, y + 1, y, held)))(X, given)
    assert [y.dtype for y in found] == [F8] * 4
    np.testing.assert_array_equal(found[0], X * X.astype("f4").astype("f8"))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_other_dtypes_stay(dtype):
    def function(x):
        return jnp.exp(x.astype(dtype)).astype(F8), jnp.sum(x.astype(dtype)), jnp.argmax(x, 1), x > 0

    lifted, plain = jax.jit(widened(function))(X), jax.jit(function)(X)
    for a, b in zip(lifted, plain, strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)


def test_places_are_the_innermost_modules_around():
    def function(x):
        with named("a"):
            y = jax.jit(lambda v: jnp.sin(v.astype(F4)))(x)
            with named("a.b.0"):
                y = lax.scan(lambda h, v: (h, v.astype(F8)), 0.0, y)[1]
                z = jax.vmap(lambda v: jnp.exp(v.astype(F4)))(x)
        with named("passed"):
            y = jnp.tanh(y)
        return y + z + x.astype(F4)

    assert narrow_places(jax.make_jaxpr(function)(X)) == ("a", "a.b.0", "")


def test_what_is_made_of_float32_that_the_program_holds_has_its_places_too():
    held = jnp.asarray(X, F4)

    def function(x):
        with named("table"):
            return x * jnp.sin(held)

    assert narrow_places(jax.make_jaxpr(function)(X)) == ("table",)
