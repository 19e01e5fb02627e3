//! Error bounds and special values of the elementwise functions.
//!
//! float32 against float64 `std`, on a stride (`npm run test:exhaustive` takes every input);
//! float64 against `reference.csv`, computed by `scripts/coefficients.py table`.

use fused_loss_kernels::driver::pointwise::Pointwise;
use fused_loss_kernels::isa::{Element, Isa, Lanes, Scalar, Vector};
use fused_loss_kernels::losses::log_sigmoid::LogSigmoid;
use fused_loss_kernels::losses::sigmoid::Sigmoid;
use fused_loss_kernels::losses::softplus::Softplus;
use fused_loss_kernels::math::{Math, atan};

type F32 = <Scalar as Isa>::F32;
type F64 = <Scalar as Isa>::F64;

/// The functions by name, each with its bound in units of the last place.
macro_rules! functions {
    ($($name:literal, $bound:literal, $f:expr, $oracle:expr;)+) => {
        fn each_f32(mut check: impl FnMut(&str, f64, &dyn Fn(F32) -> F32, &dyn Fn(f64) -> f64)) {
            $(check($name, $bound, &$f, &$oracle);)+
        }
        fn f64_by_name(name: &str) -> (f64, fn(F64) -> F64) {
            match name {
                $($name => ($bound, $f),)+
                _ => panic!("{name} has no implementation"),
            }
        }
    };
}

functions! {
    "exp", 1.0, |x| x.exp(), f64::exp;
    "ln", 1.0, |x| x.ln(), f64::ln;
    "exp_m1", 2.0, |x| x.exp_m1(), f64::exp_m1;
    "ln_1p", 2.0, |x| x.ln_1p(), f64::ln_1p;
    "tanh", 2.0, |x| x.tanh(), f64::tanh;
    "sigmoid", 2.5, |x| Sigmoid.eval([x]).0, sigmoid;
    "log_sigmoid", 2.5, |x| LogSigmoid.eval([x]).0, |x: f64| -softplus(-x);
    "softplus", 2.5, |x| Softplus::new(&[1.0, f64::INFINITY]).eval([x]).0, softplus;
    "logistic.0", 2.5, |x| x.logistic().0, |x: f64| softplus(-x.abs());
    "logistic.1", 2.5, |x| x.logistic().1, |x: f64| sigmoid(x.abs());
    "logistic.2", 2.5, |x| x.logistic().2, |x: f64| sigmoid(-x.abs());
}

fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 {
        e / (1.0 + e)
    } else {
        1.0 / (1.0 + e)
    }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Applies a function of a one-lane vector.
fn apply<V: Lanes>(f: impl Fn(V) -> V, x: V::Elem) -> V::Elem {
    let mut y = x;
    // SAFETY: one lane each.
    unsafe { f(V::load(&x)).store(&mut y) };
    y
}

/// Distance to the next float32 at `x`.
fn unit32(x: f64) -> f64 {
    let exponent = (x.abs().to_bits() >> 52).max(1023 - 126);
    f64::from_bits((exponent - 23) << 52)
}

/// Distance to the next float64 at `x`.
fn unit64(x: f64) -> f64 {
    let exponent = (x.abs().to_bits() >> 52).max(1);
    f64::from_bits(exponent << 52) * f64::EPSILON
}

#[test]
fn float32_error() {
    each_f32(|name, bound, f, oracle| {
        for bits in (0..=u32::MAX).step_by(10_007) {
            let x = f32::from_bits(bits);
            let (got, want) = (apply(f, x), oracle(x as f64));
            let rounded = want as f32;
            if rounded.is_finite() && got.is_finite() {
                let error = (got as f64 - want).abs() / unit32(want);
                assert!(error <= bound, "{name}({x:e}) = {got:e}, {error} ULP");
            } else {
                let same = got == rounded || got.is_nan() && rounded.is_nan();
                assert!(same, "{name}({x:e}) = {got}, not {rounded}");
            }
        }
    });
}

#[test]
fn float64_error() {
    for line in include_str!("reference.csv").lines() {
        let mut fields = line.split(',');
        let mut field = || fields.next().expect("four fields");
        let name = field();
        let mut number = || f64::from_bits(u64::from_str_radix(field(), 16).expect("bits"));
        let (x, y) = (number(), number());
        let rest: f64 = field().parse().expect("a number");
        let (bound, f) = f64_by_name(name);
        let got = apply(f, x);
        let error = ((got - y) / unit64(y) - rest).abs();
        assert!(error <= bound, "{name}({x:e}) = {got:e}, {error} ULP");
    }
}

