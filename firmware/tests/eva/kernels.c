// Frama-C's Eva: the kernels that a model need not have, of any weights and inputs. Sizes and factors are constants, as in a model.
#include "__fc_builtin.h"
#include "ser_kernels.h"

enum { N = SER_CHUNK, FRAMES = 5 };

static int16_t tile[2 * N], x[N], y[N];
static int32_t bias[4], sums[4];
static int8_t q[N], values[256];
static const ser_factor factors[4] = {{1 << 30, 0, 9}, {INT32_MAX, 0, 31}, {1518500250, 3, 0}, {1073741825, 0, 18}};

static void fill(int16_t *array, int n, int largest) {
  for (int i = 0; i < n; ++i) array[i] = (int16_t)Frama_C_interval(-largest, largest);
}

static void run_dots(void) {
  for (int n = SER_BLOCK; n <= N; n *= 4) {
    fill(x, n, 255);
    fill(tile, 2 * n, 127 * 257);
    ser_dot4(tile, x, n, sums);
    fill(tile, n, 7 * 4369);
    ser_dot4_4bit(tile, x, n, sums);
  }
}

static void run_dense_layers(void) {
  fill(x, SER_BLOCK, 255);
  for (int i = 0; i < 4; ++i) bias[i] = Frama_C_interval(-(1 << 20), 1 << 20);
  for (int n_factors = 1; n_factors <= 4; n_factors += 3) {
    const ser_dense layer = {SER_BLOCK, 4, tile, bias, factors, n_factors, -255, Frama_C_interval(0, 255)};
    fill(tile, 2 * SER_BLOCK, 127 * 257);
    ser_run_dense(&layer, x, y);
    fill(tile, SER_BLOCK, 7 * 4369);
    ser_run_dense_4bit(&layer, x, y);
  }
}

static void run_each_value(void) {
  for (int i = 0; i < 256; ++i) values[i] = (int8_t)Frama_C_interval(-128, 127);
  for (int zero_point = -128; zero_point <= 127; zero_point += 85) {
    const ser_table table = {.n = 8, .input_zero_point = zero_point, .output_zero_point = zero_point, .values = values};
    for (int i = 0; i < 8; ++i) {
      q[i] = (int8_t)Frama_C_interval(-128, 127);
      x[i] = (int16_t)(Frama_C_interval(-128, 127) - zero_point);
    }
    ser_run_table(&table, x, y);
    ser_load(q, 8, zero_point, x);
    ser_store(x, 8, zero_point, q);
  }
  fill(x, 8, 255);
  fill(y, 8, 255);
  for (int step = 0; step <= 1; ++step) {
    const ser_sum sum = {8, factors[0], factors[3], 2 * step - 1, factors[3], -255, 255};
    ser_run_sum(&sum, x, 1, y, step, tile);
    const ser_product product = {8, factors[0], -255, 255};
    ser_run_product(&product, x, 1, y, step, tile);
  }
}

static void run_over_time(void) {
  fill(x, 4 * FRAMES, 255);
  for (int size = 1; size <= 4; ++size) {
    for (int before = 0; before <= (size - 1) / 2; ++before) {
      const ser_pool pool = {3, FRAMES, (FRAMES - size + before) / 2 + 1, size, 2, before, Frama_C_interval(-128, 127), -255, 255};
      ser_run_max_pool(&pool, x, y);
      ser_run_average_pool(&pool, x, y);
    }
  }
  const ser_mean mean = {3, FRAMES, factors[0], -255, 255};
  ser_run_mean(&mean, x, y);
  ser_copy_frames(x + 4 * (FRAMES - 1), -4, y, 4, 3, FRAMES);
}

int main(void) {
  run_dots();
  run_dense_layers();
  run_each_value();
  run_over_time();
  return 0;
}
