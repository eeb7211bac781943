/* libotr's callbacks: each prints one event line. */

#include "libotr_peer.h"

#include <stdio.h>
#include <string.h>

void print_bytes(const char *name, const void *bytes, size_t length) {
  const unsigned char *in = bytes;

  printf(" %s=", name);
  for (size_t i = 0; i < length; i++)
    printf("%02x", in[i]);
  if (length == 0)
    putchar('-');
}

void print_text(const char *name, const char *text) { print_bytes(name, text, text ? strlen(text) : 0); }

void print_context(const ConnContext *context) {
  const Fingerprint *active = context->active_fingerprint;
  int secure = context->msgstate == OTRL_MSGSTATE_ENCRYPTED;

  printf(" state=%d version=%u ours=%u theirs=%u auth=%d offer=%d half=%d", (int)context->msgstate,
         context->protocol_version, context->our_instance, context->their_instance, (int)context->auth.authstate,
         (int)context->otr_offer, (int)context->sessionid_half);
  print_bytes("ssid", context->sessionid, secure ? context->sessionid_len : 0);
  print_bytes("fingerprint", active ? active->fingerprint : NULL, active ? 20 : 0);
  print_text("trust", active ? active->trust : NULL);
}

static OtrlPolicy on_policy(void *data, ConnContext *context) {
  (void)context;
  return ((const Endpoint *)data)->policy;
}

static void on_create_privkey(void *data, const char *account, const char *protocol) {
  (void)data;
  printf("create_privkey");
  print_text("account", account);
  print_text("protocol", protocol);
  putchar('\n');
}

static int on_is_logged_in(void *data, const char *account, const char *protocol, const char *recipient) {
  (void)account;
  (void)protocol;
  (void)recipient;
  return ((const Endpoint *)data)->online;
}

static void on_inject(void *data, const char *account, const char *protocol, const char *recipient,
                      const char *message) {
  (void)data;
  (void)account;
  (void)protocol;
  if (!*message) /* libotr's way of not sending a text once the conversation has ended */
    return;
  printf("inject");
  print_text("to", recipient);
  print_text("data", message);
  putchar('\n');
}

static void on_new_fingerprint(void *data, OtrlUserState state, const char *account, const char *protocol,
                               const char *username, unsigned char fingerprint[20]) {
  (void)data;
  (void)state;
  (void)account;
  (void)protocol;
  printf("new_fingerprint");
  print_text("peer", username);
  print_bytes("fingerprint", fingerprint, 20);
  putchar('\n');
}

static void print_state_event(const char *word, const ConnContext *context) {
  fputs(word, stdout);
  print_text("peer", context->username);
  print_context(context);
  putchar('\n');
}

static void on_gone_secure(void *data, ConnContext *context) {
  (void)data;
  print_state_event("gone_secure", context);
}

static void on_gone_insecure(void *data, ConnContext *context) {
  (void)data;
  print_state_event("gone_insecure", context);
}

static void on_still_secure(void *data, ConnContext *context, int is_reply) {
  (void)data;
  (void)is_reply;
  print_state_event("still_secure", context);
}

static int on_max_message_size(void *data, ConnContext *context) {
  (void)context;
  return ((const Endpoint *)data)->max_message_size;
}

static void on_received_symkey(void *data, ConnContext *context, unsigned int use, const unsigned char *usedata,
                               size_t length, const unsigned char *key) {
  (void)data;
  printf("symkey use=%u theirs=%u", use, context->their_instance);
  print_bytes("data", usedata, length);
  print_bytes("key", key, OTRL_EXTRAKEY_BYTES);
  putchar('\n');
}

static const char *on_error_message(void *data, ConnContext *context, OtrlErrorCode code) {
  static const char *const texts[] = {NULL, "could not encrypt", "not in private", "unreadable", "malformed"};

  (void)context;
  return ((const Endpoint *)data)->error_replies ? texts[code] : NULL;
}

static void on_error_message_free(void *data, const char *text) {
  (void)data;
  (void)text;
}

static void on_smp_event(void *data, OtrlSMPEvent event, ConnContext *context, unsigned short percent, char *question) {
  Endpoint *endpoint = data;
  static const char *const names[] = {"none",       "error",       "abort",   "cheated", "ask_answer",
                                      "ask_secret", "in_progress", "success", "failure"};

  printf("smp event=%s percent=%u theirs=%u", names[event], percent, context->their_instance);
  print_text("question", question);
  putchar('\n');
  if (endpoint->smp_courtesy && (event == OTRL_SMPEVENT_CHEATED || event == OTRL_SMPEVENT_ERROR))
    otrl_message_abort_smp(endpoint->state, &peer_ops, endpoint, context);
}

static void on_msg_event(void *data, OtrlMessageEvent event, ConnContext *context, const char *message,
                         gcry_error_t error) {
  static const char *const names[] = {"none",          "encryption_required", "encryption_error",
                                      "ended",         "setup_error",         "reflected",
                                      "resent",        "not_in_private",      "unreadable",
                                      "malformed",     "heartbeat_received",  "heartbeat_sent",
                                      "general_error", "unencrypted",         "unrecognized",
                                      "other_instance"};

  (void)data;
  printf("msg event=%s error=%u theirs=%u", names[event], gcry_err_code(error), context ? context->their_instance : 0);
  print_text("text", message);
  putchar('\n');
}

/* libotr sends version 3 messages with tag 0 unless this stores one. */
static void on_create_instag(void *data, const char *account, const char *protocol) {
  Endpoint *endpoint = data;
  FILE *nowhere = fopen("/dev/null", "w");

  if (!nowhere)
    return;
  otrl_instag_generate_FILEp(endpoint->state, nowhere, account, protocol);
  fclose(nowhere);
}

/* The tests call otrl_message_poll themselves. */
static void on_timer(void *data, unsigned int interval) {
  (void)data;
  (void)interval;
}

const OtrlMessageAppOps peer_ops = {
    .policy = on_policy,
    .create_privkey = on_create_privkey,
    .is_logged_in = on_is_logged_in,
    .inject_message = on_inject,
    .new_fingerprint = on_new_fingerprint,
    .gone_secure = on_gone_secure,
    .gone_insecure = on_gone_insecure,
    .still_secure = on_still_secure,
    .max_message_size = on_max_message_size,
    .received_symkey = on_received_symkey,
    .otr_error_message = on_error_message,
    .otr_error_message_free = on_error_message_free,
    .handle_smp_event = on_smp_event,
    .handle_msg_event = on_msg_event,
    .create_instag = on_create_instag,
    .timer_control = on_timer,
};
