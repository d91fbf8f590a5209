#include "ser_console.h"

#include <stdlib.h>
#include <string.h>

#include "ser_board.h"
#include "ser_cmvn.h"
#include "ser_selftest.h"
#include "ser_text.h"

enum { NO_ANSWER, ANSWER_COMMANDS, ANSWER_STATE, ANSWER_SELFTEST, ANSWER_UNKNOWN };

static void obey(ser_console *console);
static void start(ser_console *console, int streams_pcm);
static void stop(ser_console *console);
static int read_number(const char *text, float *number);
static uint32_t answer(ser_console *console);
static uint32_t report(ser_console *console);
static uint32_t report_pcm(ser_console *console);
static uint32_t report_overruns(ser_console *console);

void ser_console_init(ser_console *console, ser_app *app) {
  memset(console, 0, sizeof *console);
  console->app = app;
  start(console, 0);
}

void ser_console_read(ser_console *console, char character) {
  if (character == '\n' || character == '\r') {
    if (console->length > 0) obey(console);
    return;
  }
  if (console->length + 1 < sizeof console->command) console->command[console->length++] = character;
  if (console->length == 1 && (character == 'x' || character == '?')) obey(console);
}

void ser_console_toggle(ser_console *console) {
  if (console->app->running) {
    stop(console);
  } else {
    start(console, 0);
  }
}

uint32_t ser_console_poll(ser_console *console) {
  if (console->answer != NO_ANSWER) return answer(console);
  const uint32_t length = console->streams_pcm ? report_pcm(console) : report(console);
  return length ? length : report_overruns(console);
}

// What is behind a command's name and a space; NULL where it is another command.
static const char *argument_of(const char *command, const char *name) {
  const size_t n = strlen(name);
  if (strncmp(command, name, n) != 0 || (command[n] != '\0' && command[n] != ' ')) return NULL;
  return command[n] == ' ' ? command + n + 1 : command + n;
}

static void obey(ser_console *console) {
  console->command[console->length] = '\0';
  console->length = 0;
  console->answer = ANSWER_STATE;
  const char *command = console->command;
  const char *argument;
  float number;
  if (strcmp(command, "?") == 0) {
    console->answer = ANSWER_COMMANDS;
  } else if (strcmp(command, "x") == 0) {
    ser_console_toggle(console);
  } else if (strcmp(command, "start") == 0) {
    start(console, 0);
  } else if (strcmp(command, "stop") == 0) {
    stop(console);
  } else if (strcmp(command, "pcm") == 0) {
    start(console, !console->streams_pcm);
#if SER_CMVN_PRIOR_WINDOWS > 0
  } else if (strcmp(command, "forget") == 0) {
    ser_cmvn_forget();
#endif
  } else if (strcmp(command, "selftest") == 0) {
    console->answer = ANSWER_SELFTEST;
  } else if ((argument = argument_of(command, "threshold")) != NULL && *argument == '\0') {
    console->app->reject_below = SER_REJECT_BELOW;
  } else if (argument != NULL && read_number(argument, &number) && number <= 1.0f) {
    console->app->reject_below = number;
  } else if ((argument = argument_of(command, "led")) != NULL && *argument == '\0') {
    ser_board_light(SER_NO_LED);
  } else if (argument != NULL && read_number(argument, &number) && number < SER_N_LABELS) {
    ser_board_light((int32_t)number);
  } else {
    console->answer = ANSWER_UNKNOWN;
  }
}

static void start(ser_console *console, int streams_pcm) {
  ser_app_start(console->app);
  console->streams_pcm = streams_pcm;
  console->overruns = 0;
  ser_board_light(SER_NO_LED);
}

static void stop(ser_console *console) {
  ser_app_stop(console->app);
  console->streams_pcm = 0;
  ser_board_light(SER_NO_LED);
}

// Reads digits with at most one point in them; 0 where there is anything else.
static int read_number(const char *text, float *number) {
  float unit = 0.0f;  // of the next digit behind the point
  int digits = 0;
  *number = 0.0f;
  for (; *text != '\0'; text++) {
    if (*text == '.' && unit == 0.0f) {
      unit = 0.1f;
    } else if (*text < '0' || *text > '9') {
      return 0;
    } else if (unit == 0.0f) {
      *number = 10.0f * *number + (float)(*text - '0');
      digits++;
    } else {
      *number += unit * (float)(*text - '0');
      unit *= 0.1f;
      digits++;
    }
  }
  return digits > 0;
}

static ser_text begin_line(ser_console *console) { return (ser_text){console->line, sizeof console->line, 0}; }

