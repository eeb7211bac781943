/* One libotr user among many in a process, and the line protocol's output.
 *
 * Every command is one line of words; every answer is any number of event lines and then `ok` or `fail`.
 * An event line is a word and `name=value` fields. Bytes are hex, `-` when there are none. */

#ifndef LIBOTR_PEER_H
#define LIBOTR_PEER_H

#include "command.h"

/* message.h stands on proto.h. */
#include <libotr/proto.h>

#include <libotr/message.h>
#include <libotr/privkey.h>

enum { MAX_ENDPOINTS = 4096 };

typedef struct {
  OtrlUserState state;
  char *account;
  char *protocol;
  OtrlPolicy policy;
  int max_message_size;
  int online;        /* what is_logged_in answers */
  int error_replies; /* whether an unreadable message is answered with an error text */
  int smp_courtesy;  /* abort the SMP after a cheat or an error, as clients do */
} Endpoint;

extern const OtrlMessageAppOps peer_ops;

/* Print `name=` and the bytes in hex. */
void print_bytes(const char *name, const void *bytes, size_t length);

/* Print `name=` and the text in hex; NULL prints as no bytes. */
void print_text(const char *name, const char *text);

/* Print the fields that tell one conversation: version, tags, state, fingerprint, session id. */
void print_context(const ConnContext *context);

/* The user named by a word, and the conversation named by words 1 to 3: user, peer, tag (NULL: none). */
Endpoint *endpoint_at(const Command *command, size_t i);
ConnContext *context_at(Command *command);

gcry_error_t do_recv(Command *command);
gcry_error_t do_send(Command *command);
gcry_error_t do_query(Command *command);
gcry_error_t do_end(Command *command);
gcry_error_t do_smp(Command *command);
gcry_error_t do_symkey(Command *command);

#endif
