//! Softmax cross-entropy that turns away from what is already right. Lin et al., 2017.

use crate::driver::rowwise::{Call, Rowwise};
use crate::driver::tile::{Rows, Tile};
use crate::forms::focal::Focus;
use crate::forms::target_class;
use crate::isa::{Element, Isa, Lanes};

/// ℓ = −w_y·(1 − p)^γ·ln p, p = softmax(x)_y.
#[derive(Clone, Copy)]
pub struct SoftmaxFocal {
    focus: Focus,
}

impl<T: Element> Rowwise<T> for SoftmaxFocal {
    const SLOTS: usize = target_class::SLOTS;

    /// Options: gamma.
    fn new(options: &[f64]) -> Self {
        SoftmaxFocal {
            focus: Focus::new(T::from_f64(options[0]).to_f64()),
        }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let (zero, one) = (I::F64::splat(0.0), I::F64::splat(1.0));
        let gamma = I::F64::splat(self.focus.gamma);
        // SAFETY: as the caller's.
        unsafe {
            target_class::by_probability::<I, T>(call, tile, scale, |[nll, p, missed]| {
                let factor = self.focus.of(missed);
                // γ·p·nll/(1 − p): where nothing is missed there is nothing to gain, and where the
                // target's probability is 0 its logarithm may be infinite.
                let none = missed.eq(zero) | p.eq(zero);
                let turn = I::F64::select(none, zero, gamma * p * nll / missed);
                [factor * nll, factor * (one + turn)]
            })
        }
    }
}
