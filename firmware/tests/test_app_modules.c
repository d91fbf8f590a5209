// The app's modules that need neither model nor front end.

#include <math.h>
#include <string.h>

#include "check.h"
#include "ser_button.h"
#include "ser_json.h"
#include "ser_level.h"
#include "ser_offset.h"
#include "ser_ring.h"
#include "ser_smoothing.h"
#include "ser_text.h"
#include "ser_vad.h"

static uint32_t random_state = 1;

static uint32_t draw(uint32_t below) {
  random_state = random_state * 1664525u + 1013904223u;
  return (random_state >> 8) % below;
}

static void write_numbers(ser_ring *ring, uint32_t first, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    const int16_t sample = (int16_t)(first + i);
    ser_ring_write(ring, &sample, 1);
  }
}

static void test_ring_gives_back_what_was_written_whatever_the_pieces(void) {
  int16_t storage[97];
  ser_ring ring;
  ser_ring_init(&ring, storage, 97);
  ring.written = ring.read = UINT32_MAX - 500;  // the counters wrap around, too
  uint32_t written = 0;
  uint32_t read = 0;
  while (read < 2000) {
    int16_t block[60];
    const uint32_t n = draw(61);
    for (uint32_t i = 0; i < n; i++) block[i] = (int16_t)(written + i);
    if (ser_ring_unread(&ring) + n <= 97) {
      ser_ring_write(&ring, block, n);
      written += n;
    }
    const int16_t *run;
    const uint32_t length = ser_ring_run(&ring, &run);
    const uint32_t unread = ser_ring_unread(&ring);
    CHECK(unread == written - read);
    const uint32_t used = draw((length < unread ? length : unread) + 1);
    for (uint32_t i = 0; i < used; i++) CHECK(run[i] == (int16_t)(read + i));
    ser_ring_advance(&ring, used);
    read += used;
  }
}

static void test_ring_keeps_the_newest_of_a_piece_longer_than_itself(void) {
  int16_t storage[10];
  int16_t piece[25];
  ser_ring ring;
  ser_ring_init(&ring, storage, 10);
  for (int16_t i = 0; i < 25; i++) piece[i] = i;
  ser_ring_write(&ring, piece, 25);
  CHECK(ser_ring_unread(&ring) == 25);
  CHECK(!ser_ring_holds(&ring, 0));
  ser_ring_advance(&ring, 25);
  CHECK(ser_ring_holds(&ring, 10));
  for (uint32_t n = 1; n <= 10; n++) CHECK(storage[ser_ring_index_before(&ring, n)] == (int16_t)(25 - n));
}

static void test_ring_tells_when_samples_in_use_were_overwritten(void) {
  int16_t storage[20];
  ser_ring ring;
  ser_ring_init(&ring, storage, 20);
  write_numbers(&ring, 0, 15);
  ser_ring_advance(&ring, 15);
  CHECK(ser_ring_holds(&ring, 15));
  write_numbers(&ring, 15, 5);  // the ring is full: the window of 15 is complete, with 5 unread
  CHECK(ser_ring_holds(&ring, 15));
  CHECK(storage[ser_ring_index_before(&ring, 15)] == 0);
  write_numbers(&ring, 20, 1);  // one more, and its oldest sample is gone
  CHECK(!ser_ring_holds(&ring, 15));
  CHECK(ser_ring_holds(&ring, 14));
  CHECK(storage[ser_ring_index_before(&ring, 15)] == 20);
}

static float level_of(int16_t low, int16_t high) {
  ser_level level = {0, 0};
  for (uint32_t i = 0; i < 1000; i++) {
    const int16_t pair[2] = {low, high};
    ser_level_add(&level, pair, 2);
  }
  return ser_level_db(&level);
}

static void test_level_is_db_of_full_scale(void) {
  CHECK(fabsf(level_of(-32768, -32768)) < 0.001f);
  CHECK(fabsf(level_of(-3277, 3277) + 20.0f) < 0.01f);
  CHECK(fabsf(level_of(0, 0) + 101.1f) < 0.01f);
  const ser_level nothing = {0, 0};
  CHECK(fabsf(ser_level_db(&nothing) + 101.1f) < 0.01f);
}

