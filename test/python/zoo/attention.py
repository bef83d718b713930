"""Attention and small transformers."""

from zoo import floats, integers, keras, keras_model, np

layers = keras.layers
ops = keras.ops


@keras_model("attention-luong-and-additive")
def simple():
    query, value = keras.Input([3, 4], name="query"), keras.Input([5, 4], name="value")
    outputs = {
        "luong": layers.Attention()([query, value]),
        "scaled": layers.Attention(use_scale=True, score_mode="concat")([query, value]),
        "additive": layers.AdditiveAttention()([query, value]),
    }
    model = keras.Model({"query": query, "value": value}, outputs)
    return model, [{"query": floats(n, 3, 4), "value": floats(n, 5, 4)} for n in (1, 3)]


@keras_model("attention-multi-head", save=("export", "saved"))
def multi_head():
    x = keras.Input([6, 8], name="x")
    answer, scores = layers.MultiHeadAttention(2, 4)(x, x, return_attention_scores=True)
    return keras.Model(x, {"answer": answer, "scores": scores}), [floats(1, 6, 8), floats(3, 6, 8)]


@keras_model("attention-causal")
def causal():
    x = keras.Input([None, 8], name="x")
    answer = layers.MultiHeadAttention(2, 4, value_dim=3)(x, x, use_causal_mask=True)
    return keras.Model(x, answer), [floats(1, 5, 8), floats(2, 9, 8)]


@keras_model("attention-grouped-query")
def grouped():
    x = keras.Input([6, 8], name="x")
    return keras.Model(x, layers.GroupQueryAttention(4, 4, 2)(x, x)), [floats(1, 6, 8), floats(3, 6, 8)]


def _block(x, heads, width, **how):
    attended = layers.MultiHeadAttention(heads, width // heads)(x, x, **how)
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, layers.Dropout(0.1)(attended)]))
    hidden = layers.Dense(width)(layers.Dense(2 * width, activation="gelu")(x))
    return layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, hidden]))


@keras_model("attention-transformer-classifier", save=("export", "saved"))
def classifier():
    tokens = keras.Input([12], dtype="int32", name="tokens")
    places = layers.Embedding(12, 16)(ops.arange(12))
    x = layers.Embedding(100, 16)(tokens) + places
    for _ in range(2):
        x = _block(x, 4, 16)
    answer = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(x))
    return keras.Model(tokens, answer), [integers(0, 100, 1, 12), integers(0, 100, 4, 12)]


@keras_model("attention-transformer-masked")
def masked():
    tokens = keras.Input([None], dtype="int32", name="tokens")
    x = _block(layers.Embedding(100, 16, mask_zero=True)(tokens), 2, 16)
    answer = layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling1D()(x))
    padded = np.array([[3, 4, 5, 0, 0], [7, 0, 0, 0, 0]], np.int32)
    return keras.Model(tokens, answer), [padded, integers(1, 100, 3, 8)]


class Places(layers.Layer):
    """A vector for each place, of however many there are."""

    def __init__(self):
        super().__init__()
        self.table = layers.Embedding(32, 16)

    def build(self, shape):
        self.table.build(shape)

    def call(self, tokens):
        return self.table(ops.arange(ops.shape(tokens)[1], dtype="int32"))


@keras_model("attention-language-model")
def language():
    tokens = keras.Input([None], dtype="int32", name="tokens")
    x = layers.Embedding(64, 16)(tokens) + Places()(tokens)
    for _ in range(2):
        x = _block(x, 2, 16, use_causal_mask=True)
    return keras.Model(tokens, layers.Dense(64)(x)), [integers(0, 64, 1, 3), integers(0, 64, 2, 10)]


@keras_model("attention-vision-transformer")
def vision():
    x = keras.Input([16, 16, 3], name="x")
    patches = layers.Reshape([16, 24])(layers.Conv2D(24, 4, strides=4)(x))
    y = _block(_block(patches, 3, 24), 3, 24)
    return keras.Model(x, layers.Dense(5)(layers.Flatten()(y))), [floats(1, 16, 16, 3), floats(2, 16, 16, 3)]
