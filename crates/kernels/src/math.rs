//! Elementwise functions over [`Lanes`], the same bits in every build.
//!
//! Nothing here but `+ - * /`, comparisons and bit operations, in a fixed order. One text serves
//! float32 and float64; [`Format`] holds what differs. Coefficients: `scripts/coefficients.py`.
//!
//! Their largest errors stand in README.md, Accuracy: float32 over all 2³² inputs, float64 over
//! millions (`npm run test:exhaustive`); `tests/math.rs` keeps some float64 inputs, with references
//! from mpmath.
//!
//! The kernels wait on latency rather than on operations, so polynomials are in Estrin's form, and
//! written out: a loop over an array of coefficients leaves the array on the stack.

use crate::isa::Lanes;
use core::f64::consts::{FRAC_PI_2, FRAC_PI_4, LOG2_E};

/// The functions of one element type; kernels call them through [`Math`].
pub trait Functions: Format {
    /// eˣ = 2ⁿ·eˢ with x = n·ln 2 + s, |s| ≤ ½ ln 2.
    ///
    /// The power 2ⁿ is applied as two factors, so that the result is rounded once even where it is
    /// subnormal, and n = 128 (float64: 1024) overflows exactly where it should.
    #[inline(always)]
    fn exp<V: Lanes<Elem = Self>>(x: V) -> V {
        let x = x.max(V::splat(Self::EXP_LOW)).min(V::splat(Self::EXP_HIGH));
        let magic = V::splat(Self::MAGIC + 2.0 * Self::BIAS);
        let t = x * V::splat(LOG2_E) + magic;
        let half = t.bits_shr::<1>(); // what the magic number adds to it lies above an exponent's bits
        let p = exp_reduced(x, t - magic);
        p * Self::to_exponent(half) * Self::to_exponent(t.bits_sub(half))
    }

    /// [`Self::exp`] of x ≤ 0, the same to the bit: no overflow to mind, so 2ⁿ·2^(digits + 1) is a normal
    /// number, and one more factor ends it.
    #[inline(always)]
    fn exp_nonpositive<V: Lanes<Elem = Self>>(x: V) -> V {
        let x = x.max(V::splat(Self::EXP_LOW));
        let magic = V::splat(Self::MAGIC + Self::BIAS + Self::DIGITS + 1.0);
        let t = x * V::splat(LOG2_E) + magic;
        let p = exp_reduced(x, t - magic);
        p * Self::to_exponent(t) * V::splat(0.25 * Self::EPSILON)
    }

    /// eˣ − 1 = 2ⁿ(eˢ − 1) + (2ⁿ − 1), with n and s as in [`Self::exp`].
    #[inline(always)]
    fn exp_m1<V: Lanes<Elem = Self>>(x: V) -> V {
        let clamped = x
            .max(V::splat(Self::EXP_M1_LOW))
            .min(V::splat(Self::EXP_HIGH));
        let magic = V::splat(Self::MAGIC + Self::BIAS - 1.0);
        let t = clamped * V::splat(LOG2_E) + magic;
        let (high, low) = reduce(clamped, t - magic);
        let m = high + Self::exp_tail(high - low, low);
        let half_scale = Self::to_exponent(t); // 2ⁿ may overflow where the result does not
        let y = half_scale * m + (half_scale - V::splat(0.5));
        V::select(x.abs().lt(V::splat(TINY)), x, y + y)
    }

    /// Natural logarithm: n·ln 2 + ln(1 + f) with x = 2ⁿ(1 + f), √½ ≤ 1 + f < √2.
    #[inline(always)]
    fn ln<V: Lanes<Elem = Self>>(x: V) -> V {
        ln_with(x, ln_edge(x) + ln_pole(x))
    }

    /// [`Self::ln`] of x ≠ 0; of 0 it makes some finite number.
    #[inline(always)]
    fn ln_nonzero<V: Lanes<Elem = Self>>(x: V) -> V {
        ln_with(x, ln_edge(x))
    }

