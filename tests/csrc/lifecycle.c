/* The life of every handle, and what is left of it. usage: lifecycle GMP LEVEL MODE
 *
 * leaks    each handle is made, used and freed: for memcheck, which counts what is lost
 * failing  the same with each allocation failing in its turn: the function says so, gives back what it had, and has
 *          changed nothing
 * traces   after all handles have been freed, no part of a secret stands anywhere in the memory of the process
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field/ifma.h"
#include "field/limbs.h"
#include "otr/ake.h"
#include "otr/data_keys.h"
#include "otr/keys.h"
#include "platform/memory.h"

#define HOLDS(condition)                                                                \
  do {                                                                                  \
    if (!(condition)) {                                                                 \
      fprintf(stderr, "line %d: %s (allocation %ld)\n", __LINE__, #condition, fail_at); \
      exit(1);                                                                          \
    }                                                                                   \
  } while (0)

/* ---- allocations, counted and failing on demand; linked instead of the C library's ---- */

static long live, made, fail_at;

static int fails(void) { return ++made == fail_at; }

static int all_given(void) { return fail_at == 0 || made < fail_at; }

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *data);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *data);

static void *count(void *data) {
  live += data != NULL;
  return data;
}

void *__wrap_malloc(size_t size) { return fails() ? NULL : count(__real_malloc(size)); }

void *__wrap_calloc(size_t n, size_t size) { return fails() ? NULL : count(__real_calloc(n, size)); }

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  return fails() ? NULL : count(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *data) {
  live -= data != NULL;
  __real_free(data);
}

/* ---- secrets, noted in a form in which nobody takes them for themselves ---- */

#define MASK 0x5a5a5a5a5a5a5a5aULL
#define WINDOWS 4096

static int noting;
static uint64_t windows[WINDOWS];
static size_t window_count;

static void note_word(uint64_t word) {
  HOLDS(window_count < WINDOWS);
  windows[window_count++] = word ^ MASK;
}

/* Note a secret's words as they stand, and as they stand in numbers of limbs. */
static void note(const void *secret, size_t len) {
  for (size_t at = 0; noting && at + 8 <= len; at += 8) {
    uint64_t word;
    memcpy(&word, (const uint8_t *)secret + at, 8);
    if (word != 0) {
      note_word(word);
      note_word(__builtin_bswap64(word));
    }
  }
}

/* The digits too in which AVX-512 computes; they stand apart from each other there. */
static void note_element(const uint8_t element[192]) {
  otrf_limb limbs[OTRF_P_LIMBS];
  note(element, 192);
  otrf_limbs_from_bytes(limbs, OTRF_P_LIMBS, element, 192);
  for (size_t i = 0; noting && i < 29; i++) {
    note_word(otrf_ifma_digit_at(limbs, OTRF_P_LIMBS, i));
  }
  otrf_wipe(limbs, sizeof limbs);
}

static int by_value(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* How often one of the secrets' words stands in the memory of the process that can be written. */
static size_t traces(void) {
  static uint8_t page[65536 + 8], maybe[65536];
  char line[512];
  size_t found = 0;
  FILE *const maps = fopen("/proc/self/maps", "r"), *const memory = fopen("/proc/self/mem", "rb");
  HOLDS(maps != NULL && memory != NULL);
  setvbuf(memory, NULL, _IONBF, 0);
  qsort(windows, window_count, sizeof *windows, by_value);
  for (size_t i = 0; i < window_count; i++) {
    maybe[windows[i] >> 48] = 1;
  }
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long start, end;
    char mode[5];
    if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) != 3 || mode[0] != 'r' || mode[1] != 'w') {
      continue;
    }
    for (unsigned long at = start; at < end; at += 65536) {
      if (at <= (unsigned long)page && (unsigned long)page < at + 65536) {
        continue; /* what is read, not what is there */
      }
      HOLDS(fseek(memory, (long)at, SEEK_SET) == 0);
      const size_t len = fread(page, 1, end - at < sizeof page ? end - at : sizeof page, memory);
      for (size_t i = 0; i + 8 <= len; i++) {
        uint64_t word;
        memcpy(&word, page + i, 8);
        word ^= MASK;
        if (maybe[word >> 48] && bsearch(&word, windows, window_count, sizeof *windows, by_value) != NULL) {
          fprintf(stderr, "a secret at %lx of %s", at + i, line);
          found++;
        }
      }
    }
  }
  fclose(maps);
  fclose(memory);
  return found;
}

