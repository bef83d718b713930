"""Normalisations of Keras, with weights that are not what they begin with."""

from convolution import _branches
from zoo import floats, keras, keras_model

layers = keras.layers


@keras_model("normalisation-batch", save=("export", "saved"))
def batch():
    model = _branches([5, 6, 4], {
        "usual": layers.BatchNormalization(),
        "other_axis": layers.BatchNormalization(axis=1),
        "no_scale": layers.BatchNormalization(scale=False, epsilon=0.01),
        "bare": layers.BatchNormalization(center=False, scale=False),
    })
    return model, [floats(1, 5, 6, 4), floats(3, 5, 6, 4)]


@keras_model("normalisation-batch-dense")
def batch_dense():
    model = keras.Sequential([
        keras.Input([6]),
        layers.Dense(8, use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Dense(2),
    ])
    return model, [floats(1, 6), floats(5, 6)]


@keras_model("normalisation-layer")
def layer():
    model = _branches([5, 8], {
        "usual": layers.LayerNormalization(),
        "two_axes": layers.LayerNormalization(axis=[1, 2]),
        "no_center": layers.LayerNormalization(center=False, epsilon=1e-6),
        "rms": layers.RMSNormalization(),
    })
    return model, [floats(1, 5, 8), floats(4, 5, 8)]


@keras_model("normalisation-group")
def group():
    model = _branches([4, 5, 8], {
        "two": layers.GroupNormalization(2),
        "instance": layers.GroupNormalization(-1),
        "other_axis": layers.GroupNormalization(4, axis=1),
    })
    return model, [floats(1, 4, 5, 8), floats(3, 4, 5, 8)]


@keras_model("normalisation-unit")
def unit():
    model = _branches([4, 8], {
        "usual": layers.UnitNormalization(),
        "other_axis": layers.UnitNormalization(axis=1),
    })
    return model, [floats(1, 4, 8), floats(3, 4, 8)]


@keras_model("normalisation-spectral")
def spectral():
    model = keras.Sequential([keras.Input([6]), layers.SpectralNormalization(layers.Dense(4))])
    return model, [floats(1, 6), floats(3, 6)]
