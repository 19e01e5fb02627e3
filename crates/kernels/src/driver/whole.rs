//! Losses that own their loops: those of sequences, of similarity matrices, of large outputs.
//!
//! What they share with the others is the call: options, reduction, incoming gradients, and the
//! deterministic sum over their elements.

use crate::isa::{Element, Isa};
use crate::reduce::Sum;
use core::ptr::{null, null_mut};
use core::slice::from_raw_parts;

/// The most sizes, arrays and gradients of a call.
pub const MAX: usize = 4;

/// One call of a loss.
pub struct Call<T> {
    /// Sizes, whose meaning is the loss's own.
    pub sizes: [usize; MAX],
    /// Arrays of floats; null for those not given.
    pub args: [*const T; MAX],
    /// Arrays of class indices, labels or lengths; null for those not given.
    pub index: [*const i32; MAX - 1],
    /// The index of rows to leave out.
    pub ignore: Option<i32>,
    /// A weight for each class; null when there is none.
    pub weight: *const T,
    /// What the sum is divided by; `None` is what the loss itself says.
    pub divisor: Option<f64>,
    /// The incoming gradient of the reduced value.
    pub grad_output: f64,
    /// The incoming gradient of each element's value; null when there is none.
    pub grad_outputs: *const T,
    /// Where each element's value goes; null when they are reduced.
    pub values: *mut T,
    /// Where each element's term goes, in float64, beside the sum; null when unwanted.
    pub terms: *mut f64,
    /// Where gradients go; null for those not wanted.
    pub grads: [*mut T; MAX],
    /// As many bytes as [`Whole::scratch`] asks for, 16-byte aligned.
    pub scratch: *mut u8,
}

impl<T: Element> Call<T> {
    /// A call of these sizes that asks for nothing yet.
    pub fn new(sizes: [usize; MAX]) -> Self {
        Call {
            sizes,
            args: [null(); MAX],
            index: [null(); MAX - 1],
            ignore: None,
            weight: null(),
            divisor: Some(1.0),
            grad_output: 1.0,
            grad_outputs: null(),
            values: null_mut(),
            terms: null_mut(),
            grads: [null_mut(); MAX],
            scratch: null_mut(),
        }
    }

    /// Whether any gradient is wanted.
    pub fn wants_gradient(&self) -> bool {
        self.grads.iter().any(|grad| !grad.is_null())
    }

    /// The first `n` elements of an array of indices.
    ///
    /// # Safety
    /// The array must have them.
    pub unsafe fn indices(&self, k: usize, n: usize) -> &[i32] {
        if n == 0 {
            return &[];
        }
        // SAFETY: as the caller's.
        unsafe { from_raw_parts(self.index[k], n) }
    }

    /// The incoming gradient of an element, given the scale of all: `grad_output` by the divisor.
    ///
    /// # Safety
    /// `element` must be below the number of elements.
    pub unsafe fn scale_of(&self, element: usize, scale: T) -> f64 {
        if self.grad_outputs.is_null() {
            scale.to_f64()
        } else {
            // SAFETY: there is an incoming gradient for every element.
            unsafe { *self.grad_outputs.add(element) }.to_f64()
        }
    }

    /// Stores or sums the value of the next element.
    ///
    /// # Safety
    /// `element` must be below the number of elements.
    pub unsafe fn put(&self, element: usize, value: f64, sum: &mut Sum) {
        // SAFETY: there is a value, or a term, for every element.
        unsafe {
            if !self.values.is_null() {
                *self.values.add(element) = T::from_f64(value);
                return;
            }
            sum.push(value);
            if !self.terms.is_null() {
                *self.terms.add(element) = value;
            }
        }
    }
}

/// Hands out parts of scratch memory.
pub struct Arena {
    next: *mut u8,
}

impl Arena {
    /// The start of scratch memory.
    pub fn new(scratch: *mut u8) -> Self {
        Arena { next: scratch }
    }

    /// Bytes that [`Arena::take`] uses for `n` elements; more than there are addresses, perhaps.
    pub fn bytes<E>(n: u64) -> u64 {
        n.saturating_mul(size_of::<E>() as u64).saturating_add(15) & !15
    }

    /// The next `n` elements, 16-byte aligned.
    ///
    /// # Safety
    /// What is left of scratch memory must hold them.
    pub unsafe fn take<E>(&mut self, n: usize) -> *mut E {
        let taken = self.next.cast();
        // SAFETY: as the caller's.
        self.next = unsafe { self.next.add(Self::bytes::<E>(n as u64) as usize) };
        taken
    }
}

/// A loss that owns its loops.
pub trait Whole<T: Element>: Sized {
    /// The loss with its options, rounded to the dtype.
    fn new(options: &[f64]) -> Self;
    /// Bytes of scratch memory for a call of these sizes; more than there are addresses, perhaps.
    /// It reads no array.
    fn scratch(&self, call: &Call<T>) -> u64;
    /// Writes gradients, scaled, and values, and gives the reduced value, already divided (0 where
    /// values are not reduced).
    ///
    /// # Safety
    /// Every pointer of the call must be valid for what it stands for, indices and lengths
    /// checked, and outputs overlap nothing but exactly the argument that they differentiate.
    unsafe fn run<I: Isa>(&self, call: &Call<T>) -> f64;
}
