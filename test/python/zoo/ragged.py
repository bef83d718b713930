"""Rows of different lengths, made dense."""

from zoo import asked, floats, np, one_function, spec, texts, tf

LENGTHS = [spec("values", [None]), spec("lengths", [None], tf.int64)]
REQUESTS = lambda: [
    [floats(6), np.array([2, 0, 3, 1])], [floats(3), np.array([3])], [floats(4), np.array([0, 4, 0])],
]


@one_function("ragged-to-dense", *LENGTHS)
@asked(REQUESTS)
def to_dense(values, lengths):
    rows = tf.RaggedTensor.from_row_lengths(values, lengths)
    return {
        "dense": rows.to_tensor(), "filled": rows.to_tensor(-1.0, shape=[None, 2]),
        "starts": rows.row_starts(), "row_of_value": rows.value_rowids(), "mask": tf.sequence_mask(lengths),
    }


@one_function("ragged-reductions", *LENGTHS)
@asked(REQUESTS)
def reductions(values, lengths):
    rows = tf.RaggedTensor.from_row_lengths(values, lengths)
    return {
        "sum": tf.reduce_sum(rows, 1), "max": tf.reduce_max(rows, 1), "all": tf.reduce_sum(rows),
        "doubled": (rows * 2.0).to_tensor(), "sorted": tf.sort(rows.to_tensor(9.0), 1),
    }


@one_function("ragged-slices", *LENGTHS)
@asked(REQUESTS)
def slices(values, lengths):
    rows = tf.RaggedTensor.from_row_lengths(values, lengths)
    return {
        "first_two": rows[:, :2].to_tensor(), "last_row": rows[-1],
        "joined": tf.concat([rows, rows], 1).to_tensor(),
        "masked": tf.ragged.boolean_mask(rows, rows > 0).to_tensor(),
    }


@one_function("ragged-words-to-embeddings", spec("text", [None], tf.string))
@asked(lambda: [[texts("a b c", "", "größe a")], [texts("one")]])
def words(text):
    table = tf.reshape(tf.linspace(-1.0, 1.0, 40), [10, 4])
    buckets = tf.ragged.map_flat_values(
        lambda word: tf.strings.to_hash_bucket_fast(word, 10), tf.strings.split(text))
    vectors = tf.ragged.map_flat_values(lambda bucket: tf.gather(table, bucket), buckets)
    return {"sum": tf.reduce_sum(vectors, 1), "tokens": buckets.to_tensor(-1)}


@one_function("ragged-sparse", spec("values", [None]), spec("indices", [None, 2], tf.int64))
@asked(lambda: [[floats(3), np.array([[0, 1], [1, 0], [2, 3]])], [floats(1), np.array([[1, 1]])]])
def sparse(values, indices):
    grid = tf.SparseTensor(indices, values, [3, 4])
    return {
        "dense": tf.sparse.to_dense(grid), "sum": tf.sparse.reduce_sum(grid, 1),
        "product": tf.sparse.sparse_dense_matmul(grid, tf.ones([4, 2])),
    }