    /// ln(1 + x), as [`Self::ln`] of the rounded 1 + x with what the rounding lost put back into f;
    /// for n = 0 that makes f = x.
    #[inline(always)]
    fn ln_1p<V: Lanes<Elem = Self>>(x: V) -> V {
        let one = V::splat(1.0);
        let sum = one + x;
        // Exact: 1 + x = sum + lost; and at most 1, which an infinite x gets too.
        let lost = one.min(x.min(one) - (sum - x.max(one)));
        let (y, exponent) = split(sum.max(V::splat(Self::MIN_NORMAL)));
        // 2⁻ⁿ in two factors, as it may be subnormal.
        let double = V::splat(f64::INFINITY).bits_sub(Self::to_exponent(exponent));
        let f = lost * double * V::splat(0.5) - (one - y); // in this order −0 stays −0
        ln_reduced(f, minus(exponent, 0.0), ln_edge(sum) + ln_pole(sum))
    }

    /// [`Self::ln_1p`] of 0 ≤ x < 2²⁴ (float64: 2⁵³) or NaN, the same to the bit: no edge to mind.
    #[inline(always)]
    fn ln_1p_nonnegative<V: Lanes<Elem = Self>>(x: V) -> V {
        let one = V::splat(1.0);
        let sum = one + x;
        let lost = x.min(one) - (sum - x.max(one)); // exact: 1 + x = sum + lost
        let (y, exponent) = split(sum);
        let f = lost * inverse_power(exponent) - (one - y);
        ln_reduced(f, minus(exponent, 0.0), V::splat(0.0))
    }

    /// (ln x, ln(1 − x)) for 0 ≤ x ≤ 1, the same as [`Self::ln`] and [`Self::ln_1p`] to the bit (but
    /// for the sign of ln 1): a probability has fewer edges.
    #[inline(always)]
    fn ln_probability<V: Lanes<Elem = Self>>(x: V) -> (V, V) {
        let (zero, one, infinity) = (V::splat(0.0), V::splat(1.0), V::splat(f64::INFINITY));
        // Scaled, none is subnormal.
        let (y, exponent) = split(x * V::splat(1.0 / Self::EPSILON));
        let nan = x * zero; // where x is, else 0
        let end = |at: V| V::select(at.eq(zero), infinity, nan);
        let ln = ln_reduced(y - one, minus(exponent, Self::DIGITS - 1.0), end(x));
        let rest = one - x;
        let lost = (one - rest) - x; // exact: 1 − x = rest + lost
        let (y, exponent) = split(rest);
        let f = lost * inverse_power(exponent) - (one - y);
        (ln, ln_reduced(f, minus(exponent, 0.0), end(rest)))
    }

    /// Hyperbolic tangent; of a = |x| it is a + a³·N(a²)/Q(a²) where a < 0.6, else
    /// 1 − 2e/(1 + e) with e = e^(−2a). Both are a small correction, from one division.
    #[inline(always)]
    fn tanh<V: Lanes<Elem = Self>>(x: V) -> V {
        let a = x.abs();
        let one = V::splat(1.0);
        let z = a * a;
        let (n, q) = Self::tanh_ratio(z);
        let e = exp_minus_abs(a + a);
        let small = a.lt(V::splat(0.6));
        let base = V::select(small, a, one);
        let dividend = V::select(small, a * z * n, V::splat(-2.0) * e);
        let divisor = V::select(small, q, one + e);
        (base + dividend / divisor).copysign(x)
    }

    /// With e = exp(−|x|): (ln(1 + e), 1/(1 + e), e/(1 + e)), that is softplus(−|x|),
    /// sigmoid(|x|) and sigmoid(−|x|), for one exponential.
    ///
    /// ln(1 + e) = e − e²·N(e)/Q(e) keeps the error of e and little more, and its division runs
    /// beside that of the sigmoid. One shared division, 1/((1 + e)·Q), was no faster and gave
    /// errors up to 6 ULP.
    #[inline(always)]
    fn logistic<V: Lanes<Elem = Self>>(x: V) -> (V, V, V) {
        let e = exp_minus_abs(x);
        let one = V::splat(1.0);
        let down = e / (one + e);
        let (n, q) = Self::ln_1p_ratio(e);
        (e - e * e * n / q, one - down, down)
    }
}

impl Functions for f32 {}
impl Functions for f64 {}

