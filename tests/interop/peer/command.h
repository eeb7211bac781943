/* One command line, split into words. */

#ifndef COMMAND_H
#define COMMAND_H

#include <stddef.h>

enum { MAX_WORDS = 64 };

/* The words point into the line; what was decoded from hex is freed by `command_clear`. */
typedef struct {
  char *words[MAX_WORDS];
  size_t count;
  unsigned char *decoded[MAX_WORDS];
  size_t decoded_count;
} Command;

_Noreturn void die(const char *why);

void command_split(Command *command, char *line);
void command_clear(Command *command);

const char *word(const Command *command, size_t i);
unsigned long number(const Command *command, size_t i);

/* Decode hex (`-`: nothing); the result ends in a zero byte of its own. */
unsigned char *command_decode(Command *command, const char *hex, size_t *length);
unsigned char *bytes_at(Command *command, size_t i, size_t *length);
char *text_at(Command *command, size_t i);

#endif
