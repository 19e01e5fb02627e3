"""Derives the coefficients in crates/kernels/src/math.rs.

Run:  pip install mpmath && python3 scripts/coefficients.py
      python3 scripts/coefficients.py table [samples] > crates/kernels/tests/reference.csv
The first prints every coefficient and its error, the second float64 inputs with correct results.

Fits N(x)/Q(x) by least squares on Chebyshev points, reweighted by the error until it is level (Lawson's way to the
minimax fit); a polynomial has Q = 1. Coefficients are rounded to the element type one at a time, lowest power first,
and the others fitted again each time.
"""

from math import ulp
from random import Random
from struct import pack, unpack
from sys import argv

from mpmath import mp, mpf, atan, atanh, cos, exp, expm1, log, log1p, lu_solve, matrix, pi, sqrt, tanh

mp.prec = 160
BITS = {"f32": 24, "f64": 53}


def rounded(x, bits):
    """The nearest number with that many significant bits."""
    with mp.workprec(bits):
        return +x


def evaluate(coefficients, x):
    y = mpf(0)
    for c in reversed(coefficients):
        y = y * x + c
    return y


def minimax(f, weight, low, high, degrees, fixed, points=120, rounds=24):
    """Nearly minimises max |weight (f - N/Q)|; `fixed` maps (0 for N or 1 for Q, power) to a given coefficient."""
    grid = [(low + high) / 2 - (high - low) / 2 * cos(pi * (i + mpf(1) / 2) / points) for i in range(points)]
    table = [(x, f(x), weight(x)) for x in grid]
    keys = [(part, k) for part in (0, 1) for k in range(degrees[part] + 1)]
    free = [key for key in keys if key not in fixed]
    emphasis, q, best = [mpf(1)] * points, [mpf(1)], None
    for _ in range(rounds):
        a, b = matrix(points, len(free)), matrix(points, 1)
        for row, (x, y, w) in enumerate(table):
            w *= sqrt(emphasis[row]) / evaluate(q, x)  # the last Q makes N - f Q the error of N / Q
            for column, (part, k) in enumerate(free):
                a[row, column] = w * x**k * (1 if part == 0 else -y)
            b[row] = -w * sum(c * x**k * (1 if part == 0 else -y) for (part, k), c in fixed.items())
        values = fixed | dict(zip(free, lu_solve(a, b)))
        n, q = ([values[part, k] for k in range(degrees[part] + 1)] for part in (0, 1))
        error = [abs(w * (evaluate(n, x) / evaluate(q, x) - y)) for x, y, w in table]
        if best is None or max(error) < best[2]:
            best = n, q, max(error)
        emphasis = [m * e for m, e in zip(emphasis, error)]
        total = sum(emphasis)
        emphasis = [m * points / total for m in emphasis]
    return best


def fit(name, dtype, f, weight, low, high, degrees, fixed=None):
    """Prints the fit with rounded coefficients and its largest weighted error."""
    bits = BITS[dtype]
    fixed = {(1, 0): mpf(1)} | (fixed or {})
    n, q, best = minimax(f, weight, low, high, degrees, fixed)
    for k in range(max(degrees) + 1):
        for part in (0, 1):
            if k <= degrees[part] and (part, k) not in fixed:
                fixed[part, k] = rounded((n, q)[part][k], bits)
                if len(fixed) < degrees[0] + degrees[1] + 2:
                    n, q, _ = minimax(f, weight, low, high, degrees, fixed)
    n = [fixed[0, k] for k in range(degrees[0] + 1)]
    q = [fixed[1, k] for k in range(degrees[1] + 1)]
    grid = [low + (high - low) * (i + mpf(1) / 2) / 1000 for i in range(1000)]
    worst = max(abs(weight(x) * (evaluate(n, x) / evaluate(q, x) - f(x))) for x in grid)
    print(f"{dtype} {name}: error 2^{float(log(worst, 2)):.2f} (unrounded 2^{float(log(best, 2)):.2f})")
    for label, part in (("N", n), ("Q", q if degrees[1] else [])):
        for k, c in enumerate(part):
            print(f"    {label}{k} = {literal(c, dtype)}")


def literal(c, dtype):
    """Digits that read back as c."""
    return repr(float(c)) if dtype == "f64" else f"{float(c):.9g}"


def split_ln2(dtype, trailing):
    """ln 2 = high + low, high ending in so many zero bits: n high is exact for small integers n."""
    high = rounded(log(2), BITS[dtype] - trailing)
    low = rounded(log(2) - high, BITS[dtype])
    print(f"{dtype} ln 2: high {literal(high, dtype)} low {literal(low, dtype)}")


def exp_tail(dtype, degree):
    """exp(s) = 1 + (s + s² N(s)), relative."""
    half = log(2) / 2 * mpf("1.0001")
    fit("exp", dtype, lambda s: (expm1(s) - s) / s**2, lambda s: s**2 / exp(s), -half, half, (degree, 0))


