"""Slicing, joining, gathering and reshaping, also of tensors whose shape is not known before."""

from zoo import asked, bools, floats, integers, np, one_function, spec, tf

CUBE = [spec("x", [None, 4, 5])]
CUBES = lambda: [[floats(1, 4, 5)], [floats(3, 4, 5)]]


@one_function("shape-strided-slice", *CUBE)
@asked(CUBES)
def strided_slice(x):
    return {
        "plain": x[:, 1:3], "negative": x[:, -2:, :-1], "steps": x[:, ::2, 1::3],
        "reversed": x[::-1, :, ::-2],
        "shrunk": x[:, 2, -1], "new_axis": x[:, tf.newaxis, 1], "ellipsis": x[..., 2:4],
        "mixed": x[:, tf.newaxis, ..., 3, tf.newaxis], "beyond": x[:, 2:99], "empty": x[:, 3:1],
        "first": x[0],
    }


@one_function("shape-strided-slice-dynamic", *CUBE, spec("start", [], tf.int32), spec("end", [], tf.int32))
@asked(lambda: [[floats(2, 4, 5), 1, 3], [floats(1, 4, 5), -3, 4]])
def strided_slice_dynamic(x, start, end):
    return {
        "rows": x[:, start:end], "row": x[:, start], "last": x[:, end - 1 :, ::2],
        "slice": tf.slice(x, [0, 1, 0], [-1, 2, end]),
    }


@one_function("shape-join-and-split", *CUBE)
@asked(CUBES)
def join_and_split(x):
    first, second, third = tf.split(x, [1, 2, 1], axis=1)
    a, b = tf.split(x, 2, axis=1)
    parts = tf.unstack(x, axis=2)
    return {
        "concat": tf.concat([third, first, second], 1), "halves": a - b,
        "stack": tf.stack([parts[0], parts[4]], 1),
        "tile": tf.tile(x, [1, 2, 1]), "repeat": tf.repeat(x, 2, axis=1), "pack_first": tf.stack([a, b]),
    }


@one_function("shape-pad-and-turn", *CUBE)
@asked(CUBES)
def pad_and_turn(x):
    return {
        "pad": tf.pad(x, [[0, 0], [1, 2], [0, 1]]),
        "pad_value": tf.pad(x, [[0, 1], [0, 0], [1, 1]], constant_values=7.0),
        "reflect": tf.pad(x, [[0, 0], [1, 1], [2, 2]], "REFLECT"),
        "symmetric": tf.pad(x, [[0, 0], [1, 0], [0, 2]], "SYMMETRIC"),
        "transpose": tf.transpose(x, [2, 0, 1]), "turned": tf.transpose(x), "reverse": tf.reverse(x, [1]),
        "roll": tf.roll(x, 2, 2), "band": tf.linalg.band_part(x, 1, 1), "diagonal": tf.linalg.diag_part(x),
    }


@one_function("shape-gather", *CUBE, spec("index", [None], tf.int32))
@asked(lambda: [[floats(2, 4, 5), np.array([0, 3, 1], np.int32)], [floats(4, 4, 5), np.array([2], np.int32)]])
def gather(x, index):
    pairs = tf.stack([tf.zeros_like(index), index], 1)
    return {
        "axis": tf.gather(x, index, axis=1),
        "batch": tf.gather(x[:1], index[tf.newaxis], axis=1, batch_dims=1),
        "nd": tf.gather_nd(x, pairs),
        "scatter": tf.scatter_nd(index[:, None], tf.ones_like(index, tf.float32), [6]),
        "update": tf.tensor_scatter_nd_update(tf.zeros([4]), index[:1, None], [5.0]),
    }


@one_function("shape-masks", *CUBE, spec("keep", [4], tf.bool))
@asked(lambda: [[floats(1, 4, 5), np.array([True, False, True, True])], [floats(2, 4, 5), bools(4)]])
def masks(x, keep):
    return {
        "select": tf.where(x > 0, x, tf.zeros_like(x)), "broadcast": tf.where(keep[:, None], x, -1.0),
        "masked": tf.boolean_mask(x, keep, axis=1), "places": tf.where(x[0] > 0),
        "clip": tf.clip_by_value(x, -1.0, 0.5),
    }


