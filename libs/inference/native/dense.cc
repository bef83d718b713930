// Dense layers on floats with the vectors of AVX2, which WebAssembly does not have: what `dense` of
// src/kernel/dense.wat does, over the same panels of 8 columns of weights, three times as fast. Built by
// scripts/prepare-kernels.mjs; where it is not, WebAssembly does the work.

#include <node_api.h>

#include <cstdint>
#include <tuple>

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,fma")))
#define UNROLLED _Pragma("GCC unroll 8")

namespace {

constexpr int kPanel = 8;

/// Where a layer's numbers are; steps are from one row to the next, all in floats.
struct Layer {
  const float* x;
  int64_t x_step;
  int64_t inputs;
  const float* weights;
  const float* bias;
  float* y;
  int64_t y_step;
  bool is_relu;
};

AVX2 inline void Store(const Layer& layer, __m256 sum, int64_t row, int64_t panel) {
  sum = _mm256_add_ps(sum, _mm256_loadu_ps(layer.bias + panel * kPanel));
  // The second operand is what comes back when one is NaN.
  if (layer.is_relu) sum = _mm256_max_ps(_mm256_setzero_ps(), sum);
  _mm256_storeu_ps(layer.y + row * layer.y_step + panel * kPanel, sum);
}

/// So many rows by so many panels. `Phases` sums are taken beside each other where there would be too few
/// to keep the processor busy: an addition takes as long as eight others can begin in.
template <int Rows, int Panels, int Phases>
AVX2 void Tile(const Layer& layer, int64_t row, int64_t panel) {
  __m256 sums[Rows][Panels][Phases];
  UNROLLED for (int r = 0; r < Rows; r++)
    UNROLLED for (int p = 0; p < Panels; p++)
      UNROLLED for (int k = 0; k < Phases; k++) sums[r][p][k] = _mm256_setzero_ps();
  const float* x = layer.x + row * layer.x_step;
  const int64_t width = layer.inputs * kPanel;
  const float* weights = layer.weights + panel * width;
  const int64_t even = layer.inputs - layer.inputs % Phases;
  for (int64_t input = 0; input < even; input += Phases) {
    UNROLLED for (int k = 0; k < Phases; k++) {
      __m256 columns[Panels];
      UNROLLED for (int p = 0; p < Panels; p++)
        columns[p] = _mm256_loadu_ps(weights + p * width + (input + k) * kPanel);
      UNROLLED for (int r = 0; r < Rows; r++) {
        const __m256 value = _mm256_broadcast_ss(x + r * layer.x_step + input + k);
        UNROLLED for (int p = 0; p < Panels; p++)
          sums[r][p][k] = _mm256_fmadd_ps(value, columns[p], sums[r][p][k]);
      }
    }
  }
  for (int64_t input = even; input < layer.inputs; input++)
    UNROLLED for (int r = 0; r < Rows; r++) {
      const __m256 value = _mm256_broadcast_ss(x + r * layer.x_step + input);
      UNROLLED for (int p = 0; p < Panels; p++)
        sums[r][p][0] = _mm256_fmadd_ps(
            value, _mm256_loadu_ps(weights + p * width + input * kPanel), sums[r][p][0]);
    }
  UNROLLED for (int r = 0; r < Rows; r++)
    UNROLLED for (int p = 0; p < Panels; p++) {
      __m256 sum = sums[r][p][0];
      UNROLLED for (int k = 1; k < Phases; k++) sum = _mm256_add_ps(sum, sums[r][p][k]);
      Store(layer, sum, row + r, panel + p);
    }
}

/// All rows by so many panels: six at a time, as many as the registers hold.
template <int Panels>
AVX2 void Column(const Layer& layer, int64_t rows, int64_t panel) {
  int64_t row = 0;
  for (; row + 6 <= rows; row += 6) Tile<6, Panels, 1>(layer, row, panel);
  switch (rows - row) {
    case 5: return Tile<5, Panels, 1>(layer, row, panel);
    case 4: return Tile<4, Panels, 1>(layer, row, panel);
    case 3: return Tile<3, Panels, 2>(layer, row, panel);
    case 2: return Tile<2, Panels, 2>(layer, row, panel);
    case 1: return Tile<1, Panels, 4>(layer, row, panel);
  }
}

AVX2 void Dense(const Layer& layer, int64_t rows, int64_t panels) {
  int64_t panel = 0;
  if (rows == 1)
    for (; panel + 4 <= panels; panel += 4) Tile<1, 4, 2>(layer, 0, panel);
  for (; panel + 2 <= panels; panel += 2) Column<2>(layer, rows, panel);
  for (; panel < panels; panel++) Column<1>(layer, rows, panel);
}

constexpr size_t kArrays = 2;
constexpr size_t kNumbers = 10;

bool Fits(int64_t at, int64_t length, int64_t all) {
  return at >= 0 && length >= 0 && at <= all && length <= all - at;
}

/// A Float32Array, its length in bytes.
struct Floats {
  float* data;
  int64_t bytes;
};

bool Read(napi_env env, napi_value value, Floats* floats) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float32_array)
    return false;
  *floats = {static_cast<float*>(data), static_cast<int64_t>(length * sizeof(float))};
  return true;
}

