//! Logarithm of the logistic function. PyTorch: `logsigmoid`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// f = −ln(1 + exp(−x)).
#[derive(Clone, Copy)]
pub struct LogSigmoid;

impl Pointwise<1, 1> for LogSigmoid {
    fn new(_: &[f64]) -> Self {
        LogSigmoid
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [x]: [V; 1]) -> (V, [V; 1]) {
        let zero = V::splat(0.0);
        let (ln, near, far) = x.logistic();
        (x.min(zero) - ln, [V::select(x.ge(zero), far, near)])
    }
}
