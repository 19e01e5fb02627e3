//! Overlap of predicted and true regions. Milletari et al., 2016.

use crate::driver::rowwise::{Call, Rowwise};
use crate::driver::tile::{Rows, Tile};
use crate::isa::{Element, Isa};
use crate::losses::tversky::Tversky;

/// ℓ = 1 − (2·Σ x·y + s)/(Σ x + Σ y + s): Tversky's with both weights ½ and half of s.
#[derive(Clone, Copy)]
pub struct Dice(Tversky);

impl<T: Element> Rowwise<T> for Dice {
    const SLOTS: usize = <Tversky as Rowwise<T>>::SLOTS;

    /// Options: smooth.
    fn new(options: &[f64]) -> Self {
        Dice(Tversky::with::<T>([0.5, 0.5, options[0] / 2.0]))
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        // SAFETY: as the caller's.
        unsafe { self.0.tile::<I>(call, tile, scale) }
    }
}
