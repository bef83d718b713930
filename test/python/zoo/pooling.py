"""Pooling of one to three dimensions with all paddings, and over everything."""

from convolution import _branches
from zoo import floats, keras, keras_model

layers = keras.layers


@keras_model("pooling-1d")
def pooling_1d():
    model = _branches([11, 3], {
        "max_valid": layers.MaxPooling1D(3),
        "max_same": layers.MaxPooling1D(3, strides=2, padding="same"),
        "average_valid": layers.AveragePooling1D(2),
        "average_same": layers.AveragePooling1D(3, strides=2, padding="same"),
    })
    return model, [floats(1, 11, 3), floats(3, 11, 3)]


@keras_model("pooling-2d-max")
def pooling_2d_max():
    model = _branches([9, 8, 3], {
        "valid": layers.MaxPooling2D(),
        "same": layers.MaxPooling2D(3, strides=2, padding="same"),
        "oblong": layers.MaxPooling2D([2, 3], strides=[1, 2]),
    })
    return model, [floats(1, 9, 8, 3), floats(3, 9, 8, 3)]


@keras_model("pooling-2d-average")
def pooling_2d_average():
    model = _branches([9, 8, 3], {
        "valid": layers.AveragePooling2D(2),
        "same": layers.AveragePooling2D(3, strides=2, padding="same"),
        "oblong": layers.AveragePooling2D([2, 3], strides=[1, 2], padding="same"),
    })
    return model, [floats(1, 9, 8, 3), floats(3, 9, 8, 3)]


@keras_model("pooling-3d")
def pooling_3d():
    model = _branches([5, 6, 7, 2], {
        "max": layers.MaxPooling3D(),
        "max_same": layers.MaxPooling3D(3, strides=2, padding="same"),
        "average": layers.AveragePooling3D([1, 2, 3]),
        "average_same": layers.AveragePooling3D(2, strides=1, padding="same"),
    })
    return model, [floats(1, 5, 6, 7, 2), floats(2, 5, 6, 7, 2)]


@keras_model("pooling-global")
def pooling_global():
    x, video = keras.Input([6, 7, 3], name="x"), keras.Input([4, 5, 3, 2], name="video")
    line = layers.Reshape([42, 3])(x)
    outputs = {
        "max_1d": layers.GlobalMaxPooling1D()(line),
        "average_1d": layers.GlobalAveragePooling1D()(line),
        "max_2d": layers.GlobalMaxPooling2D(keepdims=True)(x),
        "average_2d": layers.GlobalAveragePooling2D()(x),
        "max_3d": layers.GlobalMaxPooling3D()(video),
        "average_3d": layers.GlobalAveragePooling3D()(video),
    }
    model = keras.Model({"x": x, "video": video}, outputs)
    return model, [{"x": floats(n, 6, 7, 3), "video": floats(n, 4, 5, 3, 2)} for n in (1, 2)]


@keras_model("pooling-adaptive")
def pooling_adaptive():
    model = _branches([9, 8, 3], {
        "average": layers.AdaptiveAveragePooling2D([4, 3]),
        "max": layers.AdaptiveMaxPooling2D(3),
    })
    return model, [floats(1, 9, 8, 3), floats(2, 9, 8, 3)]
