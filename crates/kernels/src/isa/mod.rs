//! The instruction set as a type.
//!
//! Kernels are written once over [`Lanes`], a short vector of floats. A token ([`Scalar`],
//! `Simd128`) picks the vector types. Every operation is defined per lane and rounds as
//! IEEE 754 says, so the token never shows in a result.

mod scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

use core::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

pub use scalar::Scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use simd128::Simd128;

use crate::math::Functions;

/// The token that this build's drivers run on.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub type Native = Simd128;
/// The token that this build's drivers run on.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub type Native = Scalar;

/// Lanes of the float64 accumulator that every sum runs through, whatever the vector width.
pub const SUM_LANES: usize = 8;

/// An instruction set.
pub trait Isa: Copy + 'static {
    /// The float32 vector.
    type F32: Lanes<Elem = f32>;
    /// The float64 vector.
    type F64: Lanes<Elem = f64>;
    /// Loads as many float32 elements as a float64 vector has, widened.
    ///
    /// # Safety
    /// `p` must be valid for reading them.
    unsafe fn widen(p: *const f32) -> Self::F64;
    /// Stores a float64 vector, rounded to float32.
    ///
    /// # Safety
    /// `p` must be valid for writing as many elements.
    unsafe fn narrow(x: Self::F64, p: *mut f32);
}

/// An element type of the kernels: `f32` or `f64`.
pub trait Element: Copy + PartialOrd + Functions + 'static {
    /// The vector of this element type in `I`.
    type Lanes<I: Isa>: Lanes<Elem = Self>;
    /// Rounds to nearest.
    fn from_f64(x: f64) -> Self;
    /// Exact.
    fn to_f64(self) -> f64;
    /// The number that the representation is as an integer.
    fn count(self) -> f64;
    /// Loads a vector of elements, widened to float64.
    ///
    /// # Safety
    /// `p` must be valid for reading as many elements as a float64 vector has.
    unsafe fn widen<I: Isa>(p: *const Self) -> I::F64;
    /// Stores a float64 vector, rounded.
    ///
    /// # Safety
    /// `p` must be valid for writing as many elements.
    unsafe fn narrow<I: Isa>(x: I::F64, p: *mut Self);
}

/// The vector of `T` in the instruction set `I`.
pub type Vector<I, T> = <T as Element>::Lanes<I>;

