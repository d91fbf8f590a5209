#include "ser_apart.h"

#include <stddef.h>
#include <string.h>

#include "ser_engine.h"

#define POLYNOMIAL 0xedb88320u  // of CRC-32, lowest bit first

static uint32_t checksum(const uint8_t *bytes, uint32_t n) {
  uint32_t crc = 0xffffffffu;
  for (uint32_t i = 0; i < n; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (POLYNOMIAL & (0u - (crc & 1u)));
  }
  return ~crc;
}

int ser_apart_check(const ser_apart_header *found, const ser_apart_header *expected) {
  const uint32_t before = offsetof(ser_apart_header, shape);  // the checksum's first byte
  if (memcmp(found->magic, expected->magic, sizeof found->magic) != 0) return SER_ENGINE_NO_MODEL;
  if (found->version != expected->version) return SER_ENGINE_MODEL_VERSION;
  if (found->bytes != expected->bytes || memcmp(found->shape, expected->shape, sizeof found->shape) != 0) {
    return SER_ENGINE_MODEL_SHAPE;
  }
  if (checksum(found->shape, found->bytes - before) != found->crc32) return SER_ENGINE_MODEL_DAMAGED;
  return 0;
}
