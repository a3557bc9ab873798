"""The notes' arithmetic of convolutional networks: sizes, parameters and multiplications, without running anything.

n is the height or width of an image, f of a filter, p the padding on each side, s the stride, d the dilation; c_prev
and c are the channels before and after. Sources: Course 4, week 1 ("Strided convolutions", "One layer of a
convolutional network"), week 2 ("Inception network motivation", "MobileNet", "EfficientNet") and week 3 ("Transpose
convolutions").
"""

from reference.checks import divides


def output_size(n, f, p=0, s=1, d=1):
    """floor((n + 2 p - d (f - 1) - 1) / s) + 1; with d = 1 the notes' floor((n + 2 p - f) / s) + 1."""
    if n + 2 * p < d * (f - 1) + 1:
        raise ValueError(
            f"n is {n}; expected at least {d * (f - 1) + 1 - 2 * p}, which one window takes with its padding"
        )
    return (n + 2 * p - d * (f - 1) - 1) // s + 1


def same_padding(f, d=1):
    """The p that keeps n at stride 1: d (f - 1)/2, which is whole for odd f."""
    return d * (f - 1) // 2


def transpose_output_size(n, f, p=0, s=1, output_padding=0):
    """(n - 1) s - 2 p + f + output_padding: the n' that a convolution with f, p and s maps to n."""
    size = (n - 1) * s - 2 * p + f + output_padding
    if size < 1:
        raise ValueError(f"p is {p}; expected to leave a pixel of the output, which it crops on both sides to {size}")
    return size


def receptive_field(layers):
    """How many input pixels one output pixel sees, from the (f, s) of each layer in order: 1 + sum (f - 1) prod s."""
    field, spacing = 1, 1
    for f, s in layers:
        field, spacing = field + (f - 1) * spacing, spacing * s
    return field


def conv_parameters(f, c_prev, c, groups=1, bias=True):
    """(f f c_prev / groups + 1) c: ten 3x3x3 filters have 280, whatever the image's size."""
    divides("groups", groups, c_prev=c_prev, c=c)
    return (f * f * (c_prev // groups) + bias) * c


def dense_parameters(n_prev, n, bias=True):
    """(n_prev + 1) n."""
    return (n_prev + bias) * n


def dense_multiplications(n_prev, n):
    """n_prev n, for each example."""
    return n_prev * n


def conv_multiplications(h, w, f, c_prev, c, groups=1):
    """Of a convolution whose *output* is h x w x c: each number takes f f c_prev / groups products."""
    divides("groups", groups, c_prev=c_prev, c=c)
    return h * w * c * f * f * (c_prev // groups)


def bottleneck_multiplications(h, w, f, c_prev, c_narrow, c):
    """A 1x1 convolution down to c_narrow, then f x f up to c: 12.4M where the direct 5x5 takes 120M (28, 192 -> 32)."""
    return conv_multiplications(h, w, 1, c_prev, c_narrow) + conv_multiplications(h, w, f, c_narrow, c)


def separable_multiplications(h, w, f, c_prev, c):
    """Depthwise f x f, then pointwise 1x1."""
    return conv_multiplications(h, w, f, c_prev, c_prev, groups=c_prev) + conv_multiplications(h, w, 1, c_prev, c)


def separable_cost_ratio(f, c):
    """separable_multiplications over conv_multiplications: 1/c + 1/f^2, whatever the image and c_prev."""
    return 1 / c + 1 / f**2


def compound_scaling(phi):
    """How much deeper, wider and finer 2^phi times the multiplications make a net: 1.2^phi, 1.1^phi, 1.15^phi."""
    return 1.2**phi, 1.1**phi, 1.15**phi