/* ---- numbers that look random, made where they are used ---- */

static void fill(uint8_t *out, size_t len, uint64_t seed) {
  uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
  for (size_t i = 0; i < len; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    out[i] = (uint8_t)(state >> 32);
  }
}

#define MANY 9

static uint8_t elements[MANY * OTRF_ELEMENT_BYTES];

/* ---- the lives: each returns whether it got all the memory that it asked for ---- */

static int dh_life(size_t n) {
  otrf_dh_key *keys[MANY];
  otrf_shared *secrets[MANY];
  uint8_t exponents[MANY * OTRF_DH_BYTES];
  fill(exponents, n * OTRF_DH_BYTES, n);
  note(exponents, n * OTRF_DH_BYTES);
  int status = n == 1 ? otrf_dh_new(keys, exponents) : otrf_dh_new_many(keys, exponents, n);
  otrf_wipe(exponents, sizeof exponents);
  if (status == OTRF_OK) {
    status = n == 1 ? otrf_dh_agree(secrets, keys[0], elements)
                    : otrf_dh_agree_many(secrets, (const otrf_dh_key *const *)keys, elements, n);
    for (size_t i = 0; i < n; i++) {
      HOLDS((secrets[i] != NULL) == (status == OTRF_OK));
      if (secrets[i] != NULL) {
        note_element(secrets[i]->secret);
      }
      otrf_shared_free(secrets[i]);
      otrf_dh_free(keys[i]);
    }
  } else {
    for (size_t i = 0; i < n; i++) {
      HOLDS(keys[i] == NULL);
    }
  }
  HOLDS(status == OTRF_OK || status == OTRF_ERR_MEMORY);
  return status == OTRF_OK;
}

static int dh_one(void) { return dh_life(1); }
static int dh_three(void) { return dh_life(3); }
static int dh_many(void) { return dh_life(MANY); }

static int dh_outside(void) {
  static const uint8_t outside[2 * OTRF_ELEMENT_BYTES] = {0};
  uint8_t exponent[OTRF_DH_BYTES];
  otrf_dh_key *keys[2] = {NULL, NULL};
  otrf_shared *secrets[2];
  fill(exponent, sizeof exponent, 77);
  int status = otrf_dh_new(keys, exponent);
  keys[1] = keys[0];
  if (status == OTRF_OK) {
    status = otrf_dh_agree(secrets, keys[0], outside);
    HOLDS(secrets[0] == NULL && (status == OTRF_ERR_GROUP || status == OTRF_ERR_MEMORY));
    status =
        otrf_dh_agree_many(secrets, (const otrf_dh_key *const *)keys, outside, 2) == OTRF_OK && status == OTRF_ERR_GROUP
            ? OTRF_OK
            : OTRF_ERR_MEMORY;
    HOLDS(secrets[0] == NULL && secrets[1] == NULL);
  }
  otrf_dh_free(keys[0]);
  return status == OTRF_OK;
}

static int exponent_life(void) {
  uint8_t value[OTRF_SCALAR_BYTES], challenge[32], out[OTRF_ELEMENT_BYTES];
  fill(value, sizeof value, 5);
  fill(challenge, sizeof challenge, 6);
  note(value, sizeof value);
  otrf_exponent *const r = otrf_exponent_new(value, sizeof value);
  otrf_exponent *const secret = r == NULL ? NULL : otrf_exponent_new(value, 32);
  otrf_wipe(value, sizeof value);
  if (secret != NULL) {
    HOLDS(otrf_exponent_modexp_g(out, r) == OTRF_OK);
    HOLDS(otrf_exponent_modexp(out, secret, elements) == OTRF_OK);
    HOLDS(otrf_exponent_response(out, r, secret, challenge) == OTRF_OK);
  }
  HOLDS(otrf_exponent_new(value, sizeof value + 1) == NULL);
  otrf_exponent_free(r);
  otrf_exponent_free(secret);
  return secret != NULL;
}

