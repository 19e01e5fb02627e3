//! Finds the text of each image and the image of each text. Radford et al., 2021.

use crate::driver::whole::{Call, Whole};
use crate::forms::similarity::Contrast;
use crate::isa::{Element, Isa};
use core::ptr::null;

/// ℓ_i = −½·ln softmax_j(s·x_i·y_j)_i − ½·ln softmax_j(s·x_j·y_i)_i.
#[derive(Clone, Copy)]
pub struct Clip(Contrast);

impl<T: Element> Whole<T> for Clip {
    /// Options: logitScale, normalize.
    fn new(options: &[f64]) -> Self {
        Clip(Contrast::new::<T>(
            T::from_f64(options[0]).to_f64(),
            options[1] != 0.0,
        ))
    }

    fn scratch(&self, call: &Call<T>) -> u64 {
        Contrast::bytes(call, true)
    }

    unsafe fn run<I: Isa>(&self, call: &Call<T>) -> f64 {
        let Self(contrast) = self;
        let half = |x: T, y: T| T::from_f64(0.5 * (x.to_f64() + y.to_f64()));
        // SAFETY: as the caller's.
        let both = unsafe {
            contrast.run::<I, T>(call, true, |batch, scale, sum| {
                let loss = &contrast.cross_entropy;
                batch.spare.copy_from_slice(batch.similarities);
                batch.rows::<I>(loss, [null(); 2], scale, sum);
                batch.columns::<I>(loss, scale, sum);
                if !call.values.is_null() {
                    for (i, &value) in batch.aside.iter().enumerate() {
                        let mean = call.values.add(i);
                        *mean = half(*mean, value);
                    }
                }
                if call.wants_gradient() {
                    let pairs = batch.similarities.iter_mut().zip(batch.spare.iter());
                    pairs.for_each(|(x, &y)| *x = half(*x, y));
                }
            })
        };
        0.5 * both
    }
}