/// Asserts results that have to be exact, sign of zero included.
fn exact<T: Element>(
    name: &str,
    f: impl Fn(Vector<Scalar, T>) -> Vector<Scalar, T>,
    inputs: &[f64],
    results: &[f64],
) where
    Vector<Scalar, T>: Lanes<Elem = T>,
{
    assert_eq!(inputs.len(), results.len(), "{name}");
    for (&x, &want) in inputs.iter().zip(results) {
        let got = apply(&f, T::from_f64(x)).to_f64();
        let same = got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan();
        assert!(same, "{name}({x:e}) = {got:e}, not {want:e}");
    }
    assert!(
        apply(&f, T::from_f64(f64::NAN)).to_f64().is_nan(),
        "{name}(NaN)"
    );
}

/// Special values in one element type, given its least and greatest positive numbers.
fn special<T: Element>(a: f64, z: f64)
where
    Vector<Scalar, T>: Lanes<Elem = T>,
{
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let ends = [inf, -inf, z, -z];
    let tiny = [0.0, -0.0, a, -a];
    exact::<T>("exp", |x| x.exp(), &ends, &[inf, 0.0, inf, 0.0]);
    exact::<T>("exp", |x| x.exp(), &tiny, &[1.0; 4]);
    exact::<T>(
        "ln",
        |x| x.ln(),
        &[inf, -inf, 1.0, -1.0],
        &[inf, nan, 0.0, nan],
    );
    exact::<T>("ln", |x| x.ln(), &[0.0, -0.0, -a], &[-inf, -inf, nan]);
    exact::<T>("exp_m1", |x| x.exp_m1(), &ends, &[inf, -1.0, inf, -1.0]);
    exact::<T>("exp_m1", |x| x.exp_m1(), &tiny, &tiny);
    exact::<T>(
        "ln_1p",
        |x| x.ln_1p(),
        &[inf, -inf, -1.0, -1.5],
        &[inf, nan, -inf, nan],
    );
    exact::<T>("ln_1p", |x| x.ln_1p(), &tiny, &tiny);
    exact::<T>("tanh", |x| x.tanh(), &ends, &[1.0, -1.0, 1.0, -1.0]);
    exact::<T>("tanh", |x| x.tanh(), &tiny, &tiny);
    exact::<T>(
        "sigmoid",
        |x| Sigmoid.eval([x]).0,
        &ends,
        &[1.0, 0.0, 1.0, 0.0],
    );
    exact::<T>("sigmoid", |x| Sigmoid.eval([x]).0, &tiny, &[0.5; 4]);
    exact::<T>(
        "log_sigmoid",
        |x| LogSigmoid.eval([x]).0,
        &ends,
        &[0.0, -inf, 0.0, -z],
    );
    exact::<T>(
        "softplus",
        |x| Softplus::new(&[1.0, f64::INFINITY]).eval([x]).0,
        &ends,
        &[inf, 0.0, z, 0.0],
    );
    exact::<T>("logistic.0", |x| x.logistic().0, &ends, &[0.0; 4]);
    exact::<T>("logistic.1", |x| x.logistic().1, &ends, &[1.0; 4]);
    exact::<T>("logistic.2", |x| x.logistic().2, &ends, &[0.0; 4]);
    exact::<T>("signum", |x| x.signum(), &ends, &[1.0, -1.0, 1.0, -1.0]);
    exact::<T>("signum", |x| x.signum(), &tiny, &[0.0, -0.0, 1.0, -1.0]);
}

#[test]
fn special_values() {
    special::<f32>(f32::from_bits(1) as f64, f32::MAX as f64);
    special::<f64>(f64::from_bits(1), f64::MAX);
}

#[test]
fn overflow_of_exp() {
    // the last inputs with a finite result, and the next ones
    let last = 88.722_83_f32;
    assert!(apply(F32::exp, last).is_finite() && apply(F32::exp, last.next_up()).is_infinite());
    let last = 709.782_712_893_384_f64;
    assert!(apply(F64::exp, last).is_finite() && apply(F64::exp, last.next_up()).is_infinite());
    assert!(
        apply(F64::exp_m1, last).is_finite() && apply(F64::exp_m1, last.next_up()).is_infinite()
    );
}

