"""Keras' preprocessing layers over features."""

from zoo import bools, column, floats, integers, keras, keras_model, np, texts, tf

layers = keras.layers
COLOURS = ["red", "green", "blue"]


def _branches(x, branches):
    return keras.Model(x, {name: layer(x) for name, layer in branches.items()})


@keras_model("preprocessing-string-lookup", save=("export", "saved"))
def string_lookup():
    x = keras.Input([1], dtype="string", name="colour")
    model = _branches(x, {
        "int": layers.StringLookup(vocabulary=COLOURS),
        "two_oov": layers.StringLookup(vocabulary=COLOURS, num_oov_indices=2),
        "one_hot": layers.StringLookup(vocabulary=COLOURS, output_mode="one_hot"),
        "masked": layers.StringLookup(vocabulary=COLOURS, mask_token=""),
    })
    return model, [column("red", "mauve"), column("blue", "", "green", "größe")]


@keras_model("preprocessing-string-lookup-sets")
def string_lookup_sets():
    x = keras.Input([3], dtype="string", name="colours")
    weights = [0.5, 1.5, 2.5]
    model = _branches(x, {
        "multi_hot": layers.StringLookup(vocabulary=COLOURS, output_mode="multi_hot"),
        "count": layers.StringLookup(vocabulary=COLOURS, output_mode="count"),
        "tf_idf": layers.StringLookup(vocabulary=COLOURS, output_mode="tf_idf", idf_weights=weights),
    })
    return model, [texts("red", "red", "x").reshape(1, 3), texts("a", "b", "c", "blue", "red", "").reshape(2, 3)]


@keras_model("preprocessing-string-lookup-inverse")
def string_lookup_inverse():
    x = keras.Input([2], dtype="int64", name="number")
    lookup = layers.StringLookup(vocabulary=COLOURS, invert=True)
    return keras.Model(x, lookup(x)), [np.array([[1, 3]]), np.array([[0, 9], [2, 2], [-1, 1]])]


@keras_model("preprocessing-integer-lookup")
def integer_lookup():
    x = keras.Input([1], dtype="int64", name="number")
    model = _branches(x, {
        "int": layers.IntegerLookup(vocabulary=[12, 1138, 42]),
        "two_oov": layers.IntegerLookup(vocabulary=[12, 1138, 42], num_oov_indices=2),
        "one_hot": layers.IntegerLookup(vocabulary=[12, 1138, 42], output_mode="one_hot"),
    })
    return model, [np.array([[12], [7]]), np.array([[42], [0], [-1], [1138], [10**12]])]


@keras_model("preprocessing-category-encoding")
def category_encoding():
    x = keras.Input([2], dtype="int64", name="number")
    model = _branches(x, {
        "one_hot": layers.CategoryEncoding(5, output_mode="one_hot"),
        "multi_hot": layers.CategoryEncoding(5),
        "count": layers.CategoryEncoding(5, output_mode="count"),
    })
    return model, [np.array([[1, 4]]), np.array([[0, 0], [3, 2], [4, 1]])]


@keras_model("preprocessing-hashing")
def hashing():
    x = keras.Input([1], dtype="string", name="word")
    model = _branches(x, {
        "plain": layers.Hashing(64),
        "salted": layers.Hashing(64, salt=[133, 137]),
        "masked": layers.Hashing(8, mask_value=""),
        "one_hot": layers.Hashing(4, output_mode="one_hot"),
    })
    return model, [column("late"), column("", "größe", b"\xff\x00", "a longer text than one block of a hash")]


@keras_model("preprocessing-hashing-numbers")
def hashing_numbers():
    x = keras.Input([1], dtype="int64", name="number")
    return _branches(x, {"plain": layers.Hashing(64), "salted": layers.Hashing(64, salt=7)}), [
        np.array([[5]]), np.array([[0], [-3], [10**12]]),
    ]


@keras_model("preprocessing-hashed-crossing")
def hashed_crossing():
    a, b = keras.Input([1], dtype="string", name="a"), keras.Input([1], dtype="int64", name="b")
    model = keras.Model({"a": a, "b": b}, layers.HashedCrossing(32)((a, b)))
    return model, [
        {"a": column("x"), "b": np.array([[1]])},
        {"a": column("x", "", "zz"), "b": np.array([[2], [-1], [1]])},
    ]


@keras_model("preprocessing-discretization")
def discretization():
    x = keras.Input([2], name="x")
    bounds = [-1.0, 0.0, 0.5]
    model = _branches(x, {
        "int": layers.Discretization(bounds),
        "count": layers.Discretization(bounds, output_mode="count"),
        "multi_hot": layers.Discretization(bounds, output_mode="multi_hot"),
    })
    return model, [np.array([[-1.0, 0.5]], np.float32), floats(5, 2)]


@keras_model("preprocessing-normalization", save=("export", "saved"))
def normalization():
    x = keras.Input([3], name="x")
    adapted = layers.Normalization()
    adapted.adapt(np.array([[1, 2, 3], [3, 6, 9], [2, 2, 2]], np.float32))
    model = _branches(x, {
        "given": layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 1.0, 0.5]),
        "adapted": adapted,
        "inverse": layers.Normalization(mean=2.0, variance=9.0, invert=True),
    })
    return model, [floats(1, 3), floats(4, 3)]


@keras_model("preprocessing-tabular", save=("export", "saved"))
def tabular():
    inputs = {
        "age": keras.Input([1], name="age"),
        "city": keras.Input([1], dtype="string", name="city"),
        "zone": keras.Input([1], dtype="int64", name="zone"),
        "member": keras.Input([1], dtype="bool", name="member"),
    }
    encoded = [
        layers.Normalization(mean=40.0, variance=100.0)(inputs["age"]),
        layers.Discretization([20.0, 40.0, 60.0], output_mode="one_hot")(inputs["age"]),
        layers.StringLookup(vocabulary=["Bern", "Rome"], output_mode="one_hot")(inputs["city"]),
        layers.IntegerLookup(vocabulary=[5, 6], output_mode="one_hot")(inputs["zone"]),
        layers.Lambda(lambda x: keras.ops.cast(x, "float32"))(inputs["member"]),
    ]
    hidden = layers.Dense(8, activation="relu")(layers.Concatenate()(encoded))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(hidden))
    return model, [
        {"age": floats(1, 1, low=0, high=90), "city": column("Bern"), "zone": np.array([[5]]),
         "member": bools(1, 1)},
        {"age": floats(3, 1, low=0, high=90), "city": column("Rome", "", "Oslo"),
         "zone": integers(4, 8, 3, 1, dtype=np.int64), "member": bools(3, 1)},
    ]


@keras_model("preprocessing-feature-space")
def feature_space():
    space = keras.utils.FeatureSpace(
        {
            "city": keras.utils.FeatureSpace.string_categorical(num_oov_indices=1),
            "zone": keras.utils.FeatureSpace.integer_categorical(),
            "age": keras.utils.FeatureSpace.float_normalized(),
        },
        crosses=[("city", "zone")], crossing_dim=8, output_mode="concat",
    )
    rows = {"city": ["Bern", "Rome", "Bern"], "zone": [1, 2, 3], "age": [20.0, 40.0, 60.0]}
    space.adapt(tf.data.Dataset.from_tensor_slices(rows))
    inputs = space.get_inputs()
    model = keras.Model(inputs, layers.Dense(2)(space.get_encoded_features()))
    return model, [{"city": column("Bern", "Oslo"), "zone": np.array([[1], [9]]), "age": floats(2, 1)}]
