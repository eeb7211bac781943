/* Secrets marked as undefined for memcheck, which then reports every branch and every address that depends on one.
 * usage: constant_time GMP LEVEL CASE, under valgrind. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "base64/base64.h"
#include "dsa/dsa.h"
#include "field/limbs.h"
#include "group/group.h"
#include "otr/keys.h"
#include "platform/checkmem.h"
#include "platform/memory.h"

#define MANY 8 /* what IFMA takes at a time */

static uint8_t secret[2][192], base[192], text[300], out[MANY * 192];

static void hide(void *data, size_t len) { (void)OTRF_CLASSIFY(data, len); }

/* End the program with a status of its own if a call failed. */
static void must(int status) {
  if (status != OTRF_OK) {
    exit(5);
  }
}

static void modexp(void) { must(otrf_modexp(out, base, secret[0], 40)); }
static void modexp_long(void) { must(otrf_modexp(out, base, secret[0], 192)); }
static void modexp_g(void) { must(otrf_modexp_g(out, secret[0], 40)); }
static void modexp_g_long(void) { must(otrf_modexp_g(out, secret[0], 192)); }
static void modexp_g_many(void) { must(otrf_modexp_g_many(out, secret[0], MANY)); }

static void modexp_many(void) {
  uint8_t bases[MANY][192];
  for (size_t i = 0; i < MANY; i++) {
    memcpy(bases[i], base, sizeof base);
    bases[i][191] = (uint8_t)(bases[i][191] + i);
  }
  must(otrf_modexp_many(out, bases[0], secret[0], MANY));
}
static void multiply(void) { must(otrf_multiply(out, secret[0], secret[1])); }
static void response(void) { must(otrf_response(out, secret[0], secret[1], base)); }
static void sha1(void) { otrf_sha1(out, secret[0], 192); }
static void sha256(void) { otrf_sha256(out, secret[0], 192); }
static void hmac_sha1(void) { otrf_hmac_sha1(out, secret[0], 20, secret[1], 150); }
static void hmac_sha256(void) { otrf_hmac_sha256(out, secret[0], 32, secret[1], 150); }
static void aes_ctr(void) { otrf_aes_ctr(out, secret[0], base, secret[1], 180); }

static void equal(void) {
  volatile int result = otrf_equal(secret[0], secret[1], 20);
  (void)result;
}

/* The key's public numbers are computed from the private one: they are shown again before they are used. */
static otrf_dsa_key *hidden_key(void) {
  otrf_dsa_key *key = otrf_dsa_generate_vartime(text);
  if (key == NULL) {
    exit(2);
  }
  hide(key->x, sizeof key->x);
  return key;
}

static void dsa_sign(void) {
  otrf_dsa_key *key = hidden_key();
  hide(text, 64);
  must(otrf_dsa_sign(out, key, text, text + 32));
  otrf_dsa_free(key);
}

static void dsa_new(void) {
  uint8_t p[128], q[20], g[128], y[128], x[20];
  otrf_dsa_key *key = hidden_key();
  otrf_dsa_export(p, q, g, y, x, key);
  otrf_dsa_free(key);
  otrf_dsa_free(otrf_dsa_new(p, q, g, y, x));
}

/* Whether a MAC holds is public: linked instead of otrf_equal wherever the core itself calls it. */
int __real_otrf_equal(const uint8_t *a, const uint8_t *b, size_t len);
int __wrap_otrf_equal(const uint8_t *a, const uint8_t *b, size_t len);
int __wrap_otrf_equal(const uint8_t *a, const uint8_t *b, size_t len) {
  int result = __real_otrf_equal(a, b, len);
  OTRF_DECLASSIFY(&result, sizeof result);
  return result;
}

/* The keys of one side, from a shared secret that is hidden but for its first byte: the protocol itself shows how many
 * zero bytes the secret begins with, as it hashes an MPI. */
static otrf_data_keys *data_keys(const otrf_dh_key *ours, const otrf_dh_key *theirs, int high) {
  otrf_shared *shared = NULL;
  if (otrf_dh_agree(&shared, ours, otrf_dh_public(theirs)) != OTRF_OK) {
    exit(2);
  }
  hide(shared->secret + 1, sizeof shared->secret - 1);
  otrf_data_keys *keys = otrf_data_keys_new(shared, high);
  otrf_shared_free(shared);
  return keys;
}

/* From the shared secret to a message sealed and opened again. The line itself is public. */
static void message(void) {
  uint8_t prefix[OTRF_PREFIX_BYTES] = {0, 3, 3}, exponent[2][40], raw[1024 + OTRF_BASE64_SLACK],
          opened[sizeof text + 1], scratch[1024 + OTRF_SCRATCH_BYTES];
  char line[1024];
  otrf_dh_key *one = NULL, *two = NULL;
  memset(exponent, 0x5a, sizeof exponent);
  exponent[1][7] = 1;
  must(otrf_dh_new(&one, exponent[0]));
  must(otrf_dh_new(&two, exponent[1]));
  prefix[OTRF_HEAD_BYTES + 3] = 192;
  memcpy(prefix + OTRF_HEAD_BYTES + 4, otrf_dh_public(one), 192);
  otrf_data_keys *sending = data_keys(one, two, 1), *receiving = data_keys(two, one, 0);
  must(otrf_data_keys_prefix(sending, prefix, sizeof prefix));
  memset(text, 'a', sizeof text);
  hide(text, sizeof text);
  const size_t line_len = otrf_line_len(sending, sizeof text, 0, 0);
  if (line_len > sizeof line || otrf_seal(line, scratch, sending, text, sizeof text, NULL, 0, NULL, 0) != OTRF_OK) {
    exit(2);
  }
  (void)OTRF_DECLASSIFY(line, line_len);
  (void)OTRF_DECLASSIFY(text, sizeof text);
  /* otrf_open_line would look for the end of the text, which is no secret: it is for the caller to see */
  const size_t authenticated = sizeof prefix + 8 + 4 + sizeof text + 1;
  if (otrf_base64_decode(raw, line + 5, line_len - 6) != authenticated + 20 + 4 ||
      otrf_open(opened, receiving, raw, authenticated, 1, raw + sizeof prefix + 12, sizeof opened,
                raw + authenticated) != OTRF_OK) {
    exit(3);
  }
  (void)OTRF_DECLASSIFY(opened, sizeof opened);
  if (memcmp(opened, text, sizeof text) != 0) {
    exit(4);
  }
  otrf_data_keys_free(sending);
  otrf_data_keys_free(receiving);
  otrf_dh_free(one);
  otrf_dh_free(two);
}

