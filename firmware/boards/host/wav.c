#include "wav.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { RIFF_HEADER = 12, CHUNK_HEADER = 8, FORMAT_SIZE = 16, EXTENSIBLE_SIZE = 40 };
enum { PCM = 1, FLOAT = 3, EXTENSIBLE = 0xfffe };  // format tags

// From here on, and 0, a size says that the writer did not know it: FFmpeg writes 2^32 - 1 to a pipe, SoX 0x7ffff000, ALSA 2^31.
#define UNKNOWN_SIZE 0x7ffff000u

// What follows the format tag in an extensible format's GUID.
static const uint8_t guid_tail[14] = {0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71};

typedef struct {
  const uint8_t *bytes;
  uint32_t size;
} chunk;

static bool find_chunk(chunk riff, const char *name, chunk *found, char *error);
static bool find_data(chunk riff, uint32_t frame_size, chunk *found, char *error);
static bool read_format(chunk format, wav *out, char *error);
static bool read_encoding(uint32_t tag, uint32_t bits, wav *out, char *error);
static bool is_unknown(uint32_t size);
static double read_sample(const wav *file, const uint8_t *bytes);
static uint32_t read16(const uint8_t *bytes);
static uint32_t read32(const uint8_t *bytes);

int wav_read(const uint8_t *bytes, size_t size, wav *out, char *error) {
  if (size < RIFF_HEADER || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0) {
    snprintf(error, WAV_ERROR_SIZE, "is not a RIFF/WAVE file");
    return 1;
  }
  const size_t room = size - 8 < UINT32_MAX ? size - 8 : UINT32_MAX;
  uint32_t riff_size = read32(bytes + 4);
  if (is_unknown(riff_size)) riff_size = (uint32_t)room;
  if (riff_size < 4 || riff_size > room) {
    snprintf(error, WAV_ERROR_SIZE, "RIFF size is %" PRIu32 ", expected 4 to %zu: what the file has", riff_size, room);
    return 1;
  }
  const chunk riff = {bytes + RIFF_HEADER, riff_size - 4};
  chunk format, data;
  if (!find_chunk(riff, "fmt ", &format, error) || !read_format(format, out, error)) return 1;
  const uint32_t frame_size = out->sample_bytes * out->n_channels;
  if (!find_data(riff, frame_size, &data, error)) return 1;
  out->frames = data.bytes;
  out->n_frames = data.size / frame_size;
  return 0;
}

double wav_sample(const wav *file, uint32_t frame) {
  const uint8_t *bytes = file->frames + (size_t)file->sample_bytes * file->n_channels * frame;
  double sum = 0;
  for (uint32_t channel = 0; channel < file->n_channels; channel++) {
    sum += read_sample(file, bytes + (size_t)file->sample_bytes * channel);
  }
  return sum / file->n_channels;
}