#[test]
fn arctangent() {
    let mut worst = 0.0_f64;
    for i in -400_000..=400_000_i32 {
        // ±2^±25 and what lies between, on an uneven grid.
        let x = (f64::from(i.abs()) / 8000.0 - 25.0).exp2() * (1.0 + f64::from(i % 997) * 1e-4);
        let x = x.copysign(f64::from(i));
        let expected = x.atan();
        let ulp = expected.abs().next_up() - expected.abs();
        worst = worst.max((apply::<F64>(atan, x) - expected).abs() / ulp);
    }
    assert!(
        worst <= 2.0,
        "off by {worst} from std, which may be off itself"
    );
    let half = core::f64::consts::FRAC_PI_2;
    let ends = [
        0.0,
        -0.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::from_bits(1),
    ];
    let expected = [0.0, -0.0, half, -half, f64::from_bits(1)];
    assert_eq!(
        ends.map(|x| apply::<F64>(atan, x).to_bits()),
        expected.map(f64::to_bits)
    );
    assert!(apply::<F64>(atan, f64::NAN).is_nan());
}

/// Functions of a part of the others' domain have the same bits there, `to_bits` being the type's.
fn same_in_part<T: Element>(x: T, to_bits: impl Fn(T) -> u64)
where
    Vector<Scalar, T>: Lanes<Elem = T>,
{
    type V<T> = Vector<Scalar, T>;
    let assert_same = |name: &str, got: T, want: T| {
        let nan = got.to_f64().is_nan() && want.to_f64().is_nan();
        assert!(
            nan || to_bits(got) == to_bits(want),
            "{name}({:e}) = {:e}, not {:e}",
            x.to_f64(),
            got.to_f64(),
            want.to_f64()
        );
    };
    let outside = |low: f64, high: f64| x.to_f64() < low || x.to_f64() > high;
    if !outside(f64::NEG_INFINITY, 0.0) {
        let (got, want) = (apply(V::<T>::exp_nonpositive, x), apply(V::<T>::exp, x));
        assert_same("exp_nonpositive", got, want);
    }
    if x.to_f64() != 0.0 {
        let (got, want) = (apply(V::<T>::ln_nonzero, x), apply(V::<T>::ln, x));
        assert_same("ln_nonzero", got, want);
    }
    if !outside(0.0, 2.0 / T::EPSILON - 1.0) {
        let (got, want) = (apply(V::<T>::ln_1p_nonnegative, x), apply(V::<T>::ln_1p, x));
        assert_same("ln_1p_nonnegative", got, want);
    }
    if !outside(0.0, 1.0) {
        let (got, want) = (
            apply(|x: V<T>| x.ln_probability().0, x),
            apply(V::<T>::ln, x),
        );
        assert_same("ln_probability.0", got, want);
        let (got, want) = (
            apply(|x: V<T>| x.ln_probability().1, x),
            // ln(1 − 0) is 0 and not −0.
            apply(|x: V<T>| (-x).ln_1p() + V::<T>::splat(0.0), x),
        );
        assert_same("ln_probability.1", got, want);
    }
}

#[test]
fn parts_of_domains() {
    let edges = [
        0.0,
        -0.0,
        1.0,
        f64::NAN,
        f64::NEG_INFINITY,
        0.5,
        -104.5,
        -800.0,
        2f64.powi(24) - 1.0,
        2f64.powi(53) - 1.0,
        1e12 + 0.5,
        3.0,
        f64::from(f32::EPSILON),
    ];
    for x in edges {
        same_in_part(x as f32, |x| u64::from(x.to_bits()));
        same_in_part(x, f64::to_bits);
    }
    for bits in (0..=u32::MAX).step_by(4_001) {
        same_in_part(f32::from_bits(bits), |x| u64::from(x.to_bits()));
        let wide = u64::from(bits) << 32 | u64::from(bits.wrapping_mul(2_654_435_761));
        same_in_part(f64::from_bits(wide), f64::to_bits);
    }
    // Where exp is halfway between 0 and the least number.
    for k in 0..4000_u32 {
        let (half32, half64) = (-103.972_f32, -745.133_219_101_941_1_f64);
        same_in_part(f32::from_bits(half32.to_bits() - 2000 + k), |x| {
            u64::from(x.to_bits())
        });
        same_in_part(
            f64::from_bits(half64.to_bits() - 2000 + u64::from(k)),
            f64::to_bits,
        );
    }
    // Where 1 − x is 0 but for its last digits, and where x is subnormal.
    for k in 1..4000_u32 {
        same_in_part(1.0 - k as f32 * f32::EPSILON / 2.0, |x| {
            u64::from(x.to_bits())
        });
        same_in_part(1.0 - f64::from(k) * f64::EPSILON / 2.0, f64::to_bits);
        same_in_part(f32::from_bits(k * k), |x| u64::from(x.to_bits()));
        same_in_part(f64::from_bits(u64::from(k).pow(4)), f64::to_bits);
    }
}
