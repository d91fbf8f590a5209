// What the app's program needs of a machine beside memory and a processor: a serial line, and a way to begin anew.
#ifndef SER_DEVICE_H_
#define SER_DEVICE_H_

// Readies the serial line.
void device_start(void);

// Sends a character, as soon as there is room for it.
void device_send(char character);

// Takes the next character that has come; 0 where there is none.
int device_receive(char *character);

// The program, which does not return; called with memory set up.
void run_program(void);

// Starts anew. Any exception comes here, too.
void handle_fault(void);

#endif  // SER_DEVICE_H_
