// Model and code apart (-DSER_MODEL=apart): all that a training decides, weights and other constants, lies in a section of its own,
// .ser_model, and can be changed without the code. It begins with this header; what follows, the generated ser_model.h says.
#ifndef SER_APART_H_
#define SER_APART_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Little-endian, packed.
typedef struct {
  char magic[4];
  uint32_t version;   // of the format: of this header, and of how the engine's kernels take weights
  uint32_t bytes;     // of the section, this header included
  uint32_t crc32;     // of the bytes behind this field (ISO-HDLC's, as zlib computes it)
  uint8_t shape[16];  // a digest of the generated code, which has the layers, their sizes, the labels and the front end
} ser_apart_header;

#ifndef __cplusplus
_Static_assert(sizeof(ser_apart_header) == 32, "packed");
#endif

// Returns 0 where the section that begins with `found` is whole and made for the code, whose header is `expected` (all but the
// checksum), else one of SER_ENGINE_NO_MODEL to SER_ENGINE_MODEL_DAMAGED (ser_engine.h). Reads nothing behind a header that is wrong.
int ser_apart_check(const ser_apart_header *found, const ser_apart_header *expected);

#ifdef __cplusplus
}
#endif

#endif  // SER_APART_H_
