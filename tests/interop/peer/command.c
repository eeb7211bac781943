/* Reading one command line: words, numbers, hex. Whatever is wrong here is the test's own fault and ends the process.
 */

#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *why) {
  fprintf(stderr, "libotr_peer: %s\n", why);
  exit(2);
}

const char *word(const Command *command, size_t i) {
  if (i >= command->count)
    die("a command with too few words");
  return command->words[i];
}

unsigned long number(const Command *command, size_t i) { return strtoul(word(command, i), NULL, 10); }

static int nibble(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  die("a hex word that is not hex");
}

/* Decode hex (`-`: nothing); the result lives as long as the command and ends in a zero byte of its own. */
unsigned char *command_decode(Command *command, const char *hex, size_t *length) {
  size_t digits = strcmp(hex, "-") == 0 ? 0 : strlen(hex);
  unsigned char *out = malloc(digits / 2 + 1);

  if (!out || digits % 2 || command->decoded_count == MAX_WORDS)
    die("a hex word that can not be read");
  for (size_t i = 0; i < digits / 2; i++)
    out[i] = (unsigned char)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
  out[digits / 2] = 0;
  *length = digits / 2;
  command->decoded[command->decoded_count++] = out;
  return out;
}

unsigned char *bytes_at(Command *command, size_t i, size_t *length) {
  return command_decode(command, word(command, i), length);
}

char *text_at(Command *command, size_t i) {
  size_t length;

  return (char *)bytes_at(command, i, &length);
}

void command_split(Command *command, char *line) {
  char *rest = line;
  char *next;

  command->count = 0;
  command->decoded_count = 0;
  while ((next = strtok_r(rest, " \n", &rest))) {
    if (command->count == MAX_WORDS)
      die("a command with too many words");
    command->words[command->count++] = next;
  }
}

void command_clear(Command *command) {
  for (size_t i = 0; i < command->decoded_count; i++)
    free(command->decoded[i]);
  command->decoded_count = 0;
}
