// A serial line: commands come in, and lines of JSON go out: decisions, answers, sound.
//
//   ?               lists the commands
//   start  stop  x  begins to listen, ends, or the other of the two
//   threshold 0.6   decisions of less probability are uncertain; without a number it is the model's again
//   pcm             what the microphone hears instead of decisions, {"pcm":"BASE64"}: int16, little-endian; again, or start: no more
//   selftest        runs front end and engine on made-up input (ser_selftest.h)
//   led N           lights the colour of class N, the first is 0; without a number none
//
// A command ends with a line feed or a carriage return; one alone of a single letter, x or ?, needs none.
#ifndef SER_CONSOLE_H_
#define SER_CONSOLE_H_

#include <stdint.h>

#include "ser_app.h"
#include "ser_json.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SER_CONSOLE_PCM_SAMPLES 192  // of a line
#define SER_CONSOLE_LINE_BYTES SER_LARGER(640u, SER_JSON_BYTES(SER_N_LABELS, SER_LABEL_BYTES))

// All of it is the console's own but `line`.
typedef struct {
  ser_app *app;
  int streams_pcm;
  char command[24];
  uint32_t length;    // of the command so far
  uint32_t answer;    // what is to be answered next
  uint32_t overruns;  // that were reported
  char line[SER_CONSOLE_LINE_BYTES];
} ser_console;

// Makes the console of an app that was initialised, and begins to listen. What the board does is in ser_board.h.
void ser_console_init(ser_console *console, ser_app *app);

// Takes a character that came.
void ser_console_read(ser_console *console, char character);

// Begins to listen, or ends: what a button does.
void ser_console_toggle(ser_console *console);

// Works through what has come; puts the next line to be sent, with its "\n", into `line` and returns its length. Returns 0 when
// there is none now. Call it again and again. It lights the class that was decided.
uint32_t ser_console_poll(ser_console *console);

#ifdef __cplusplus
}
#endif

#endif  // SER_CONSOLE_H_
