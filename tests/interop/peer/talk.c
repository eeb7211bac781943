/* The commands of a conversation: receive, send, query, end, SMP, the extra symmetric key. */

#include "libotr_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

gcry_error_t do_recv(Command *command) {
  Endpoint *endpoint = endpoint_at(command, 1);
  const char *line = text_at(command, 3);
  char *shown = NULL;
  OtrlTLV *tlvs = NULL;
  ConnContext *context = NULL;
  int internal = otrl_message_receiving(endpoint->state, &peer_ops, endpoint, endpoint->account, endpoint->protocol,
                                        text_at(command, 2), line, &shown, &tlvs, &context, NULL, NULL);

  for (const OtrlTLV *tlv = tlvs; tlv; tlv = tlv->next) {
    printf("tlv type=%u", tlv->type);
    print_bytes("data", tlv->data, tlv->len);
    putchar('\n');
  }
  if (!internal) {
    /* What holds `?OTR` and is shown has been decrypted; plain text is shown only without it. */
    printf("text encrypted=%d theirs=%u", strstr(line, "?OTR") != NULL, context ? context->their_instance : 0);
    print_text("data", shown ? shown : line);
    putchar('\n');
  }
  otrl_message_free(shown);
  otrl_tlv_free(tlvs);
  return 0;
}

gcry_error_t do_send(Command *command) {
  Endpoint *endpoint = endpoint_at(command, 1);
  const char *peer = text_at(command, 2);
  const char *text = text_at(command, 4);
  OtrlTLV *tlvs = NULL;
  OtrlTLV **last = &tlvs;
  char *wire = NULL;
  ConnContext *context = NULL;
  gcry_error_t error;

  for (size_t i = 5; i < command->count; i++) {
    char *value = strchr(command->words[i], ':');
    size_t length;
    const unsigned char *bytes = command_decode(command, value ? value + 1 : "-", &length);

    *last = otrl_tlv_new((unsigned short)atoi(command->words[i]), (unsigned short)length, bytes);
    last = &(*last)->next;
  }
  error = otrl_message_sending(endpoint->state, &peer_ops, endpoint, endpoint->account, endpoint->protocol, peer,
                               (otrl_instag_t)number(command, 3), text, tlvs, &wire, OTRL_FRAGMENT_SEND_ALL, &context,
                               NULL, NULL);
  if (!error && !wire)
    peer_ops.inject_message(endpoint, endpoint->account, endpoint->protocol, peer, text);
  otrl_message_free(wire);
  otrl_tlv_free(tlvs);
  return error;
}

gcry_error_t do_query(Command *command) {
  Endpoint *endpoint = endpoint_at(command, 1);
  char *query = otrl_proto_default_query_msg(endpoint->account, endpoint->policy);

  peer_ops.inject_message(endpoint, endpoint->account, endpoint->protocol, text_at(command, 2), query);
  free(query);
  return 0;
}

gcry_error_t do_end(Command *command) {
  Endpoint *endpoint = endpoint_at(command, 1);

  otrl_message_disconnect(endpoint->state, &peer_ops, endpoint, endpoint->account, endpoint->protocol,
                          text_at(command, 2), (otrl_instag_t)number(command, 3));
  return 0;
}

gcry_error_t do_smp(Command *command) {
  Endpoint *endpoint = endpoint_at(command, 1);
  ConnContext *context = context_at(command);
  const char *what = word(command, 4);
  const unsigned char *secret = NULL;
  size_t length = 0;

  if (!context)
    return gcry_error(GPG_ERR_NOT_FOUND);
  if (command->count > 5)
    secret = bytes_at(command, 5, &length);
  if (strcmp(what, "start") == 0)
    otrl_message_initiate_smp(endpoint->state, &peer_ops, endpoint, context, secret, length);
  else if (strcmp(what, "ask") == 0)
    otrl_message_initiate_smp_q(endpoint->state, &peer_ops, endpoint, context, text_at(command, 6), secret, length);
  else if (strcmp(what, "answer") == 0 && !(context->smstate && context->smstate->g3o))
    return gcry_error(GPG_ERR_CONFLICT); /* nothing was asked: libotr would crash */
  else if (strcmp(what, "answer") == 0)
    otrl_message_respond_smp(endpoint->state, &peer_ops, endpoint, context, secret, length);
  else if (strcmp(what, "abort") == 0)
    otrl_message_abort_smp(endpoint->state, &peer_ops, endpoint, context);
  else
    die("an unknown SMP step");
  return 0;
}

gcry_error_t do_symkey(Command *command) {
  Endpoint *endpoint = endpoint_at(command, 1);
  ConnContext *context = context_at(command);
  unsigned char key[OTRL_EXTRAKEY_BYTES];
  size_t length;
  const unsigned char *data = bytes_at(command, 5, &length);
  gcry_error_t error;

  if (!context)
    return gcry_error(GPG_ERR_NOT_FOUND);
  error = otrl_message_symkey(endpoint->state, &peer_ops, endpoint, context, (unsigned int)number(command, 4), data,
                              length, key);
  if (!error) {
    printf("symkey use=%lu theirs=%u", number(command, 4), context->their_instance);
    print_bytes("data", data, length);
    print_bytes("key", key, sizeof key);
    putchar('\n');
  }
  return error;
}