/// dense(memory, given, x, xStep, rows, inputs, weights, bias, panels, y, yStep, isRelu): `x` is in `given`,
/// which may be the memory, and all else in the memory; places and steps in bytes.
napi_value CallDense(napi_env env, napi_callback_info info) {
  napi_value arguments[kArrays + kNumbers];
  size_t count = kArrays + kNumbers;
  Floats memory{}, given{};
  int64_t n[kNumbers];
  bool is_fit = napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) == napi_ok &&
                count == kArrays + kNumbers && Read(env, arguments[0], &memory) &&
                Read(env, arguments[1], &given);
  for (size_t at = 0; is_fit && at < kNumbers; at++)
    is_fit = napi_get_value_int64(env, arguments[kArrays + at], &n[at]) == napi_ok && n[at] >= 0 &&
             n[at] < (int64_t{1} << 32);
  if (is_fit) {
    const int64_t size = sizeof(float);
    const auto [x, x_step, rows, inputs, weights] = std::tuple(n[0], n[1], n[2], n[3], n[4]);
    const auto [bias, panels, y, y_step] = std::tuple(n[5], n[6], n[7], n[8]);
    // Products of two numbers below 2^32 each may not fit; rows, inputs and panels are far fewer.
    is_fit = rows > 0 && inputs > 0 && panels > 0 && rows < (1 << 20) && inputs < (1 << 28) &&
             panels < (1 << 24) && Fits(x, (rows - 1) * x_step + inputs * size, given.bytes) &&
             Fits(weights, panels * inputs * kPanel * size, memory.bytes) &&
             Fits(bias, panels * kPanel * size, memory.bytes) &&
             Fits(y, (rows - 1) * y_step + panels * kPanel * size, memory.bytes);
    if (is_fit) {
      Dense({given.data + x / size, x_step / size, inputs, memory.data + weights / size,
             memory.data + bias / size, memory.data + y / size, y_step / size, n[9] != 0},
            rows, panels);
      return nullptr;
    }
  }
  napi_throw_range_error(env, nullptr, "a layer does not lie within its memory");
  return nullptr;
}

}  // namespace
#endif

/// Exports nothing where the processor lacks what it needs.
NAPI_MODULE_INIT() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    napi_value dense;
    if (napi_create_function(env, "dense", NAPI_AUTO_LENGTH, CallDense, nullptr, &dense) != napi_ok ||
        napi_set_named_property(env, exports, "dense", dense) != napi_ok)
      return nullptr;
  }
#endif
  return exports;
}