def ln_tail(dtype, degree):
    """ln((1+s)/(1-s)) = 2s + s z N(z) with z = s², relative."""
    high = (sqrt(2) - 1) ** 4 * mpf("1.0001")
    f = lambda z: (2 * atanh(sqrt(z)) / sqrt(z) - 2) / z
    fit("ln", dtype, f, lambda z: z * sqrt(z) / (2 * atanh(sqrt(z))), mpf(2) ** -40, high, (degree, 0))


def ln_1p_ratio(dtype, degrees, q0):
    """ln(1+e) = e - e² N(e)/Q(e) on [0, 1], relative."""
    f = lambda e: (e - log1p(e)) / e**2
    fit("ln_1p", dtype, f, lambda e: e**2 / log1p(e), mpf(2) ** -20, mpf(1), degrees, {(1, 0): mpf(q0)})


def tanh_ratio(dtype, degrees):
    """tanh(a) = a + a z N(z)/Q(z) with z = a² up to 0.36, relative."""
    f = lambda z: (tanh(sqrt(z)) / sqrt(z) - 1) / z
    fit("tanh", dtype, f, lambda z: z * sqrt(z) / tanh(sqrt(z)), mpf(2) ** -30, mpf("0.36"), degrees)


def atan_ratio(dtype, degrees):
    """atan(a) = a + a z N(z)/Q(z) with z = a² up to (√2 - 1)², relative."""
    f = lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z
    fit("atan", dtype, f, lambda z: z * sqrt(z) / atan(sqrt(z)), mpf(2) ** -30, (sqrt(2) - 1) ** 2 * mpf("1.0001"), degrees)


def coefficients():
    split_ln2("f32", 9)
    exp_tail("f32", 4)
    ln_tail("f32", 2)
    ln_1p_ratio("f32", (2, 3), 0.9375)
    tanh_ratio("f32", (1, 1))
    split_ln2("f64", 12)
    exp_tail("f64", 9)
    ln_tail("f64", 6)
    ln_1p_ratio("f64", (5, 6), 0.6875)
    tanh_ratio("f64", (2, 3))
    atan_ratio("f64", (3, 4))


def softplus(x):
    return max(x, mpf(0)) + log1p(exp(-abs(x)))


# function: (definition, inputs of interest, uniform range, powers of two, signs)
FUNCTIONS = {
    "exp": (exp, [709.78, -708.4, -745.13, -740.5, -709.1], (-745, 709.7), (-60, 9), (-1, 1)),
    "ln": (log, [5e-324, 1e-310, 1.0000000000000002, 0.9999999999999999, 0.70710678118654746, 1.4142135623730951, 1.7976931348623157e308], (0.3, 3), (-1074, 1023), (1,)),
    "exp_m1": (expm1, [5e-324, -1e-310, 709.78, 0.34657359027997264, -36.7], (-3, 3), (-1000, 9), (-1, 1)),
    "ln_1p": (log1p, [5e-324, -1e-310, -0.9999999999999999, -0.2928932188134524, 0.41421356237309515, 1.7976931348623157e308], (-0.9, 3), (-1000, 0), (-1, 1)),
    "tanh": (tanh, [5e-324, -1e-310, 0.6, 0.5999999999999999, 19.06], (-4, 4), (-1000, 5), (-1, 1)),
    "sigmoid": (lambda x: 1 / (1 + exp(-x)), [-745.13, -740.5, -708.4, 36.7], (-40, 40), (-60, 9), (-1, 1)),
    "softplus": (softplus, [-745.13, -740.5, -708.4, 36.7], (-40, 40), (-60, 9), (-1, 1)),
    "log_sigmoid": (lambda x: -softplus(-x), [745.13, 740.5, 708.4, -36.7], (-40, 40), (-60, 9), (-1, 1)),
}


def table(samples):
    """function, bits of x, bits of y, (exact result - y) in units of the last place of y"""
    random = Random(1)
    for name, (f, chosen, (low, high), (first, last), signs) in FUNCTIONS.items():
        xs = list(chosen)
        for _ in range(samples):
            xs.append(random.uniform(low, high))
            xs.append(random.choice(signs) * 2 ** random.uniform(first, last))
        for x in xs:
            with mp.workprec(160 + (2200 if abs(x) < 2**-60 else 1100 if abs(x) > 20 else 0)):
                exact = f(mpf(x))
                y = float(exact)
                rest = float((exact - mpf(y)) / mpf(ulp(y)))
            bits = (f"{unpack('<Q', pack('<d', v))[0]:016x}" for v in (x, y))
            print(name, *bits, f"{rest:.4f}", sep=",")


if __name__ == "__main__":
    if argv[1:2] == ["table"]:
        table(int(argv[2]) if argv[2:] else 24)
    else:
        coefficients()
