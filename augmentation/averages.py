"""Ensembling and multi-crop: averages of predictions, a few per cent better and many times slower.

    ensemble   y_hat = mean over networks of y_hat_k(X)          trained independently; their weights are not averaged
    ten-crop   y_hat = mean over the ten crops of y_hat(crop)    of one network

Predictions are probabilities [n m]; k of them are stacked as [k n m]. Source: Course 4, week 2, "State of computer
vision".
"""

import numpy as np

from augmentation.crops import ten_crop


def ensemble(predictions):
    """The mean of predictions [k n m], or of a list of k predictions [n m]."""
    shapes = {np.shape(prediction) for prediction in predictions}
    if len(shapes) != 1:
        raise ValueError(f"predictions have shapes {sorted(shapes)}; expected one shape (n, m) for all, at least one")
    return np.mean(predictions, axis=0)


def predict_ten_crops(predict, X, size):
    """`predict` takes images [m h w c] of the given size (h, w) and returns probabilities [n m]."""
    return ensemble([predict(crop) for crop in ten_crop(X, size)])
