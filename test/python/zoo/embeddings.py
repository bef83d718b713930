"""Embeddings, by themselves and under what follows them in recommenders and classifiers."""

from zoo import integers, keras, keras_model, np

layers = keras.layers


@keras_model("embedding", save=("export", "saved"))
def plain():
    model = keras.Sequential([keras.Input([5], dtype="int32"), layers.Embedding(20, 4)])
    return model, [integers(0, 20, 1, 5), integers(0, 20, 6, 5)]


@keras_model("embedding-flat-classifier")
def flat():
    model = keras.Sequential([
        keras.Input([6], dtype="int64"),
        layers.Embedding(50, 8),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ])
    return model, [integers(0, 50, 1, 6, dtype=np.int64), integers(0, 50, 4, 6, dtype=np.int64)]


@keras_model("embedding-masked-mean")
def masked():
    model = keras.Sequential([
        keras.Input([None], dtype="int32"),
        layers.Embedding(30, 6, mask_zero=True),
        layers.GlobalAveragePooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ])
    return model, [np.array([[3, 4, 0, 0]], np.int32), integers(1, 30, 3, 7)]


@keras_model("embedding-recommender")
def recommender():
    user, item = keras.Input([1], dtype="int64", name="user"), keras.Input([1], dtype="int64", name="item")
    sides = [
        layers.Flatten()(layers.Embedding(40, 8)(user)), layers.Flatten()(layers.Embedding(60, 8)(item)),
    ]
    score = layers.Dense(1, activation="sigmoid")(layers.Dot(axes=1)(sides))
    wide = {"user": integers(0, 40, 5, 1, dtype=np.int64), "item": integers(0, 60, 5, 1, dtype=np.int64)}
    one = {name: values[:1] for name, values in wide.items()}
    return keras.Model({"user": user, "item": item}, score), [one, wide]


@keras_model("embedding-reversible")
def reversible():
    x = keras.Input([4], dtype="int32", name="tokens")
    embedding = layers.ReversibleEmbedding(16, 6)
    hidden = layers.Dense(6, activation="relu")(embedding(x))
    return keras.Model(x, embedding(hidden, reverse=True)), [integers(0, 16, 1, 4), integers(0, 16, 3, 4)]
