"""Convolutions of one to three dimensions with all paddings, strides and dilations."""

from zoo import asked, floats, integers, keras, keras_model, one_function, spec, tf

layers = keras.layers


def _branches(shape, branches):
    """One model with an output for each layer, all over the same input."""
    x = keras.Input(shape, name="x")
    return keras.Model(x, {name: layer(x) for name, layer in branches.items()})


@keras_model("conv1d")
def conv1d():
    model = _branches([11, 3], {
        "valid": layers.Conv1D(4, 3),
        "same": layers.Conv1D(4, 4, padding="same", activation="relu"),
        "causal": layers.Conv1D(4, 3, padding="causal", dilation_rate=2),
        "strided": layers.Conv1D(4, 3, strides=2, padding="same"),
        "dilated": layers.Conv1D(4, 2, dilation_rate=3, padding="same"),
        "grouped": layers.Conv1D(6, 3, groups=3),
    })
    return model, [floats(1, 11, 3), floats(4, 11, 3)]


@keras_model("conv2d")
def conv2d():
    model = _branches([9, 8, 3], {
        "valid": layers.Conv2D(4, 3),
        "same": layers.Conv2D(4, [2, 5], padding="same", activation="relu"),
        "strided_valid": layers.Conv2D(4, 3, strides=2),
        "strided_same": layers.Conv2D(4, 3, strides=[2, 3], padding="same"),
        "pointwise": layers.Conv2D(5, 1, use_bias=False),
    })
    return model, [floats(1, 9, 8, 3), floats(3, 9, 8, 3)]


@keras_model("conv2d-dilated")
def conv2d_dilated():
    model = _branches([12, 11, 2], {
        "valid": layers.Conv2D(3, 3, dilation_rate=2),
        "same": layers.Conv2D(3, 3, dilation_rate=[2, 3], padding="same"),
    })
    return model, [floats(1, 12, 11, 2), floats(2, 12, 11, 2)]


@keras_model("conv2d-grouped")
def conv2d_grouped():
    model = _branches([6, 6, 4], {
        "two": layers.Conv2D(6, 3, groups=2),
        "four": layers.Conv2D(8, 3, groups=4, strides=2, padding="same"),
    })
    return model, [floats(1, 6, 6, 4), floats(2, 6, 6, 4)]


@keras_model("conv2d-any-size")
def any_size():
    model = keras.Sequential([
        keras.Input([None, None, 3]),
        layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(4, 3, padding="same"),
        layers.GlobalAveragePooling2D(),
    ])
    return model, [floats(1, 9, 14, 3), floats(2, 5, 4, 3)]


@keras_model("conv3d")
def conv3d():
    model = _branches([5, 6, 7, 2], {
        "valid": layers.Conv3D(3, 2),
        "same": layers.Conv3D(3, [1, 3, 2], padding="same", strides=2),
    })
    return model, [floats(1, 5, 6, 7, 2), floats(2, 5, 6, 7, 2)]


@keras_model("conv-depthwise")
def depthwise():
    model = _branches([8, 9, 3], {
        "valid": layers.DepthwiseConv2D(3),
        "same": layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="relu"),
        "strided": layers.DepthwiseConv2D(3, strides=2, padding="same"),
        "dilated": layers.DepthwiseConv2D(2, dilation_rate=2),
    })
    return model, [floats(1, 8, 9, 3), floats(3, 8, 9, 3)]


@keras_model("conv1d-depthwise")
def depthwise_1d():
    model = _branches([10, 3], {
        "depthwise": layers.DepthwiseConv1D(3, depth_multiplier=2),
        "separable": layers.SeparableConv1D(4, 3, padding="same", strides=2),
    })
    return model, [floats(1, 10, 3), floats(3, 10, 3)]


@keras_model("conv-separable")
def separable():
    model = _branches([8, 9, 3], {
        "valid": layers.SeparableConv2D(4, 3),
        "same": layers.SeparableConv2D(4, 3, padding="same", strides=2, depth_multiplier=2),
    })
    return model, [floats(1, 8, 9, 3), floats(3, 8, 9, 3)]