static void append_outputs(ser_text *out, const char *name, const int8_t *outputs) {
  ser_text_append(out, name);
  for (uint32_t n = 0; n < SER_N_LABELS; n++) {
    ser_text_append(out, n ? "," : "[");
    if (outputs[n] < 0) ser_text_append(out, "-");
    ser_text_append_unsigned(out, (uint32_t)abs(outputs[n]), 1);
  }
  ser_text_append(out, "]");
}

static void append_selftest(ser_console *console, ser_text *out) {
  ser_app *app = console->app;
  const int was_running = (int)app->running;
  ser_app_stop(app);
  const ser_selftest result = ser_selftest_run(app);
  if (was_running) start(console, console->streams_pcm);
  ser_text_append(out, result.failed ? "{\"selftest\":{\"failed\":true" : "{\"selftest\":{\"failed\":false");
  append_outputs(out, ",\"of_features\":", result.of_features);
  append_outputs(out, ",\"of_sound\":", result.of_sound);
  if (ser_board_unit()) {
    ser_text_append(out, ",\"unit\":");
    ser_text_append_quoted(out, ser_board_unit());
    ser_text_append(out, ",\"frontend\":");
    ser_text_append_unsigned(out, result.frontend_cost, 1);
    ser_text_append(out, ",\"engine\":");
    ser_text_append_unsigned(out, result.engine_cost, 1);
  }
  ser_text_append(out, "}}\n");
}

static uint32_t answer(ser_console *console) {
  ser_text out = begin_line(console);
  const uint32_t asked = console->answer;
  console->answer = NO_ANSWER;
  if (asked == ANSWER_COMMANDS) {
    ser_text_append(&out,
                    "{\"commands\":{\"?\":\"this list\",\"start\":\"listen\",\"stop\":\"stop\",\"x\":\"start or stop\","
                    "\"threshold 0.6\":\"less probability is uncertain; without a number the model's own\","
                    "\"pcm\":\"the microphone's samples instead of decisions, or no more\","
#if SER_CMVN_PRIOR_WINDOWS > 0
                    "\"forget\":\"learn another speaker\","
#endif
                    "\"selftest\":\"front end and engine on made-up input\",\"led 0\":\"a class's colour; without a number none\"}}\n");
  } else if (asked == ANSWER_SELFTEST) {
    append_selftest(console, &out);
  } else if (asked == ANSWER_UNKNOWN) {
    ser_text_append(&out, "{\"error\":\"unknown command, ? lists them: ");
    for (const char *c = console->command; *c != '\0'; c++) {
      ser_text_append_character(&out, *c < ' ' || *c > '~' || *c == '"' || *c == '\\' ? '?' : *c);
    }
    ser_text_append(&out, "\"}\n");
  } else {
    ser_text_append(&out, console->app->running ? "{\"running\":true,\"pcm\":" : "{\"running\":false,\"pcm\":");
    ser_text_append(&out, console->streams_pcm ? "true" : "false");
    ser_text_append(&out, ",\"rate\":");
    ser_text_append_unsigned(&out, SER_SAMPLE_RATE, 1);
    ser_text_append(&out, ",\"threshold\":");
    ser_text_append_decimal(&out, console->app->reject_below, 4);
    ser_text_append(&out, "}\n");
  }
  return ser_text_end(&out);
}

static uint32_t report(ser_console *console) {
  ser_decision decision;
  if (!ser_app_poll(console->app, &decision)) return 0;
  ser_board_light(decision.uncertain ? SER_NO_LED : (int32_t)decision.label);
  console->overruns = decision.overruns;
  return ser_json_decision(&decision, console->line, sizeof console->line);
}

static uint32_t report_pcm(ser_console *console) {
  int16_t samples[SER_CONSOLE_PCM_SAMPLES];
  if (!ser_app_take(console->app, samples, SER_CONSOLE_PCM_SAMPLES)) return 0;
  uint8_t bytes[2 * SER_CONSOLE_PCM_SAMPLES];
  for (uint32_t n = 0; n < SER_CONSOLE_PCM_SAMPLES; n++) {
    bytes[2 * n] = (uint8_t)((uint16_t)samples[n] & 0xff);
    bytes[2 * n + 1] = (uint8_t)((uint16_t)samples[n] >> 8);
  }
  ser_text out = begin_line(console);
  ser_text_append(&out, "{\"pcm\":\"");
  ser_text_append_base64(&out, bytes, sizeof bytes);
  ser_text_append(&out, "\"}\n");
  return ser_text_end(&out);
}

// An overrun leaves no decision to tell of it.
static uint32_t report_overruns(ser_console *console) {
  if (console->app->overruns == console->overruns) return 0;
  console->overruns = console->app->overruns;
  ser_text out = begin_line(console);
  ser_text_append(&out, "{\"overruns\":");
  ser_text_append_unsigned(&out, console->overruns, 1);
  ser_text_append(&out, "}\n");
  return ser_text_end(&out);
}
