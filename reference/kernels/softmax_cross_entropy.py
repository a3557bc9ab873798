"""The cost of a softmax from its logits Z [n m], one column an example, and labels Y [n m] whose columns sum to 1.

    S = Z - max_j Z        E = e^S        s = sum_j E        J = 1/m sum_i (log s_i - sum_j y_j S_j)
    dZ = (E / s - Y)/m

One array holds S, then E; another E / s /m, then dZ. Several rows are joined to one, with the vector of examples
repeated along it; and of labels that are nearly all 0 only the others are gone through.
"""

import numpy as np

from reference.kernels.long_rows import column_sums, joined, repeated

ROW_VALUES, FEW = 8192, 1 / 8
"""FEW: of all labels."""


def softmax_cross_entropy(Z, Y):
    """J and its pullback: back(dJ) -> dZ."""
    n, m = Z.shape
    times = joined(n, m, ROW_VALUES)
    Z_rows = Z.reshape(-1, times * m)
    S = Z_rows - repeated(Z_rows.max(axis=0).reshape(times, m).max(axis=0), times)
    labels = Y.reshape(-1)
    some = np.flatnonzero(labels != 0)
    places = some if len(some) <= FEW * Y.size else slice(None)
    labels = labels[places]
    agreement = labels @ S.reshape(-1)[places]
    E = np.exp(S, out=S)
    s = column_sums(column_sums(E).reshape(times, m)).astype(E.dtype)

    def back(dJ):
        share = E.dtype.type(dJ / m)
        dZ = E * repeated(share / s, times)
        dZ.reshape(-1)[places] -= labels * share
        return dZ.reshape(Z.shape)

    return (np.log(s).sum() - agreement) / m, back
