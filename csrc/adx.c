/* Montgomery multiplication of one number at a time on MULX, ADCX and ADOX: 1536 or 1024 bits. */
#include "powers.h"

#if OTRF_X86

/* A block is eight digits against eight limbs. Eight limbs of the sum stay in registers, A to H from the lowest one on;
 * after each row the lowest is done and its register becomes the highest, so that rows differ in the order of names
 * alone. The low halves of a row's products ride on the carry flag, the high ones on the overflow flag. A row also
 * takes up the limb that is in memory where its lowest one goes: with that, and no more, the sum fits nine limbs.
 *
 * Rows are text for the assembler. In it t is where the sum is, a the number multiplied and b the digits. */

#define KERNEL(text, sum, number, digits)                                                                              \
  __asm__ volatile(text                                                                                                \
                   :                                                                                                   \
                   : [t] "r"(sum), [a] "r"(number), [b] "r"(digits)                                                    \
                   : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory")

/* The assembler's text takes nearly all registers, so it gets a function to itself. */
#define NOINLINE __attribute__((noinline))

#define A "%%r8"
#define B "%%r9"
#define C "%%r10"
#define D "%%r11"
#define E "%%r12"
#define F "%%r13"
#define G "%%r14"
#define H "%%r15"
#define ROTATED(macro, ...)                                                                                            \
  macro(0, A, B, C, D, E, F, G, H, __VA_ARGS__) macro(1, B, C, D, E, F, G, H, A, __VA_ARGS__)                          \
      macro(2, C, D, E, F, G, H, A, B, __VA_ARGS__) macro(3, D, E, F, G, H, A, B, C, __VA_ARGS__)                      \
          macro(4, E, F, G, H, A, B, C, D, __VA_ARGS__) macro(5, F, G, H, A, B, C, D, E, __VA_ARGS__)                  \
              macro(6, G, H, A, B, C, D, E, F, __VA_ARGS__) macro(7, H, A, B, C, D, E, F, G, __VA_ARGS__)

/* At the start; and between rows, which leave both flags clear, so that a row does not wait for the one before. */
#define CLEAR_FLAGS "xorl %%eax, %%eax\n\t"
#define AT(block, limb, base) "8*(8*(" #block ")+" #limb ")(%[" #base "])"
#define TERM(block, limb, here, above)                                                                                 \
  "mulxq " AT(block, limb, a) ", %%rax, %%rcx\n\tadcxq %%rax, " here "\n\tadoxq %%rcx, " above "\n\t"
/* The carries into the limb above the row. */
#define ROW_END(above) "movl $0, %%eax\n\tadcxq %%rax, " above "\n\t"
/* The lowest limb goes where it belongs, and its register starts again as the highest. */
#define SHIFT(row, block, limb) "movq " limb ", " AT(block, row, t) "\n\tmovq $0, " limb "\n\t"

/* The terms of a row from limb 1 (2, 3, ...) of the block on. */
#define TERMS_8(block, a, b, c, d, e, f, g, h) ROW_END(a)
#define TERMS_7(block, a, b, c, d, e, f, g, h) TERM(block, 7, h, a) TERMS_8(block, a, b, c, d, e, f, g, h)
#define TERMS_6(block, a, b, c, d, e, f, g, h) TERM(block, 6, g, h) TERMS_7(block, a, b, c, d, e, f, g, h)
#define TERMS_5(block, a, b, c, d, e, f, g, h) TERM(block, 5, f, g) TERMS_6(block, a, b, c, d, e, f, g, h)
#define TERMS_4(block, a, b, c, d, e, f, g, h) TERM(block, 4, e, f) TERMS_5(block, a, b, c, d, e, f, g, h)
#define TERMS_3(block, a, b, c, d, e, f, g, h) TERM(block, 3, d, e) TERMS_4(block, a, b, c, d, e, f, g, h)
#define TERMS_2(block, a, b, c, d, e, f, g, h) TERM(block, 2, c, d) TERMS_3(block, a, b, c, d, e, f, g, h)
#define TERMS_1(block, a, b, c, d, e, f, g, h) TERM(block, 1, b, c) TERMS_2(block, a, b, c, d, e, f, g, h)

#define DIGIT(row, digits) "movq " digits(row) ", %%rdx\n\t"
#define DIGIT_B(row) AT(0, row, b)
#define DIGIT_T(row) AT(0, row, t)

#define TAKE(row, block, limb) "adoxq " AT(block, row, t) ", " limb "\n\t"
#define TAKE_NOTHING(row, block, limb)

/* Limb 0 is added to before its register is given away, so the row starts with it. */
#define ROW(row, a, b, c, d, e, f, g, h, block, digits, take)                                                          \
  CLEAR_FLAGS DIGIT(row, digits) take(row, block, a) TERM(block, 0, a, b) SHIFT(row, block, a)                         \
      TERMS_1(block, a, b, c, d, e, f, g, h)

#define LOAD(row, a, b, c, d, e, f, g, h, block) "movq " AT(block, row, t) ", " a "\n\t"
#define STORE(row, a, b, c, d, e, f, g, h, block) "movq " a ", " AT(block, row, t) "\n\t"
#define BLOCK_0(digits) ROTATED(LOAD, 0) ROTATED(ROW, 0, digits, TAKE_NOTHING)
#define BLOCK(block, digits) ROTATED(ROW, block, digits, TAKE)

/* t[0 .. n+7] = t[0 .. n-1] + a * b, eight digits of b. */

NOINLINE static void product_24(otrf_limb *t, const otrf_limb *a, const otrf_limb *b) {
  KERNEL(BLOCK_0(DIGIT_B) BLOCK(1, DIGIT_B) BLOCK(2, DIGIT_B) ROTATED(STORE, 3), t, a, b);
}

NOINLINE static void product_16(otrf_limb *t, const otrf_limb *a, const otrf_limb *b) {
  KERNEL(BLOCK_0(DIGIT_B) BLOCK(1, DIGIT_B) ROTATED(STORE, 2), t, a, b);
}

/* ---- reduction: eight quotient digits */

/* m = -1 modulo 2^64: the quotient is the lowest limb, which vanishes, and itself what is carried. */
#define QUOTIENT_ROW_P(row, a, b, c, d, e, f, g, h, block)                                                             \
  CLEAR_FLAGS "movq " a ", %%rdx\n\t" SHIFT(row, block, a) "adoxq %%rdx, " b "\n\t"                                   \
      TERMS_1(block, a, b, c, d, e, f, g, h)
/* Any other m; b points to -1/m modulo 2^64. */
#define QUOTIENT_ROW(row, a, b, c, d, e, f, g, h, block)                                                               \
  "movq " a ", %%rdx\n\timulq (%[b]), %%rdx\n\tmovq %%rdx, " AT(block, row, t) "\n\t" CLEAR_FLAGS TERM(0, 0, a, b)     \
      TERMS_1(block, a, b, c, d, e, f, g, h)

NOINLINE static void reduce_24(otrf_limb *t, const otrf_limb *m, const otrf_limb *inverse) {
  KERNEL(ROTATED(LOAD, 0) ROTATED(QUOTIENT_ROW_P, 0) BLOCK(1, DIGIT_T) BLOCK(2, DIGIT_T) ROTATED(STORE, 0), t, m,
         inverse);
}

NOINLINE static void reduce_16(otrf_limb *t, const otrf_limb *m, const otrf_limb *inverse) {
  KERNEL(ROTATED(LOAD, 0) ROTATED(QUOTIENT_ROW, 0) BLOCK(1, DIGIT_T) ROTATED(STORE, 0), t, m, inverse);
}

/* ---- squares: the products of different limbs once, then all of them doubled, and the squares of limbs added */

#define DIGIT_A(row) AT(0, row, a)
#define TRIANGLE_ROW(row, a, b, c, d, e, f, g, h, next)                                                                \
  CLEAR_FLAGS DIGIT(row, DIGIT_A) SHIFT(row, 0, a) TRIANGLE_TERMS_##row(a, b, c, d, e, f, g, h)
#define TRIANGLE_TERMS_0(...) TERMS_1(0, __VA_ARGS__)
#define TRIANGLE_TERMS_1(...) TERMS_2(0, __VA_ARGS__)
#define TRIANGLE_TERMS_2(...) TERMS_3(0, __VA_ARGS__)
#define TRIANGLE_TERMS_3(...) TERMS_4(0, __VA_ARGS__)
#define TRIANGLE_TERMS_4(...) TERMS_5(0, __VA_ARGS__)
#define TRIANGLE_TERMS_5(...) TERMS_6(0, __VA_ARGS__)
#define TRIANGLE_TERMS_6(...) TERMS_7(0, __VA_ARGS__)
#define TRIANGLE_TERMS_7(...)
#define TRIANGLE ROTATED(LOAD, 0) ROTATED(TRIANGLE_ROW, 0)

/* t += a[0 .. 7] * a, the products of different limbs once; a has 24, 16 or 8 limbs. */
NOINLINE static void triangle_24(otrf_limb *t, const otrf_limb *a) {
  KERNEL(TRIANGLE BLOCK(1, DIGIT_A) BLOCK(2, DIGIT_A) ROTATED(STORE, 3), t, a, a);
}

NOINLINE static void triangle_16(otrf_limb *t, const otrf_limb *a) {
  KERNEL(TRIANGLE BLOCK(1, DIGIT_A) ROTATED(STORE, 2), t, a, a);
}

NOINLINE static void triangle_8(otrf_limb *t, const otrf_limb *a) { KERNEL(TRIANGLE ROTATED(STORE, 1), t, a, a); }

#define DOUBLED(limb, sum)                                                                                             \
  "movq " limb ", %%r8\n\tadcxq %%r8, %%r8\n\tadoxq " sum ", %%r8\n\tmovq %%r8, " limb "\n\t"
#define DIAGONAL(block, limb)                                                                                          \
  "movq " AT(block, limb, a) ", %%rdx\n\tmulxq %%rdx, %%rax, %%rcx\n\t" DOUBLED(AT(2 * block, 2 * limb, t), "%%rax")   \
      DOUBLED(AT(2 * block, 2 * limb + 1, t), "%%rcx")
#define DIAGONALS(block)                                                                                               \
  DIAGONAL(block, 0) DIAGONAL(block, 1) DIAGONAL(block, 2) DIAGONAL(block, 3) DIAGONAL(block, 4)                       \
      DIAGONAL(block, 5) DIAGONAL(block, 6) DIAGONAL(block, 7)

NOINLINE static void diagonal_24(otrf_limb *t, const otrf_limb *a) {
  KERNEL(CLEAR_FLAGS DIAGONALS(0) DIAGONALS(1) DIAGONALS(2), t, a, a);
}

NOINLINE static void diagonal_16(otrf_limb *t, const otrf_limb *a) {
  KERNEL(CLEAR_FLAGS DIAGONALS(0) DIAGONALS(1), t, a, a);
}

/* ---- the end: r = the upper half of t + what the rows have carried, less m unless that is negative
 *
 * Sum and difference go along together, the sum on the carry flag, the difference on the overflow flag: it adds ~m and
 * one. The difference is right where the sum has overflowed, or where it does not. */

#define OVERFLOW_FLAG "movl $0x7fffffff, %%eax\n\taddl $1, %%eax\n\t"
#define BOTH(carried, sum, m)                                                                                          \
  "movq " carried ", %%r8\n\tadcxq " sum ", %%r8\n\tmovq " m ", %%r9\n\tnotq %%r9\n\tadoxq %%r8, %%r9\n\t"             \
  "movq %%r8, " carried "\n\tmovq %%r9, " sum "\n\t"
#define BOTH_24(limb, block) BOTH(AT(block, limb, t), AT(3 + block, limb, t), AT(block, limb, a))
#define BOTH_16(limb, block) BOTH(AT(block, limb, t), AT(2 + block, limb, t), AT(block, limb, a))
#define EITHER "movl $0, %%eax\n\tmovl $0, %%ecx\n\tadcxq %%rcx, %%rax\n\tadoxq %%rcx, %%rax\n\ttestq %%rax, %%rax\n\t"
#define CHOOSE(sum, difference, r) "movq " sum ", %%r8\n\tcmovnzq " difference ", %%r8\n\tmovq %%r8, " r "\n\t"
#define CHOOSE_24(limb, block) CHOOSE(AT(block, limb, t), AT(3 + block, limb, t), AT(block, limb, b))
#define CHOOSE_16(limb, block) CHOOSE(AT(block, limb, t), AT(2 + block, limb, t), AT(block, limb, b))
#define LIMBS(macro, block)                                                                                            \
  macro(0, block) macro(1, block) macro(2, block) macro(3, block) macro(4, block) macro(5, block) macro(6, block)      \
      macro(7, block)

NOINLINE static void finish_24(otrf_limb *r, otrf_limb *t, const otrf_limb *m) {
  KERNEL(OVERFLOW_FLAG LIMBS(BOTH_24, 0) LIMBS(BOTH_24, 1) LIMBS(BOTH_24, 2) EITHER LIMBS(CHOOSE_24, 0)
             LIMBS(CHOOSE_24, 1) LIMBS(CHOOSE_24, 2),
         t, m, r);
}

NOINLINE static void finish_16(otrf_limb *r, otrf_limb *t, const otrf_limb *m) {
  KERNEL(OVERFLOW_FLAG LIMBS(BOTH_16, 0) LIMBS(BOTH_16, 1) EITHER LIMBS(CHOOSE_16, 0) LIMBS(CHOOSE_16, 1), t, m, r);
}

/* ---- the field */

static void reduce(otrf_limb *r, otrf_limb *t, const otrf_modulus *modulus) {
  if (modulus->n == 24) {
    for (size_t i = 0; i < 24; i += 8) {
      reduce_24(t + i, modulus->m, &modulus->inverse);
    }
    finish_24(r, t, modulus->m);
  } else {
    for (size_t i = 0; i < 16; i += 8) {
      reduce_16(t + i, modulus->m, &modulus->inverse);
    }
    finish_16(r, t, modulus->m);
  }
}

static void mul(void *r, const void *a, const void *b, otrf_field *field) {
  otrf_limb *const t = field->scratch.product;
  const otrf_limb *const digits = b;
  memset(t, 0, field->size);
  for (size_t i = 0; i < field->size / 8; i += 8) {
    (field->size == 192 ? product_24 : product_16)(t + i, a, digits + i);
  }
  reduce(r, t, field->modulus);
}

static void square(void *r, const void *a, size_t count, otrf_field *field) {
  otrf_limb *const t = field->scratch.product;
  const otrf_limb *limbs = a;
  if (count == 0) {
    memmove(r, a, field->size);
  }
  for (; count > 0; count--) {
    memset(t, 0, field->size);
    if (field->size == 192) {
      triangle_24(t, limbs);
      triangle_16(t + 16, limbs + 8);
      triangle_8(t + 32, limbs + 16);
      diagonal_24(t, limbs);
    } else {
      triangle_16(t, limbs);
      triangle_8(t + 16, limbs + 8);
      diagonal_16(t, limbs);
    }
    reduce(r, t, field->modulus);
    limbs = r;
  }
}

static void in(void *r, const otrf_limb *a, otrf_field *field) {
  const otrf_modulus *modulus = field->modulus;
  mul(r, a, modulus->square, field);
}

void otrf_field_on_adx(otrf_field *field, const otrf_modulus *modulus) {
  otrf_field_on_gmp(field, modulus);
  field->mul = mul;
  field->square = square;
  field->in = in;
}
#else
void otrf_field_on_adx(otrf_field *field, const otrf_modulus *modulus) { otrf_field_on_gmp(field, modulus); }
#endif
