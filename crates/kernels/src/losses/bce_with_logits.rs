//! Binary cross-entropy of logits. PyTorch: `BCEWithLogitsLoss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// no·softplus(x) + yes·softplus(−x) with its derivative by x, and both softplus.
#[inline(always)]
pub fn mixture<V: Lanes>(x: V, no: V, yes: V) -> (V, V, [V; 2]) {
    let zero = V::splat(0.0);
    // softplus(±x) = max(±x, 0) + ln(1 + exp(−|x|)): only one of the two has the linear part.
    let (ln, near, far) = x.logistic();
    let positive = x.ge(zero);
    let linear = V::select(positive, no, yes);
    // 0 rather than inf·0 for an infinite logit on the right side.
    let linear = V::select(linear.eq(zero), zero, x.abs() * linear);
    let sigmoid = V::select(positive, near, far);
    let complement = V::select(positive, far, near);
    let value = (no + yes) * ln + linear;
    let by_input = no * sigmoid - yes * complement;
    (value, by_input, [x.max(zero) + ln, (-x).max(zero) + ln])
}

/// ℓ = (1 − y)·softplus(x) + p·y·softplus(−x), with p the weight of the positive class.
#[inline(always)]
pub fn eval<V: Lanes>(x: V, y: V, p: V) -> (V, [V; 2]) {
    let (value, by_input, [up, down]) = mixture(x, V::splat(1.0) - y, p * y);
    (value, [by_input, p * down - up])
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
