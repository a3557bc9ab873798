"""The cost of a softmax from its logits Z [n m], one column an example, and labels Y [n m] whose columns sum to 1.

    S = Z - max_j Z        E = e^S        s = sum_j E        J = 1/m sum_i (log s_i - sum_j y_j S_j)
    dZ = (E / s - Y)/m

One array holds S, then E; another E / s, then dZ.
"""

import numpy as np


def softmax_cross_entropy(Z, Y):
    """J and its pullback: back(dJ) -> dZ."""
    m = Z.shape[1]
    S = Z - Z.max(axis=0)
    agreement = np.vdot(Y, S)
    E = np.exp(S, out=S)
    s = np.ones(len(E), E.dtype) @ E

    def back(dJ):
        dZ = E / s
        dZ -= Y
        dZ *= E.dtype.type(dJ / m)
        return dZ

    return (np.log(s).sum() - agreement) / m, back
