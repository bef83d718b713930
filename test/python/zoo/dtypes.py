"""Each element type that TensorFlow Serving speaks, in and out, and networks of other precisions."""

from zoo import asked, bools, floats, integers, keras, keras_model, np, one_function, spec, texts, tf

layers = keras.layers
FLOATS = [tf.float16, tf.bfloat16, tf.float32, tf.float64]
INTEGERS = [tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64]
COMPLEX = [tf.complex64, tf.complex128]


def _values(dtype, count):
    kind = dtype.as_numpy_dtype
    if dtype.is_integer:
        ends = np.array([np.iinfo(kind).max, np.iinfo(kind).min], kind)
        return np.concatenate([ends, integers(0, 100, count, dtype=kind)])
    if dtype.is_complex:
        return (floats(count) + 1j * floats(count)).astype(kind)
    return np.concatenate([np.array([0, -0.0, np.inf], np.float32), floats(count)]).astype(kind)


def _arithmetic(x):
    return {"same": tf.identity(x), "sum": x + x, "again": tf.concat([x, x[:1]], 0)}


for dtype in FLOATS + INTEGERS + COMPLEX:
    requests = lambda dtype=dtype: [[_values(dtype, count)] for count in (0, 5)]
    # Each needs a function of its own: what it is asked hangs on it.
    one_function(f"dtype-{dtype.name}", spec("x", [None], dtype))(asked(requests)(lambda x: _arithmetic(x)))


@one_function("dtype-bool", spec("x", [None], tf.bool))
@asked(lambda: [[bools(1)], [bools(7)]])
def truth(x):
    return {"same": tf.identity(x), "not": ~x, "or": x | True, "all": tf.reduce_all(x)}


@one_function("dtype-string", spec("x", [None], tf.string))
@asked(lambda: [[texts("")], [texts("a", b"\x00\xff", "größe")]])
def string(x):
    return {"same": tf.identity(x), "again": tf.concat([x, x[:1]], 0)}


@one_function("dtype-casts", spec("x", [None]))
@asked(lambda: [[floats(6, low=0, high=100)], [np.array([0, 1, 2.5, 3.5], np.float32)]])
def casts(x):
    kinds = FLOATS + INTEGERS + [tf.bool, tf.complex64]
    return {kind.name: tf.cast(x, kind) for kind in kinds}


@one_function("dtype-complex-parts", spec("x", [None, 4], tf.complex64))
@asked(lambda: [[(floats(n, 4) + 1j * floats(n, 4)).astype(np.complex64)] for n in (1, 3)])
def complex_parts(x):
    return {
        "real": tf.math.real(x), "imaginary": tf.math.imag(x), "abs": tf.abs(x), "angle": tf.math.angle(x),
        "conjugate": tf.math.conj(x), "fourier": tf.signal.fft(x),
    }


def _precise(name, dtype):
    @keras_model(name)
    def build():
        model = keras.Sequential([
            keras.Input([6], dtype="float64" if dtype == "float64" else None),
            layers.Dense(8, activation="relu", dtype=dtype),
            layers.Dense(3, activation="softmax", dtype=dtype),
        ])
        return model, [floats(1, 6), floats(5, 6)]


_precise("dtype-network-float64", "float64")
_precise("dtype-network-float16", "float16")
_precise("dtype-network-mixed-float16", "mixed_float16")
_precise("dtype-network-mixed-bfloat16", "mixed_bfloat16")