@one_function("shape-dynamic-reshape", spec("x", [None, None]))
@asked(lambda: [[floats(2, 3)], [floats(4, 4)], [floats(0, 5)]])
def dynamic_reshape(x):
    rows, columns = tf.shape(x)[0], tf.shape(x)[1]
    return {
        "flat": tf.reshape(x, [-1]), "turned": tf.reshape(x, [columns, rows]),
        "wide": tf.reshape(x, [1, rows * columns]),
        "expanded": tf.squeeze(tf.expand_dims(x, 1), [1]),
        "broadcast": tf.broadcast_to(x[None], [2, rows, columns]),
        "shape": tf.shape(x), "shape_64": tf.shape(x, tf.int64), "size": tf.size(x), "rank": tf.rank(x),
        "fill": tf.fill([rows, 2], 3.0), "ones": tf.ones_like(x), "range": tf.range(rows),
        "eye": tf.eye(rows),
    }


@one_function("shape-unknown-rank", spec("x", None))
@asked(lambda: [[floats()], [floats(3)], [floats(2, 3, 2)]])
def unknown_rank(x):
    return {"y": tf.nn.relu(x) + 1.0, "shape": tf.shape(x), "sum": tf.reduce_sum(x)}


@one_function("shape-fixed-batch", spec("x", [2, 3]))
@asked(lambda: [[floats(2, 3)], [floats(2, 3)]])
def fixed_batch(x):
    return {"y": tf.linalg.matmul(x, x, transpose_b=True), "stacked": tf.reshape(x, [6])}


@one_function("shape-top-k-and-sort", spec("x", [None, 7]))
@asked(lambda: [[floats(1, 7)], [floats(4, 7)], [np.array([[1, 3, 3, 0, 3, 1, 0]], np.float32)]])
def top_k(x):
    values, indices = tf.math.top_k(x, 3)
    return {
        "values": values, "indices": indices, "argmax": tf.argmax(x, 1),
        "argmin": tf.argmin(x, 1, tf.int32),
        "sorted": tf.sort(x, 1), "order": tf.argsort(x, 1, "DESCENDING", stable=True),
        "in_top": tf.math.in_top_k(tf.argmax(x, 1), x, 1),
        "one_hot": tf.one_hot(indices, 7, on_value=2.0, off_value=-1.0),
        "hot_axis": tf.one_hot(tf.argmax(x, 1), 7, axis=0),
    }


@one_function("shape-unique-and-segments", spec("ids", [None], tf.int64), spec("values", [None]))
@asked(lambda: [[np.array([3, 3, 7, 1, 7]), floats(5)], [np.array([2]), floats(1)]])
def unique(ids, values):
    found, index, count = tf.unique_with_counts(ids)
    return {
        "found": found, "index": index, "count": count,
        "sum": tf.math.unsorted_segment_sum(values, ids, 8),
        "max": tf.math.unsorted_segment_max(values, index, tf.size(found)),
        "cumulated": tf.cumsum(values), "before": tf.cumsum(values, exclusive=True, reverse=True),
        "product": tf.math.cumprod(values),
        "bins": tf.math.bincount(tf.cast(ids, tf.int32), minlength=4),
        "places": tf.searchsorted([1.0, 2.0, 5.0], tf.cast(ids, tf.float32)),
    }


@one_function("shape-integer-input", spec("x", [None, 3], tf.int32))
@asked(lambda: [[integers(-50, 50, 1, 3)], [integers(-50, 50, 4, 3)]])
def integer_input(x):
    return {
        "floor": x // 7, "modulo": x % 7, "truncated": tf.truncatediv(x, 7), "square": x * x,
        "max": tf.reduce_max(x, 1),
        "bits": tf.bitwise.bitwise_and(x, 12), "shifted": tf.bitwise.left_shift(x, 2), "sign": tf.sign(x),
        "ratio": x / 4,
    }
