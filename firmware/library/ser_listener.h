// The app as a shared library for a program on a PC: sound in blocks of any size, decisions out.
//
// It does with its sound what a board does: takes the offset off, and hands it to the app in pieces of an interrupt's size, so that
// none is ever lost. ser_tinyml/runtimes/listener.py calls it from Python.
#ifndef SER_LISTENER_H_
#define SER_LISTENER_H_

#include <stdint.h>

#include "ser_model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ser_listener ser_listener;

typedef struct {
  uint32_t label;
  uint32_t uncertain;
  uint32_t milliseconds;  // of audio since start, up to the end of the window
  float rms_db;           // level of the window, dB full scale
  float probabilities[SER_N_LABELS];
} ser_heard;

// Returns a listener that has heard nothing, or NULL where memory or engine fail. One at a time may be at work in a process: the
// engine is one.
ser_listener *ser_listener_new(void);

void ser_listener_delete(ser_listener *listener);

// Takes some of `n` samples, up to the next decision. Returns how many it took; where `decided` is 1 then, `heard` has the decision, and
// even where all samples are taken another one may follow: call it again, with what is left, until `decided` is 0.
uint32_t ser_listener_hear(ser_listener *listener, const int16_t *samples, uint32_t n, ser_heard *heard, int32_t *decided);

// Returns whether the voice gate is open.
int32_t ser_listener_hears_speech(const ser_listener *listener);

// Runs the self-test of ser_selftest.h into int8 [SER_N_LABELS] each; returns whether it fails. The listener has then heard nothing.
int32_t ser_listener_selftest(ser_listener *listener, int8_t *of_features, int8_t *of_sound);

#ifdef __cplusplus
}
#endif

#endif  // SER_LISTENER_H_
