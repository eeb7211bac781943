/* Many libotr users in one process, driven by lines on standard input (see libotr_peer.h).
 *
 *   CLOCK seconds                          what time it is, from now on
 *   SEED number                            repeatable randomness; 0: libgcrypt's own
 *   KEYGEN file account protocol ...       a DSA key for each pair, added to the file
 *   NEW id account protocol policy max tag a user; max 0: no fragments; tag 0: libotr makes one
 *   FREE id
 *   SET id policy|max|online|errors|courtesy number
 *   KEYS id file                           read private keys
 *   RECV id peer line
 *   SEND id peer tag text [type:value ...] encrypt as the state says, with these TLVs
 *   QUERY id peer
 *   END id peer tag
 *   SMP id peer tag start secret | ask secret question | answer secret | abort
 *   SYMKEY id peer tag use data
 *   STATUS id peer                         a `context` line for each instance
 *   MACKEYS id peer tag                    the MAC keys of a session that are alive
 *   TRUST id peer fingerprint level
 *   FILE id read|write keys|fingerprints|instags path
 *   FINGERPRINT id                         that of its own key
 *   POLL id
 *
 * Account, peer, line, text, secret, question, level, path, data and TLV values are hex. */

#include "libotr_env.h"
#include "libotr_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Endpoint *endpoints[MAX_ENDPOINTS];

Endpoint *endpoint_at(const Command *command, size_t i) {
  unsigned long id = number(command, i);

  if (id >= MAX_ENDPOINTS || !endpoints[id])
    die("no such endpoint");
  return endpoints[id];
}

/* The conversation named by words 1 to 3: endpoint, peer, tag. */
ConnContext *context_at(Command *command) {
  const Endpoint *endpoint = endpoint_at(command, 1);

  return otrl_context_find(endpoint->state, text_at(command, 2), endpoint->account, endpoint->protocol,
                           (otrl_instag_t)number(command, 3), 0, NULL, NULL, NULL);
}

static gcry_error_t do_keygen(Command *command) {
  OtrlUserState state = otrl_userstate_create();
  gcry_error_t error = 0;

  otrl_privkey_read(state, text_at(command, 1)); /* there may be none yet */
  for (size_t i = 2; i + 1 < command->count && !error; i += 2)
    error = otrl_privkey_generate(state, text_at(command, 1), text_at(command, i), text_at(command, i + 1));
  otrl_userstate_free(state);
  return error;
}

static gcry_error_t store_tag(Endpoint *endpoint, unsigned int tag) {
  char line[1024];
  int length = snprintf(line, sizeof line, "%s\t%s\t%08x\n", endpoint->account, endpoint->protocol, tag);
  FILE *file = fmemopen(line, (size_t)length, "r");
  gcry_error_t error = otrl_instag_read_FILEp(endpoint->state, file);

  fclose(file);
  return error;
}

static gcry_error_t do_new(Command *command) {
  unsigned long id = number(command, 1);
  unsigned int tag = (unsigned int)number(command, 6);
  Endpoint *endpoint = calloc(1, sizeof *endpoint);

  if (!endpoint || id >= MAX_ENDPOINTS || endpoints[id])
    die("an endpoint that can not be made");
  endpoint->state = otrl_userstate_create();
  endpoint->account = strdup(text_at(command, 2));
  endpoint->protocol = strdup(text_at(command, 3));
  endpoint->policy = (OtrlPolicy)number(command, 4);
  endpoint->max_message_size = (int)number(command, 5);
  endpoint->online = 1;
  endpoint->error_replies = 1;
  endpoint->smp_courtesy = 1;
  endpoints[id] = endpoint;
  return tag ? store_tag(endpoint, tag) : 0;
}

static void endpoint_free(size_t id) {
  Endpoint *endpoint = endpoints[id];

  if (!endpoint)
    return;
  otrl_userstate_free(endpoint->state);
  free(endpoint->account);
  free(endpoint->protocol);
  free(endpoint);
  endpoints[id] = NULL;
}

static gcry_error_t do_free(Command *command) {
  endpoint_at(command, 1);
  endpoint_free(number(command, 1));
  return 0;
}

static gcry_error_t do_set(Command *command) {
  Endpoint *endpoint = endpoint_at(command, 1);
  const char *what = word(command, 2);
  int value = atoi(word(command, 3));

  if (strcmp(what, "policy") == 0)
    endpoint->policy = (OtrlPolicy)value;
  else if (strcmp(what, "max") == 0)
    endpoint->max_message_size = value;
  else if (strcmp(what, "online") == 0)
    endpoint->online = value;
  else if (strcmp(what, "errors") == 0)
    endpoint->error_replies = value;
  else if (strcmp(what, "courtesy") == 0)
    endpoint->smp_courtesy = value;
  else
    die("an unknown setting");
  return 0;
}

static gcry_error_t do_keys(Command *command) {
  return otrl_privkey_read(endpoint_at(command, 1)->state, text_at(command, 2));
}

