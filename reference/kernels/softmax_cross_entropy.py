"""The cost of a softmax from its logits Z [n m], one column an example, and labels Y [n m] whose columns sum to 1.

    S = Z - max_j Z        E = e^S        s = sum_j E        J = 1/m sum_i (log s_i - sum_j y_j S_j)
    dZ = (E / s - Y)/m

One array holds S, then E, then dZ, so that E is made again for a second call of the pullback. Several rows are joined
to one, with the vector of examples repeated along it. Of labels that are nearly all 0 only the others are gone on with;
they are looked for by words of 8 bytes. Then S = Z will do if no logit is so large that a quotient of exponentials
overflows, with J = 1/m sum_j y_j log(s / E_j), for the difference of log s and Z may be small beside them.
"""

import numpy as np

from reference.kernels.long_rows import column_sums, joined, repeated

ROW_VALUES, WORD_BYTES, FEW, LARGE = 6144, 8, 1 / 8, 32
"""FEW: of all labels. LARGE: e^64 times any number of classes is finite in float32."""
ALL = slice(None)


def softmax_cross_entropy(Z, Y):
    """J and its pullback: back(dJ) -> dZ."""
    n, m = Z.shape
    times = joined(n, m, ROW_VALUES)
    Z_rows, labels = Z.reshape(-1, times * m), Y.reshape(-1)
    places = not_zero(labels)
    labels = labels[places]
    unshifted = places is not ALL and Z.min() >= -LARGE and Z.max() <= LARGE
    if unshifted:
        shift, E = 0, np.exp(Z_rows)
    else:
        shift = repeated(Z_rows.max(axis=0).reshape(times, m).max(axis=0), times)
        S = Z_rows - shift
        agreement = labels @ S.reshape(-1)[places]
        E = np.exp(S, out=S)
    s = column_sums(column_sums(E).reshape(times, m)).astype(E.dtype)
    J = labels @ np.log(s[places % m] / E.reshape(-1)[places]) if unshifted else np.log(s).sum() - agreement
    made = [E]

    def back(dJ):
        E = made.pop() if made else np.exp(Z_rows - shift)
        share = E.dtype.type(dJ / m)
        dZ = np.multiply(E, repeated(share / s, times), out=E)
        dZ.reshape(-1)[places] -= labels * share
        return dZ.reshape(Z.shape)

    return J / m, back


def not_zero(values):
    """Where the values are that are not 0 and those with which they share a word, if they are few; else everywhere."""
    width = WORD_BYTES // values.itemsize
    if values.size % width:
        width = 1
    (words,) = (values.view(f"u{width * values.itemsize}") != 0).nonzero()
    if len(words) * width > FEW * values.size:
        return ALL
    return np.concatenate([width * words + i for i in range(width)])
