"""Modules of TensorFlow with variables and signatures of their own."""

from zoo import DEFAULT, asked, floats, integers, keras, module, np, one_function, spec, texts, tf


class Several(tf.Module):
    def __init__(self):
        super().__init__()
        self.weights = tf.Variable(tf.reshape(tf.linspace(-1.0, 1.0, 12), [4, 3]))
        self.bias = tf.Variable([0.5, -0.5, 0.0])

    @tf.function(input_signature=[spec("x", [None, 4])])
    def scores(self, x):
        return {"scores": tf.nn.softmax(x @ self.weights + self.bias)}

    @tf.function(input_signature=[spec("x", [None, 4])])
    def label(self, x):
        index = tf.argmax(self.scores(x)["scores"], 1)
        return {"label": tf.gather(tf.constant(["a", "b", "c"]), index), "index": index}

    @tf.function(input_signature=[])
    def about(self):
        version = tf.constant([1, 2], tf.int64)
        return {"name": tf.constant("several"), "bias": tf.identity(self.bias), "version": version}


@module("module-several-signatures")
def several():
    made = Several()
    requests = [(name, {"x": floats(n, 4)}) for name in ("scores", "label") for n in (1, 3)]
    signatures = {"scores": made.scores, "label": made.label, "about": made.about}
    return made, signatures, [*requests, ("about", {})]


class Layered(tf.Module):
    """Modules in modules, over one weight that is used twice."""

    def __init__(self):
        super().__init__()
        self.shared = tf.Variable(tf.reshape(tf.linspace(0.0, 1.0, 16), [4, 4]), trainable=False)
        self.steps = [tf.Variable(0.5), tf.Variable(2.0)]

    @tf.function(input_signature=[spec("x", [None, 4])])
    def serve(self, x):
        for step in self.steps:
            x = tf.tanh(x @ self.shared) * step
        return {"y": x, "weights": self.shared.read_value()}


@module("module-shared-weights")
def layered():
    made = Layered()
    return made, {DEFAULT: made.serve}, [(DEFAULT, {"x": floats(n, 4)}) for n in (1, 2)]


class Embedded(tf.Module):
    def __init__(self):
        super().__init__()
        self.table = tf.Variable(tf.reshape(tf.linspace(-1.0, 1.0, 80), [20, 4]))
        self.names = tf.Variable(["zero", "one", "two"])
        self.whole = tf.Variable([10, 20, 30], dtype=tf.int64)

    @tf.function(input_signature=[spec("index", [None], tf.int64)])
    def serve(self, index):
        return {
            "gathered": tf.gather(self.table, index),
            "looked_up": tf.nn.embedding_lookup(self.table, index),
            "pairs": tf.gather_nd(self.table, tf.stack([index, index % 4], 1)),
            "name": tf.gather(self.names, index % 3),
            "whole": tf.gather(self.whole, index % 3), "last": self.table[-1],
        }


@module("module-gathers")
def embedded():
    made = Embedded()
    return made, {DEFAULT: made.serve}, [(DEFAULT, {"index": integers(0, 20, n, dtype=np.int64)}) for n in (1, 6)]


@module("module-keras-inside")
def keras_inside():
    made = tf.Module()
    layers = [keras.layers.Dense(4, activation="relu"), keras.layers.Dense(2)]
    made.model = keras.Sequential([keras.Input([3]), *layers])

    @tf.function(input_signature=[spec("rows", [None, 3])])
    def serve(rows):
        logits = made.model((rows - 1.0) / 2.0)
        values, indices = tf.math.top_k(tf.nn.softmax(logits), 1)
        names = tf.gather(tf.constant(["no", "yes"]), indices[:, 0])
        return {"logits": logits, "best": values, "name": names}

    made.serve = serve
    return made, {DEFAULT: serve}, [(DEFAULT, {"rows": floats(n, 3)}) for n in (1, 4)]


@module("module-keras-signatures")
def keras_signatures():
    inputs = keras.Input([3], name="x")
    hidden = keras.layers.Dense(4, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(hidden))
    inner = keras.Model(inputs, hidden)
    at = [spec("x", [None, 3])]
    made = tf.Module()
    made.model, made.inner = model, inner
    made.answer = tf.function(lambda x: {"y": model(x)}, input_signature=at)
    made.features = tf.function(lambda x: {"hidden": inner(x)}, input_signature=at)
    requests = [(name, {"x": floats(n, 3)}) for name in ("answer", "features") for n in (1, 4)]
    return made, {"answer": made.answer, "features": made.features}, requests


@one_function("module-same-in-as-out", spec("x", [None, 2]), spec("text", [None], tf.string))
@asked(lambda: [[floats(2, 2), texts("a", "b")]])
def same(x, text):
    return {"x_again": x, "text_again": text, "constant": tf.constant([[1.5]])}


@one_function("module-optional-batch", spec("a", [None, 2]), spec("b", [2]))
@asked(lambda: [[floats(n, 2), floats(2)] for n in (0, 1, 5)])
def broadcast(a, b):
    return {"sum": a + b, "scaled": a * tf.reduce_sum(b), "outer": a[:, :, None] * b}
