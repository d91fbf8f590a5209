// Small WAV files, at 16 kHz where they don't say otherwise, for the reader's test and for its fuzzer to begin with. sizeof counts a NUL that is not of the file.
#ifndef SER_WAV_FILES_H_
#define SER_WAV_FILES_H_

#include <stdint.h>

#define FORMAT(size, tag, channels, byte_rate, block_align) \
  "fmt " size "\0\0\0" tag channels "\0\x80\x3e\0\0" byte_rate block_align "\0\x10\0"
#define MONO_FORMAT FORMAT("\x10", "\1\0", "\1", "\0\x7d\0\0", "\2")
#define STEREO_FORMAT FORMAT("\x10", "\1\0", "\2", "\0\xfa\0\0", "\4")
#define EXTENSIBLE_FORMAT FORMAT("\x28", "\xfe\xff", "\1", "\0\x7d\0\0", "\2") \
  "\x16\0\x10\0\4\0\0\0\1\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"

#define FORMAT_OF(tag, channels, rate, block_align, bits) "fmt \x10\0\0\0" tag "\0" channels "\0" rate "\0\0\0\0" block_align "\0" bits "\0"

static const uint8_t wav_mono[] = "RIFF\x28\0\0\0WAVE" MONO_FORMAT "data\4\0\0\0\xff\xff\x00\x80";
static const uint8_t wav_stereo[] =
    "RIFF\x30\0\0\0WAVE" STEREO_FORMAT "data\x0c\0\0\0\xfe\x7f\xff\x7f\x00\x80\x00\x80\x01\0\xfc\xff";
static const uint8_t wav_extensible[] = "RIFF\x40\0\0\0WAVE" EXTENSIBLE_FORMAT "data\4\0\0\0\1\2\3\4";
static const uint8_t wav_odd_chunk[] = "RIFF\x34\0\0\0WAVELIST\3\0\0\0abc\0" MONO_FORMAT "data\4\0\0\0\1\2\3\4";
static const uint8_t wav_8_bits[] = "RIFF\x27\0\0\0WAVE" FORMAT_OF("\1", "\1", "\x40\x1f\0\0", "\1", "\x8") "data\3\0\0\0\0\x80\xff";
static const uint8_t wav_24_bits[] =
    "RIFF\x2a\0\0\0WAVE" FORMAT_OF("\1", "\1", "\x44\xac\0\0", "\3", "\x18") "data\6\0\0\0\0\0\x80\1\0\0";
static const uint8_t wav_32_bits[] =
    "RIFF\x2c\0\0\0WAVE" FORMAT_OF("\1", "\2", "\x80\xbb\0\0", "\x8", "\x20") "data\x8\0\0\0\0\0\0\x40\0\0\0\xe0";
static const uint8_t wav_float[] =
    "RIFF\x2c\0\0\0WAVE" FORMAT_OF("\3", "\1", "\x80\xbb\0\0", "\4", "\x20") "data\x8\0\0\0\0\0\x80\x3e\0\0\0\xc0";
static const uint8_t wav_double[] =
    "RIFF\x2c\0\0\0WAVE" FORMAT_OF("\3", "\1", "\x80\xbb\0\0", "\x8", "\x40") "data\x8\0\0\0\0\0\0\0\0\0\xd0\xbf";
// As FFmpeg writes it to a pipe; a last sample is cut off.
static const uint8_t wav_piped[] = "RIFF\xff\xff\xff\xffWAVE" MONO_FORMAT "data\xff\xff\xff\xff\1\2\3\4\5";

#endif  // SER_WAV_FILES_H_
