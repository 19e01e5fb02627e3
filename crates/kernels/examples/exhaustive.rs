//! The largest error of every float32 function over every input, in units in the last place.
//!
//! `npm run test:exhaustive [-- stride]`; a stride of 1 takes some minutes. The oracle is
//! float64 `std`, whose own error is below a thousandth of such a unit.

use fused_loss_kernels::driver::pointwise::Pointwise;
use fused_loss_kernels::isa::{Isa, Lanes, Scalar};
use fused_loss_kernels::losses::log_sigmoid::LogSigmoid;
use fused_loss_kernels::losses::sigmoid::Sigmoid;
use fused_loss_kernels::losses::softplus::Softplus;
use fused_loss_kernels::math::Math;
use std::process::ExitCode;

type F32 = <Scalar as Isa>::F32;
type Case = (&'static str, f64, fn(F32) -> F32, fn(f64) -> f64);

const CASES: [Case; 11] = [
    ("exp", 1.0, F32::exp, f64::exp),
    ("ln", 1.0, F32::ln, f64::ln),
    ("exp_m1", 2.5, F32::exp_m1, f64::exp_m1),
    ("ln_1p", 2.5, F32::ln_1p, f64::ln_1p),
    ("tanh", 2.5, F32::tanh, f64::tanh),
    ("sigmoid", 2.5, |x| Sigmoid.eval([x]).0, sigmoid),
    (
        "log_sigmoid",
        2.5,
        |x| LogSigmoid.eval([x]).0,
        |x| -softplus(-x),
    ),
    (
        "softplus",
        2.5,
        |x| Softplus::new(&[1.0, f64::INFINITY]).eval([x]).0,
        softplus,
    ),
    (
        "logistic.0",
        2.5,
        |x| x.logistic().0,
        |x| softplus(-x.abs()),
    ),
    ("logistic.1", 2.5, |x| x.logistic().1, |x| sigmoid(x.abs())),
    ("logistic.2", 2.5, |x| x.logistic().2, |x| sigmoid(-x.abs())),
];

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

fn apply(f: fn(F32) -> F32, x: f32) -> f32 {
    let mut y = 0.0;
    // SAFETY: one lane each.
    unsafe { f(F32::load(&x)).store(&mut y) };
    y
}

/// Error of `got` in units of the last place of `want`, infinite if one of them is special and
/// the other is something else.
fn error(got: f32, want: f64) -> f64 {
    let rounded = want as f32;
    if got.is_nan() || rounded.is_nan() || got.is_infinite() || rounded.is_infinite() {
        let same = got == rounded || got.is_nan() && rounded.is_nan();
        return if same { 0.0 } else { f64::INFINITY };
    }
    let exponent = (want.abs().to_bits() >> 52).max(1023 - 126);
    let unit = f64::from_bits((exponent - 23) << 52);
    (got as f64 - want).abs() / unit
}

fn main() -> ExitCode {
    let stride = std::env::args()
        .nth(1)
        .map_or(1, |s| s.parse().expect("stride"));
    let (mut passed, mut failed) = (0, 0);
    for (name, bound, f, oracle) in CASES {
        let (mut worst, mut at) = (0.0, 0.0);
        for bits in (0..=u32::MAX).step_by(stride) {
            let x = f32::from_bits(bits);
            let e = error(apply(f, x), oracle(x as f64));
            if e > worst {
                (worst, at) = (e, x);
            }
        }
        println!("{name:12} {worst:8.4} ULP at {at:e} (bound {bound})");
        if worst > bound {
            failed += 1;
        } else {
            passed += 1;
        }
    }
    println!("{passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}
