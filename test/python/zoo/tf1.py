"""Graphs as TensorFlow 1 built and saved them."""

import os

from zoo import DEFAULT, floats, integers, np, scratch, texts, tf, tf1

v1 = tf.compat.v1


def _infos(tensors):
    return {alias: v1.saved_model.build_tensor_info(tensor) for alias, tensor in tensors.items()}


def signature(inputs, outputs, method="predict", **more):
    name = f"tensorflow/serving/{method}"
    return v1.saved_model.build_signature_def(_infos(inputs), _infos(outputs), name, **more)


def write(path, session, signatures, **more):
    builder = v1.saved_model.Builder(path)
    builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signatures, **more)
    builder.save()


def _variable(name, value, **how):
    return v1.get_variable(name, initializer=tf.constant(value), **how)


def _rows(*shape):
    return v1.placeholder(tf.float32, shape, name="x")


@tf1("tf1-ref-variables")
def ref_variables(path, session):
    x = _rows(None, 4)
    weights = _variable("weights", floats(4, 3), use_resource=False)
    bias = _variable("bias", floats(3), use_resource=False)
    y = tf.nn.softmax(tf.matmul(x, weights) + bias)
    session.run(v1.global_variables_initializer())
    v1.saved_model.simple_save(session, path, {"x": x}, {"y": y})
    return [(DEFAULT, {"x": floats(n, 4)}) for n in (1, 3)]


@tf1("tf1-resource-variables")
def resource_variables(path, session):
    x = _rows(None, 4)
    hidden = tf.nn.relu(v1.nn.xw_plus_b(x, _variable("w", floats(4, 6), use_resource=True), tf.ones([6])))
    y = tf.matmul(hidden, _variable("v", floats(6, 2), use_resource=True))
    v1.train.AdamOptimizer().minimize(tf.reduce_sum(y))
    session.run(v1.global_variables_initializer())
    inner = signature({"x": x}, {"hidden": hidden})
    write(path, session, {DEFAULT: signature({"x": x}, {"y": y}), "hidden": inner})
    return [(name, {"x": floats(n, 4)}) for name in (DEFAULT, "hidden") for n in (1, 3)]


@tf1("tf1-partitioned-variables")
def partitioned(path, session):
    index = v1.placeholder(tf.int64, [None], name="index")
    table = v1.get_variable(
        "table", initializer=tf.constant(floats(10, 4)), partitioner=v1.fixed_size_partitioner(3),
        use_resource=False)
    y = v1.nn.embedding_lookup(table, index, partition_strategy="div")
    z = tf.matmul(y, tf.transpose(tf.convert_to_tensor(table)))
    session.run(v1.global_variables_initializer())
    write(path, session, {DEFAULT: signature({"index": index}, {"y": y, "z": z})})
    return [(DEFAULT, {"index": integers(0, 10, n, dtype=np.int64)}) for n in (1, 5)]


def _save_table(path, session, how):
    words = os.path.join(scratch(), "vocabulary.txt")
    with open(words, "w", encoding="utf-8") as file:
        file.write("late\nearly\ngröße\n")
    text = v1.placeholder(tf.string, [None], name="text")
    # It puts the file among the assets of the graph.
    table = tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            words, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER), 2)
    index = table.lookup(text)
    y = tf.nn.embedding_lookup(_variable("table", floats(5, 3), use_resource=False), index)
    session.run([v1.global_variables_initializer(), v1.tables_initializer()])
    write(path, session, {DEFAULT: signature({"text": text}, {"index": index, "y": y})},
          assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
          **{how: v1.tables_initializer()})
    return [(DEFAULT, {"text": texts("late")}), (DEFAULT, {"text": texts("größe", "", "x", "early")})]


@tf1("tf1-table-and-legacy-init")
def legacy_init(path, session):
    return _save_table(path, session, "legacy_init_op")


@tf1("tf1-table-and-main-op")
def main_op(path, session):
    return _save_table(path, session, "main_op")


@tf1("tf1-frozen")
def frozen(path, session):
    x = v1.placeholder_with_default(tf.zeros([1, 4]), [None, 4], name="x")
    weights = tf.constant(floats(4, 3), name="weights")
    y = tf.nn.l2_normalize(tf.nn.relu6(tf.matmul(x, weights)), 1)
    write(path, session, {DEFAULT: signature({"x": x}, {"y": y, "best": tf.argmax(y, 1)})})
    return [(DEFAULT, {"x": floats(n, 4)}) for n in (1, 3)]


