"""Settings that make no sense are refused by name, in every column that would otherwise go on with them."""

import pytest
from one_layer import COLUMNS, applied, built

CONV, TRANSPOSED, PAD = "layers.conv.Conv", "layers.conv_transpose.ConvTranspose", "layers.padding.ZeroPad"
MAX, AVERAGE, UPSAMPLE = "layers.pooling.MaxPool", "layers.pooling.AveragePool", "layers.upsampling.Upsample"
IMAGES = (2, 8, 8, 3)
FILTER = {"c_prev": 3, "c": 4, "f": 3}
STAMP = FILTER | {"stride": 2}

WHOLE = "expected a whole number of at least 1"
ONLY_IN_REFERENCE = {
    "negative dilation": (CONV, FILTER | {"dilation": -1}, f"dilation is -1; {WHOLE}"),
    "no dilation": (CONV, FILTER | {"dilation": (1, 0)}, f"dilation is \\(1, 0\\); {WHOLE}"),
    "no stride": (CONV, FILTER | {"stride": 0}, f"stride is 0; {WHOLE}"),
    "a stride back": (CONV, FILTER | {"stride": -1}, f"stride is -1; {WHOLE}"),
    "strides in a list": (CONV, FILTER | {"stride": [2, 2]}, r"stride is \[2, 2\]; .* or a pair \(height, width\)"),
    "an empty filter": (CONV, FILTER | {"f": 0}, f"f is 0; {WHOLE}"),
    "a filter in a list": (CONV, FILTER | {"f": [3, 3]}, f"f is \\[3, 3\\]; {WHOLE}"),
    "a filter of three sizes": (CONV, FILTER | {"f": (3, 3, 3)}, f"f is \\(3, 3, 3\\); {WHOLE}"),
    "no channels": (CONV, FILTER | {"c": 0}, f"c is 0; {WHOLE}"),
    "no channels that come in": (CONV, FILTER | {"c_prev": 0}, f"c_prev is 0; {WHOLE}"),
    "half a channel": (CONV, FILTER | {"c": 1.5}, f"c is 1.5; {WHOLE}"),
    "an empty max pool": (MAX, {"f": 0}, f"f is 0; {WHOLE}"),
    "a max pool that stays": (MAX, {"f": 2, "stride": 0}, f"stride is 0; {WHOLE}"),
    "an average pool of a list": (AVERAGE, {"f": [2, 2]}, f"f is \\[2, 2\\]; {WHOLE}"),
    "an average pool that goes back": (AVERAGE, {"f": 2, "stride": (1, -1)}, f"stride is \\(1, -1\\); {WHOLE}"),
    "an empty transposed filter": (TRANSPOSED, STAMP | {"f": 0}, f"f is 0; {WHOLE}"),
    "a transposed stride of none": (TRANSPOSED, FILTER | {"stride": 0}, f"stride is 0; {WHOLE}"),
    "transposed to no channels": (TRANSPOSED, STAMP | {"c": 0}, f"c is 0; {WHOLE}"),
}
"""The ports leave these to their libraries, which refuse them (or, as PyTorch a list, take them for what is meant)."""

