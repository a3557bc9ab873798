"""Axes and layouts: what is carried to a column comes back, element by element, and what does not fit is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscheck import registry
from crosscheck.axes import convert, parse, place
from crosscheck.layout import Layout, Row, join
from reference.layers.batch_norm import BatchNorm
from reference.layers.conv import Conv
from reference.layers.conv_transpose import ConvTranspose
from reference.layers.dense import Dense
from reference.module import shapes

COLUMNS = [column for column in registry.PACKAGES if not registry.missing(column)]
AXES = ("m", "h", "w", "c", "t")
sizes = st.integers(1, 4)
names = st.permutations(AXES).flatmap(lambda order: st.integers(1, len(order)).map(lambda n: order[:n]))
sized = names.flatmap(lambda order: st.fixed_dictionaries(dict.fromkeys(order, sizes)))


def numbered(shape):
    """A tensor in which no two elements are equal."""
    return np.arange(float(np.prod(shape))).reshape(shape)


@st.composite
def two_orders(draw):
    """Axes with their sizes, and the same names in another order."""
    known = draw(sized)
    return known, draw(st.permutations(list(known)))


@st.composite
def groups(draw):
    """Axes with their sizes in one order, and a layout in which neighbors may be one axis: "t (h w) m"."""
    known, order = draw(two_orders())
    cuts = [draw(st.booleans()) for _ in order]
    parts = [[order[0]]]
    for axis, cut in zip(order[1:], cuts):
        parts = [*parts, [axis]] if cut else [*parts[:-1], [*parts[-1], axis]]
    return known, " ".join(f"({' '.join(part)})" if len(part) > 1 else part[0] for part in parts)


# Axes


@given(two_orders())
def test_a_permuted_tensor_has_every_element_under_its_named_index(axes):
    known, order = axes
    x = numbered(tuple(known.values()))
    y = convert(x, " ".join(known), " ".join(order))
    assert y.shape == tuple(known[axis] for axis in order)
    for index in np.ndindex(x.shape):
        named = dict(zip(known, index))
        assert y[tuple(named[axis] for axis in order)] == x[index]


@given(groups())
def test_a_grouped_tensor_comes_back(axes):
    known, grouped = axes
    x, plain = numbered(tuple(known.values())), " ".join(known)
    there = convert(x, plain, grouped)
    assert sorted(there.flat) == sorted(x.flat)
    assert np.array_equal(convert(there, grouped, plain, known), x)


@given(groups())
def test_the_last_axis_of_a_group_runs_fastest(axes):
    known, grouped = axes
    order = grouped.replace("(", " ").replace(")", " ").split()
    x = numbered(tuple(known.values()))
    permuted = convert(x, " ".join(known), " ".join(order))
    assert np.array_equal(
        convert(x, " ".join(known), grouped), permuted.reshape(convert(x, " ".join(known), grouped).shape)
    )


@given(two_orders())
def test_two_conversions_are_one(axes):
    known, order = axes
    x, (a, b, c) = numbered(tuple(known.values())), (" ".join(o) for o in (known, order, sorted(known)))
    assert np.array_equal(convert(convert(x, a, b), b, c), convert(x, a, c))


@pytest.mark.parametrize(
    ("shape", "source", "target"),
    [((2, 3), "n m", "n t"), ((2, 3), "n m", "n"), ((2, 3), "n m t", "m n t"), ((6, 2), "(h w) m", "m h w")],
)
def test_layouts_that_do_not_fit_are_refused(shape, source, target):
    with pytest.raises(
        ValueError, match=f"does not convert from '{source}' to '{target}'".replace("(", r"\(").replace(")", r"\)")
    ):
        convert(np.zeros(shape), source, target)


@given(sized, st.sampled_from(["normal", "one_hot", "probability"]))
def test_a_spec_is_read_as_it_is_written(known, kind):
    text = " ".join(f"{name}={size}" for name, size in known.items())
    spec = parse(f"{text} {kind}")
    assert (spec.axes, spec.sizes, spec.kind) == (" ".join(known), tuple(known.values()), kind)
    assert parse(text).kind == "normal"


@pytest.mark.parametrize("text", ["n= m=2", "n=x", "n=-1", "n m=2"])
def test_an_axis_without_a_size_is_refused(text):
    with pytest.raises(ValueError, match="is not of the form name=size"):
        parse(text)


def test_an_axis_that_is_named_twice_is_refused():
    with pytest.raises(ValueError, match="an axis is named twice"):
        parse("n=2 n=3")


@given(sized, st.data())
def test_a_place_names_every_axis(known, data):
    index = tuple(data.draw(st.integers(0, size - 1)) for size in known.values())
    assert place(index, " ".join(known)) == " ".join(f"{name}={i}" for name, i in zip(known, index))
    assert place((*index, 5), " ".join(known)).endswith(f"axis{len(index)}=5")


# The layouts of the columns

modules = st.one_of(
    st.builds(Dense, n_prev=sizes, n=sizes),
    st.builds(BatchNorm, n=sizes),
    st.builds(lambda groups, each, f: Conv(f=f, c_prev=groups * each, c=groups, groups=groups), sizes, sizes, sizes),
    st.builds(ConvTranspose, f=sizes, c_prev=sizes, c=sizes),
)


@pytest.mark.parametrize("column", COLUMNS)
@given(module=modules)
def test_parameters_and_state_come_back_from_a_column(column, module):
    layout = join(module, column)
    for kind, trainable in (("params", True), ("state", False)):
        values = {path: numbered(shape) for path, shape in shapes(module, kind).items()}
        there = layout.to_column(values, trainable)
        assert all(
            sorted(there[row.column_path].flat) == sorted(values[row.path].flat) for row in chosen(layout, trainable)
        )
        back = layout.from_column(there, trainable)
        assert back.keys() == values.keys()
        assert all(np.array_equal(back[path], value) for path, value in values.items())
    layout.require_coverage(stated_shapes(layout))


def chosen(layout, trainable):
    return [row for row in layout.rows if row.trainable == trainable]


def stated_shapes(layout):
    return {row.column_path: layout.shape(row) for row in layout.rows}


@pytest.mark.parametrize("column", COLUMNS)
@given(
    shape=st.tuples(sizes, sizes, sizes, sizes), axes=st.sampled_from(["n 1", "n m", "n m t", "m h w c", "(h w c) m"])
)
def test_data_comes_back_from_a_column(column, shape, axes):
    m, h, w, c = shape
    known = {"n": h, "t": w, "m": m, "h": h, "w": w, "c": c, "1": 1}
    layout = Layout(column, (), None, registry.layout_of(column).DATA if column != "numpy" else {}, {}, {}, known)
    x = numbered((h * w * c, m) if axes == "(h w c) m" else tuple(known[axis] for axis in axes.split()))
    there = layout.data_to_column(x, axes)
    assert sorted(there.flat) == sorted(x.flat)
    assert np.array_equal(layout.data_from_column(there, axes), x)


@given(shape=st.tuples(sizes, sizes, sizes, sizes))
def test_flattened_images_keep_their_pixels_in_every_column(shape):
    """A dense layer after flattening must see the same pixel under the same weight: W x is the same number."""
    n, h, w, c = shape
    W, x = np.random.default_rng(h).standard_normal((n, h * w * c)), numbered((h * w * c, 1))
    known = {"h": h, "w": w, "c": c}
    for column, axes in (("torch", "n (c h w)"), ("jax", "(h w c) n")):
        row = Row("fc.W", "n (h w c)", W.shape, "fc.weight", axes, True, known)
        data = convert(x, "(h w c) m", "m (c h w)" if column == "torch" else "m (h w c)", known)
        there = row.to_column(W)
        product = data @ (there.T if column == "torch" else there)
        assert np.allclose(product, (W @ x).T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("column", [column for column in COLUMNS if column != "numpy"])
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda present: present | {"stray.weight": (2,)}, "unclaimed: stray.weight"),
        (lambda present: dict(list(present.items())[1:]), "missing: "),
        (lambda present: dict.fromkeys(present, (9, 9, 9)), r"has shape \(9, 9, 9\), expected"),
    ],
    ids=["unclaimed", "missing", "shape"],
)
def test_what_is_not_covered_exactly_once_is_refused(column, change, complaint):
    layout = join(Dense(2, 3), column)
    with pytest.raises(ValueError, match=f"layout of the {column} column does not cover it.*{complaint}"):
        layout.require_coverage(change(stated_shapes(layout)))


def test_what_is_claimed_twice_is_refused():
    row = Row("a", "n", (2,), "weight", "n", True, {})
    layout = Layout("torch", (row, row), None, {}, {}, {}, {})
    with pytest.raises(ValueError, match="claimed twice: weight"):
        layout.require_coverage({"weight": (2,)})
