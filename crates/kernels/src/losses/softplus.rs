//! Smooth rectifier. PyTorch: `softplus`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// f = ln(1 + exp(βx))/β, and x where βx > threshold.
#[derive(Clone, Copy)]
pub struct Softplus {
    beta: f64,
    threshold: f64,
}

impl Pointwise<1, 1> for Softplus {
    fn new(options: &[f64]) -> Self {
        Softplus {
            beta: options[0],
            threshold: options[1],
        }
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [x]: [V; 1]) -> (V, [V; 1]) {
        let (zero, beta) = (V::splat(0.0), V::splat(self.beta));
        let z = x * beta;
        let (ln, near, far) = z.logistic();
        let linear = z.gt(V::splat(self.threshold));
        let value = V::select(linear, x, (z.max(zero) + ln) / beta);
        let slope = V::select(z.ge(zero), near, far);
        (value, [V::select(linear, V::splat(1.0), slope)])
    }
}
