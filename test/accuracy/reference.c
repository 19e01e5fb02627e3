// Judges results of an elementary function by MPFR.
//
//   cc -O2 reference.c -o reference -lmpfr -lgmp -lm
//   reference <function> float32 <start> <stride> <count>    results of the float32 inputs with the bits start + k * stride
//   reference <function> float64                             pairs of an input and its result
//
// Results come on standard input as bytes. Answers with a line of JSON: how many results there were, how many were not the
// correctly rounded ones, the largest error in units in the last place, and where it is.
//
// float32 results are first seen against libm's double: it is within SLACK of a unit of the exact value, which is tested here
// on every 4099th input. Whatever that leaves undecided, by being close to the largest error or to the middle of two numbers,
// MPFR decides. float64 results are seen against MPFR alone.
#include <math.h>
#include <mpfr.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double SLACK = 0x1p-26; // of a float32 unit: eight float64 units
enum { BITS = 256, CHUNK = 1 << 16, TESTED = 4099 };

typedef void (*Exact)(mpfr_t, double);
typedef double (*Quick)(double);

static mpfr_t one;

static void exact_exp(mpfr_t y, double x) { mpfr_set_d(y, x, MPFR_RNDN), mpfr_exp(y, y, MPFR_RNDN); }
static void exact_log(mpfr_t y, double x) { mpfr_set_d(y, x, MPFR_RNDN), mpfr_log(y, y, MPFR_RNDN); }
static void exact_log1p(mpfr_t y, double x) { mpfr_set_d(y, x, MPFR_RNDN), mpfr_log1p(y, y, MPFR_RNDN); }
static void exact_expm1(mpfr_t y, double x) { mpfr_set_d(y, x, MPFR_RNDN), mpfr_expm1(y, y, MPFR_RNDN); }
static void exact_tanh(mpfr_t y, double x) { mpfr_set_d(y, x, MPFR_RNDN), mpfr_tanh(y, y, MPFR_RNDN); }
static void exact_sigmoid(mpfr_t y, double x) {
  exact_exp(y, -x);
  mpfr_add(y, y, one, MPFR_RNDN);
  mpfr_div(y, one, y, MPFR_RNDN);
}
static void exact_softplus(mpfr_t y, double x) { // max(x, 0) + log1p(exp(-|x|))
  exact_exp(y, -fabs(x));
  mpfr_log1p(y, y, MPFR_RNDN);
  if (x > 0) mpfr_add_d(y, y, x, MPFR_RNDN);
  if (x != x) mpfr_set_nan(y);
}
static void exact_log_sigmoid(mpfr_t y, double x) { exact_softplus(y, -x), mpfr_neg(y, y, MPFR_RNDN); }