/// What the formulas need to know of an element type.
pub trait Format: Sized {
    /// 1.5·2^(significand's stored bits): adding it leaves the nearest integer in the low bits.
    const MAGIC: f64;
    /// Bias of the exponent.
    const BIAS: f64;
    /// Bits of the significand.
    const DIGITS: f64;
    /// Distance from 1 to the next number.
    const EPSILON: f64;
    /// The smallest normal number.
    const MIN_NORMAL: f64;
    /// The greatest finite number.
    const MAX: f64;
    /// The greatest power of two.
    const LARGEST_POWER: f64;
    /// The bits of the fraction.
    const FRACTION: u64;
    /// The representation of √½.
    const SQRT_HALF: u64;
    /// High part of ln 2: its product with an exponent is exact.
    const LN_2_HIGH: f64;
    /// Low part of ln 2.
    const LN_2_LOW: f64;
    /// exp of this and of anything less is 0.
    const EXP_LOW: f64;
    /// exp of this and of anything more is infinite.
    const EXP_HIGH: f64;
    /// exp − 1 of this and of anything less is −1.
    const EXP_M1_LOW: f64;

    /// Moves the low bits to the place of the exponent.
    fn to_exponent<V: Lanes<Elem = Self>>(x: V) -> V;
    /// Moves the exponent, and the sign above it, to the low bits.
    fn from_exponent<V: Lanes<Elem = Self>>(x: V) -> V;
    /// eˢ − 1 − s − low for |s| ≤ ½ ln 2.
    fn exp_tail<V: Lanes<Elem = Self>>(s: V, low: V) -> V;
    /// (ln((1 + s)/(1 − s)) − 2s)/s³ as a function of z = s², |s| ≤ 3 − 2√2.
    fn ln_tail<V: Lanes<Elem = Self>>(z: V) -> V;
    /// (N, Q) with N/Q = (e − ln(1 + e))/e² for 0 ≤ e ≤ 1. Scaled so that N ends just below a
    /// power of two, where rounding costs least.
    fn ln_1p_ratio<V: Lanes<Elem = Self>>(e: V) -> (V, V);
    /// (N, Q) with N/Q = (tanh a − a)/a³ as a function of z = a², a ≤ 0.6.
    fn tanh_ratio<V: Lanes<Elem = Self>>(z: V) -> (V, V);
}

/// c0 + c1·x
macro_rules! linear {
    ($x:ident, $c0:literal, $c1:literal) => {
        V::splat($c0) + V::splat($c1) * $x
    };
}

impl Format for f32 {
    const MAGIC: f64 = 12582912.0;
    const BIAS: f64 = 127.0;
    const DIGITS: f64 = 24.0;
    const EPSILON: f64 = f32::EPSILON as f64;
    const MIN_NORMAL: f64 = f32::MIN_POSITIVE as f64;
    const MAX: f64 = f32::MAX as f64;
    const LARGEST_POWER: f64 = 1.7014118346046923e38;
    const FRACTION: u64 = 0x007fffff;
    const SQRT_HALF: u64 = 0x3f3504f3;
    const LN_2_HIGH: f64 = 0.693145752;
    const LN_2_LOW: f64 = 1.42860677e-06;
    const EXP_LOW: f64 = -104.0;
    const EXP_HIGH: f64 = 89.0;
    const EXP_M1_LOW: f64 = -18.0;

    #[inline(always)]
    fn to_exponent<V: Lanes<Elem = Self>>(x: V) -> V {
        x.bits_shl::<23>()
    }
    #[inline(always)]
    fn from_exponent<V: Lanes<Elem = Self>>(x: V) -> V {
        x.bits_shr::<23>()
    }
    #[inline(always)]
    fn exp_tail<V: Lanes<Elem = Self>>(s: V, low: V) -> V {
        let s2 = s * s;
        let a = linear!(s, 0.49999994, 0.166665211);
        let b = linear!(s, 0.0416682623, 0.00836867094);
        (s2 * a - low) + s2 * s2 * (b + s2 * V::splat(0.00138209993))
    }
    #[inline(always)]
    fn ln_tail<V: Lanes<Elem = Self>>(z: V) -> V {
        linear!(z, 0.666667759, 0.399775863) + z * z * V::splat(0.298706949)
    }
    #[inline(always)]
    fn ln_1p_ratio<V: Lanes<Elem = Self>>(e: V) -> (V, V) {
        let e2 = e * e;
        let n = linear!(e, 0.468749911, 0.422329724) + e2 * V::splat(0.0676405579);
        let q = linear!(e, 0.9375, 1.46965468) + e2 * linear!(e, 0.64634496, 0.0708653107);
        (n, q)
    }
    #[inline(always)]
    fn tanh_ratio<V: Lanes<Elem = Self>>(z: V) -> (V, V) {
        let n = linear!(z, -0.333333135, -0.00154507777);
        (n, linear!(z, 1.0, 0.404624671))
    }
}