/* Both proofs of an AKE, with keys from a shared secret hidden as above. The encrypted X is public. */
static void ake(void) {
  static const uint8_t public_key[300] = {1}, keyid[OTRF_KEYID_BYTES] = {0, 0, 0, 1};
  uint8_t value[32], encrypted[sizeof public_key], x[sizeof encrypted], mac[20];
  otrf_shared *const shared = otrf_allocate(sizeof *shared);
  memset(shared->secret, 0x5a, sizeof shared->secret);
  hide(shared->secret + 1, sizeof shared->secret - 1);
  otrf_ake_keys *const keys = otrf_ake_keys_new(shared);
  for (int initiator = 0; initiator <= 1; initiator++) {
    if (otrf_ake_signed(value, keys, initiator, public_key, sizeof public_key, base, base, keyid) != OTRF_OK ||
        otrf_ake_seal(encrypted, mac, keys, initiator, public_key, sizeof public_key) != OTRF_OK ||
        otrf_ake_open(x, keys, initiator, encrypted, sizeof encrypted, mac) != OTRF_OK) {
      exit(3);
    }
  }
  otrf_ake_keys_free(keys);
  otrf_shared_free(shared);
}

/* A secret modexp of a base of its own. That the base is in the group is public; it itself is not. */
static void fixed_base_modexp(void) {
  otrf_fixed_base *made = NULL;
  otrf_exponent *const exponent = otrf_exponent_new(secret[0], 192);
  if (exponent == NULL || otrf_fixed_base_new(&made, base) != OTRF_OK ||
      otrf_fixed_base_modexp(out, made, exponent) != OTRF_OK) {
    exit(2);
  }
  otrf_fixed_base_free(made);
  otrf_exponent_free(exponent);
}

/* The negative controls: memcheck has to find these. */
static void control_memcmp(void) {
  volatile int result = memcmp(secret[0], secret[1], 20);
  if (result < 0) {
    out[0] = 1;
  }
}

static void control_table(void) { out[0] = text[secret[0][0]]; }

typedef struct {
  int allocated, size;
  otrf_limb *limbs;
} mpz;

static const char *gmp_path;

static void control_mpz_powm(void) {
  void *gmp = dlopen(gmp_path, RTLD_NOW);
  void (*powm)(mpz *, const mpz *, const mpz *, const mpz *), (*init)(mpz *);
  void *symbol = dlsym(gmp, "__gmpz_powm");
  memcpy(&powm, &symbol, sizeof symbol);
  symbol = dlsym(gmp, "__gmpz_init");
  memcpy(&init, &symbol, sizeof symbol);
  otrf_limb b[OTRF_P_LIMBS], e[5], m[OTRF_P_LIMBS];
  mpz result, mb = {24, 24, b}, me = {5, 5, e}, mm = {24, 24, m};
  memcpy(m, otrf_p, sizeof m);
  otrf_limbs_from_bytes(b, OTRF_P_LIMBS, base, 192);
  otrf_limbs_from_bytes(e, 5, secret[0], 40);
  init(&result);
  powm(&result, &mb, &me, &mm);
}

static const struct {
  const char *name;
  void (*run)(void);
} cases[] = {
    {"modexp", modexp},
    {"modexp_long", modexp_long},
    {"modexp_g", modexp_g},
    {"modexp_g_long", modexp_g_long},
    {"modexp_many", modexp_many},
    {"modexp_g_many", modexp_g_many},
    {"multiply", multiply},
    {"response", response},
    {"dsa_sign", dsa_sign},
    {"dsa_new", dsa_new},
    {"sha1", sha1},
    {"sha256", sha256},
    {"hmac_sha1", hmac_sha1},
    {"hmac_sha256", hmac_sha256},
    {"aes_ctr", aes_ctr},
    {"equal", equal},
    {"message", message},
    {"ake", ake},
    {"fixed_base_modexp", fixed_base_modexp},
    {"control_memcmp", control_memcmp},
    {"control_table", control_table},
    {"control_mpz_powm", control_mpz_powm},
};

int main(int argc, char **argv) {
  if (argc != 4 || otrf_gmp_open(argv[1]) != OTRF_OK || otrf_cpu_use(atoi(argv[2])) != atoi(argv[2])) {
    return 2;
  }
  gmp_path = argv[1];
  for (size_t i = 0; i < sizeof base; i++) {
    base[i] = (uint8_t)(37 * i + 5);
    secret[0][i] = (uint8_t)(101 * i + 77);
    secret[1][i] = (uint8_t)(59 * i + 200);
  }
  hide(secret, sizeof secret);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (strcmp(cases[i].name, argv[3]) == 0) {
      cases[i].run();
      return 0;
    }
  }
  return 2;
}
