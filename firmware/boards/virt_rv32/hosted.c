// Picolibc's programs under the emulator, as newlib's are: the same streams, and the same arguments.

#include <semihost.h>
#include <stdio.h>

// Modes of SYS_OPEN: ":tt" is the host's stdout where it is written, its stderr where it is appended to.
#define WRITE 4
#define APPEND 8

int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);

static int handles[2];  // of stdout and stderr; picolibc's own streams are the emulator's console, both of them

static int put(int handle, char character) {
  return sys_semihost_write(handle, &character, 1) == 0 ? (unsigned char)character : EOF;
}

static int put_out(char character, FILE *stream __attribute__((unused))) { return put(handles[0], character); }

static int put_error(char character, FILE *stream __attribute__((unused))) { return put(handles[1], character); }

static int get_nothing(FILE *stream __attribute__((unused))) { return EOF; }

static FILE in = FDEV_SETUP_STREAM(NULL, get_nothing, NULL, _FDEV_SETUP_READ);
static FILE out = FDEV_SETUP_STREAM(put_out, NULL, NULL, _FDEV_SETUP_WRITE);
static FILE error = FDEV_SETUP_STREAM(put_error, NULL, NULL, _FDEV_SETUP_WRITE);

FILE *const stdin = &in;
FILE *const stdout = &out;
FILE *const stderr = &error;

// Picolibc puts a name of its own before the emulator's words, the first of which is the program's name already.
int __wrap_main(int argc, char **argv) {
  handles[0] = sys_semihost_open(":tt", WRITE);
  handles[1] = sys_semihost_open(":tt", APPEND);
  return argc > 1 ? __real_main(argc - 1, argv + 1) : __real_main(argc, argv);
}