static gcry_error_t do_status(Command *command) {
  const Endpoint *endpoint = endpoint_at(command, 1);
  const char *peer = text_at(command, 2);

  for (const ConnContext *c = endpoint->state->context_root; c; c = c->next) {
    if (strcmp(c->username, peer) != 0 || strcmp(c->accountname, endpoint->account) != 0)
      continue;
    printf("context master=%d smp=%d", c->m_context == c, c->smstate ? (int)c->smstate->nextExpected : -1);
    print_context(c);
    putchar('\n');
  }
  return 0;
}

static gcry_error_t do_mackeys(Command *command) {
  static const unsigned char none[20];
  const ConnContext *context = context_at(command);

  if (!context)
    return gcry_error(GPG_ERR_NOT_FOUND);
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < 2; j++) {
      const DH_sesskeys *keys = &context->context_priv->sesskeys[i][j];

      if (!keys->rcvmac || memcmp(keys->rcvmackey, none, sizeof none) == 0)
        continue;
      printf("mackeys ours=%u theirs=%u used=%d", context->context_priv->our_keyid - (unsigned)i,
             context->context_priv->their_keyid - (unsigned)j, keys->rcvmacused);
      print_bytes("send", keys->sendmackey, sizeof keys->sendmackey);
      print_bytes("receive", keys->rcvmackey, sizeof keys->rcvmackey);
      putchar('\n');
    }
  }
  return 0;
}

static gcry_error_t do_trust(Command *command) {
  const Endpoint *endpoint = endpoint_at(command, 1);
  size_t length;
  unsigned char *fingerprint = bytes_at(command, 3, &length);
  ConnContext *context = otrl_context_find(endpoint->state, text_at(command, 2), endpoint->account, endpoint->protocol,
                                           OTRL_INSTAG_MASTER, 1, NULL, NULL, NULL);

  if (length != 20)
    die("a fingerprint that is not 20 bytes");
  otrl_context_set_trust(otrl_context_find_fingerprint(context, fingerprint, 1, NULL), text_at(command, 4));
  return 0;
}

static gcry_error_t do_file(Command *command) {
  OtrlUserState state = endpoint_at(command, 1)->state;
  int reads = strcmp(word(command, 2), "read") == 0;
  const char *what = word(command, 3);
  const char *path = text_at(command, 4);

  if (strcmp(what, "keys") == 0 && reads)
    return otrl_privkey_read(state, path);
  if (strcmp(what, "fingerprints") == 0)
    return reads ? otrl_privkey_read_fingerprints(state, path, NULL, NULL)
                 : otrl_privkey_write_fingerprints(state, path);
  if (strcmp(what, "instags") == 0)
    return reads ? otrl_instag_read(state, path) : otrl_instag_write(state, path);
  die("an unknown kind of file");
}

static gcry_error_t do_fingerprint(Command *command) {
  const Endpoint *endpoint = endpoint_at(command, 1);
  unsigned char hash[20];

  if (!otrl_privkey_fingerprint_raw(endpoint->state, hash, endpoint->account, endpoint->protocol))
    return gcry_error(GPG_ERR_NOT_FOUND);
  printf("own");
  print_bytes("fingerprint", hash, sizeof hash);
  putchar('\n');
  return 0;
}

static gcry_error_t do_poll(Command *command) {
  Endpoint *endpoint = endpoint_at(command, 1);

  otrl_message_poll(endpoint->state, &peer_ops, endpoint);
  return 0;
}

static gcry_error_t do_clock(Command *command) {
  env_set_clock((int64_t)number(command, 1));
  return 0;
}

static gcry_error_t do_seed(Command *command) {
  env_set_seed(number(command, 1));
  return 0;
}

static const struct {
  const char *name;
  gcry_error_t (*run)(Command *command);
} commands[] = {
    {"CLOCK", do_clock},
    {"SEED", do_seed},
    {"KEYGEN", do_keygen},
    {"NEW", do_new},
    {"FREE", do_free},
    {"SET", do_set},
    {"KEYS", do_keys},
    {"RECV", do_recv},
    {"SEND", do_send},
    {"QUERY", do_query},
    {"END", do_end},
    {"SMP", do_smp},
    {"SYMKEY", do_symkey},
    {"STATUS", do_status},
    {"MACKEYS", do_mackeys},
    {"TRUST", do_trust},
    {"FILE", do_file},
    {"POLL", do_poll},
    {"FINGERPRINT", do_fingerprint},
};

static gcry_error_t run(Command *command) {
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(word(command, 0), commands[i].name) == 0)
      return commands[i].run(command);
  }
  die("an unknown command");
}

int main(void) {
  Command command;
  char *line = NULL;
  size_t size = 0;

  OTRL_INIT;
  printf("ready");
  print_text("version", otrl_version());
  printf("\nok\n");
  fflush(stdout);
  while (getline(&line, &size, stdin) > 0) {
    gcry_error_t error;

    command_split(&command, line);
    error = run(&command);
    if (error)
      printf("fail error=%u\n", gcry_err_code(error));
    else
      printf("ok\n");
    fflush(stdout);
    command_clear(&command);
  }
  free(line);
  for (size_t i = 0; i < MAX_ENDPOINTS; i++)
    endpoint_free(i);
  return 0;
}