impl Format for f64 {
    const MAGIC: f64 = 6755399441055744.0;
    const BIAS: f64 = 1023.0;
    const DIGITS: f64 = 53.0;
    const EPSILON: f64 = f64::EPSILON;
    const MIN_NORMAL: f64 = f64::MIN_POSITIVE;
    const MAX: f64 = f64::MAX;
    const LARGEST_POWER: f64 = 8.98846567431158e307;
    const FRACTION: u64 = 0x000fffffffffffff;
    const SQRT_HALF: u64 = 0x3fe6a09e667f3bcd;
    const LN_2_HIGH: f64 = 0.6931471805601177;
    const LN_2_LOW: f64 = -1.7239444525614835e-13;
    const EXP_LOW: f64 = -746.0;
    const EXP_HIGH: f64 = 710.0;
    const EXP_M1_LOW: f64 = -38.0;

    #[inline(always)]
    fn to_exponent<V: Lanes<Elem = Self>>(x: V) -> V {
        x.bits_shl::<52>()
    }
    #[inline(always)]
    fn from_exponent<V: Lanes<Elem = Self>>(x: V) -> V {
        x.bits_shr::<52>()
    }
    #[inline(always)]
    fn exp_tail<V: Lanes<Elem = Self>>(s: V, low: V) -> V {
        let s2 = s * s;
        let s4 = s2 * s2;
        let a = linear!(s, 0.5000000000000011, 0.16666666666666452);
        let b = linear!(s, 0.041666666666527324, 0.008333333333471983);
        let c = linear!(s, 0.0013888888944214408, 0.00019841269551265997);
        let d = linear!(s, 2.4801492595666577e-05, 2.7557548982180987e-06);
        let e = linear!(s, 2.7630403221105014e-07, 2.5011299758896123e-08);
        (s2 * a - low) + s4 * ((b + s2 * c) + s4 * (d + s2 * e))
    }
    #[inline(always)]
    fn ln_tail<V: Lanes<Elem = Self>>(z: V) -> V {
        let z2 = z * z;
        let a = linear!(z, 0.6666666666666734, 0.3999999999941709);
        let b = linear!(z, 0.2857142874187133, 0.2222219862454945);
        let c = linear!(z, 0.18183561735225132, 0.1531411486549919);
        a + z2 * (b + z2 * (c + z2 * V::splat(0.1479532571125811)))
    }
    #[inline(always)]
    fn ln_1p_ratio<V: Lanes<Elem = Self>>(e: V) -> (V, V) {
        let e2 = e * e;
        let e4 = e2 * e2;
        let n0 = linear!(e, 0.34374999999999867, 0.7860436277601618);
        let n2 = linear!(e, 0.6348735268000582, 0.21660590109281555);
        let n4 = linear!(e, 0.02903764386268481, 0.0010698733058522355);
        let q0 = linear!(e, 0.6875, 2.0304205888534024);
        let q2 = linear!(e, 2.279610779510827, 1.2127420272912144);
        let q4 = linear!(e, 0.30976615312797445, 0.033745512547100974);
        let n = n0 + e2 * n2 + e4 * n4;
        let q = q0 + e2 * q2 + e4 * (q4 + e2 * V::splat(0.0010856955748284492));
        (n, q)
    }
    #[inline(always)]
    fn tanh_ratio<V: Lanes<Elem = Self>>(z: V) -> (V, V) {
        let z2 = z * z;
        let n = linear!(z, -0.33333333333333326, -0.020497566377031932);
        let q = linear!(z, 1.0, 0.4614926991310839);
        let q2 = linear!(z, 0.023289688130120518, 0.00020647528513042257);
        (n + z2 * V::splat(-0.00019912346074528966), q + z2 * q2)
    }
}

