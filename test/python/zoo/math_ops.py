"""Arithmetic, reductions and products."""

from zoo import asked, bools, floats, np, one_function, spec, tf

PAIR = [spec("x", [None, 5]), spec("y", [None, 5])]
PAIRS = lambda: [[floats(n, 5), floats(n, 5, low=0.5)] for n in (1, 4)]


@one_function("math-arithmetic", *PAIR)
@asked(PAIRS)
def arithmetic(x, y):
    return {
        "add": x + y, "subtract": x - y, "multiply": x * y, "divide": x / y, "power": tf.pow(y, x),
        "modulo": x % y,
        "floor_divide": x // y, "maximum": tf.maximum(x, y), "minimum": tf.minimum(x, y),
        "squared": tf.math.squared_difference(x, y),
        "no_nan": tf.math.divide_no_nan(x, tf.floor(y)), "atan2": tf.atan2(x, y),
        "sum_of": tf.add_n([x, y, x]),
        "xlogy": tf.math.xlogy(x, y),
    }


@one_function("math-functions", spec("x", [None, 5]))
@asked(lambda: [[floats(n, 5, low=0.1, high=0.9)] for n in (1, 4)])
def functions(x):
    names = "exp log log1p expm1 sqrt rsqrt square reciprocal sin cos tan asin acos atan sinh cosh tanh"
    named = {name: getattr(tf.math, name)(x) for name in [*names.split(), "asinh", "atanh", "erf"]}
    return named | {"acosh": tf.acosh(x + 1.0), "erfc": tf.math.erfc(x)}


@one_function("math-special-functions", spec("x", [None, 5]))
@asked(lambda: [[floats(n, 5, low=0.1, high=0.9)] for n in (1, 4)])
def special(x):
    named = {name: getattr(tf.math, name)(x) for name in "lgamma digamma erfinv ndtri".split()}
    return named | {"igamma": tf.math.igamma(x, x), "bessel": tf.math.bessel_i0(x)}


@one_function("math-rounding", spec("x", [None]))
@asked(lambda: [[np.array([0.5, 1.5, -0.5, -1.5, 2.4999, -3.7, 0.0], np.float32)], [floats(4)]])
def rounding(x):
    return {
        "floor": tf.floor(x), "ceil": tf.math.ceil(x), "round": tf.round(x), "rint": tf.math.rint(x),
        "sign": tf.sign(x),
        "abs": tf.abs(x), "negative": -x, "whole": tf.cast(x, tf.int32),
    }


@one_function("math-comparisons", *PAIR)
@asked(lambda: [
    [floats(2, 5), floats(2, 5)],
    [np.array([[np.nan, np.inf, 0, -0.0, 1]], np.float32), np.ones([1, 5], np.float32)],
])
def comparisons(x, y):
    return {
        "less": x < y, "less_equal": x <= y, "greater": x > y, "greater_equal": x >= y, "equal": tf.equal(x, y),
        "not_equal": tf.not_equal(x, y), "nan": tf.math.is_nan(x), "infinite": tf.math.is_inf(x),
        "finite": tf.math.is_finite(x),
        "near": tf.raw_ops.ApproximateEqual(x=x, y=y, tolerance=0.5), "any": tf.reduce_any(x < y, 1),
        "all": tf.reduce_all(x < y, 1),
    }


@one_function("math-logic", spec("x", [None], tf.bool), spec("y", [None], tf.bool))
@asked(lambda: [[bools(n), bools(n)] for n in (1, 8)])
def logic(x, y):
    return {"and": x & y, "or": x | y, "not": ~x, "xor": x ^ y, "number": tf.cast(x, tf.int32)}


@one_function("math-reductions", spec("x", [None, 4, 3]))
@asked(lambda: [[floats(1, 4, 3)], [floats(5, 4, 3)]])
def reductions(x):
    return {
        "sum": tf.reduce_sum(x, 1), "mean": tf.reduce_mean(x, [1, 2]),
        "max": tf.reduce_max(x, -1, keepdims=True),
        "min": tf.reduce_min(x, 0), "product": tf.reduce_prod(x, 1), "all": tf.reduce_sum(x),
        "variance": tf.math.reduce_variance(x, 1),
        "deviation": tf.math.reduce_std(x, 2), "log_sum": tf.reduce_logsumexp(x, 2),
        "norm": tf.norm(x, axis=1),
        "l2": tf.math.l2_normalize(x, 2), "softmax": tf.nn.softmax(x, 1),
        "log_softmax": tf.nn.log_softmax(x), "count": tf.math.count_nonzero(x, 1),
    }


@one_function("math-products", spec("a", [None, 3, 4]), spec("b", [None, 4, 2]))
@asked(lambda: [[floats(n, 3, 4), floats(n, 4, 2)] for n in (1, 3)])
def products(a, b):
    return {
        "batch": a @ b, "transposed": tf.linalg.matmul(b, a, transpose_a=True, transpose_b=True),
        "broadcast": a @ tf.ones([4, 5]), "dot": tf.tensordot(a, tf.ones([4, 3, 2]), [[2, 1], [0, 1]]),
        "flat": tf.linalg.matmul(tf.reshape(a, [-1, 4]), tf.ones([4, 2])),
        "vector": tf.linalg.matvec(a, tf.ones([4])),
    }


@one_function("math-einsum", spec("a", [None, 3, 4]), spec("b", [None, 4, 2]))
@asked(lambda: [[floats(n, 3, 4), floats(n, 4, 2)] for n in (1, 3)])
def einsum(a, b):
    return {
        "batch": tf.einsum("bij,bjk->bik", a, b), "all": tf.einsum("bij->b", a),
        "turned": tf.einsum("bij->jib", a),
        "outer": tf.einsum("bi,bj->bij", a[:, :, 0], b[:, :, 0]),
        "ellipsis": tf.einsum("...ij,jk->...ik", a, tf.ones([4, 2])),
        "diagonal": tf.einsum("bii->bi", a[:, :, :3]), "contracted": tf.einsum("bij,bjk->k", a, b),
    }


@one_function("math-linear-algebra", spec("x", [None, 3, 3]))
@asked(lambda: [[floats(n, 3, 3) + 4 * np.eye(3, dtype=np.float32)] for n in (1, 2)])
def linear_algebra(x):
    definite = tf.linalg.matmul(x, x, transpose_b=True)
    return {
        "inverse": tf.linalg.inv(x), "determinant": tf.linalg.det(x),
        "cholesky": tf.linalg.cholesky(definite),
        "solved": tf.linalg.solve(x, tf.ones_like(x)), "trace": tf.linalg.trace(x),
    }


@one_function("math-signal", spec("x", [None, 64]))
@asked(lambda: [[floats(n, 64)] for n in (1, 2)])
def signal(x):
    spectrum = tf.abs(tf.signal.stft(x, 16, 8))
    mel = spectrum @ tf.signal.linear_to_mel_weight_matrix(4, 9, 8000)
    return {"spectrum": spectrum, "framed": tf.signal.frame(x, 16, 8), "mel": mel}
