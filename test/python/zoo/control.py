"""Branches, loops, state, and functions that are called."""

from zoo import DEFAULT, asked, floats, integers, module, np, one_function, spec, tf

VECTOR = spec("x", [None])


@one_function("control-cond", VECTOR, spec("double", [], tf.bool))
@asked(lambda: [[floats(3), True], [floats(2), False]])
def cond(x, double):
    return {"y": tf.cond(double, lambda: x * 2.0, lambda: tf.nn.relu(x)), "z": tf.where(double, x, -x)}


@one_function("control-case", VECTOR, spec("which", [], tf.int32))
@asked(lambda: [[floats(3), n] for n in (0, 1, 2, 7)])
def case(x, which):
    return {"y": tf.switch_case(which, [lambda: x, lambda: x * x, lambda: -x], default=lambda: x + 100.0)}


@one_function("control-while", VECTOR, spec("rounds", [], tf.int32))
@asked(lambda: [[floats(3), 5], [floats(2), 0]])
def while_loop(x, rounds):
    _, y = tf.while_loop(lambda i, _: i < rounds, lambda i, y: (i + 1, y * 0.5 + 1.0), [0, x])
    return {"y": y}


@one_function("control-tensor-array", spec("count", [], tf.int32))
@asked(lambda: [[5], [0], [1]])
def tensor_array(count):
    squares = tf.TensorArray(tf.int32, size=count)
    for index in tf.range(count):
        if index % 2 == 0:
            squares = squares.write(index, index * index)
    return {"squares": squares.stack()}


@one_function("control-map-and-scan", spec("x", [None, 3]))
@asked(lambda: [[floats(1, 3)], [floats(4, 3)]])
def map_and_scan(x):
    return {
        "map": tf.map_fn(lambda row: row - tf.reduce_max(row), x),
        "fold": tf.foldl(lambda a, row: a * 0.5 + row, x),
        "scan": tf.scan(lambda a, row: a + row, x),
        "vectorized": tf.vectorized_map(lambda row: row * tf.reduce_sum(row), x),
    }


@one_function("control-nested-functions", VECTOR)
@asked(lambda: [[floats(2)], [floats(5)]])
def nested(x):
    @tf.function
    def inner(y):
        return tf.nn.relu(y) + 1.0

    @tf.function
    def outer(y):
        return inner(inner(y) * 2.0)

    return {"y": outer(x) + inner(x)}


@one_function("control-assertions", spec("x", [None], tf.int32))
@asked(lambda: [[integers(1, 9, 4)], [integers(1, 9, 1)]])
def assertions(x):
    with tf.control_dependencies([tf.debugging.assert_positive(x, "x has to be positive")]):
        return {"y": 60 // x}


@one_function("control-stateless-random", spec("seed", [2], tf.int32))
@asked(lambda: [[np.array([1, 2], np.int32)], [np.array([7, 7], np.int32)]])
def random(seed):
    return {"uniform": tf.random.stateless_uniform([4], seed), "normal": tf.random.stateless_normal([3], seed)}


@one_function("control-gradient", VECTOR)
@asked(lambda: [[floats(2)], [floats(5)]])
def gradient(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(tf.tanh(x) * x)
    return {"y": y, "dy": tape.gradient(y, x)}


class Counter(tf.Module):
    def __init__(self):
        super().__init__()
        self.count = tf.Variable(0.0)

    @tf.function(input_signature=[])
    def get(self):
        return {"count": self.count.read_value()}

    @tf.function(input_signature=[spec("by", [])])
    def increase(self, by):
        return {"count": self.count.assign_add(by)}


@module("control-counter")
def counter():
    made = Counter()
    requests = [("get", {}), ("increase", {"by": np.float32(2)}), ("increase", {"by": np.float32(0.5)}), ("get", {})]
    return made, {"get": made.get, "increase": made.increase}, requests


class Running(tf.Module):
    def __init__(self):
        super().__init__()
        self.seen = tf.Variable(tf.zeros([0]), shape=[None])

    @tf.function(input_signature=[VECTOR])
    def serve(self, x):
        self.seen.assign(tf.concat([self.seen, x], 0))
        return {"mean": tf.reduce_mean(self.seen), "count": tf.size(self.seen)}


@module("control-running-mean")
def running():
    made = Running()
    return made, {DEFAULT: made.serve}, [(DEFAULT, {"x": floats(n)}) for n in (2, 3, 1)]
