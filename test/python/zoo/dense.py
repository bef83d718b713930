"""Dense networks in every way that Keras builds and saves them."""

from zoo import floats, keras, keras_model, spec, tf, asked, one_function

layers = keras.layers
BOTH = ("export", "saved")


@keras_model("dense-tiny", save=BOTH)
def tiny():
    model = keras.Sequential([keras.Input([2]), layers.Dense(1)])
    return model, [floats(1, 2), floats(5, 2)]


@keras_model("dense-784-128-10", save=BOTH)
def digits():
    model = keras.Sequential([
        keras.Input([784]),
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    return model, [floats(1, 784), floats(64, 784)]


@keras_model("dense-functional", save=BOTH)
def functional():
    x = keras.Input([6], name="x")
    hidden = layers.Dense(8, activation="tanh")(x)
    outputs = {"mean": layers.Dense(1)(hidden), "odds": layers.Dense(3, activation="softmax")(hidden)}
    return keras.Model(x, outputs), [floats(2, 6), floats(7, 6)]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = layers.Dense(5, activation="gelu")
        self.second = layers.Dense(2)

    def call(self, x):
        return self.second(self.first(x))


@keras_model("dense-subclassed", save=BOTH)
def subclassed():
    model = Subclassed()
    model(tf.zeros([1, 4]))
    return model, [floats(1, 4), floats(3, 4)]


@keras_model("dense-nested", save=BOTH)
def nested():
    encoder = keras.Sequential([keras.Input([6]), layers.Dense(4, activation="relu")], name="encoder")
    inner_x = keras.Input([4])
    inner = keras.Model(inner_x, [layers.Dense(2)(inner_x), inner_x], name="inner")
    x = keras.Input([6], name="x")
    first, second = inner(encoder(x))
    both = layers.Concatenate()([first, second, encoder(x)])
    return keras.Model(x, layers.Dense(1, activation="sigmoid")(both)), [floats(2, 6), floats(1, 6)]


@keras_model("dense-many-inputs-and-outputs", save=BOTH)
def many():
    wide, deep = keras.Input([3], name="wide"), keras.Input([5], name="deep")
    hidden = layers.Dense(4, activation="relu")(layers.Dense(6, activation="relu")(deep))
    joined = layers.Concatenate()([wide, hidden])
    outputs = {"score": layers.Dense(1)(joined), "hidden": hidden, "wide_again": wide}
    model = keras.Model({"wide": wide, "deep": deep}, outputs)
    return model, [{"wide": floats(n, 3), "deep": floats(n, 5)} for n in (1, 4, 9)]


@keras_model("dense-merges")
def merges():
    a, b = keras.Input([4], name="a"), keras.Input([4], name="b")
    joined = [
        layers.Add()([a, b]), layers.Subtract()([a, b]), layers.Multiply()([a, b]),
        layers.Average()([a, b]), layers.Maximum()([a, b]), layers.Minimum()([a, b]),
        layers.Dot(axes=1)([a, b]), layers.Dot(axes=1, normalize=True)([a, b]),
    ]
    model = keras.Model({"a": a, "b": b}, layers.Concatenate()(joined))
    return model, [{"a": floats(n, 4), "b": floats(n, 4)} for n in (1, 3)]


@keras_model("dense-residual")
def residual():
    x = keras.Input([16], name="x")
    y = x
    for _ in range(3):
        y = layers.Add()([y, layers.Dense(16)(layers.Dropout(0.5)(layers.Dense(32, activation="swish")(y)))])
    return keras.Model(x, layers.ActivityRegularization(l2=0.1)(y)), [floats(1, 16), floats(8, 16)]


@keras_model("dense-on-sequences")
def sequences():
    model = keras.Sequential([
        keras.Input([None, 5]),
        layers.Dense(7, activation="relu", use_bias=False),
        layers.TimeDistributed(layers.Dense(3)),
        layers.GaussianNoise(0.3),
        layers.SpatialDropout1D(0.2),
    ])
    return model, [floats(1, 4, 5), floats(3, 9, 5)]


@keras_model("dense-einsum")
def einsum():
    model = keras.Sequential([
        keras.Input([None, 6]),
        layers.EinsumDense("abc,cde->abde", output_shape=[None, 2, 4], bias_axes="de"),
        layers.EinsumDense("abde,dec->abc", output_shape=[None, 5], activation="relu"),
    ])
    return model, [floats(1, 3, 6), floats(2, 5, 6)]


@keras_model("dense-reshaping")
def reshaping():
    model = keras.Sequential([
        keras.Input([12]),
        layers.Reshape([3, 4]),
        layers.Permute([2, 1]),
        layers.Flatten(),
        layers.Dense(4),
        layers.RepeatVector(2),
        layers.Lambda(lambda x: x * 2.0 + 1.0),
        layers.Rescaling(0.5, offset=-1.0),
    ])
    return model, [floats(1, 12), floats(4, 12)]


@keras_model("dense-deep")
def deep():
    model = keras.Sequential([keras.Input([8])] + [layers.Dense(8, activation="relu") for _ in range(60)])
    return model, [floats(1, 8), floats(3, 8)]


@keras_model("dense-quantized-int8")
def quantized():
    model = keras.Sequential([keras.Input([16]), layers.Dense(8, activation="relu"), layers.Dense(2)])
    model.quantize("int8")
    return model, [floats(1, 16), floats(4, 16)]


@keras_model("dense-lora")
def lora():
    model = keras.Sequential([keras.Input([16]), layers.Dense(8, name="low"), layers.Dense(2)])
    model.get_layer("low").enable_lora(2)
    return model, [floats(1, 16), floats(4, 16)]


@one_function("dense-mlp-by-hand", spec("x", [None, 4]))
@asked(lambda: [[floats(1, 4)], [floats(6, 4)]])
def by_hand(x):
    weights = tf.constant([[0.1, -0.2], [0.3, 0.4], [-0.5, 0.6], [0.7, 0.8]])
    hidden = tf.nn.relu(tf.compat.v1.nn.xw_plus_b(x, weights, [0.1, 0.2]))
    return {"y": tf.linalg.matmul(hidden, weights, transpose_b=True), "loss": tf.nn.l2_loss(hidden)}