IN_EVERY_COLUMN = {
    "three paddings": (CONV, FILTER | {"padding": (1, 1, 1)}, r"padding is \(1, 1, 1\); expected p, \(p_h, p_w\)"),
    "four paddings": (CONV, FILTER | {"padding": (1, 1, 1, 1)}, r"padding is \(1, 1, 1, 1\); expected p"),
    "a padding in a list": (CONV, FILTER | {"padding": [1, 1]}, r"padding is \[1, 1\]; expected p"),
    "half a padding": (CONV, FILTER | {"padding": 0.5}, r"padding is 0.5; expected p"),
    "a negative padding": (CONV, FILTER | {"padding": (1, -1)}, r"padding is \(1, -1\); .* none below 0"),
    "three paddings of a pool": (MAX, {"f": 2, "padding": (1, 1, 1)}, r"padding is \(1, 1, 1\); expected p"),
    "a border named same": (PAD, {"padding": "same"}, "padding is 'same'; expected p"),
    "a border named valid": (PAD, {"padding": "valid"}, "padding is 'valid'; expected p"),
    "a border named same_tf": (PAD, {"padding": "same_tf"}, "padding is 'same_tf'; expected p"),
    "a crop named same": (TRANSPOSED, STAMP | {"padding": "same"}, "padding is 'same'; expected p"),
    "a crop named same_tf": (TRANSPOSED, STAMP | {"padding": "same_tf"}, "padding is 'same_tf'; expected p"),
    "a crop of all rows": (TRANSPOSED, STAMP | {"padding": ((9, 8), (0, 0))}, "padding .* the output"),
    "max pool padding beyond half": (MAX, {"f": 2, "padding": 2}, "padding is .*; expected .* half the window"),
    "average pool padding beyond half": (AVERAGE, {"f": 2, "padding": 2}, "padding is .* half the window"),
    "max pool padding on one side": (MAX, {"f": 2, "padding": ((3, 0), (0, 0))}, "padding is .* half the window"),
    "average pool padding on one side": (
        AVERAGE,
        {"f": 2, "padding": ((3, 0), (0, 0))},
        "padding is .* half the window",
    ),
    "upsampling to nothing": (UPSAMPLE, {"scale": 0}, f"scale is 0; {WHOLE}"),
    "upsampling below nothing": (UPSAMPLE, {"scale": (2, -1)}, f"scale is \\(2, -1\\); {WHOLE}"),
    "upsampling by a broken factor": (UPSAMPLE, {"scale": 1.5}, f"scale is 1.5; {WHOLE}"),
    "an unknown interpolation": (UPSAMPLE, {"scale": 2, "kind": "cubic"}, "kind is 'cubic'; expected one of"),
}


@pytest.mark.parametrize("name", ONLY_IN_REFERENCE)
def test_the_reference_refuses_when_it_is_built(name):
    target, arguments, message = ONLY_IN_REFERENCE[name]
    with pytest.raises(ValueError, match=message):
        built("numpy", target, **arguments)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", IN_EVERY_COLUMN)
def test_every_column_refuses(name, column):
    target, arguments, message = IN_EVERY_COLUMN[name]
    with pytest.raises(ValueError, match=message):
        applied(column, target, IMAGES, **arguments)


BLOCK = "nets.residual_blocks.IdentityBlock"
BROADCAST = {
    "one channel to many": {"c_prev": 1, "filters": (2, 3, 4)},
    "many channels to one": {"c_prev": 4, "filters": (2, 3, 1)},
    "channels that do not fit": {"c_prev": 3, "filters": (2, 3, 4)},
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", BROADCAST)
def test_an_identity_block_adds_images_of_as_many_channels(name, column):
    sizes = BROADCAST[name]
    with pytest.raises(
        ValueError, match=rf"c_prev is {sizes['c_prev']}; expected filters\[2\] = {sizes['filters'][2]}"
    ):
        built(column, BLOCK, **sizes)
    assert built(column, "nets.residual_blocks.ConvolutionalBlock", **sizes)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("extra", [2, -1])
def test_an_output_padding_lies_below_the_stride(extra, column):
    """PyTorch says so itself, and not as a ValueError."""
    with pytest.raises((ValueError, RuntimeError), match=r"output.padding"):
        applied(column, TRANSPOSED, IMAGES, **STAMP, output_padding=extra)


@pytest.mark.parametrize("column", COLUMNS)
def test_what_lies_at_a_limit_is_taken(column):
    assert applied(column, TRANSPOSED, IMAGES, **STAMP, output_padding=1, padding=8).shape[0] == 2
    assert applied(column, MAX, IMAGES, f=3, padding=1).shape[0] == 2
    assert applied(column, UPSAMPLE, IMAGES, scale=1).shape[0] == 2
