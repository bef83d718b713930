"""Lookup tables filled from constants and from files."""

import os

from zoo import DEFAULT, integers, module, np, scratch, spec, texts, tf

lookup = tf.lookup
WORDS = ["late", "early", "größe", "refund"]
REQUESTS = [(DEFAULT, {"text": texts("late")}), (DEFAULT, {"text": texts("early", "x", "", "größe")})]


def _served(holder, function, *specs):
    holder.serve = tf.function(function, input_signature=list(specs))
    return holder, {DEFAULT: holder.serve}


def _file(lines):
    """A file that is copied into the assets of the model that uses it."""
    path = os.path.join(scratch(), "words.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def _pairs(keys, values, key_type, value_type):
    return lookup.KeyValueTensorInitializer(keys, values, key_type, value_type)


@module("table-of-constants")
def constants():
    holder = tf.Module()
    holder.numbers = lookup.StaticHashTable(_pairs(WORDS, [5, 6, 7, 8], tf.string, tf.int64), -1)
    holder.names = lookup.StaticHashTable(_pairs([5, 6, 7, 8], WORDS, tf.int64, tf.string), "none")

    def serve(text):
        number = holder.numbers.lookup(text)
        return {"number": number, "name": holder.names.lookup(number), "size": holder.numbers.size()}

    return *_served(holder, serve, spec("text", [None], tf.string)), REQUESTS


@module("table-of-floats")
def floats():
    holder = tf.Module()
    holder.prices = lookup.StaticHashTable(_pairs([1, 2, 3], [0.5, 1.5, -2.5], tf.int64, tf.float32), 0.0)
    serve = lambda number: {"price": holder.prices.lookup(number)}
    return *_served(holder, serve, spec("number", [None, 2], tf.int64)), [
        (DEFAULT, {"number": integers(0, 5, n, 2, dtype=np.int64)}) for n in (1, 6)
    ]


@module("table-of-file-lines")
def file_lines():
    holder = tf.Module()
    path = _file(WORDS)
    to_index = lookup.TextFileInitializer(
        path, tf.string, lookup.TextFileIndex.WHOLE_LINE, tf.int64, lookup.TextFileIndex.LINE_NUMBER)
    to_word = lookup.TextFileInitializer(
        path, tf.int64, lookup.TextFileIndex.LINE_NUMBER, tf.string, lookup.TextFileIndex.WHOLE_LINE)
    holder.indices = lookup.StaticHashTable(to_index, -1)
    holder.words = lookup.StaticHashTable(to_word, "UNKNOWN")

    def serve(text):
        index = holder.indices.lookup(text)
        return {"index": index, "word": holder.words.lookup(index)}

    return *_served(holder, serve, spec("text", [None], tf.string)), REQUESTS


@module("table-of-file-columns")
def file_columns():
    holder = tf.Module()
    path = _file([f"{word}\t{number * 10}\t{number / 4}" for number, word in enumerate(WORDS)])
    column = lambda index, kind: lookup.StaticHashTable(
        lookup.TextFileInitializer(path, tf.string, 0, kind, index, delimiter="\t"), -1)
    holder.tens, holder.quarters = column(1, tf.int64), column(2, tf.float32)
    serve = lambda text: {"tens": holder.tens.lookup(text), "quarters": holder.quarters.lookup(text)}
    return *_served(holder, serve, spec("text", [None], tf.string)), REQUESTS


@module("table-vocabulary-with-buckets")
def vocabulary():
    holder = tf.Module()
    index = lookup.TextFileInitializer(
        _file(WORDS), tf.string, lookup.TextFileIndex.WHOLE_LINE, tf.int64,
        lookup.TextFileIndex.LINE_NUMBER)
    holder.table = lookup.StaticVocabularyTable(index, 3)
    holder.numbers = lookup.StaticVocabularyTable(
        _pairs([10, 20], [0, 1], tf.int64, tf.int64), 4, lookup_key_dtype=tf.int64)

    def serve(text):
        found = holder.table.lookup(text)
        return {"index": found, "again": holder.numbers.lookup(found * 10)}

    return *_served(holder, serve, spec("text", [None], tf.string)), REQUESTS


@module("table-mutable")
def mutable():
    holder = tf.Module()
    holder.table = lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    holder.table.insert(tf.constant(WORDS), tf.constant([1, 2, 3, 4], tf.int64))
    serve = lambda text: {"index": holder.table.lookup(text), "size": holder.table.size()}
    return *_served(holder, serve, spec("text", [None], tf.string)), REQUESTS


@module("table-dense")
def dense():
    holder = tf.Module()
    holder.table = lookup.experimental.DenseHashTable(
        tf.int64, tf.float32, default_value=-1.0, empty_key=-1, deleted_key=-2)
    holder.table.insert(tf.constant([3, 4], tf.int64), tf.constant([0.5, 0.75]))
    serve = lambda number: {"y": holder.table.lookup(number)}
    return *_served(holder, serve, spec("number", [None], tf.int64)), [
        (DEFAULT, {"number": np.array([3, 4, 5])}), (DEFAULT, {"number": np.array([9])}),
    ]
