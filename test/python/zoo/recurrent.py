"""Recurrent layers: loops without state between requests."""

from zoo import floats, integers, keras, keras_model, np

layers = keras.layers


@keras_model("recurrent-lstm", save=("export", "saved"))
def lstm():
    model = keras.Sequential([keras.Input([6, 4]), layers.LSTM(5), layers.Dense(2)])
    return model, [floats(1, 6, 4), floats(3, 6, 4)]


@keras_model("recurrent-lstm-any-length")
def lstm_any_length():
    model = keras.Sequential([
        keras.Input([None, 4]),
        layers.LSTM(5, return_sequences=True),
        layers.LSTM(3),
    ])
    return model, [floats(1, 2, 4), floats(3, 9, 4)]


@keras_model("recurrent-lstm-state")
def lstm_state():
    x = keras.Input([4, 3], name="x")
    sequence, hidden, cell = layers.LSTM(5, return_sequences=True, return_state=True)(x)
    outputs = {"sequence": sequence, "hidden": hidden, "cell": cell}
    return keras.Model(x, outputs), [floats(1, 4, 3), floats(2, 4, 3)]


@keras_model("recurrent-lstm-unrolled")
def lstm_unrolled():
    model = keras.Sequential([keras.Input([4, 3]), layers.LSTM(5, unroll=True), layers.Dense(1)])
    return model, [floats(1, 4, 3), floats(3, 4, 3)]


@keras_model("recurrent-gru")
def gru():
    model = keras.Sequential([keras.Input([6, 4]), layers.GRU(5), layers.Dense(2)])
    return model, [floats(1, 6, 4), floats(3, 6, 4)]


@keras_model("recurrent-gru-reset-before")
def gru_reset_before():
    model = keras.Sequential([
        keras.Input([None, 4]),
        layers.GRU(5, reset_after=False, go_backwards=True, activation="relu"),
    ])
    return model, [floats(1, 3, 4), floats(3, 7, 4)]


@keras_model("recurrent-simple")
def simple():
    model = keras.Sequential([
        keras.Input([None, 3]),
        layers.SimpleRNN(4, return_sequences=True),
        layers.SimpleRNN(4, use_bias=False),
    ])
    return model, [floats(1, 5, 3), floats(2, 8, 3)]


@keras_model("recurrent-bidirectional")
def bidirectional():
    model = keras.Sequential([
        keras.Input([None, 4]),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
        layers.Bidirectional(layers.GRU(3), merge_mode="sum"),
        layers.Dense(2, activation="softmax"),
    ])
    return model, [floats(1, 5, 4), floats(3, 8, 4)]


@keras_model("recurrent-masked-text")
def masked():
    model = keras.Sequential([
        keras.Input([None], dtype="int32"),
        layers.Embedding(30, 5, mask_zero=True),
        layers.LSTM(4),
        layers.Dense(1, activation="sigmoid"),
    ])
    return model, [np.array([[3, 4, 0, 0], [5, 0, 0, 0]], np.int32), integers(1, 30, 3, 7)]


@keras_model("recurrent-cells")
def cells():
    model = keras.Sequential([
        keras.Input([4, 3]),
        layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)]),
    ])
    return model, [floats(1, 4, 3), floats(2, 4, 3)]


@keras_model("recurrent-convolutional")
def convolutional():
    model = keras.Sequential([keras.Input([3, 6, 6, 2]), layers.ConvLSTM2D(3, 3, padding="same")])
    return model, [floats(1, 3, 6, 6, 2), floats(2, 3, 6, 6, 2)]


@keras_model("recurrent-encoder-decoder")
def encoder_decoder():
    source, target = keras.Input([None, 4], name="source"), keras.Input([None, 3], name="target")
    _, hidden, cell = layers.LSTM(5, return_state=True)(source)
    decoded = layers.LSTM(5, return_sequences=True)(target, initial_state=[hidden, cell])
    model = keras.Model({"source": source, "target": target}, layers.Dense(2)(decoded))
    return model, [{"source": floats(n, 4, 4), "target": floats(n, 2 + n, 3)} for n in (1, 2)]
