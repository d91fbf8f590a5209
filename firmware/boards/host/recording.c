#include "recording.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "resample.h"

static double *mix(const wav *file, char *error);
static int16_t round_sample(double sample);

int16_t *recording_make(const wav *file, uint32_t sample_rate, uint32_t *n, char *error) {
  if (file->sample_rate < RESAMPLE_LOWEST_RATE || file->sample_rate > RESAMPLE_HIGHEST_RATE) {
    snprintf(error, RECORDING_ERROR_SIZE, "sample_rate is %" PRIu32 ", expected %u to %u", file->sample_rate, RESAMPLE_LOWEST_RATE,
             RESAMPLE_HIGHEST_RATE);
    return NULL;
  }
  const uint64_t length = resample_length(file->n_frames, file->sample_rate, sample_rate);
  double *mono = mix(file, error);
  if (mono == NULL) return NULL;
  double *resampled = malloc((size_t)length * sizeof *resampled);
  int16_t *samples = malloc((size_t)length * sizeof *samples);
  const int same_rate = file->sample_rate == sample_rate;
  int good = resampled != NULL && samples != NULL && length <= UINT32_MAX;
  if (good && !same_rate) good = resample(mono, file->n_frames, file->sample_rate, sample_rate, resampled) == 0;
  if (good) {
    for (uint32_t i = 0; i < length; i++) samples[i] = round_sample(same_rate ? mono[i] : resampled[i]);
    *n = (uint32_t)length;
  } else {
    snprintf(error, RECORDING_ERROR_SIZE, "does not fit into memory");
    free(samples);
    samples = NULL;
  }
  free(resampled);
  free(mono);
  return samples;
}

static double *mix(const wav *file, char *error) {
  double *mono = malloc(file->n_frames * sizeof *mono);
  if (mono == NULL) snprintf(error, RECORDING_ERROR_SIZE, "does not fit into memory");
  for (uint32_t frame = 0; mono != NULL && frame < file->n_frames; frame++) {
    mono[frame] = wav_sample(file, frame);
    if (isfinite(mono[frame])) continue;
    snprintf(error, RECORDING_ERROR_SIZE, "sample %" PRIu32 " is not a finite number", frame);
    free(mono);
    return NULL;
  }
  return mono;
}

// A half goes to the even neighbour, as when Python rounds.
static int16_t round_sample(double sample) {
  const double scaled = 32768 * sample;
  return (int16_t)lrint(scaled < -32768 ? -32768 : scaled > 32767 ? 32767 : scaled);
}
