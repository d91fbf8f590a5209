#include "ser_json.h"

typedef struct {
  char *buffer;
  uint32_t capacity;
  uint32_t length;  // what the text needs, even where it does not fit
} text;

static void append(text *out, const char *string);
static void append_quoted(text *out, const char *string);
static void append_decimal(text *out, float value, uint32_t decimals);
static void append_unsigned(text *out, uint32_t value, uint32_t digits);
static void append_character(text *out, char character);

uint32_t ser_json_decision(const ser_decision *decision, char *buffer, uint32_t capacity) {
  text out = {buffer, capacity, 0};
  append(&out, "{\"ms\":");
  append_unsigned(&out, decision->milliseconds, 1);
  append(&out, ",\"class\":");
  append_quoted(&out, decision->labels[decision->label]);
  append(&out, decision->uncertain ? ",\"uncertain\":true" : ",\"uncertain\":false");
  append(&out, ",\"probabilities\":{");
  for (uint32_t i = 0; i < decision->n_labels; i++) {
    append(&out, i ? "," : "");
    append_quoted(&out, decision->labels[i]);
    append(&out, ":");
    append_decimal(&out, decision->probabilities[i], 4);
  }
  append(&out, "},\"rms_db\":");
  append_decimal(&out, decision->rms_db, 1);
  append(&out, ",\"overruns\":");
  append_unsigned(&out, decision->overruns, 1);
  append(&out, "}\n");
  append_character(&out, '\0');
  return out.length <= capacity ? out.length - 1 : 0;
}

static void append(text *out, const char *string) {
  while (*string) {
    append_character(out, *string++);
  }
}

static void append_quoted(text *out, const char *string) {
  static const char hexadecimal[] = "0123456789abcdef";
  append_character(out, '"');
  for (; *string; string++) {
    const unsigned char character = (unsigned char)*string;
    if (character < 0x20) {
      append(out, "\\u00");
      append_character(out, hexadecimal[character >> 4]);
      append_character(out, hexadecimal[character & 15]);
      continue;
    }
    if (character == '"' || character == '\\') {
      append_character(out, '\\');
    }
    append_character(out, *string);
  }
  append_character(out, '"');
}

static void append_decimal(text *out, float value, uint32_t decimals) {
  float scaled = value;
  uint32_t one = 1;
  for (uint32_t i = 0; i < decimals; i++) {
    scaled *= 10.0f;
    one *= 10;
  }
  if (!(scaled > -1e9f && scaled < 1e9f)) {  // so written that NaN is null, too
    append(out, "null");
    return;
  }
  const int32_t steps = (int32_t)(scaled + (scaled < 0.0f ? -0.5f : 0.5f));
  append(out, steps < 0 ? "-" : "");
  const uint32_t magnitude = (uint32_t)(steps < 0 ? -steps : steps);
  append_unsigned(out, magnitude / one, 1);
  append(out, ".");
  append_unsigned(out, magnitude % one, decimals);
}

// With zeros in front, up to `digits`.
static void append_unsigned(text *out, uint32_t value, uint32_t digits) {
  char reversed[10];
  uint32_t n = 0;
  for (; value > 0 || n < digits; value /= 10) {
    reversed[n++] = (char)('0' + value % 10);
  }
  while (n > 0) {
    append_character(out, reversed[--n]);
  }
}

static void append_character(text *out, char character) {
  if (out->length < out->capacity) {
    out->buffer[out->length] = character;
  }
  out->length++;
}
