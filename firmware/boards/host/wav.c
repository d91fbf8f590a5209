#include "wav.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { RIFF_HEADER = 12, CHUNK_HEADER = 8, FORMAT_SIZE = 16, EXTENSIBLE_SIZE = 40, PCM = 1, EXTENSIBLE = 0xfffe };

// What follows the format tag in an extensible format's GUID.
static const uint8_t guid_tail[14] = {0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71};

typedef struct {
  const uint8_t *bytes;
  uint32_t size;
} chunk;

static bool find_chunk(chunk riff, const char *name, chunk *found, char *error);
static bool check_format(chunk format, uint32_t sample_rate, wav *out, char *error);
static bool is_field(const char *field, uint32_t found, uint32_t wanted, char *error);
static uint32_t read16(const uint8_t *bytes);
static uint32_t read32(const uint8_t *bytes);

int wav_read(const uint8_t *bytes, size_t size, uint32_t sample_rate, wav *out, char *error) {
  if (size < RIFF_HEADER || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0) {
    snprintf(error, WAV_ERROR_SIZE, "is not a RIFF/WAVE file");
    return 1;
  }
  const uint32_t riff_size = read32(bytes + 4);
  if (riff_size < 4 || riff_size > size - 8) {
    snprintf(error, WAV_ERROR_SIZE, "RIFF size is %" PRIu32 ", expected 4 to %zu: what the file has", riff_size, size - 8);
    return 1;
  }
  const chunk riff = {bytes + RIFF_HEADER, riff_size - 4};
  chunk format, data;
  if (!find_chunk(riff, "fmt ", &format, error) || !check_format(format, sample_rate, out, error) ||
      !find_chunk(riff, "data", &data, error)) {
    return 1;
  }
  const uint32_t frame_size = 2 * out->n_channels;
  if (data.size == 0 || data.size % frame_size != 0) {
    snprintf(error, WAV_ERROR_SIZE, "data size is %" PRIu32 ", expected a multiple of %" PRIu32 " above 0", data.size,
             frame_size);
    return 1;
  }
  out->frames = data.bytes;
  out->n_frames = data.size / frame_size;
  return 0;
}

int16_t wav_sample(const wav *file, uint32_t frame) {
  const uint8_t *bytes = file->frames + (size_t)2 * file->n_channels * frame;
  const int first = (int16_t)read16(bytes);
  if (file->n_channels == 1) return (int16_t)first;
  const int sum = first + (int16_t)read16(bytes + 2);
  const int below = (sum - (sum & 1)) / 2;
  return (int16_t)(below + (sum & below & 1));  // a half goes to the even neighbour, as when Python mixes and rounds
}

// The first chunk of that name. Sizes are compared with what is left, so that none, however large, is added to anything before.
static bool find_chunk(chunk riff, const char *name, chunk *found, char *error) {
  while (riff.size >= CHUNK_HEADER) {
    const uint32_t size = read32(riff.bytes + 4);
    const uint32_t left = riff.size - CHUNK_HEADER;
    if (size > left) {
      snprintf(error, WAV_ERROR_SIZE, "chunk before or at '%s' has %" PRIu32 " bytes, expected at most %" PRIu32 ": what is left",
               name, size, left);
      return false;
    }
    if (memcmp(riff.bytes, name, 4) == 0) {
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

static bool check_format(chunk format, uint32_t sample_rate, wav *out, char *error) {
  const uint8_t *field = format.bytes;
  if (format.size < FORMAT_SIZE) {
    snprintf(error, WAV_ERROR_SIZE, "fmt size is %" PRIu32 ", expected at least %d", format.size, FORMAT_SIZE);
    return false;
  }
  if (read16(field) == EXTENSIBLE) {
    if (format.size < EXTENSIBLE_SIZE) {
      snprintf(error, WAV_ERROR_SIZE, "fmt size is %" PRIu32 ", expected at least %d of an extensible format", format.size,
               EXTENSIBLE_SIZE);
      return false;
    }
    if (memcmp(field + 26, guid_tail, sizeof guid_tail) != 0) {
      snprintf(error, WAV_ERROR_SIZE, "subformat is not that of a registered format tag, expected PCM's");
      return false;
    }
    if (!is_field("subformat", read16(field + 24), PCM, error) || !is_field("valid_bits_per_sample", read16(field + 18), 16, error)) {
      return false;
    }
  } else if (!is_field("format", read16(field), PCM, error)) {
    return false;
  }
  out->n_channels = read16(field + 2);
  if (out->n_channels < 1 || out->n_channels > 2) {
    snprintf(error, WAV_ERROR_SIZE, "channels is %" PRIu32 ", expected 1 or 2", out->n_channels);
    return false;
  }
  return is_field("sample_rate", read32(field + 4), sample_rate, error) &&
         is_field("bits_per_sample", read16(field + 14), 16, error) &&
         is_field("block_align", read16(field + 12), 2 * out->n_channels, error) &&
         is_field("byte_rate", read32(field + 8), 2 * out->n_channels * sample_rate, error);
}

static bool is_field(const char *field, uint32_t found, uint32_t wanted, char *error) {
  if (found == wanted) return true;
  snprintf(error, WAV_ERROR_SIZE, "%s is %" PRIu32 ", expected %" PRIu32, field, found, wanted);
  return false;
}

static uint32_t read16(const uint8_t *bytes) { return bytes[0] | (uint32_t)bytes[1] << 8; }

static uint32_t read32(const uint8_t *bytes) { return read16(bytes) | read16(bytes + 2) << 16; }