// Feeds blocks of a level; returns in how many the gate was open, and counts when it opened or closed.
static uint32_t feed(ser_vad *vad, float level_db, float spread_db, uint32_t blocks, uint32_t *changes) {
  uint32_t open = 0;
  for (uint32_t i = 0; i < blocks; i++) {
    const int before = vad->open;
    const float at_random = (float)draw(1001) * 0.002f - 1.0f;
    const int after = ser_vad_update(vad, level_db + spread_db * at_random);
    CHECK(after == vad->open);
    open += (uint32_t)after;
    *changes += before != after;
  }
  return open;
}

static void test_gate_opens_on_speech_and_closes_behind_it(void) {
  ser_vad vad;
  uint32_t changes = 0;
  ser_vad_init(&vad);
  CHECK(feed(&vad, -60.0f, 2.0f, 100, &changes) == 0);
  CHECK(vad.floor_db >= -62.0f && vad.floor_db < -61.5f);
  for (uint32_t syllable = 0; syllable < 10; syllable++) {
    feed(&vad, -30.0f, 2.0f, 10, &changes);
    CHECK(vad.open);
    feed(&vad, -60.0f, 2.0f, 8, &changes);
    CHECK(vad.open);
  }
  CHECK(changes == 1);
  CHECK(feed(&vad, -60.0f, 2.0f, 200, &changes) == SER_VAD_HANGOVER_BLOCKS - 8 - 1);
  CHECK(changes == 2);
}

static void test_gate_opens_after_a_few_loud_blocks_but_not_on_a_click(void) {
  ser_vad vad;
  uint32_t changes = 0;
  ser_vad_init(&vad);
  feed(&vad, -60.0f, 0.0f, 100, &changes);
  for (uint32_t click = 0; click < 20; click++) {
    feed(&vad, -20.0f, 0.0f, SER_VAD_OPEN_BLOCKS - 1, &changes);
    feed(&vad, -60.0f, 0.0f, 1, &changes);
  }
  CHECK(changes == 0);
  CHECK(feed(&vad, -20.0f, 0.0f, SER_VAD_OPEN_BLOCKS, &changes) == 1);
}

static void test_gate_counts_anew_after_it_has_closed(void) {
  ser_vad vad;
  uint32_t changes = 0;
  ser_vad_init(&vad);
  feed(&vad, -60.0f, 0.0f, 100, &changes);
  for (uint32_t word = 1; word <= 3; word++) {
    CHECK(feed(&vad, -20.0f, 0.0f, SER_VAD_OPEN_BLOCKS, &changes) == 1);
    CHECK(feed(&vad, -60.0f, 0.0f, SER_VAD_HANGOVER_BLOCKS, &changes) == SER_VAD_HANGOVER_BLOCKS - 1);
    CHECK(feed(&vad, -20.0f, 0.0f, 1, &changes) == 0);
    feed(&vad, -60.0f, 0.0f, 1, &changes);
    CHECK(changes == 2 * word);
  }
}

static void test_gate_closes_on_noise_that_stays(void) {
  ser_vad vad;
  uint32_t changes = 0;
  ser_vad_init(&vad);
  feed(&vad, -60.0f, 2.0f, 100, &changes);
  const uint32_t open = feed(&vad, -25.0f, 2.0f, 3000, &changes);
  CHECK(open > 0 && open <= SER_VAD_MINIMA * SER_VAD_BLOCKS_PER_MINIMUM + SER_VAD_HANGOVER_BLOCKS);
  CHECK(changes == 2);
  CHECK(!vad.open);
  feed(&vad, -5.0f, 2.0f, 10, &changes);
  CHECK(vad.open);  // speech above that noise opens it again
}

static void test_gate_hears_the_floor_fall(void) {
  ser_vad vad;
  uint32_t changes = 0;
  ser_vad_init(&vad);
  feed(&vad, -25.0f, 2.0f, 500, &changes);
  feed(&vad, -60.0f, 2.0f, 1, &changes);
  CHECK(feed(&vad, -40.0f, 1.0f, SER_VAD_OPEN_BLOCKS, &changes) == 1);
}

static void test_gate_does_not_chatter_between_its_thresholds(void) {
  ser_vad vad;
  uint32_t changes = 0;
  const float between = (SER_VAD_OPEN_DB + SER_VAD_CLOSE_DB) / 2;
  ser_vad_init(&vad);
  feed(&vad, -60.0f, 0.0f, 20, &changes);
  CHECK(feed(&vad, -60.0f + between, 1.0f, 100, &changes) == 0);
  feed(&vad, -60.0f, 0.0f, 20, &changes);
  feed(&vad, -40.0f, 0.0f, 10, &changes);
  CHECK(feed(&vad, -60.0f + between, 1.0f, 100, &changes) == 100);
  CHECK(changes == 1);
}

