"""Operations on strings, one kind in each model."""

from zoo import asked, integers, floats, np, one_function, spec, texts, tf

STRINGS = tf.string
TEXTS = texts("Hello, World", "", "ÄÖÜ größe Σίσυφος İ", "a1 b22  c333", "  padded\t\n", "x,y,,z")
BYTES = texts(b"\xff\xfe raw", b"zero\x00inside", "plain")
REQUESTS = [[TEXTS[:1]], [TEXTS], [BYTES], [texts()]]
TEXT_ONLY = [[TEXTS[:1]], [TEXTS], [texts()]]


def _model(name, requests):
    """Of a function of one vector of strings."""
    def add(function):
        return one_function(f"strings-{name}", spec("text", [None], STRINGS))(asked(lambda: requests)(function))

    return add


@_model("case", REQUESTS)
def case(text):
    return {"lower": tf.strings.lower(text), "upper": tf.strings.upper(text)}


@_model("case-utf8", TEXT_ONLY)
def case_utf8(text):
    return {"lower": tf.strings.lower(text, "utf-8"), "upper": tf.strings.upper(text, "utf-8")}


@_model("regex", TEXT_ONLY)
def regex(text):
    return {
        "digits": tf.strings.regex_replace(text, r"\d+", "#"),
        "groups": tf.strings.regex_replace(text, r"(\pL)(\pL*)", r"\2-\1"),
        "first": tf.strings.regex_replace(text, r"[[:space:]]", "_", replace_global=False),
        "matches": tf.strings.regex_full_match(text, r"(?i)hello.*"),
    }


@_model("regex-dynamic", TEXT_ONLY)
def regex_dynamic(text):
    pattern = tf.strings.join(["[", "aeiou", "]"])
    return {"y": tf.strings.regex_replace(text, pattern, tf.strings.lower("V"))}


@_model("split", TEXT_ONLY)
def split(text):
    words, parts = tf.strings.split(text), tf.strings.split(text, ",", maxsplit=2)
    return {
        "words": words.flat_values, "counts": words.row_lengths(), "table": words.to_tensor("-"),
        "parts": parts.to_tensor(""), "fixed": parts.to_tensor("?", shape=[None, 3]),
    }


@_model("ngrams", TEXT_ONLY)
def ngrams(text):
    words = tf.strings.split(text)
    grams = tf.strings.ngrams(words, [1, 2], separator="_")
    padded = tf.strings.ngrams(words, 3, pad_values=("<", ">"), preserve_short_sequences=True)
    return {"grams": grams.to_tensor(), "count": grams.row_lengths(), "padded": padded.to_tensor()}


@_model("hash-buckets", REQUESTS)
def hash_buckets(text):
    return {
        "fast": tf.strings.to_hash_bucket_fast(text, 1000),
        "strong": tf.strings.to_hash_bucket_strong(text, 1000, [2**40 + 3, 17]),
        "legacy": tf.strings.to_hash_bucket(text, 1000),
        "wide": tf.strings.to_hash_bucket_fast(text, 2**62 - 57),
    }


@_model("join", REQUESTS)
def join(text):
    return {
        "pairs": tf.strings.join([text, "suffix", text], separator="|"),
        "all": tf.strings.reduce_join(text, separator=","),
        "kept": tf.strings.reduce_join(text[:, None], axis=0, keepdims=True),
    }


@_model("pieces", TEXT_ONLY)
def pieces(text):
    return {
        "bytes": tf.strings.length(text), "letters": tf.strings.length(text, "UTF8_CHAR"),
        "start": tf.strings.substr(text, 0, 3), "stripped": tf.strings.strip(text),
        "is_hello": tf.equal(text, "Hello, World"),
        "letters_start": tf.strings.substr(text, 0, 2, "UTF8_CHAR"),
    }


@_model("base64", REQUESTS)
def base64(text):
    encoded = tf.io.encode_base64(text, pad=True)
    bare = tf.io.encode_base64(text)
    return {
        "encoded": encoded, "bare": bare, "decoded": tf.io.decode_base64(encoded),
        "decoded_bare": tf.io.decode_base64(bare),
    }


@_model("unicode", TEXT_ONLY)
def unicode(text):
    letters = tf.strings.unicode_split(text, "UTF-8")
    points = tf.strings.unicode_decode(text, "UTF-8")
    return {
        "letters": letters.to_tensor(""), "points": points.to_tensor(-1),
        "again": tf.strings.unicode_encode(points, "UTF-8"),
        "script": tf.strings.unicode_script(points.flat_values),
        "wide": tf.strings.unicode_transcode(text, "UTF-8", "UTF-16-BE"),
    }


@_model("raw-bytes", [[texts("\x00\x01\x02\x03", "abcd")]])
def raw_bytes(text):
    return {"bytes": tf.io.decode_raw(text, tf.uint8), "words": tf.io.decode_raw(text, tf.int16)}


@one_function("strings-to-number", spec("text", [None], STRINGS))
@asked(lambda: [[texts("1", "-2", "0")], [texts("7", " 12 ", "2147483647")]])
def to_number(text):
    kinds = {"float": tf.float32, "double": tf.float64, "int": tf.int32, "long": tf.int64}
    return {name: tf.strings.to_number(text, kind) for name, kind in kinds.items()}


@one_function("strings-to-float", spec("text", [None], STRINGS))
@asked(lambda: [[texts("1.5", "-2e-3", "inf")], [texts("3.4028235e38", "0x10", ".5", "+7", "nan")]])
def to_float(text):
    return {"float": tf.strings.to_number(text), "double": tf.strings.to_number(text, tf.float64)}


@one_function(
    "strings-as-string", spec("whole", [None], tf.int64), spec("number", [None]),
    spec("truth", [None], tf.bool))
@asked(lambda: [
    [np.array([0, -5, 2**62]), np.array([0.1, -2.5e10, 1e-7], np.float32), np.array([True, False, True])],
    [integers(-99, 99, 2, dtype=np.int64), floats(2), np.array([False, False])],
])
def as_string(whole, number, truth):
    return {
        "whole": tf.strings.as_string(whole), "number": tf.strings.as_string(number),
        "truth": tf.strings.as_string(truth), "padded": tf.strings.as_string(whole, width=4, fill="0"),
        "precise": tf.strings.as_string(number, precision=2),
        "short": tf.strings.as_string(number, shortest=True),
        "scientific": tf.strings.as_string(number, scientific=True),
    }