/// Arctangent, for float64 alone: one loss needs it, and computes its rows in float64. Of a = |x|
/// it is base + t + t³·N(t²)/Q(t²), with t = a, (a − 1)/(a + 1) or −1/a, |t| ≤ √2 − 1. The largest
/// error found is 1.0 ULP.
#[inline(always)]
pub fn atan<V: Lanes<Elem = f64>>(x: V) -> V {
    let (zero, one, a) = (V::splat(0.0), V::splat(1.0), x.abs());
    let (middle, large) = (
        a.gt(V::splat(0.414_213_562_373_095)),
        a.gt(V::splat(2.414_213_562_373_095)),
    );
    let choose = |small, mid, big| V::select(large, big, V::select(middle, mid, small));
    let t = choose(a, a - one, -one) / choose(one, a + one, a);
    // π/4 and π/2, each in two parts.
    let high = choose(zero, V::splat(FRAC_PI_4), V::splat(FRAC_PI_2));
    let low = choose(
        zero,
        V::splat(3.061_616_997_868_383e-17),
        V::splat(6.123_233_995_736_766e-17),
    );
    let z = t * t;
    let z2 = z * z;
    let n = linear!(z, -0.33333333333333137, -0.49103904173265017);
    let n2 = linear!(z, -0.19864999890148172, -0.018900793441128518);
    let q = linear!(z, 1.0, 2.073117125196759);
    let q2 = linear!(z, 1.4112488433337256, 0.3483062489200961);
    let q = q + z2 * (q2 + z2 * V::splat(0.02247463868277896));
    (high + (t + (low + t * z * (n + z2 * n2) / q))).copysign(x)
}

/// Below 2^-100 exp_m1 is the identity: it keeps −0 and the last bit of subnormals.
const TINY: f64 = 7.888609052210118e-31;

/// exp(x − n·ln 2) for the integer n nearest to x/ln 2.
///
/// With s = high − low, high exact: eˢ = 1 + high + (eˢ − 1 − s − low). What the first sum loses
/// joins the last term, so that one rounding is left; it is also the shortest chain.
#[inline(always)]
fn exp_reduced<V: Lanes>(x: V, n: V) -> V {
    let one = V::splat(1.0);
    let (high, low) = reduce(x, n);
    let y = one + high;
    let lost = high - (y - one); // exact
    y + V::Elem::exp_tail(high - low, low - lost)
}

/// x − n·ln 2 = high − low, with no rounding in high.
#[inline(always)]
fn reduce<V: Lanes>(x: V, n: V) -> (V, V) {
    let high = x - n * V::splat(V::Elem::LN_2_HIGH);
    (high, n * V::splat(V::Elem::LN_2_LOW))
}

/// exp(−|x|).
#[inline(always)]
fn exp_minus_abs<V: Lanes>(x: V) -> V {
    V::Elem::exp_nonpositive(x.bits_or(V::splat(-0.0)))
}

/// 2⁻ⁿ·x for the n that puts it between √½ and √2, and n + bias in the low bits; x is normal, or 0,
/// whose 2⁻ⁿ·x is 1.
#[inline(always)]
fn split<V: Lanes>(x: V) -> (V, V) {
    let root = V::from_bits(V::Elem::SQRT_HALF);
    let z = x.bits_sub(root).bits_add(V::splat(1.0));
    let y = z.bits_and(V::from_bits(V::Elem::FRACTION)).bits_add(root);
    (y, V::Elem::from_exponent(z))
}

/// 2⁻ⁿ, for n + bias in the low bits, where it is a normal number.
#[inline(always)]
fn inverse_power<V: Lanes>(exponent: V) -> V {
    V::splat(V::Elem::LARGEST_POWER).bits_sub(V::Elem::to_exponent(exponent))
}

/// −(n − more), for n + bias in the low bits.
#[inline(always)]
fn minus<V: Lanes>(exponent: V, more: f64) -> V {
    let magic = V::Elem::MAGIC;
    V::splat(magic + V::Elem::BIAS + more) - exponent.bits_add(V::splat(magic))
}

