#include "ser_json.h"

#include "ser_text.h"

uint32_t ser_json_decision(const ser_decision *decision, char *buffer, uint32_t capacity) {
  ser_text out = {buffer, capacity, 0};
  ser_text_append(&out, "{\"ms\":");
  ser_text_append_unsigned(&out, decision->milliseconds, 1);
  ser_text_append(&out, ",\"class\":");
  ser_text_append_quoted(&out, decision->labels[decision->label]);
  ser_text_append(&out, decision->uncertain ? ",\"uncertain\":true" : ",\"uncertain\":false");
  ser_text_append(&out, ",\"probabilities\":{");
  for (uint32_t i = 0; i < decision->n_labels; i++) {
    ser_text_append(&out, i ? "," : "");
    ser_text_append_quoted(&out, decision->labels[i]);
    ser_text_append(&out, ":");
    ser_text_append_decimal(&out, decision->probabilities[i], 4);
  }
  ser_text_append(&out, "},\"rms_db\":");
  ser_text_append_decimal(&out, decision->rms_db, 1);
  ser_text_append(&out, ",\"overruns\":");
  ser_text_append_unsigned(&out, decision->overruns, 1);
  ser_text_append(&out, "}\n");
  return ser_text_end(&out);
}

uint32_t ser_json_error(const char *reason, int code, char *buffer, uint32_t capacity) {
  ser_text out = {buffer, capacity, 0};
  ser_text_append(&out, "{\"error\":");
  ser_text_append_quoted(&out, reason);
  ser_text_append(&out, ",\"code\":");
  ser_text_append_unsigned(&out, (uint32_t)code, 1);
  ser_text_append(&out, "}\n");
  return ser_text_end(&out);
}
