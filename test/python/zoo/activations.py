"""All activations of Keras, a few in each model, each with an output of its own."""

from zoo import floats, keras, keras_model, np

GROUPS = {
    "relu": ["relu", "relu6", "leaky_relu"],
    "elu": ["elu", "selu", "celu"],
    "sigmoid": ["sigmoid", "hard_sigmoid", "log_sigmoid", "sparse_sigmoid"],
    "tanh": ["tanh", "hard_tanh", "tanh_shrink"],
    "silu": ["silu", "swish", "hard_silu", "hard_swish", "mish"],
    "gelu": ["gelu"],
    "soft": ["softplus", "softsign", "sparse_plus", "squareplus"],
    "shrink": ["hard_shrink", "soft_shrink"],
    "softmax": ["softmax", "log_softmax", "sparsemax"],
    "linear": ["linear", "exponential", "glu"],
}
# What most of them treat in a way of its own.
EDGES = np.array([[0, -0.0, 1, -1, 3, -3, 6, 6.5, -30, 30, 0.5, -0.5]], np.float32)


def _outputs(names):
    x = keras.Input([12], name="x")
    outputs = {name: keras.layers.Activation(name)(x) for name in names}
    return keras.Model(x, outputs), [EDGES, floats(4, 12, low=-6, high=6)]


for group, names in GROUPS.items():
    keras_model(f"activation-{group}")(lambda names=names: _outputs(names))


@keras_model("activation-gelu-approximate")
def gelu_approximate():
    x = keras.Input([12], name="x")
    outputs = {
        "gelu": keras.layers.Lambda(lambda y: keras.activations.gelu(y, approximate=True))(x),
        "threshold": keras.layers.Lambda(lambda y: keras.activations.threshold(y, 0.5, -7.0))(x),
    }
    return keras.Model(x, outputs), [EDGES, floats(3, 12)]


@keras_model("activation-layers")
def activation_layers():
    x = keras.Input([3, 4], name="x")
    outputs = {
        "leaky": keras.layers.LeakyReLU(0.3)(x),
        "prelu": keras.layers.PReLU()(x),
        "prelu_shared": keras.layers.PReLU(shared_axes=[1])(x),
        "elu": keras.layers.ELU(0.7)(x),
        "relu_capped": keras.layers.ReLU(max_value=1.5, negative_slope=0.1, threshold=0.2)(x),
        "softmax_axis": keras.layers.Softmax(axis=1)(x),
    }
    return keras.Model(x, outputs), [EDGES.reshape(1, 3, 4), floats(4, 3, 4)]


def _check_complete():
    """Nothing that Keras has is left out."""
    here = {name for names in GROUPS.values() for name in names} | {"threshold"}
    there = {
        name for name in dir(keras.activations)
        if name not in {"get", "serialize", "deserialize"} and not name.startswith("_")
    }
    assert there <= here, there - here


_check_complete()
