// Operations of ONNX that need no rule of their own to tell how large their outputs are.

/** The first operand tells it. */
export const KEEPING: ReadonlySet<string> = new Set(
  'BatchNormalization LRN ScatterElements ScatterND'.split(' '),
)

/** All operands tell it, side by side. */
export const SIDE_BY_SIDE: ReadonlySet<string> = new Set(
  [
    'Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor',
    'Ceil Clip Cos Cosh Div Elu Equal Erf Exp Floor Greater GreaterOrEqual HardSigmoid Identity IsInf',
    'IsNaN LeakyRelu Less LessOrEqual Log LogSoftmax Max Min Mod Mul Neg Not Or Pow Reciprocal Relu',
    'Round Selu Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Sub Tan Tanh Where Xor',
  ].flatMap((ops) => ops.split(' ')),
)
