// Text that is put together in a buffer, without stdio: words, quoted strings, numbers, base64.
#ifndef SER_TEXT_H_
#define SER_TEXT_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  char *buffer;
  uint32_t capacity;
  uint32_t length;  // what the text needs, even where it does not fit
} ser_text;

void ser_text_append(ser_text *out, const char *string);
void ser_text_append_character(ser_text *out, char character);

// In quotes, as JSON has it; the string is UTF-8.
void ser_text_append_quoted(ser_text *out, const char *string);

// With zeros in front, up to `digits`.
void ser_text_append_unsigned(ser_text *out, uint32_t value, uint32_t digits);

// With so many decimals; null where it is not finite, or 10^9 steps of its last digit or more.
void ser_text_append_decimal(ser_text *out, float value, uint32_t decimals);

// Bytes as base64 (RFC 4648), with its padding.
void ser_text_append_base64(ser_text *out, const uint8_t *bytes, uint32_t n);

// Ends the text with a NUL; returns its length without that, or 0 where it does not fit.
uint32_t ser_text_end(ser_text *out);

#ifdef __cplusplus
}
#endif

#endif  // SER_TEXT_H_
