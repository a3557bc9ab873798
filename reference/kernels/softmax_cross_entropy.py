"""The cost of a softmax from its logits Z [n m], one column an example, and labels Y [n m] whose columns sum to 1.

    S = Z - max_j Z        E = e^S        s = sum_j E        J = 1/m sum_i (log s_i - sum_j y_j S_j)
    dZ = (E / s - Y)/m

One array holds S, then E; another E / s, then dZ. Several rows of Z, one after the other in memory, are worked on as
one, with the vector of examples repeated along it, for a short row costs more to begin than to add.
"""

import numpy as np

ROW_VALUES = 1 << 14


def softmax_cross_entropy(Z, Y):
    """J and its pullback: back(dJ) -> dZ."""
    n, m = Z.shape
    several = rows_at_once(n, m) if Z.flags.c_contiguous else 1
    Z_rows = Z.reshape(-1, several * m)
    S = Z_rows - np.tile(Z_rows.max(axis=0).reshape(several, m).max(axis=0), several)
    agreement = np.vdot(Y, S)
    E = np.exp(S, out=S)
    s = (np.ones(len(E), E.dtype) @ E).reshape(several, m).sum(axis=0)

    def back(dJ):
        dZ = (E / np.tile(s, several)).reshape(n, m)
        dZ -= Y
        dZ *= E.dtype.type(dJ / m)
        return dZ

    return (np.log(s).sum() - agreement) / m, back


def rows_at_once(n, m):
    """So many of n rows of m values as make a long row, which divide n."""
    return max(i for i in range(1, max(1, min(n, ROW_VALUES // max(m, 1))) + 1) if n % i == 0)