static void test_gate_stays_closed_in_what_is_nearly_silence(void) {
  ser_vad vad;
  uint32_t changes = 0;
  ser_vad_init(&vad);
  feed(&vad, -101.1f, 0.0f, 100, &changes);
  CHECK(feed(&vad, -61.0f, 2.0f, 500, &changes) == 0);
}

static void test_smoothing_is_the_mean_of_the_last_decisions(void) {
  int8_t outputs[3 * 2];
  float mean[2];
  ser_smoothing smoothing;
  ser_smoothing_init(&smoothing, outputs, 3, 2);
  const int8_t decisions[][2] = {{127, -128}, {-100, 99}, {-128, 127}, {-28, 27}};
  ser_smoothing_add(&smoothing, decisions[0]);
  CHECK(ser_smoothing_mean(&smoothing, 1.0f / 256, -128, mean) == 0);
  CHECK(fabsf(mean[0] - 255.0f / 256) < 1e-6f && fabsf(mean[1]) < 1e-6f);
  ser_smoothing_add(&smoothing, decisions[1]);
  CHECK(ser_smoothing_mean(&smoothing, 1.0f / 256, -128, mean) == 0);
  CHECK(fabsf(mean[0] - 141.5f / 256) < 1e-6f);
  ser_smoothing_add(&smoothing, decisions[2]);
  CHECK(ser_smoothing_mean(&smoothing, 1.0f / 256, -128, mean) == 1);
  ser_smoothing_add(&smoothing, decisions[3]);  // the first is out
  CHECK(ser_smoothing_mean(&smoothing, 1.0f / 256, -128, mean) == 1);
  CHECK(fabsf(mean[0] - 128.0f / 3 / 256) < 1e-6f && fabsf(mean[1] - 637.0f / 3 / 256) < 1e-6f);
}

static void test_smoothing_forgets_when_cleared(void) {
  int8_t outputs[8 * 2];
  float mean[2];
  ser_smoothing smoothing;
  ser_smoothing_init(&smoothing, outputs, 8, 2);
  const int8_t before[2] = {127, -128};
  const int8_t after[2] = {-27, 26};
  for (uint32_t i = 0; i < 5; i++) ser_smoothing_add(&smoothing, before);
  ser_smoothing_clear(&smoothing);
  ser_smoothing_add(&smoothing, after);
  CHECK(ser_smoothing_mean(&smoothing, 1.0f / 256, -128, mean) == 1);
  CHECK(fabsf(mean[0] - 101.0f / 256) < 1e-6f && fabsf(mean[1] - 154.0f / 256) < 1e-6f);
}

static void test_json_is_the_line_that_the_header_shows(void) {
  const char *const labels[] = {"neutral", "a \"b\"\\\n"};
  const float probabilities[] = {0.01171875f, 0.98828125f};
  const ser_decision decision = {1, 2, labels, probabilities, 1500, -31.25f, 1, 0};
  const char expected[] =
      "{\"ms\":1500,\"class\":\"a \\\"b\\\"\\\\\\u000a\",\"uncertain\":true,\"probabilities\":{\"neutral\":0.0117,\"a \\\"b\\\"\\\\\\u000a\":0.9883},"
      "\"rms_db\":-31.3,\"overruns\":0}\n";
  char line[200];
  CHECK(ser_json_decision(&decision, line, sizeof line) == sizeof expected - 1);
  CHECK(strcmp(line, expected) == 0);
  CHECK(ser_json_decision(&decision, line, sizeof expected) == sizeof expected - 1);
  for (uint32_t capacity = 0; capacity < sizeof expected; capacity++) {
    memset(line, '#', sizeof line);
    CHECK(ser_json_decision(&decision, line, capacity) == 0);
    CHECK(line[capacity] == '#');
  }
}

static void test_an_error_is_a_line_of_json_with_its_code(void) {
  const char expected[] = "{\"error\":\"no \\\"model\\\"\",\"code\":12}\n";
  char line[64];
  CHECK(ser_json_error("no \"model\"", 12, line, sizeof line) == sizeof expected - 1);
  CHECK(strcmp(line, expected) == 0);
  CHECK(ser_json_error("no \"model\"", 12, line, sizeof expected - 1) == 0);
}