@keras_model("conv1d-transposed")
def transposed_1d():
    model = _branches([5, 3], {
        "valid": layers.Conv1DTranspose(4, 3),
        "same": layers.Conv1DTranspose(4, 4, strides=2, padding="same"),
    })
    return model, [floats(1, 5, 3), floats(2, 5, 3)]


@keras_model("conv2d-transposed")
def transposed_2d():
    model = _branches([5, 4, 3], {
        "valid": layers.Conv2DTranspose(4, 3),
        "same": layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"),
        "strided": layers.Conv2DTranspose(2, [2, 4], strides=[3, 2], padding="valid"),
        "more": layers.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1),
    })
    return model, [floats(1, 5, 4, 3), floats(2, 5, 4, 3)]


@keras_model("conv3d-transposed")
def transposed_3d():
    model = _branches([3, 4, 3, 2], {
        "valid": layers.Conv3DTranspose(3, 2),
        "same": layers.Conv3DTranspose(3, 3, strides=2, padding="same"),
    })
    return model, [floats(1, 3, 4, 3, 2), floats(2, 3, 4, 3, 2)]


@keras_model("conv-digits", save=("export", "saved"))
def digits():
    model = keras.Sequential([
        keras.Input([28, 28, 1]),
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Dropout(0.5),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ])
    return model, [floats(1, 28, 28, 1), floats(8, 28, 28, 1)]


@keras_model("conv-residual-block")
def residual():
    x = keras.Input([16, 16, 8], name="x")
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", use_bias=False)(x)))
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", use_bias=False)(y))
    y = layers.ReLU()(layers.Add()([x, y]))
    model = keras.Model(x, layers.Dense(4)(layers.GlobalMaxPooling2D()(y)))
    return model, [floats(1, 16, 16, 8), floats(2, 16, 16, 8)]


@keras_model("conv-upsampling")
def upsampling():
    model = _branches([4, 5, 2], {
        "nearest": layers.UpSampling2D([2, 3]),
        "bilinear": layers.UpSampling2D(2, interpolation="bilinear"),
        "padded": layers.ZeroPadding2D([[1, 2], [0, 3]]),
        "cropped": layers.Cropping2D([[1, 0], [1, 2]]),
        "resized": layers.Resizing(7, 6),
    })
    return model, [floats(1, 4, 5, 2), floats(2, 4, 5, 2)]


@one_function("conv-of-tensorflow", spec("x", [None, 8, 8, 4]))
@asked(lambda: [[floats(1, 8, 8, 4)], [floats(2, 8, 8, 4)]])
def of_tensorflow(x):
    kernel = tf.reshape(tf.linspace(-1.0, 1.0, 3 * 3 * 4 * 2), [3, 3, 4, 2])
    return {
        "explicit": tf.nn.conv2d(x, kernel, strides=2, padding=[[0, 0], [1, 2], [0, 1], [0, 0]]),
        "space_to_depth": tf.nn.space_to_depth(x, 2),
        "depth_to_space": tf.nn.depth_to_space(x, 2),
        "patches": tf.image.extract_patches(x, [1, 3, 3, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME"),
    }


@one_function("conv-images", spec("jpeg_like", [None, None, 3], tf.uint8))
@asked(lambda: [[integers(0, 256, 6, 5, 3)], [integers(0, 256, 9, 12, 3)]])
def images(pixels):
    scaled = tf.image.convert_image_dtype(pixels, tf.float32)
    return {
        "resized": tf.image.resize(scaled[None], [4, 4]),
        "nearest": tf.image.resize(scaled[None], [5, 3], method="nearest"),
        "cropped": tf.image.central_crop(scaled, 0.5),
        "grey": tf.image.rgb_to_grayscale(scaled),
        "flipped": tf.image.flip_left_right(pixels),
    }
