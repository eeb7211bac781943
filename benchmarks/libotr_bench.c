/* libotr at its best: both ends of a conversation in one process, driven from C with nothing in between.
 *
 *   cc -O2 -o libotr_bench libotr_bench.c -lotr -lgcrypt
 *   libotr_bench 2|3 [METRIC:SAMPLES ...]
 *
 * Without metrics they are read from standard input, one `METRIC:SAMPLES` a line, so that a caller can
 * take turns with other libraries. Each answer is one line of JSON with every sample, in
 * seconds of processor time:
 *
 *   ake              seconds for an AKE on fresh contexts, from the query to both sides encrypted
 *   first_contact    the same between user states that were made for it, with keys that have not met
 *   ping_100 ping_10k    seconds for a message, the direction alternating, so that keys rotate each turn
 *   burst_100 burst_10k  seconds for a message, all in one direction
 *   at_random_1k     seconds for a message, in one direction, each in one of 1,000 conversations drawn at random
 *   send_median send_p99 receive_median receive_p99
 *                    seconds of one end for a message, the direction alternating: median, 99th percentile
 *   smp              seconds for a whole run, both secrets the same
 *   keygen           seconds for a DSA key, without the writing of the file
 *   memory           heap bytes a session holds on one side, after four messages; SAMPLES sessions, one figure
 *   idle             heap bytes of a peer that has said one thing in plain text; SAMPLES peers, one figure */

#define _GNU_SOURCE
#include <libotr/proto.h>

#include <libotr/message.h>
#include <libotr/privkey.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  QUEUE = 64,
  PING_BATCH = 20,
  BURST_BATCH_100 = 2000,
  BURST_BATCH_10K = 200,
  LONG_TEXT = 10000,
  PAIRS = 4, /* of keys that first contacts are made with, in turns */
  AMONG = 1000,
  MEDIAN_BATCH = 20,
  TAIL_BATCH = 100,
  SEED = 5
};

static const char PROTOCOL[] = "bench";

typedef struct Side {
  OtrlUserState state;
  const char *name;
  const char *peer;
  ConnContext *secure;
  int smp_done;
  int smp_asked;
  struct Side *other;
} Side;

static Side alice = {.name = "alice", .peer = "bob"};
static Side bob = {.name = "bob", .peer = "alice"};
static OtrlPolicy policy_bits;

/* Lines on their way, each with its receiver. */
static struct {
  Side *to;
  char *line;
} queue[QUEUE];
static size_t queue_length;

static void require(int condition, const char *what) {
  if (!condition) {
    fprintf(stderr, "libotr_bench: %s\n", what);
    exit(1);
  }
}

static OtrlPolicy on_policy(void *data, ConnContext *context) {
  (void)data;
  (void)context;
  return policy_bits;
}

static int on_is_logged_in(void *data, const char *account, const char *protocol, const char *recipient) {
  (void)data;
  (void)account;
  (void)protocol;
  (void)recipient;
  return 1;
}

static void on_inject(void *data, const char *account, const char *protocol, const char *recipient,
                      const char *message) {
  (void)account;
  (void)protocol;
  (void)recipient;
  require(queue_length < QUEUE, "too many lines on their way");
  queue[queue_length].to = ((Side *)data)->other;
  queue[queue_length++].line = strdup(message);
}

static void on_secure(void *data, ConnContext *context) { ((Side *)data)->secure = context; }

static void on_smp_event(void *data, OtrlSMPEvent event, ConnContext *context, unsigned short percent, char *question) {
  Side *side = data;

  (void)context;
  (void)percent;
  (void)question;
  side->smp_asked |= event == OTRL_SMPEVENT_ASK_FOR_SECRET;
  side->smp_done |= event == OTRL_SMPEVENT_SUCCESS;
}

static void on_create_instag(void *data, const char *account, const char *protocol) {
  FILE *nowhere = fopen("/dev/null", "w");

  otrl_instag_generate_FILEp(((Side *)data)->state, nowhere, account, protocol);
  fclose(nowhere);
}

static void on_timer(void *data, unsigned int interval) {
  (void)data;
  (void)interval;
}

static const OtrlMessageAppOps ops = {
    .policy = on_policy,
    .is_logged_in = on_is_logged_in,
    .inject_message = on_inject,
    .gone_secure = on_secure,
    .handle_smp_event = on_smp_event,
    .create_instag = on_create_instag,
    .timer_control = on_timer,
};