/// A vector of floats: the operations that the kernels use, and no more.
pub trait Lanes:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// One lane.
    type Elem: Element;
    /// The result of a comparison.
    type Mask: Copy
        + BitAnd<Output = Self::Mask>
        + BitOr<Output = Self::Mask>
        + Not<Output = Self::Mask>;
    /// Eight float64 sums in registers.
    type Sum: Copy + From<[f64; SUM_LANES]> + Into<[f64; SUM_LANES]>;
    /// Number of lanes; divides [`SUM_LANES`].
    const COUNT: usize;

    /// All lanes the same, rounded once to the element type.
    fn splat(x: f64) -> Self;
    /// Loads [`Self::COUNT`] elements; no alignment beyond the element's is needed.
    ///
    /// # Safety
    /// `p` must be valid for reading that many elements.
    unsafe fn load(p: *const Self::Elem) -> Self;
    /// Stores [`Self::COUNT`] elements.
    ///
    /// # Safety
    /// `p` must be valid for writing that many elements.
    unsafe fn store(self, p: *mut Self::Elem);

    /// Copies [`Self::COUNT`] rows of as many elements, `stride` apart, to columns: rows of `to`, `to_stride`
    /// apart.
    ///
    /// # Safety
    /// The rows must be valid for reading, those of `to` for writing.
    #[inline(always)]
    unsafe fn transpose(
        from: *const Self::Elem,
        stride: usize,
        to: *mut Self::Elem,
        to_stride: usize,
    ) {
        for row in 0..Self::COUNT {
            for column in 0..Self::COUNT {
                // SAFETY: the caller's.
                unsafe { *to.add(column * to_stride + row) = *from.add(row * stride + column) };
            }
        }
    }

    /// Magnitude; clears the sign bit.
    fn abs(self) -> Self;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// `if other < self { other } else { self }`: a NaN in `self` survives.
    fn min(self, other: Self) -> Self;
    /// `if self < other { other } else { self }`: a NaN in `self` survives.
    fn max(self, other: Self) -> Self;

    /// Lane-wise `<`.
    fn lt(self, other: Self) -> Self::Mask;
    /// Lane-wise `<=`.
    fn le(self, other: Self) -> Self::Mask;
    /// Lane-wise `==`.
    fn eq(self, other: Self) -> Self::Mask;
    /// `mask ? yes : no` for each lane. Not for a maximum, as in `select(x.le(y), y, x)`: LLVM makes `pmax` of that in
    /// WebAssembly alone, which keeps the other zero where x is −0 and y is 0.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// Bitwise and of the representations.
    fn bits_and(self, other: Self) -> Self;
    /// Bitwise or of the representations.
    fn bits_or(self, other: Self) -> Self;
    /// Wrapping integer sum of the representations.
    fn bits_add(self, other: Self) -> Self;
    /// Wrapping integer difference of the representations.
    fn bits_sub(self, other: Self) -> Self;
    /// Shifts the representations left.
    fn bits_shl<const K: u32>(self) -> Self;
    /// Shifts the representations right, filling with zeros.
    fn bits_shr<const K: u32>(self) -> Self;
    /// All lanes this bit pattern (the low 32 bits for float32).
    fn from_bits(bits: u64) -> Self;

    /// Adds this vector, widened to float64, to its lanes of the sum: `slot` counts vectors
    /// within a group of [`SUM_LANES`] elements.
    fn accumulate(self, sum: &mut Self::Sum, slot: usize);
    /// [`Self::accumulate`] of what is in memory.
    ///
    /// # Safety
    /// As [`Self::load`]'s.
    #[inline(always)]
    unsafe fn accumulate_from(p: *const Self::Elem, sum: &mut Self::Sum, slot: usize) {
        // SAFETY: the caller's.
        unsafe { Self::load(p) }.accumulate(sum, slot);
    }

    /// Lane-wise `>`.
    #[inline(always)]
    fn gt(self, other: Self) -> Self::Mask {
        other.lt(self)
    }
    /// Lane-wise `>=`.
    #[inline(always)]
    fn ge(self, other: Self) -> Self::Mask {
        other.le(self)
    }
    /// Magnitude of `self`, sign of `sign`.
    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        self.abs().bits_or(sign.bits_and(Self::splat(-0.0)))
    }
}

impl Element for f32 {
    type Lanes<I: Isa> = I::F32;
    #[inline(always)]
    fn from_f64(x: f64) -> f32 {
        x as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self as f64
    }
    #[inline(always)]
    fn count(self) -> f64 {
        f64::from(self.to_bits())
    }
    #[inline(always)]
    unsafe fn widen<I: Isa>(p: *const f32) -> I::F64 {
        // SAFETY: as the caller's.
        unsafe { I::widen(p) }
    }
    #[inline(always)]
    unsafe fn narrow<I: Isa>(x: I::F64, p: *mut f32) {
        // SAFETY: as the caller's.
        unsafe { I::narrow(x, p) }
    }
}

impl Element for f64 {
    type Lanes<I: Isa> = I::F64;
    #[inline(always)]
    fn from_f64(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn count(self) -> f64 {
        self.to_bits() as f64
    }
    #[inline(always)]
    unsafe fn widen<I: Isa>(p: *const f64) -> I::F64 {
        // SAFETY: as the caller's.
        unsafe { I::F64::load(p) }
    }
    #[inline(always)]
    unsafe fn narrow<I: Isa>(x: I::F64, p: *mut f64) {
        // SAFETY: as the caller's.
        unsafe { x.store(p) }
    }
}
