"""Raw text to answers: TextVectorization and what is built on it."""

from zoo import column, keras, keras_model, tf

layers = keras.layers
WORDS = ["late", "refund", "card", "my", "is", "where", "größe"]
TEXTS = ["Where is my CARD?!", "", "late late refund; größe", "nothing known here at all, really"]
REQUESTS = [column(TEXTS[0]), column(*TEXTS)]


def _text():
    return keras.Input([1], dtype="string", name="text")


def _vectors(name, **how):
    def build():
        x = _text()
        return keras.Model(x, layers.TextVectorization(vocabulary=WORDS, **how)(x)), REQUESTS

    build.__module__ = __name__
    keras_model(name)(build)


_vectors("text-vectorization-int", output_sequence_length=6)
_vectors("text-vectorization-any-length")
_vectors("text-vectorization-multi-hot", output_mode="multi_hot")
_vectors("text-vectorization-count", output_mode="count", standardize="lower")
_vectors("text-vectorization-tf-idf", output_mode="tf_idf", idf_weights=[0.5, 1, 1.5, 2, 2.5, 3, 3.5])
_vectors("text-vectorization-bigrams", ngrams=2, output_mode="count", standardize="strip_punctuation")
_vectors("text-vectorization-characters", split="character", output_sequence_length=8)


@keras_model("text-classifier-bag", save=("export", "saved"))
def bag():
    x = _text()
    counts = layers.TextVectorization(vocabulary=WORDS, output_mode="count")(x)
    hidden = layers.Dense(8, activation="relu")(counts)
    return keras.Model(x, layers.Dense(3, activation="softmax")(hidden)), REQUESTS


@keras_model("text-classifier-embedding", save=("export", "saved"))
def embedding():
    x = _text()
    tokens = layers.TextVectorization(vocabulary=WORDS, output_sequence_length=10)(x)
    vectors = layers.Embedding(len(WORDS) + 2, 8)(tokens)
    hidden = layers.GlobalAveragePooling1D()(vectors)
    return keras.Model(x, layers.Dense(3, activation="softmax")(hidden)), REQUESTS


@keras_model("text-classifier-convolution")
def convolution():
    x = _text()
    tokens = layers.TextVectorization(vocabulary=WORDS, output_sequence_length=12)(x)
    vectors = layers.Embedding(len(WORDS) + 2, 8)(tokens)
    hidden = layers.GlobalMaxPooling1D()(layers.Conv1D(6, 3, activation="relu")(vectors))
    return keras.Model(x, layers.Dense(1, activation="sigmoid")(hidden)), REQUESTS


@keras_model("text-classifier-lstm")
def lstm():
    x = _text()
    tokens = layers.TextVectorization(vocabulary=WORDS)(x)
    vectors = layers.Embedding(len(WORDS) + 2, 8, mask_zero=True)(tokens)
    hidden = layers.Bidirectional(layers.LSTM(4))(vectors)
    return keras.Model(x, layers.Dense(2, activation="softmax")(hidden)), REQUESTS


def _clean(text):
    lower = tf.strings.lower(text, encoding="utf-8")
    return tf.strings.regex_replace(tf.strings.regex_replace(lower, r"<[^>]*>", " "), r"[^\pL\pN ]+", "")


@keras_model("text-custom-standardization")
def custom():
    x = _text()
    layer = layers.TextVectorization(vocabulary=WORDS, standardize=_clean, output_sequence_length=5)
    return keras.Model(x, layer(x)), [column("<b>LATE</b>, GRÖSSE my größe!"), column(*TEXTS)]