static double sigmoid(double x) {
  double e = exp(-fabs(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}
static double softplus(double x) { return x != x ? x : fmax(x, 0) + log1p(exp(-fabs(x))); }
static double log_sigmoid(double x) { return -softplus(-x); }

static const struct { const char *name; Exact exact; Quick quick; } functions[] = {
  {"exp", exact_exp, exp},       {"log", exact_log, log},    {"log1p", exact_log1p, log1p},
  {"expm1", exact_expm1, expm1}, {"tanh", exact_tanh, tanh}, {"sigmoid", exact_sigmoid, sigmoid},
  {"softplus", exact_softplus, softplus}, {"logSigmoid", exact_log_sigmoid, log_sigmoid},
};

/** Of a type: significant bits, the least exponent of a normal number as frexp gives it, the greatest. */
typedef struct { int digits, low, high; } Format;
static const Format FLOAT32 = {24, -125, 128}, FLOAT64 = {53, -1021, 1024};

static double rounded(Format format, mpfr_t exact) { return format.digits == 24 ? mpfr_get_flt(exact, MPFR_RNDN) : mpfr_get_d(exact, MPFR_RNDN); }

static int special(double x) { return isnan(x) || isinf(x); }
static int same(double x, double y) { return x == y || (isnan(x) && isnan(y)); }

/** Error of `got` in units in the last place of `exact`, which are those of the smallest normal number below it; infinite if
    one of them is special after rounding and the other something else. */
static double judge(Format format, double got, mpfr_t exact, int *correct) {
  static mpfr_t difference;
  static int made;
  if (!made++) mpfr_init2(difference, BITS);
  double nearest = rounded(format, exact);
  *correct = same(got, nearest);
  if (special(got) || special(nearest)) return *correct ? 0 : INFINITY;
  if (mpfr_zero_p(exact)) return got == 0 ? 0 : INFINITY;
  mpfr_exp_t exponent = mpfr_get_exp(exact);
  if (exponent < format.low) exponent = format.low;
  if (exponent > format.high) exponent = format.high;
  mpfr_d_sub(difference, got, exact, MPFR_RNDN);
  mpfr_mul_2si(difference, difference, format.digits - exponent, MPFR_RNDN);
  return fabs(mpfr_get_d(difference, MPFR_RNDN));
}

static uint64_t seen, wrong;
static double worst = 0.5, at = NAN; // below half a unit nothing is worth a name

static void record(Format format, Exact function, double x, double got) {
  static mpfr_t exact;
  static int made;
  if (!made++) mpfr_init2(exact, BITS);
  int correct;
  function(exact, x);
  double error = judge(format, got, exact, &correct);
  wrong += !correct;
  if (error > worst) worst = error, at = x;
}

/** Ends the program where libm is further off than SLACK takes. */
static void test_quick(Exact function, double x, double quick, double unit) {
  static mpfr_t exact;
  static int made;
  if (!made++) mpfr_init2(exact, BITS);
  function(exact, x);
  if (special(quick) && same(quick, mpfr_get_d(exact, MPFR_RNDN))) return;
  mpfr_sub_d(exact, exact, quick, MPFR_RNDN);
  if (fabs(mpfr_get_d(exact, MPFR_RNDN)) <= SLACK / 2 * unit) return;
  fprintf(stderr, "libm is off at %a\n", x);
  exit(1);
}

static void sweep(Exact function, Quick quick, uint32_t start, uint64_t stride, uint64_t count) {
  static float results[CHUNK];
  for (uint64_t done = 0; done < count;) {
    uint64_t n = count - done < CHUNK ? count - done : CHUNK;
    if (fread(results, sizeof(float), n, stdin) != n) fputs("too few results\n", stderr), exit(1);
    for (uint64_t i = 0; i < n; i++, done++) {
      uint32_t bits = (uint32_t)(start + done * stride);
      float input;
      memcpy(&input, &bits, sizeof input);
      double x = input, got = results[i], want = quick(x);
      double unit = ldexp(1, -149);
      uint64_t word;
      memcpy(&word, &want, sizeof word);
      uint64_t exponent = word >> 52 & 2047;
      if (exponent > 1023 - 126) word = (exponent - 23) << 52, memcpy(&unit, &word, sizeof unit);
      if (done % TESTED == 0) test_quick(function, x, want, unit);
      double error = fabs(got - want) / unit, beyond = fabs(want) / unit;
      // Where the middle of two numbers is, in units: their distance from a whole number and a half.
      double middle = fabs(beyond - floor(beyond) - 0.5);
      seen++;
      if (special(got) && (same(got, want) || (fabs(want) >= 0x1p128 && got * want > 0))) continue;
      if (!(error < worst - SLACK && middle > SLACK && fabs(want) <= 0x1.fffffep127)) record(FLOAT32, function, x, got);
      else if (error > 0.5) wrong++;
    }
  }
}

static void pairs(Exact function) {
  static double chunk[2 * CHUNK];
  for (size_t n; (n = fread(chunk, 2 * sizeof(double), CHUNK, stdin)) > 0;) {
    seen += n;
    for (size_t i = 0; i < n; i++) record(FLOAT64, function, chunk[2 * i], chunk[2 * i + 1]);
  }
}

int main(int argc, char **argv) {
  mpfr_init2(one, BITS);
  mpfr_set_ui(one, 1, MPFR_RNDN);
  for (size_t k = 0; argc > 2 && k < sizeof functions / sizeof *functions; k++) {
    if (strcmp(functions[k].name, argv[1]) != 0) continue;
    if (strcmp(argv[2], "float64") == 0) pairs(functions[k].exact);
    else if (argc == 6) sweep(functions[k].exact, functions[k].quick, (uint32_t)strtoull(argv[3], 0, 10), strtoull(argv[4], 0, 10), strtoull(argv[5], 0, 10));
    else break;
    char error[32] = "1e999"; // which JSON reads as infinity
    if (!isinf(worst)) snprintf(error, sizeof error, "%.6g", worst);
    printf("{\"mpfr\":\"%s\",\"seen\":%llu,\"wrong\":%llu,\"error\":%s,\"at\":\"%.17g\"}\n", mpfr_get_version(), (unsigned long long)seen, (unsigned long long)wrong, error, at);
    return 0;
  }
  fputs("usage: see the head of reference.c\n", stderr);
  return 1;
}