// One channel's sample, -1 to 1.
static double read_sample(const wav *file, const uint8_t *bytes) {
  if (file->is_float && file->sample_bytes == 4) {
    const uint32_t bits = read32(bytes);
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
  }
  if (file->is_float) {
    const uint64_t bits = read32(bytes) | (uint64_t)read32(bytes + 4) << 32;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  if (file->sample_bytes == 1) return (bytes[0] - 128) / 128.0;  // without a sign, alone among them
  uint32_t bits = 0;  // in the upper bytes
  for (uint32_t n = 0; n < file->sample_bytes; n++) bits |= (uint32_t)bytes[n] << 8 * (4 - file->sample_bytes + n);
  return (int32_t)bits / 2147483648.0;
}

// The first chunk of that name. Sizes are compared with what is left, so that none, however large, is added to anything before.
static bool find_chunk(chunk riff, const char *name, chunk *found, char *error) {
  const bool is_data = strcmp(name, "data") == 0;
  while (riff.size >= CHUNK_HEADER) {
    const uint32_t size = read32(riff.bytes + 4);
    const uint32_t left = riff.size - CHUNK_HEADER;
    const bool is_found = memcmp(riff.bytes, name, 4) == 0;
    if (is_found && is_data && is_unknown(size)) {
      *found = (chunk){riff.bytes + CHUNK_HEADER, left};
      return true;
    }
    if (size > left) {
      snprintf(error, WAV_ERROR_SIZE, "chunk before or at '%s' has %" PRIu32 " bytes, expected at most %" PRIu32 ": what is left",
               name, size, left);
      return false;
    }
    if (is_found) {
      *found = (chunk){riff.bytes + CHUNK_HEADER, size};
      return true;
    }
    const uint32_t padded = size % 2 != 0 && size < left ? size + 1 : size;
    riff.bytes += CHUNK_HEADER + padded;
    riff.size = left - padded;
  }
  snprintf(error, WAV_ERROR_SIZE, "has no '%s' chunk", name);
  return false;
}

// Whole frames; where the header does not know its size, what is left behind the last one is not counted.
static bool find_data(chunk riff, uint32_t frame_size, chunk *found, char *error) {
  if (!find_chunk(riff, "data", found, error)) return false;
  if (is_unknown(read32(found->bytes - 4))) found->size -= found->size % frame_size;
  if (found->size > 0 && found->size % frame_size == 0) return true;
  snprintf(error, WAV_ERROR_SIZE, "data size is %" PRIu32 ", expected a multiple of %" PRIu32 " above 0", found->size, frame_size);
  return false;
}

static bool is_unknown(uint32_t size) { return size == 0 || size >= UNKNOWN_SIZE; }

static bool read_format(chunk format, wav *out, char *error) {
  const uint8_t *field = format.bytes;
  if (format.size < FORMAT_SIZE) {
    snprintf(error, WAV_ERROR_SIZE, "fmt size is %" PRIu32 ", expected at least %d", format.size, FORMAT_SIZE);
    return false;
  }
  uint32_t tag = read16(field);
  if (tag == EXTENSIBLE) {
    if (format.size < EXTENSIBLE_SIZE) {
      snprintf(error, WAV_ERROR_SIZE, "fmt size is %" PRIu32 ", expected at least %d of an extensible format", format.size,
               EXTENSIBLE_SIZE);
      return false;
    }
    if (memcmp(field + 26, guid_tail, sizeof guid_tail) != 0) {
      snprintf(error, WAV_ERROR_SIZE, "subformat is not that of a registered format tag, expected PCM's or float's");
      return false;
    }
    tag = read16(field + 24);
  }
  if (!read_encoding(tag, read16(field + 14), out, error)) return false;
  out->n_channels = read16(field + 2);
  out->sample_rate = read32(field + 4);
  if (out->n_channels == 0 || out->sample_rate == 0) {
    snprintf(error, WAV_ERROR_SIZE, "%s is 0, expected at least 1", out->n_channels == 0 ? "channels" : "sample_rate");
    return false;
  }
  const uint32_t block = read16(field + 12), wanted = out->sample_bytes * out->n_channels;
  if (block == wanted) return true;
  snprintf(error, WAV_ERROR_SIZE, "block_align is %" PRIu32 ", expected %" PRIu32, block, wanted);
  return false;
}

static bool read_encoding(uint32_t tag, uint32_t bits, wav *out, char *error) {
  if (tag != PCM && tag != FLOAT) {
    snprintf(error, WAV_ERROR_SIZE, "format is %" PRIu32 ", expected 1 (PCM) or 3 (float)", tag);
    return false;
  }
  out->is_float = tag == FLOAT;
  out->sample_bytes = bits / 8;
  if (out->is_float ? bits == 32 || bits == 64 : bits == 8 || bits == 16 || bits == 24 || bits == 32) return true;
  snprintf(error, WAV_ERROR_SIZE, "bits_per_sample is %" PRIu32 ", expected %s", bits,
           out->is_float ? "32 or 64 of floats" : "8, 16, 24 or 32");
  return false;
}

static uint32_t read16(const uint8_t *bytes) { return bytes[0] | (uint32_t)bytes[1] << 8; }

static uint32_t read32(const uint8_t *bytes) { return read16(bytes) | read16(bytes + 2) << 16; }