static int fixed_base_life(void) {
  static const uint8_t one[OTRF_ELEMENT_BYTES] = {[OTRF_ELEMENT_BYTES - 1] = 1};
  uint8_t value[OTRF_SCALAR_BYTES], element[OTRF_ELEMENT_BYTES], out[OTRF_ELEMENT_BYTES], expected[OTRF_ELEMENT_BYTES];
  otrf_fixed_base *base = NULL, *none;
  fill(value, sizeof value, 41);
  fill(element, sizeof element, 42);
  element[0] = 0x7f;
  note(value, sizeof value);
  note_element(element);
  otrf_exponent *const exponent = otrf_exponent_new(value, sizeof value);
  int status = exponent == NULL ? OTRF_ERR_MEMORY : otrf_fixed_base_new(&base, element);
  if (status == OTRF_OK) {
    HOLDS(otrf_fixed_base_modexp(out, base, exponent) == OTRF_OK);
    note_element(out);
    HOLDS(otrf_exponent_modexp(expected, exponent, element) == OTRF_OK);
    HOLDS(memcmp(out, expected, sizeof expected) == 0);
    HOLDS(otrf_fixed_base_double_modexp_vartime(out, base, one, sizeof one, elements, one, sizeof one) == OTRF_OK);
    HOLDS(otrf_multiply(expected, element, elements) == OTRF_OK);
    HOLDS(memcmp(out, expected, sizeof expected) == 0);
    HOLDS(otrf_fixed_base_double_modexp_vartime(out, base, one, sizeof one + 1, elements, one, 1) == OTRF_ERR_SIZE);
    HOLDS(otrf_fixed_base_new(&none, one) == OTRF_ERR_GROUP && none == NULL);
  }
  otrf_wipe(value, sizeof value);
  otrf_wipe(element, sizeof element);
  otrf_wipe(out, sizeof out);
  otrf_wipe(expected, sizeof expected);
  otrf_exponent_free(exponent);
  otrf_fixed_base_free(base);
  HOLDS(status == OTRF_OK || status == OTRF_ERR_MEMORY);
  return status == OTRF_OK;
}

static void note_keys(const otrf_data_keys *keys) {
  uint8_t mac[OTRF_MAC_BYTES];
  note(keys->send_key, sizeof keys->send_key);
  note(keys->receive_key, sizeof keys->receive_key);
  note(keys->extra, sizeof keys->extra);
  otrf_sha1(mac, keys->send_key, sizeof keys->send_key);
  note(mac, sizeof mac);
  otrf_sha1(mac, keys->receive_key, sizeof keys->receive_key);
  note(mac, sizeof mac);
  otrf_wipe(mac, sizeof mac);
  if (keys->send != NULL) {
    note(keys->send->schedule, sizeof keys->send->schedule);
  }
  if (keys->receive != NULL) {
    note(keys->receive->schedule, sizeof keys->receive->schedule);
  }
}

static uint64_t states(const otrf_data_keys *one, const otrf_data_keys *two) {
  const uint64_t verified = (uint64_t)otrf_data_keys_verified(two);
  return otrf_data_keys_send_counter(one) + otrf_data_keys_receive_counter(two) + verified;
}

#define TEXTS 3
#define TEXT_BYTES 300