static uint32_t count_presses(ser_button *button, uint32_t ms, const char *contacts) {
  uint32_t presses = 0;
  for (; *contacts; contacts++) presses += (uint32_t)ser_button_update(button, *contacts == 'X', ms++);
  return presses;
}

static void test_button_counts_a_bouncing_press_once(void) {
  ser_button button = {0, 1000};
  CHECK(count_presses(&button, 1000, "...XX.X.XX..XXXXXXXXXXXXXXXXXXX") == 0);
  CHECK(count_presses(&button, 1031, "XXXXXXXXXXXXXXXXXXXXX") == 1);  // 20 ms after it was last open
  CHECK(count_presses(&button, 1052, "X.X.XX..X...............") == 0);  // bounces on release, too
  CHECK(count_presses(&button, 1076, "........................") == 0);
  CHECK(count_presses(&button, 1100, "XXXXXXXXXXXXXXXXXXXXXXXXXX") == 1);
}

static void test_button_works_when_the_clock_wraps_around(void) {
  ser_button button = {0, UINT32_MAX - 10};
  CHECK(count_presses(&button, UINT32_MAX - 10, "XXXXXXXXXXXXXXXXXXXX") == 0);
  CHECK(count_presses(&button, 9, "X") == 1);
}

static void test_offset_goes_and_speech_stays(void) {
  ser_offset offset = {0};
  float largest_error = 0.0f;
  for (int32_t i = 0; i < 16000; i++) {
    const float tone = 8000.0f * sinf(6.2831853f * 200.0f / 16000.0f * (float)i);
    int16_t sample = (int16_t)(tone + 1200.0f);
    ser_offset_remove(&offset, &sample, 1);
    if (i > 8000) largest_error = fmaxf(largest_error, fabsf((float)sample - tone));
  }
  CHECK(largest_error < 0.03f * 8000.0f);  // 200 Hz through a high-pass at 5 Hz: turned by 1.4 degrees
}

static void test_offset_cuts_off_what_does_not_fit(void) {
  for (int32_t end = INT16_MIN; end <= INT16_MAX; end += UINT16_MAX) {
    ser_offset offset = {0};
    for (uint32_t time = 0; time < 10000; time++) {
      int16_t sample = (int16_t)(end < 0 ? INT16_MAX : INT16_MIN);
      ser_offset_remove(&offset, &sample, 1);
    }
    int16_t sample = (int16_t)end;
    ser_offset_remove(&offset, &sample, 1);
    CHECK(sample == end);
  }
}

// The test vectors of RFC 4648.
static void test_base64_is_padded(void) {
  static const char *const expected[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  for (uint32_t n = 0; n < sizeof expected / sizeof *expected; n++) {
    char buffer[9];
    ser_text out = {buffer, sizeof buffer, 0};
    ser_text_append_base64(&out, (const uint8_t *)"foobar", n);
    CHECK(ser_text_end(&out) == strlen(expected[n]) && strcmp(buffer, expected[n]) == 0);
  }
}

int main(void) {
  test_base64_is_padded();
  test_ring_gives_back_what_was_written_whatever_the_pieces();
  test_ring_keeps_the_newest_of_a_piece_longer_than_itself();
  test_ring_tells_when_samples_in_use_were_overwritten();
  test_level_is_db_of_full_scale();
  test_gate_opens_on_speech_and_closes_behind_it();
  test_gate_opens_after_a_few_loud_blocks_but_not_on_a_click();
  test_gate_counts_anew_after_it_has_closed();
  test_gate_closes_on_noise_that_stays();
  test_gate_hears_the_floor_fall();
  test_gate_does_not_chatter_between_its_thresholds();
  test_gate_stays_closed_in_what_is_nearly_silence();
  test_smoothing_is_the_mean_of_the_last_decisions();
  test_smoothing_forgets_when_cleared();
  test_json_is_the_line_that_the_header_shows();
  test_an_error_is_a_line_of_json_with_its_code();
  test_button_counts_a_bouncing_press_once();
  test_button_works_when_the_clock_wraps_around();
  test_offset_goes_and_speech_stays();
  test_offset_cuts_off_what_does_not_fit();
  return failures != 0;
}
