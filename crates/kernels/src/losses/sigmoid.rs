//! The logistic function. PyTorch: `sigmoid`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// f = 1/(1 + exp(−x)).
#[derive(Clone, Copy)]
pub struct Sigmoid;

impl Pointwise<1, 1> for Sigmoid {
    fn new(_: &[f64]) -> Self {
        Sigmoid
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [x]: [V; 1]) -> (V, [V; 1]) {
        let (_, near, far) = x.logistic();
        (V::select(x.ge(V::splat(0.0)), near, far), [near * far])
    }
}