/* The clock that libotr reads stands still, in place of the C library's: a conversation that waited a minute for its
 * turn would begin with a heartbeat. */
time_t time(time_t *when) {
  static const time_t always = 1000000000;

  if (when)
    *when = always;
  return always;
}

static double now(void) {
  struct timespec t;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* what other programs do meanwhile is not counted */
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Have a side take a line; `text` is what it has to show, NULL if that is not looked at. */
static void receive_text(Side *side, const char *peer, const char *line, const char *text) {
  char *shown = NULL;

  otrl_message_receiving(side->state, &ops, side, side->name, PROTOCOL, peer, line, &shown, NULL, NULL, NULL, NULL);
  require(!text || (shown && strcmp(shown, text) == 0), "a text did not arrive unchanged");
  otrl_message_free(shown);
}

static void receive(Side *side, const char *peer, const char *line) { receive_text(side, peer, line, NULL); }

/* Carry what was injected until all is quiet; `alice_name` and `bob_name` are what the other side knows them as. */
static void settle(const char *alice_name, const char *bob_name) {
  for (size_t i = 0; i < queue_length; i++) {
    Side *to = queue[i].to;

    receive(to, to == &alice ? bob_name : alice_name, queue[i].line);
    free(queue[i].line);
  }
  queue_length = 0;
}

static void ake(const char *alice_name, const char *bob_name) {
  alice.secure = bob.secure = NULL;
  receive(&bob, alice_name, policy_bits & OTRL_POLICY_ALLOW_V3 ? "?OTRv3?" : "?OTRv2?");
  settle(alice_name, bob_name);
  require(alice.secure && bob.secure, "the AKE did not succeed");
}

/* Return the line of an encrypted message. */
static char *send_text(Side *from, const char *to, const char *text) {
  char *line = NULL;

  require(!otrl_message_sending(from->state, &ops, from, from->name, PROTOCOL, to, OTRL_INSTAG_BEST, text, NULL, &line,
                                OTRL_FRAGMENT_SEND_SKIP, NULL, NULL, NULL) &&
              line,
          "a message was not encrypted");
  return line;
}

/* One message: encrypted, handed over, decrypted. */
static void message(Side *from, const char *to, const char *as, const char *text) {
  char *line = send_text(from, to, text);

  receive_text(from->other, as, line, text);
  otrl_message_free(line);
}

static void forget_all(void) {
  otrl_context_forget_all(alice.state);
  otrl_context_forget_all(bob.state);
}

static double sample_ake(const char *text, int batch) {
  double start, end;

  (void)text;
  (void)batch;
  forget_all();
  start = now();
  ake("alice", "bob");
  end = now();
  return end - start;
}

/* A file with a new key of `side` in it. */
static FILE *new_key_file(const Side *side) {
  FILE *file = tmpfile();
  OtrlUserState state = otrl_userstate_create();

  require(file && !otrl_privkey_generate_FILEp(state, file, side->name, PROTOCOL), "no key");
  otrl_userstate_free(state);
  return file;
}

/* Give a side a user state that knows nothing but a key; return the one it had. */
static OtrlUserState replace_state(Side *side, FILE *key) {
  OtrlUserState old = side->state;

  rewind(key);
  side->state = otrl_userstate_create();
  require(!otrl_privkey_read_FILEp(side->state, key), "a key was not read");
  on_create_instag(side, side->name, PROTOCOL);
  return old;
}

/* libotr does not examine the primes of a key, so this is the work of any AKE. */
static double sample_first_contact(const char *text, int batch) {
  static FILE *keys[PAIRS][2];
  static int turn;
  FILE **pair = keys[turn++ % PAIRS];
  OtrlUserState old_alice, old_bob;
  ConnContext *secure_alice = alice.secure, *secure_bob = bob.secure;
  double start, end;

  (void)text;
  (void)batch;
  if (!pair[0]) {
    pair[0] = new_key_file(&alice);
    pair[1] = new_key_file(&bob);
  }
  old_alice = replace_state(&alice, pair[0]);
  old_bob = replace_state(&bob, pair[1]);
  start = now();
  ake("alice", "bob");
  end = now();
  otrl_userstate_free(alice.state);
  otrl_userstate_free(bob.state);
  alice.state = old_alice;
  bob.state = old_bob;
  alice.secure = secure_alice;
  bob.secure = secure_bob;
  return end - start;
}

static double sample_ping(const char *text, int batch) {
  double start = now();

  for (int i = 0; i < batch; i += 2) {
    message(&alice, "bob", "alice", text);
    message(&bob, "alice", "bob", text);
  }
  return (now() - start) / batch;
}

static double sample_burst(const char *text, int batch) {
  double start = now();

  for (int i = 0; i < batch; i++)
    message(&alice, "bob", "alice", text);
  return (now() - start) / batch;
}

/* The user states of the many conversations are their own: libotr looks for each among all that there are. */
static double sample_at_random(const char *text, int batch) {
  static OtrlUserState of_alice, of_bob;
  static char alice_names[AMONG][16], bob_names[AMONG][16];
  static unsigned int draw = SEED;
  OtrlUserState usual_alice = alice.state, usual_bob = bob.state;
  ConnContext *secure_alice = alice.secure, *secure_bob = bob.secure;
  int made = of_alice != NULL;
  double start, end;

  if (!made) {
    FILE *keys[2] = {new_key_file(&alice), new_key_file(&bob)};

    replace_state(&alice, keys[0]);
    replace_state(&bob, keys[1]);
    of_alice = alice.state;
    of_bob = bob.state;
    for (int i = 0; i < AMONG; i++) {
      snprintf(alice_names[i], sizeof alice_names[i], "alice%d", i);
      snprintf(bob_names[i], sizeof bob_names[i], "bob%d", i);
      ake(alice_names[i], bob_names[i]);
      message(&alice, bob_names[i], alice_names[i], text); /* the first computes the keys of the rest */
    }
    fclose(keys[0]);
    fclose(keys[1]);
  }
  alice.state = of_alice;
  bob.state = of_bob;
  start = now();
  for (int i = 0; i < batch; i++) {
    int peer = rand_r(&draw) % AMONG;

    message(&alice, bob_names[peer], alice_names[peer], text);
  }
  end = now();
  alice.state = usual_alice;
  bob.state = usual_bob;
  alice.secure = secure_alice;
  bob.secure = secure_bob;
  return (end - start) / batch;
}

static int by_value(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;

  return (a > b) - (a < b);
}

/* Send messages in alternating directions; return that time of one end which `percent` of all do not exceed. */
static double percentile(const char *text, int batch, int percent, int receiving) {
  double times[TAIL_BATCH];

  require(batch <= TAIL_BATCH, "too many messages");
  for (int i = 0; i < batch; i++) {
    Side *from = i % 2 ? &bob : &alice;
    double start = now(), sent, end;
    char *line = send_text(from, from->peer, text);

    sent = now();
    receive_text(from->other, from->name, line, text);
    end = now();
    otrl_message_free(line);
    times[i] = receiving ? end - sent : sent - start;
  }
  qsort(times, (size_t)batch, sizeof times[0], by_value);
  return times[(batch * percent + 99) / 100 - 1];
}

static double sample_send_median(const char *text, int batch) { return percentile(text, batch, 50, 0); }

static double sample_send_p99(const char *text, int batch) { return percentile(text, batch, 99, 0); }

static double sample_receive_median(const char *text, int batch) { return percentile(text, batch, 50, 1); }

static double sample_receive_p99(const char *text, int batch) { return percentile(text, batch, 99, 1); }

static double sample_smp(const char *text, int batch) {
  static const unsigned char secret[] = "the same on both sides";
  double start = now();

  (void)text;
  (void)batch;
  alice.smp_done = bob.smp_done = bob.smp_asked = 0;
  otrl_message_initiate_smp(alice.state, &ops, &alice, alice.secure, secret, sizeof secret);
  settle("alice", "bob");
  require(bob.smp_asked, "the SMP was not asked for");
  otrl_message_respond_smp(bob.state, &ops, &bob, bob.secure, secret, sizeof secret);
  settle("alice", "bob");
  require(alice.smp_done && bob.smp_done, "the SMP did not succeed");
  return now() - start;
}

static double sample_keygen(const char *text, int batch) {
  void *key;
  double start, end;

  (void)text;
  (void)batch;
  require(!otrl_privkey_generate_start(alice.state, "keygen", PROTOCOL, &key), "no key was begun");
  start = now();
  require(!otrl_privkey_generate_calculate(key), "no key was made");
  end = now();
  otrl_privkey_generate_cancelled(alice.state, key);
  return end - start;
}

static size_t heap_in_use(void) {
  struct mallinfo2 info = mallinfo2();

  return info.uordblks + info.hblkhd;
}

/* Each session is between names of its own, so that both sides together hold twice `count` of them. */
static double measure_memory(int count) {
  size_t before;
  double each;

  forget_all();
  before = heap_in_use();
  for (int i = 0; i < count; i++) {
    char alice_name[32], bob_name[32];

    snprintf(alice_name, sizeof alice_name, "alice%d", i);
    snprintf(bob_name, sizeof bob_name, "bob%d", i);
    ake(alice_name, bob_name);
    for (int turn = 0; turn < 2; turn++) {
      message(&alice, bob_name, alice_name, "four messages");
      message(&bob, alice_name, bob_name, "in all");
    }
  }
  each = (double)(heap_in_use() - before) / (2.0 * count);
  forget_all();
  ake("alice", "bob");
  return each;
}

static double measure_idle(int count) {
  size_t before;
  double each;

  forget_all();
  before = heap_in_use();
  for (int i = 0; i < count; i++) {
    char name[32];

    snprintf(name, sizeof name, "peer%d", i);
    receive(&alice, name, "good morning");
  }
  each = (double)(heap_in_use() - before) / count;
  forget_all();
  ake("alice", "bob");
  return each;
}

static char short_text[101], long_text[LONG_TEXT + 1];

static const struct {
  const char *name;
  double (*sample)(const char *text, int batch);
  const char *text;
  int batch;
} metrics[] = {
    {"ake", sample_ake, NULL, 1},
    {"first_contact", sample_first_contact, NULL, 1},
    {"ping_100", sample_ping, short_text, PING_BATCH},
    {"ping_10k", sample_ping, long_text, PING_BATCH},
    {"burst_100", sample_burst, short_text, BURST_BATCH_100},
    {"burst_10k", sample_burst, long_text, BURST_BATCH_10K},
    {"at_random_1k", sample_at_random, short_text, BURST_BATCH_100},
    {"send_median", sample_send_median, short_text, MEDIAN_BATCH},
    {"send_p99", sample_send_p99, short_text, TAIL_BATCH},
    {"receive_median", sample_receive_median, short_text, MEDIAN_BATCH},
    {"receive_p99", sample_receive_p99, short_text, TAIL_BATCH},
    {"smp", sample_smp, NULL, 1},
    {"keygen", sample_keygen, NULL, 1},
};

static void run(char *request) {
  char *count = strchr(request, ':');
  int samples = count ? atoi(count + 1) : 1;

  if (count)
    *count = 0;
  printf("{\"library\": \"libotr %s\", \"protocol\": %d, \"metric\": \"%s\", ", otrl_version(),
         policy_bits & OTRL_POLICY_ALLOW_V3 ? 3 : 2, request);
  if (strcmp(request, "memory") == 0) {
    printf("\"unit\": \"bytes\", \"samples\": [%.0f]}\n", measure_memory(samples));
    return;
  }
  if (strcmp(request, "idle") == 0) {
    printf("\"unit\": \"bytes\", \"samples\": [%.0f]}\n", measure_idle(samples));
    return;
  }
  for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
    if (strcmp(request, metrics[i].name) != 0)
      continue;
    printf("\"unit\": \"s\", \"batch\": %d, \"samples\": [", metrics[i].batch);
    for (int n = 0; n < samples; n++)
      printf("%s%.9g", n ? ", " : "", metrics[i].sample(metrics[i].text, metrics[i].batch));
    printf("]}\n");
    return;
  }
  require(0, "an unknown metric");
}

static void side_start(Side *side, Side *other) {
  FILE *file = tmpfile(); /* libotr reads back what it wrote */

  side->other = other;
  side->state = otrl_userstate_create();
  require(file && !otrl_privkey_generate_FILEp(side->state, file, side->name, PROTOCOL), "no key");
  fclose(file);
}

int main(int argc, char **argv) {
  OTRL_INIT;
  require(argc > 1 && (argv[1][0] == '2' || argv[1][0] == '3'), "usage: libotr_bench 2|3 [METRIC:SAMPLES ...]");
  policy_bits = argv[1][0] == '3' ? OTRL_POLICY_ALLOW_V3 : OTRL_POLICY_ALLOW_V2;
  memset(short_text, 'a', sizeof short_text - 1);
  memset(long_text, 'a', sizeof long_text - 1);
  side_start(&alice, &bob);
  side_start(&bob, &alice);
  ake("alice", "bob");
  for (int i = 2; i < argc; i++)
    run(argv[i]);
  if (argc == 2) {
    char line[128];

    while (fgets(line, sizeof line, stdin)) {
      run(strtok(line, "\n"));
      fflush(stdout);
    }
  }
  return 0;
}
