"""Networks as large as people serve them, with weights that nobody trained."""

from zoo import asked, floats, keras, keras_model, one_function, spec, tf

layers = keras.layers


@keras_model("large-100-mb")
def hundred():
    model = keras.Sequential([
        keras.Input([64]),
        layers.Dense(5000, activation="relu"),
        layers.Dense(4900, activation="relu"),
        layers.Dense(10),
    ])
    return model, [floats(1, 64), floats(4, 64)]


@keras_model("large-mobilenet-v2")
def mobilenet():
    model = keras.applications.MobileNetV2([96, 96, 3], alpha=0.35, weights=None, classes=10)
    return model, [floats(1, 96, 96, 3, low=-1, high=1), floats(2, 96, 96, 3, low=-1, high=1)]


@keras_model("large-efficientnet-b0")
def efficientnet():
    model = keras.applications.EfficientNetB0(weights=None, input_shape=[64, 64, 3], classes=10)
    return model, [floats(1, 64, 64, 3, low=0, high=255), floats(2, 64, 64, 3, low=0, high=255)]


@one_function("large-constants", spec("x", [None, 2000]))
@asked(lambda: [[floats(1, 2000)], [floats(3, 2000)]])
def constants(x):
    weights = tf.constant(floats(2000, 3000, low=-0.05, high=0.05))
    return {"y": tf.nn.relu(x @ weights)}


@one_function("tiny-identity", spec("x", [None]))
@asked(lambda: [[floats(0)], [floats(1)], [floats(5)]])
def identity(x):
    return {"y": tf.identity(x)}


@one_function("tiny-scalar", spec("x", []))
@asked(lambda: [[floats()], [floats()]])
def scalar(x):
    return {"y": x / 2 + 2}
