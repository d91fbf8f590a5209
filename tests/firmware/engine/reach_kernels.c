// The engine's kernels as functions of plain arrays, for Python: what is inline, value by value, and layers by their fields.
#include "ser_kernels.h"

const int ser_block = SER_BLOCK;

void multiply_high_each(const int32_t *value, const int32_t *multiplier, int32_t *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = ser_multiply_high(value[i], multiplier[i]);
}

void shift_right_each(const int32_t *value, const int32_t *shift, int32_t *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = ser_shift_right(value[i], shift[i]);
}

void scale_each(const int32_t *value, const ser_factor *factor, int32_t *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = ser_scale(value[i], factor[i]);
}

void saturate_each(const int32_t *value, int32_t *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = SER_SATURATE(value[i], 16);
}

void scale_sum_each(const int32_t *sum, const ser_factor *factor, int32_t *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = ser_scale_sum(sum[i], factor[i]);
}

void show_each(const int32_t *product, const ser_factor *factor, const int32_t *zero_point, int32_t *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = ser_show(product[i], factor[i], zero_point[i]);
}

void add_saturated_each(const int32_t *a, const int32_t *b, int32_t *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = ser_add_saturated(a[i], b[i]);
}

void open_each(const int32_t *gate, const int32_t *value, const int32_t *shift, int32_t *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = ser_open(2 << 16 | gate[i], value[i], shift[i]);
}

void sigmoid_each(const int32_t *gate, int32_t *y, int n) {
  const ser_lines lines = ser_find_lines();
  for (int i = 0; i < n; ++i) y[i] = ser_sigmoid(lines, gate[i]) - (2 << 16);
}

void tanh_each(const int32_t *gate, int32_t *y, int n) {
  const ser_lines lines = ser_find_lines();
  for (int i = 0; i < n; ++i) y[i] = ser_tanh(lines, gate[i]);
}

void tanh_of_state_each(const int32_t *state, int multiplier, int shift, int32_t *y, int n) {
  const ser_lines lines = ser_find_lines();
  for (int i = 0; i < n; ++i) y[i] = ser_tanh_of_state(lines, state[i], multiplier, shift);
}

// Returns how many values of the tile were taken.
int sum_gates(const int16_t *tile, int four_bits, const int16_t *x, int n, int32_t *sums) {
  return (int)(ser_sum_gates(tile, four_bits, x, n, sums) - tile);
}

void run_dense(const int16_t *weights, int four_bits, int n_inputs, int n_outputs, const int32_t *bias, const ser_factor *factors,
               int n_factors, int low, int high, const int16_t *x, int16_t *y) {
  const ser_dense layer = {
      .n_inputs = n_inputs,
      .n_outputs = n_outputs,
      .weights = weights,
      .bias = bias,
      .factors = factors,
      .n_factors = n_factors,
      .output_min = low,
      .output_max = high,
  };
  if (four_bits) {
    ser_run_dense_4bit(&layer, x, y);
  } else {
    ser_run_dense(&layer, x, y);
  }
}

void run_softmax(int n, int multiplier, int left_shift, int diff_min, const int16_t *x, int16_t *y) {
  const ser_softmax layer = {.n = n, .multiplier = multiplier, .left_shift = (uint8_t)left_shift, .diff_min = diff_min};
  ser_run_softmax(&layer, x, y);
}

void run_table(int n, int input_zero_point, int output_zero_point, const int8_t *values, const int16_t *x, int16_t *y) {
  const ser_table layer = {
      .n = n, .input_zero_point = input_zero_point, .output_zero_point = output_zero_point, .values = values};
  ser_run_table(&layer, x, y);
}

// factors: of a, of b, and of their sum.
void run_sum(int n, const ser_factor *factors, int sign_b, int low, int high, const int16_t *a, int a_step, const int16_t *b,
             int b_step, int16_t *y) {
  const ser_sum layer = {
      .n = n,
      .scale_a = factors[0],
      .scale_b = factors[1],
      .sign_b = sign_b,
      .scale = factors[2],
      .output_min = low,
      .output_max = high,
  };
  ser_run_sum(&layer, a, a_step, b, b_step, y);
}

void run_product(int n, const ser_factor *scale, int low, int high, const int16_t *a, int a_step, const int16_t *b, int b_step,
                 int16_t *y) {
  const ser_product layer = {.n = n, .scale = *scale, .output_min = low, .output_max = high};
  ser_run_product(&layer, a, a_step, b, b_step, y);
}

void run_pool(int average, int n, int n_frames, int n_outputs, int size, int stride, int before, int zero_point, int low, int high,
              const int16_t *x, int16_t *y) {
  const ser_pool layer = {
      .n = n,
      .n_frames = n_frames,
      .n_outputs = n_outputs,
      .size = size,
      .stride = stride,
      .before = before,
      .zero_point = zero_point,
      .output_min = low,
      .output_max = high,
  };
  if (average) {
    ser_run_average_pool(&layer, x, y);
  } else {
    ser_run_max_pool(&layer, x, y);
  }
}

void run_mean(int n, int n_frames, const ser_factor *scale, int low, int high, const int16_t *x, int16_t *y) {
  const ser_mean layer = {.n = n, .n_frames = n_frames, .scale = *scale, .output_min = low, .output_max = high};
  ser_run_mean(&layer, x, y);
}
