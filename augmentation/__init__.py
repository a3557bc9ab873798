"""Preparing images for training and averaging predictions: plain NumPy on images [m h w c], shared by all columns."""
