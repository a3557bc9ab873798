"""The cost of a softmax from its logits Z [n m], one column an example, and labels Y [n m] whose columns sum to 1.

    S = Z - max_j Z        E = e^S        s = sum_j E        J = 1/m sum_i (log s_i - sum_j y_j S_j)
    dZ = (E / s - Y)/m

One array holds S, then E, then dZ, so that E is made again for a second call of the pullback. Several rows are joined
to one, with the vector of examples repeated along it. Of labels that are nearly all 0 only the others are gone on with;
they are looked for by words of 8 bytes.
"""

import numpy as np

from reference.kernels.long_rows import column_sums, joined, repeated

ROW_VALUES, WORD_BYTES, FEW = 6144, 8, 1 / 8
"""FEW: of all labels."""


def softmax_cross_entropy(Z, Y):
    """J and its pullback: back(dJ) -> dZ."""
    n, m = Z.shape
    times = joined(n, m, ROW_VALUES)
    Z_rows = Z.reshape(-1, times * m)
    largest = repeated(Z_rows.max(axis=0).reshape(times, m).max(axis=0), times)
    S = Z_rows - largest
    labels = Y.reshape(-1)
    places = not_zero(labels)
    labels = labels[places]
    agreement = labels @ S.reshape(-1)[places]
    made = [np.exp(S, out=S)]
    s = column_sums(column_sums(S).reshape(times, m)).astype(S.dtype)

    def back(dJ):
        E = made.pop() if made else np.exp(Z_rows - largest)
        share = E.dtype.type(dJ / m)
        dZ = np.multiply(E, repeated(share / s, times), out=E)
        dZ.reshape(-1)[places] -= labels * share
        return dZ.reshape(Z.shape)

    return (np.log(s).sum() - agreement) / m, back


def not_zero(values):
    """Where the values are that are not 0 and those with which they share a word, if they are few; else everywhere."""
    width = WORD_BYTES // values.itemsize
    if values.size % width:
        width = 1
    (words,) = (values.view(f"u{width * values.itemsize}") != 0).nonzero()
    if len(words) * width > FEW * values.size:
        return slice(None)
    return np.concatenate([width * words + i for i in range(width)])