@tf1("tf1-default-inputs")
def default_inputs(path, session):
    x, plus = _rows(None), v1.placeholder(tf.float32, [], name="plus")
    write(path, session, {
        DEFAULT: signature({"x": x, "plus": plus}, {"y": x + plus}, defaults={"plus": tf.constant(10.0)})})
    return [(DEFAULT, {"x": floats(3)}), (DEFAULT, {"x": floats(2), "plus": np.float32(1)})]


@tf1("tf1-convolution")
def convolution(path, session):
    x = _rows(None, 12, 12, 1)
    kernel = _variable("kernel", floats(3, 3, 1, 4), use_resource=False)
    y = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), tf.constant(floats(4))))
    y, _, _ = v1.nn.fused_batch_norm(
        y, tf.ones([4]), tf.zeros([4]), tf.constant(floats(4)), tf.constant(floats(4, low=0.5)),
        is_training=False)
    y = v1.nn.lrn(tf.nn.max_pool2d(y, 2, 2, "VALID"))
    flat = tf.reshape(y, [-1, 6 * 6 * 4])
    y = v1.nn.dropout(tf.matmul(flat, _variable("dense", floats(144, 3), use_resource=False)), rate=0.0)
    session.run(v1.global_variables_initializer())
    write(path, session, {DEFAULT: signature({"x": x}, {"y": y})})
    return [(DEFAULT, {"x": floats(n, 12, 12, 1)}) for n in (1, 2)]


@tf1("tf1-control-flow")
def control_flow(path, session):
    """Switch and Merge, Enter and Exit, which TensorFlow 2 no longer makes by itself."""
    v1.disable_control_flow_v2()
    try:
        x, rounds = _rows(None), v1.placeholder(tf.int32, [], name="rounds")
        y = v1.cond(rounds > 2, lambda: x * 2.0, lambda: -x)
        _, z = v1.while_loop(lambda i, _: i < rounds, lambda i, z: (i + 1, z * 0.5 + 1.0), [0, x])
    finally:
        v1.enable_control_flow_v2()
    write(path, session, {DEFAULT: signature({"x": x, "rounds": rounds}, {"y": y, "z": z})})
    return [(DEFAULT, {"x": floats(3), "rounds": np.int32(n)}) for n in (5, 1)]


@tf1("tf1-lstm")
def lstm(path, session):
    """A loop over steps that was written out, as contributed cells did it."""
    x = _rows(None, 4, 3)
    kernel = _variable("lstm/kernel", floats(7, 16), use_resource=False)
    batch = tf.shape(x)[0]
    hidden, cell = tf.zeros([batch, 4]), tf.zeros([batch, 4])
    for step in tf.unstack(x, axis=1):
        i, j, f, o = tf.split(tf.matmul(tf.concat([step, hidden], 1), kernel), 4, axis=1)
        cell = tf.sigmoid(f + 1.0) * cell + tf.sigmoid(i) * tf.tanh(j)
        hidden = tf.sigmoid(o) * tf.tanh(cell)
    session.run(v1.global_variables_initializer())
    write(path, session, {DEFAULT: signature({"x": x}, {"hidden": hidden, "cell": cell})})
    return [(DEFAULT, {"x": floats(n, 4, 3)}) for n in (1, 3)]


@tf1("tf1-many-graphs")
def many_graphs(path, session):
    """A graph to train and one to serve, over the same variables."""
    x = _rows(None)
    scale = _variable("scale", np.float32(2.5), use_resource=True)
    session.run(v1.global_variables_initializer())
    served = {DEFAULT: signature({"x": x}, {"y": x * scale})}
    builder = v1.saved_model.Builder(path)
    builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=served)
    builder.add_meta_graph(["train"], signature_def_map={})
    builder.save()
    return [(DEFAULT, {"x": floats(n)}) for n in (1, 4)]


@tf1("tf1-stripped-defaults")
def stripped_defaults(path, session):
    x = _rows(None, 2)
    y = tf.matmul(x, tf.constant([[1.0, -1.0], [0.5, 2.0]]))
    write(path, session, {DEFAULT: signature({"x": x}, {"y": y})}, strip_default_attrs=True)
    return [(DEFAULT, {"x": floats(n, 2)}) for n in (1, 3)]