/* Texts from one side to the other in each way that there is, then the same lines once more. */
static void converse(otrf_data_keys *one, otrf_data_keys *two) {
  static const uint8_t tlvs[] = {0, 0, 0, 2, 9, 9};
  uint8_t text[TEXT_BYTES], plain[8 + sizeof tlvs], scratch[TEXTS * (OTRF_SCRATCH_BYTES + 1100)], *found[TEXTS];
  otrf_data_fields fields;
  char line[TEXTS][1100], *lines[TEXTS];
  const uint8_t *texts[TEXTS];
  size_t lens[TEXTS], line_lens[TEXTS], found_lens[TEXTS];
  memset(text, 'x', sizeof text);
  for (size_t i = 0; i < TEXTS; i++) {
    lines[i] = line[i];
    texts[i] = text;
    lens[i] = TEXT_BYTES - i;
    line_lens[i] = otrf_line_len(one, lens[i], 0, 0);
    HOLDS(line_lens[i] > 0 && line_lens[i] < sizeof line[i]);
  }
  HOLDS(otrf_seal_many(lines, scratch, one, texts, lens, TEXTS) == OTRF_OK);
  HOLDS(otrf_open_many(found, found_lens, scratch, two, (const char *const *)lines, line_lens, TEXTS) == TEXTS);
  for (size_t i = 0; i < TEXTS; i++) {
    HOLDS(found_lens[i] == lens[i] && memcmp(found[i], text, lens[i]) == 0);
  }
  HOLDS(otrf_open_many(found, found_lens, scratch, two, (const char *const *)lines, line_lens, TEXTS) == 0);
  HOLDS(otrf_seal(line[0], scratch, one, text, 7, tlvs, sizeof tlvs, text, 40) == OTRF_OK);
  const size_t len = otrf_line_len(one, 7, sizeof tlvs, 40), before = otrf_data_keys_receive_counter(two);
  HOLDS(otrf_open_line(found, found_lens, &fields, scratch, two, line[0], len) == OTRF_ERR_GENERAL_PATH);
  HOLDS(otrf_data_keys_receive_counter(two) == before && fields.revealed_len == 40);
  HOLDS(memcmp(fields.revealed, text, 40) == 0);
  HOLDS(otrf_open(plain, two, fields.authenticated, fields.authenticated_len, fields.counter, fields.ciphertext,
                  fields.ciphertext_len, fields.mac) == OTRF_OK);
  HOLDS(memcmp(plain, text, 7) == 0 && memcmp(plain + 8, tlvs, sizeof tlvs) == 0);
  HOLDS(otrf_seal(line[0], scratch, one, text, 7, NULL, 0, NULL, 0) == OTRF_OK);
  HOLDS(otrf_open_line(found, found_lens, &fields, scratch, two, line[0], otrf_line_len(one, 7, 0, 0)) == OTRF_OK);
  HOLDS(found_lens[0] == 7 && memcmp(found[0], text, 7) == 0);
  const size_t whole_len = otrf_whole_line_len(one, sizeof tlvs, 0);
  HOLDS(otrf_seal_whole(line[0], scratch, one, tlvs, sizeof tlvs, NULL, 0) == OTRF_OK);
  HOLDS(otrf_open_line(found, found_lens, &fields, scratch, two, line[0], whole_len) == OTRF_ERR_GENERAL_PATH);
  HOLDS(otrf_open(plain, two, fields.authenticated, fields.authenticated_len, fields.counter, fields.ciphertext,
                  fields.ciphertext_len, fields.mac) == OTRF_OK);
  HOLDS(fields.ciphertext_len == sizeof tlvs && memcmp(plain, tlvs, sizeof tlvs) == 0);
}

/* What sealing and opening refuse: no prefix or head, the end of the counters, lengths that do not fit. */
static int refusing_life(void) {
  static const uint8_t head[OTRF_PREFIX_BYTES + 1] = {0, 3, 3};
  otrf_shared *const shared = otrf_allocate(sizeof *shared);
  otrf_data_keys *const keys = shared == NULL ? NULL : otrf_data_keys_new(shared, 1);
  const uint8_t *texts[2] = {head, head};
  const size_t text_lens[2] = {1, 1};
  uint8_t scratch[4096], *found;
  otrf_data_fields fields;
  char line[2][1024], *lines[2] = {line[0], line[1]};
  size_t found_len;
  int status = OTRF_ERR_MEMORY;
  if (keys != NULL) {
    HOLDS(otrf_seal(line[0], scratch, keys, head, 1, NULL, 0, NULL, 0) == OTRF_ERR_SIZE);
    HOLDS(otrf_seal_many(lines, scratch, keys, texts, text_lens, 2) == OTRF_ERR_SIZE);
    HOLDS(otrf_open_line(&found, &found_len, &fields, scratch, keys, line[0], 6) == OTRF_ERR_FORMAT);
    HOLDS(otrf_open_many(&found, &found_len, scratch, keys, (const char *const *)lines, text_lens, 1) == 0);
    HOLDS(otrf_data_keys_head(keys, head, 11) == OTRF_ERR_SIZE && otrf_data_keys_head(keys, head, 21) == OTRF_ERR_SIZE);
    HOLDS(otrf_data_keys_prefix(keys, head, 0) == OTRF_ERR_SIZE);
    HOLDS(otrf_data_keys_prefix(keys, head, sizeof head) == OTRF_ERR_SIZE);
    status = otrf_data_keys_prefix(keys, head, OTRF_PREFIX_BYTES);
  }
  if (status == OTRF_OK) {
    HOLDS(otrf_line_len(keys, ((size_t)1 << 28) + 1, 0, 0) == 0);
    keys->send_counter = UINT64_MAX - 1;
    HOLDS(otrf_seal_many(lines, scratch, keys, texts, text_lens, 2) == OTRF_ERR_COUNTER);
    HOLDS(otrf_seal(line[0], scratch, keys, head, 1, NULL, 0, NULL, 0) == OTRF_OK);
    HOLDS(otrf_seal(line[0], scratch, keys, head, 1, NULL, 0, NULL, 0) == OTRF_ERR_COUNTER);
    HOLDS(otrf_data_keys_send_counter(keys) == UINT64_MAX);
  }
  otrf_data_keys_free(keys);
  otrf_shared_free(shared);
  return status == OTRF_OK;
}

