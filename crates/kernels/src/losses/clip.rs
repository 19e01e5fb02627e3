//! Finds the text of each image and the image of each text. Radford et al., 2021.

use crate::driver::rowwise::Rowwise;
use crate::driver::whole::{Call, Whole};
use crate::forms::similarity::{self, Similarity};
use crate::isa::{Element, Isa};
use crate::losses::cross_entropy::CrossEntropy;
use core::ptr::null;

/// ℓ_i = −½·ln softmax_j(s·x_i·y_j)_i − ½·ln softmax_j(s·x_j·y_i)_i.
#[derive(Clone, Copy)]
pub struct Clip {
    how: Similarity,
    cross_entropy: CrossEntropy,
}

impl<T: Element> Whole<T> for Clip {
    /// Options: logitScale, normalize.
    fn new(options: &[f64]) -> Self {
        Clip {
            how: Similarity {
                normalize: options[1] != 0.0,
                scale: T::from_f64(options[0]).to_f64(),
            },
            cross_entropy: <CrossEntropy as Rowwise<T>>::new(&[0.0; 3]),
        }
    }

    fn scratch(&self, call: &Call<T>) -> u64 {
        similarity::bytes(call, <CrossEntropy as Rowwise<T>>::SLOTS)
    }

    unsafe fn run<I: Isa>(&self, call: &Call<T>) -> f64 {
        let divisor = call.divisor.unwrap_or(1.0);
        let slots = <CrossEntropy as Rowwise<T>>::SLOTS;
        let half = |x: T, y: T| T::from_f64(0.5 * (x.to_f64() + y.to_f64()));
        // SAFETY: as the caller's.
        let both = unsafe {
            similarity::run::<I, T>(self.how, call, slots, divisor, |batch, scale, sum| {
                let loss = &self.cross_entropy;
                batch.spare.copy_from_slice(batch.similarities);
                batch.rows::<I>(loss, [null(); 2], scale, sum);
                batch.columns::<I>(loss, scale, sum);
                for (i, &value) in batch.column_values.iter().enumerate() {
                    if !call.values.is_null() {
                        let mean = call.values.add(i);
                        *mean = half(*mean, value);
                    }
                }
                let pairs = batch.similarities.iter_mut().zip(batch.spare.iter());
                pairs.for_each(|(x, &y)| *x = half(*x, y));
            })
        };
        0.5 * both
    }
}
