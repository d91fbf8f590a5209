// The console: commands, and the lines that answer them.

#include <string.h>

#include "check.h"
#include "ser_board.h"
#include "ser_console.h"

static ser_app app;
static ser_console console;
static int32_t lit = 99;
static uint32_t counted;

void ser_board_light(int32_t label) { lit = label; }

uint32_t ser_board_count(void) { return counted += 1000; }

static const char *unit = "ticks";
const char *ser_board_unit(void) { return unit; }

static void type(const char *text) {
  while (*text != '\0') ser_console_read(&console, *text++);
}

// The next line, "" where there is none.
static const char *next_line(void) {
  const uint32_t length = ser_console_poll(&console);
  if (length == 0) return "";
  CHECK(length < sizeof console.line && console.line[length] == '\0' && console.line[length - 1] == '\n');
  return console.line;
}

static const char *answer_to(const char *command) {
  type(command);
  return next_line();
}

static int begins_with(const char *line, const char *text) { return strncmp(line, text, strlen(text)) == 0; }

// Hiss, and after a second loud noise, for so many seconds.
static void hear(uint32_t seconds) {
  uint32_t random = 1;
  for (uint32_t time = 0; time < seconds * SER_SAMPLE_RATE; time++) {
    random = random * 1664525u + 1013904223u;
    const int32_t noise = (int32_t)(random >> 16) - 0x8000;
    const int16_t sample = (int16_t)(noise / (time < SER_SAMPLE_RATE ? 1000 : 4));
    ser_app_write(&app, &sample, 1);
    if (time % 160 == 0 && ser_console_poll(&console) > 0) return;
  }
}

static void test_it_begins_to_listen_and_tells_decisions(void) {
  ser_console_init(&console, &app);
  CHECK(app.running && lit == SER_NO_LED);
  app.reject_below = 0.0f;
  hear(5);
  CHECK(begins_with(console.line, "{\"ms\":") && lit >= 0 && lit < SER_N_LABELS);
  app.reject_below = 1.1f;
  ser_app_start(&app);
  hear(5);
  CHECK(begins_with(console.line, "{\"ms\":") && lit == SER_NO_LED);
  app.reject_below = SER_REJECT_BELOW;
}

static void test_commands_start_and_stop(void) {
  CHECK(strstr(answer_to("stop\n"), "\"running\":false") != NULL && !app.running);
  CHECK(strstr(answer_to("start\r\n"), "\"running\":true") != NULL && app.running);
  CHECK(strstr(answer_to("x"), "\"running\":false") != NULL && !app.running);
  CHECK(strstr(answer_to("x"), "\"running\":true") != NULL && app.running);
  ser_console_toggle(&console);
  CHECK(!app.running && strcmp(next_line(), "") == 0);
  ser_console_toggle(&console);
  CHECK(app.running != 0);
}

static void test_the_threshold_is_set_and_taken_back(void) {
  CHECK(strstr(answer_to("threshold 0.625\n"), "\"threshold\":0.6250") != NULL && app.reject_below == 0.625f);
  CHECK(strstr(answer_to("threshold 1\n"), "\"threshold\":1.0000") != NULL);
  static const char *const wrong[] = {"threshold 1.5\n", "threshold -1\n", "threshold x\n", "threshold .\n", "threshold 0..5\n", "thresholds\n"};
  for (uint32_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK(begins_with(answer_to(wrong[i]), "{\"error\":\"unknown command") && app.reject_below == 1.0f);
  }
  CHECK(strstr(answer_to("threshold\n"), "\"threshold\"") != NULL && app.reject_below == SER_REJECT_BELOW);
}

static void test_a_class_is_lit(void) {
  answer_to("led 1\n");
  CHECK(lit == 1);
  answer_to("led\n");
  CHECK(lit == SER_NO_LED);
  CHECK(begins_with(answer_to("led 1000000\n"), "{\"error\"") && lit == SER_NO_LED);
  CHECK(begins_with(answer_to("led one\n"), "{\"error\"") && lit == SER_NO_LED);
}

static void test_sound_is_sent_as_it_comes(void) {
  CHECK(strstr(answer_to("pcm\n"), "\"pcm\":true") != NULL);
  int16_t samples[SER_CONSOLE_PCM_SAMPLES] = {0};
  samples[0] = 0x4241;
  samples[1] = -1;
  ser_app_write(&app, samples, SER_CONSOLE_PCM_SAMPLES - 1);
  CHECK(strcmp(next_line(), "") == 0);
  ser_app_write(&app, samples, 1);
  CHECK(begins_with(next_line(), "{\"pcm\":\"QUL//wAA"));
  CHECK(strlen(console.line) == strlen("{\"pcm\":\"\"}\n") + SER_CONSOLE_PCM_SAMPLES * 8 / 3);
  for (uint32_t n = 0; n < SER_RING_SAMPLES / SER_CONSOLE_PCM_SAMPLES + 2; n++) ser_app_write(&app, samples, SER_CONSOLE_PCM_SAMPLES);
  CHECK(begins_with(next_line(), "{\"overruns\":1}"));
  CHECK(strstr(answer_to("pcm\n"), "\"pcm\":false") != NULL && app.overruns == 0);
}

static void test_the_self_test_gives_the_same_each_time_and_what_it_costs(void) {
  static char first[SER_CONSOLE_LINE_BYTES];
  strcpy(first, answer_to("selftest\n"));
  CHECK(begins_with(first, "{\"selftest\":{\"failed\":false,\"of_features\":[") && app.running);
  CHECK(strstr(first, ",\"unit\":\"ticks\",\"frontend\":") != NULL && strstr(first, "000,\"engine\":1000}}") != NULL);
  answer_to("stop\n");
  CHECK(strcmp(first, answer_to("selftest\n")) == 0 && !app.running);
  unit = NULL;
  CHECK(strstr(answer_to("selftest\n"), "unit") == NULL);
  unit = "ticks";
  answer_to("start\n");
}

static void test_what_it_does_not_know_is_told_as_json(void) {
  CHECK(begins_with(answer_to("?"), "{\"commands\":{\"?\":"));
  CHECK(begins_with(answer_to("who \"are\\ you\x01\xff\x7f\n"), "{\"error\":\"unknown command, ? lists them: who ?are? you???\"}"));
  CHECK(begins_with(answer_to("a command that is longer than any other\n"), "{\"error\":\"unknown command"));
  CHECK(strcmp(answer_to("\n\r\n"), "") == 0);
}

int main(void) {
  CHECK(ser_app_init(&app) == 0);
  test_it_begins_to_listen_and_tells_decisions();
  test_commands_start_and_stop();
  test_the_threshold_is_set_and_taken_back();
  test_a_class_is_lit();
  test_sound_is_sent_as_it_comes();
  test_the_self_test_gives_the_same_each_time_and_what_it_costs();
  test_what_it_does_not_know_is_told_as_json();
  return failures != 0;
}