static int data_life(void) {
  static const uint8_t mac[OTRF_MAC_BYTES];
  uint8_t exponent[OTRF_DH_BYTES], prefix[OTRF_PREFIX_BYTES] = {0, 3, 3}, plain[64];
  otrf_dh_key *ours = NULL;
  otrf_shared *shared = NULL;
  otrf_data_keys *one = NULL, *two = NULL;
  fill(exponent, sizeof exponent, 11);
  note(exponent, sizeof exponent);
  int status = otrf_dh_new(&ours, exponent);
  otrf_wipe(exponent, sizeof exponent);
  status = status == OTRF_OK ? otrf_dh_agree(&shared, ours, elements) : status;
  if (status == OTRF_OK) {
    note_element(shared->secret);
    one = otrf_data_keys_new(shared, 1);
    two = one == NULL ? NULL : otrf_data_keys_new(shared, 0);
    status = two == NULL ? OTRF_ERR_MEMORY : OTRF_OK;
  }
  if (status == OTRF_OK) {
    prefix[OTRF_HEAD_BYTES + 3] = OTRF_ELEMENT_BYTES;
    memcpy(prefix + OTRF_HEAD_BYTES + 4, otrf_dh_public(ours), OTRF_ELEMENT_BYTES);
    const uint64_t before = states(one, two);
    HOLDS(otrf_line_len(one, 1, 0, 0) == 0);
    HOLDS(otrf_open(plain, two, prefix, sizeof prefix, 1, prefix, sizeof plain, mac) == OTRF_ERR_MAC);
    status = otrf_data_keys_prefix(one, prefix, sizeof prefix);
    status = status == OTRF_OK ? otrf_data_keys_head(two, prefix, OTRF_HEAD_BYTES) : status;
    if (status == OTRF_OK) {
      converse(one, two);
    } else {
      HOLDS(status == OTRF_ERR_MEMORY && states(one, two) == before && two->head_len == 0);
      HOLDS(otrf_open(plain, two, prefix, sizeof prefix, 1, prefix, sizeof plain, mac) == OTRF_ERR_MAC);
    }
    note_keys(one);
    note_keys(two);
  }
  otrf_data_keys_free(one);
  otrf_data_keys_free(two);
  otrf_shared_free(shared);
  otrf_dh_free(ours);
  HOLDS(status == OTRF_OK || status == OTRF_ERR_MEMORY);
  return status == OTRF_OK;
}

/* Both proofs of an AKE, made and read. */
static int ake_life(void) {
  static const uint8_t public_key[300] = {1}, keyid[OTRF_KEYID_BYTES] = {0, 0, 0, 1};
  uint8_t encrypted[sizeof public_key], x[sizeof encrypted], mac[OTRF_MAC_BYTES], value[32];
  const uint8_t *const ours = elements, *const theirs = elements + OTRF_ELEMENT_BYTES;
  otrf_shared *const shared = otrf_allocate(sizeof *shared);
  if (shared == NULL) {
    return 0;
  }
  fill(shared->secret, sizeof shared->secret, 31);
  note(shared->secret, sizeof shared->secret);
  otrf_ake_keys *const keys = otrf_ake_keys_new(shared);
  int status = keys == NULL ? OTRF_ERR_MEMORY : OTRF_OK;
  for (int initiator = 0; initiator <= 1 && status == OTRF_OK; initiator++) {
    note(&keys->side[initiator], sizeof keys->side[initiator]);
    status = otrf_ake_signed(value, keys, initiator, public_key, sizeof public_key, ours, theirs, keyid);
    status = status == OTRF_OK ? otrf_ake_seal(encrypted, mac, keys, initiator, public_key, sizeof public_key) : status;
    status = status == OTRF_OK ? otrf_ake_open(x, keys, initiator, encrypted, sizeof encrypted, mac) : status;
    if (status == OTRF_OK) {
      HOLDS(memcmp(x, public_key, sizeof public_key) == 0);
      mac[3] ^= 1;
      status = otrf_ake_open(x, keys, initiator, encrypted, sizeof encrypted, mac);
      HOLDS(status == OTRF_ERR_MEMORY || (status == OTRF_ERR_MAC && x[0] == 0 && x[sizeof x - 1] == 0));
      status = status == OTRF_ERR_MAC ? OTRF_OK : status;
    }
  }
  if (status == OTRF_OK) {
    HOLDS(otrf_ake_signed(value, keys, 1, public_key, ((size_t)1 << 28) + 1, ours, theirs, keyid) == OTRF_ERR_SIZE);
  }
  otrf_ake_keys_free(keys);
  otrf_shared_free(shared);
  HOLDS(status == OTRF_OK || status == OTRF_ERR_MEMORY);
  return status == OTRF_OK;
}

