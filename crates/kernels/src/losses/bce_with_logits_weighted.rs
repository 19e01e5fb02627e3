//! Binary cross-entropy of logits with a weight of the positive class. PyTorch:
//! `BCEWithLogitsLoss(pos_weight=…)`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::losses::bce_with_logits::eval;

/// Binary cross-entropy of logits with a weight of the positive class, which may be broadcast.
#[derive(Clone, Copy)]
pub struct BceWithLogitsWeighted;

impl Pointwise<3, 2> for BceWithLogitsWeighted {
    const DEFAULT: usize = 1;

    fn new(_: &[f64]) -> Self {
        BceWithLogitsWeighted
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target, pos_weight]: [V; 3]) -> (V, [V; 2]) {
        eval(input, target, pos_weight)
    }
}
