//! Binary cross-entropy of logits. PyTorch: `BCEWithLogitsLoss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// What [`mixture`] gives.
pub struct Mixture<V> {
    /// no·softplus(x) + yes·softplus(−x).
    pub value: V,
    /// Its derivative by x.
    pub slope: V,
    /// softplus(x) and softplus(−x).
    pub softplus: [V; 2],
    /// σ(x) and σ(−x).
    pub sigmoids: [V; 2],
}

/// The two losses of a logit, mixed.
#[inline(always)]
pub fn mixture<V: Lanes>(x: V, no: V, yes: V) -> Mixture<V> {
    let zero = V::splat(0.0);
    // softplus(±x) = max(±x, 0) + ln(1 + exp(−|x|)): only one of the two has the linear part.
    let (ln, near, far) = x.logistic();
    let positive = x.ge(zero);
    let linear = V::select(positive, no, yes);
    // 0 rather than inf·0 for an infinite logit on the right side.
    let linear = V::select(linear.eq(zero), zero, x.abs() * linear);
    let sigmoid = V::select(positive, near, far);
    let complement = V::select(positive, far, near);
    Mixture {
        value: (no + yes) * ln + linear,
        slope: no * sigmoid - yes * complement,
        softplus: [x.max(zero) + ln, (-x).max(zero) + ln],
        sigmoids: [sigmoid, complement],
    }
}

/// ℓ = (1 − y)·softplus(x) + p·y·softplus(−x), with p the weight of the positive class.
#[inline(always)]
pub fn eval<V: Lanes>(x: V, y: V, p: V) -> (V, [V; 2]) {
    let mixture = mixture(x, V::splat(1.0) - y, p * y);
    let [up, down] = mixture.softplus;
    (mixture.value, [mixture.slope, p * down - up])
}

/// Binary cross-entropy of logits.
#[derive(Clone, Copy)]
pub struct BceWithLogits;

impl Pointwise<2, 2> for BceWithLogits {
    const DEFAULT: usize = 1;

    fn new(_: &[f64]) -> Self {
        BceWithLogits
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 2]) {
        let (value, [by_input, _]) = eval(input, target, V::splat(1.0));
        // softplus(−x) − softplus(x), exactly.
        (value, [by_input, -input])
    }
}