static int dsa_life(void) {
  uint8_t seed[32], p[128], q[20], g[128], y[128], x[20], value[32], random[32], signature[40];
  fill(seed, sizeof seed, 21);
  fill(value, sizeof value, 22);
  fill(random, sizeof random, 23);
  note(seed, sizeof seed);
  otrf_dsa_key *const key = otrf_dsa_generate_vartime(seed);
  otrf_wipe(seed, sizeof seed);
  if (key == NULL) {
    return 0;
  }
  otrf_dsa_export(p, q, g, y, x, key);
  note(x, sizeof x);
  HOLDS(otrf_dsa_sign(signature, key, value, random) == OTRF_OK);
  HOLDS(otrf_dsa_verify_vartime(p, 128, q, 20, g, 128, y, 128, value, signature));
  otrf_dsa_free(key);
  otrf_dsa_key *const again = otrf_dsa_new(p, q, g, y, x);
  otrf_dsa_free(again);
  x[19] ^= 1;
  HOLDS(otrf_dsa_new(p, q, g, y, x) == NULL);
  otrf_wipe(x, sizeof x);
  return again != NULL && all_given(); /* the last one is NULL in any case */
}

static int nothing_life(void) {
  otrf_dh_key *none;
  otrf_shared *no_secret;
  const otrf_dh_key *const no_keys[1] = {NULL};
  otrf_dh_free(NULL);
  otrf_shared_free(NULL);
  otrf_ake_keys_free(NULL);
  otrf_exponent_free(NULL);
  otrf_fixed_base_free(NULL);
  otrf_data_keys_free(NULL);
  otrf_dsa_free(NULL);
  const int status = otrf_dh_new_many(&none, elements, 0);
  return status == OTRF_OK && otrf_dh_agree_many(&no_secret, no_keys, elements, 0) == OTRF_OK;
}

static int (*const lives[])(void) = {dh_one,   dh_three,      dh_many,         dh_outside,    data_life,   ake_life,
                                     dsa_life, exponent_life, fixed_base_life, refusing_life, nothing_life};

int main(int argc, char **argv) {
  if (argc != 4 || otrf_gmp_open(argv[1]) != OTRF_OK || otrf_cpu_use(atoi(argv[2])) != atoi(argv[2])) {
    return 2;
  }
  for (size_t i = 0; i < MANY; i++) {
    uint8_t exponent[OTRF_DH_BYTES];
    fill(exponent, sizeof exponent, 1000 + i);
    HOLDS(otrf_modexp_g(elements + i * OTRF_ELEMENT_BYTES, exponent, sizeof exponent) == OTRF_OK);
  }
  const int failing = strcmp(argv[3], "failing") == 0;
  noting = strcmp(argv[3], "traces") == 0;
  const long before = live;
  long failures = 0;
  for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
    fail_at = failing;
    do {
      made = 0;
      const int whole = lives[i]();
      HOLDS(live == before);
      HOLDS(whole == all_given());
    } while (failing && made >= fail_at++);
    failures += fail_at;
  }
  HOLDS(!failing || failures > 30);
  fail_at = 0;
  if (noting) {
    HOLDS(window_count > 100);
    HOLDS(traces() == 0);
    uint64_t control = windows[0] ^ MASK; /* what would be found */
    __asm__ volatile("" : : "r"(&control) : "memory");
    HOLDS(traces() > 0);
  }
  return 0;
}