/// ln x − edge for x > 0; a subnormal x is scaled up first.
#[inline(always)]
fn ln_with<V: Lanes>(x: V, edge: V) -> V {
    let subnormal = x.lt(V::splat(V::Elem::MIN_NORMAL));
    let normal = V::select(subnormal, x * V::splat(1.0 / V::Elem::EPSILON), x);
    let scaled = V::from_bits(V::Elem::DIGITS as u64 - 1);
    let (y, exponent) = split(normal);
    let exponent = exponent.bits_sub(V::select(subnormal, scaled, V::splat(0.0)));
    ln_reduced(y - V::splat(1.0), minus(exponent, 0.0), edge)
}

/// ln(1 + f) − minus_n·ln 2 − edge for √½ ≤ 1 + f ≤ √2.
///
/// With s = f/(2 + f), ln(1 + f) = 2s + s·R and 2s = f − s·f, so ln(1 + f) = f − (h − s·(h + R))
/// for h = f²/2: f is exact and the rest is small.
#[inline(always)]
fn ln_reduced<V: Lanes>(f: V, minus_n: V, edge: V) -> V {
    let s = f / (f + V::splat(2.0));
    let h = V::splat(0.5) * f * f;
    let z = s * s;
    let rest = s * (h + z * V::Elem::ln_tail(z)) - minus_n * V::splat(V::Elem::LN_2_LOW);
    // The edge joins what is ready long before the rest.
    f - (h - rest) - (minus_n * V::splat(V::Elem::LN_2_HIGH) + edge)
}

/// To subtract from a logarithm, to make it NaN where x is negative or NaN, and ∞ where x is; elsewhere 0.
#[inline(always)]
fn ln_edge<V: Lanes>(x: V) -> V {
    let zero = V::splat(0.0);
    let least = (V::splat(V::Elem::MAX) - x).min(zero);
    V::select(x.lt(zero), V::from_bits(u64::MAX), least)
}

/// To subtract from a logarithm, to make it −∞ at 0; elsewhere 0.
#[inline(always)]
fn ln_pole<V: Lanes>(x: V) -> V {
    let zero = V::splat(0.0);
    V::select(x.le(zero), V::splat(f64::INFINITY), zero)
}

/// The functions as methods, so that a kernel reads as mathematics.
pub trait Math: Lanes {
    /// eˣ.
    #[inline(always)]
    fn exp(self) -> Self {
        Self::Elem::exp(self)
    }
    /// eˣ of x ≤ 0.
    #[inline(always)]
    fn exp_nonpositive(self) -> Self {
        Self::Elem::exp_nonpositive(self)
    }
    /// eˣ − 1.
    #[inline(always)]
    fn exp_m1(self) -> Self {
        Self::Elem::exp_m1(self)
    }
    /// Natural logarithm.
    #[inline(always)]
    fn ln(self) -> Self {
        Self::Elem::ln(self)
    }
    /// Natural logarithm, which of 0 is some finite number.
    #[inline(always)]
    fn ln_nonzero(self) -> Self {
        Self::Elem::ln_nonzero(self)
    }
    /// ln(1 + x).
    #[inline(always)]
    fn ln_1p(self) -> Self {
        Self::Elem::ln_1p(self)
    }
    /// ln(1 + x) of x ≥ 0, not beyond what counts in steps of 1.
    #[inline(always)]
    fn ln_1p_nonnegative(self) -> Self {
        Self::Elem::ln_1p_nonnegative(self)
    }
    /// (ln x, ln(1 − x)) of 0 ≤ x ≤ 1.
    #[inline(always)]
    fn ln_probability(self) -> (Self, Self) {
        Self::Elem::ln_probability(self)
    }
    /// Hyperbolic tangent.
    #[inline(always)]
    fn tanh(self) -> Self {
        Self::Elem::tanh(self)
    }
    /// (softplus(−|x|), sigmoid(|x|), sigmoid(−|x|)).
    #[inline(always)]
    fn logistic(self) -> (Self, Self, Self) {
        Self::Elem::logistic(self)
    }
    /// −1, 0 or 1; NaN stays.
    #[inline(always)]
    fn signum(self) -> Self {
        let sign = Self::splat(1.0).copysign(self);
        Self::select(self.abs().gt(Self::splat(0.0)), sign, self)
    }
    /// x².
    #[inline(always)]
    fn square(self) -> Self {
        self * self
    }
}

impl<V: Lanes> Math for V {}
