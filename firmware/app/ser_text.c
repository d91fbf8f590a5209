#include "ser_text.h"

void ser_text_append(ser_text *out, const char *string) {
  while (*string) {
    ser_text_append_character(out, *string++);
  }
}

void ser_text_append_quoted(ser_text *out, const char *string) {
  static const char hexadecimal[] = "0123456789abcdef";
  ser_text_append_character(out, '"');
  for (; *string; string++) {
    const unsigned char character = (unsigned char)*string;
    if (character < 0x20) {
      ser_text_append(out, "\\u00");
      ser_text_append_character(out, hexadecimal[character >> 4]);
      ser_text_append_character(out, hexadecimal[character & 15]);
      continue;
    }
    if (character == '"' || character == '\\') {
      ser_text_append_character(out, '\\');
    }
    ser_text_append_character(out, *string);
  }
  ser_text_append_character(out, '"');
}

void ser_text_append_decimal(ser_text *out, float value, uint32_t decimals) {
  float scaled = value;
  uint32_t one = 1;
  for (uint32_t i = 0; i < decimals; i++) {
    scaled *= 10.0f;
    one *= 10;
  }
  if (!(scaled > -1e9f && scaled < 1e9f)) {  // so written that NaN is null, too
    ser_text_append(out, "null");
    return;
  }
  const int32_t steps = (int32_t)(scaled + (scaled < 0.0f ? -0.5f : 0.5f));
  ser_text_append(out, steps < 0 ? "-" : "");
  const uint32_t magnitude = (uint32_t)(steps < 0 ? -steps : steps);
  ser_text_append_unsigned(out, magnitude / one, 1);
  ser_text_append(out, ".");
  ser_text_append_unsigned(out, magnitude % one, decimals);
}

void ser_text_append_unsigned(ser_text *out, uint32_t value, uint32_t digits) {
  char reversed[10];
  uint32_t n = 0;
  for (; value > 0 || n < digits; value /= 10) {
    reversed[n++] = (char)('0' + value % 10);
  }
  while (n > 0) {
    ser_text_append_character(out, reversed[--n]);
  }
}

void ser_text_append_character(ser_text *out, char character) {
  if (out->length < out->capacity) {
    out->buffer[out->length] = character;
  }
  out->length++;
}

void ser_text_append_base64(ser_text *out, const uint8_t *bytes, uint32_t n) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (uint32_t i = 0; i < n; i += 3) {
    const uint32_t left = n - i;
    const uint32_t three = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0u);
    ser_text_append_character(out, digits[three >> 18]);
    ser_text_append_character(out, digits[three >> 12 & 63]);
    ser_text_append_character(out, left > 1 ? digits[three >> 6 & 63] : '=');
    ser_text_append_character(out, left > 2 ? digits[three & 63] : '=');
  }
}

uint32_t ser_text_end(ser_text *out) {
  ser_text_append_character(out, '\0');
  return out->length <= out->capacity ? out->length - 1 : 0;
}
