//! One lane at a time: the build for hosts without SIMD, native tests, and scalar row arithmetic.

extern crate std; // for sqrt

use super::{Isa, Lanes, SUM_LANES};
use core::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// The instruction set with one lane.
#[derive(Clone, Copy, Debug)]
pub struct Scalar;

impl Isa for Scalar {
    type F32 = One<f32>;
    type F64 = One<f64>;
    #[inline(always)]
    unsafe fn widen(p: *const f32) -> One<f64> {
        // SAFETY: the caller vouches for one readable element.
        One(f64::from(unsafe { *p }))
    }
    #[inline(always)]
    unsafe fn narrow(x: One<f64>, p: *mut f32) {
        // SAFETY: the caller vouches for one writable element.
        unsafe { *p = x.0 as f32 }
    }
}

/// A vector of one lane.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct One<T>(pub T);

/// The result of comparing two vectors of one lane.
#[derive(Clone, Copy, Debug)]
pub struct Bit(bool);

impl BitAnd for Bit {
    type Output = Bit;
    #[inline(always)]
    fn bitand(self, other: Bit) -> Bit {
        Bit(self.0 & other.0)
    }
}

impl BitOr for Bit {
    type Output = Bit;
    #[inline(always)]
    fn bitor(self, other: Bit) -> Bit {
        Bit(self.0 | other.0)
    }
}

impl Not for Bit {
    type Output = Bit;
    #[inline(always)]
    fn not(self) -> Bit {
        Bit(!self.0)
    }
}

macro_rules! operator {
    ($float:ty, $($trait:ident $method:ident $op:tt),+) => {$(
        impl $trait for One<$float> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                One(self.0 $op other.0)
            }
        }
    )+};
}

macro_rules! one_lane {
    ($float:ty, $int:ty, $uint:ty) => {
        operator!($float, Add add +, Sub sub -, Mul mul *, Div div /);

        impl Neg for One<$float> {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                One(-self.0)
            }
        }

        impl One<$float> {
            #[inline(always)]
            fn int(self) -> $int {
                self.0.to_bits() as $int
            }
            #[inline(always)]
            fn of_int(bits: $int) -> Self {
                One(<$float>::from_bits(bits as $uint))
            }
        }

        impl Lanes for One<$float> {
            type Elem = $float;
            type Mask = Bit;
            type Sum = [f64; SUM_LANES];
            const COUNT: usize = 1;

            #[inline(always)]
            fn splat(x: f64) -> Self {
                One(x as $float)
            }
            #[inline(always)]
            unsafe fn load(p: *const $float) -> Self {
                // SAFETY: the caller vouches for one readable element.
                One(unsafe { *p })
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $float) {
                // SAFETY: the caller vouches for one writable element.
                unsafe { *p = self.0 }
            }
            #[inline(always)]
            fn abs(self) -> Self {
                One(self.0.abs())
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                One(self.0.sqrt())
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                if other.0 < self.0 { other } else { self }
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                if self.0 < other.0 { other } else { self }
            }
            #[inline(always)]
            fn lt(self, other: Self) -> Bit {
                Bit(self.0 < other.0)
            }
            #[inline(always)]
            fn le(self, other: Self) -> Bit {
                Bit(self.0 <= other.0)
            }
            #[inline(always)]
            fn eq(self, other: Self) -> Bit {
                Bit(self.0 == other.0)
            }
            #[inline(always)]
            fn select(mask: Bit, yes: Self, no: Self) -> Self {
                if mask.0 { yes } else { no }
            }
            #[inline(always)]
            fn bits_and(self, other: Self) -> Self {
                Self::of_int(self.int() & other.int())
            }
            #[inline(always)]
            fn bits_or(self, other: Self) -> Self {
                Self::of_int(self.int() | other.int())
            }
            #[inline(always)]
            fn bits_add(self, other: Self) -> Self {
                Self::of_int(self.int().wrapping_add(other.int()))
            }
            #[inline(always)]
            fn bits_sub(self, other: Self) -> Self {
                Self::of_int(self.int().wrapping_sub(other.int()))
            }
            #[inline(always)]
            fn bits_shl<const K: u32>(self) -> Self {
                Self::of_int(self.int() << K)
            }
            #[inline(always)]
            fn bits_shr<const K: u32>(self) -> Self {
                Self::of_int((self.int() as $uint >> K) as $int)
            }
            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                Self::of_int(bits as $int)
            }
            #[inline(always)]
            fn accumulate(self, sum: &mut Self::Sum, slot: usize) {
                sum[slot] += self.0 as f64;
            }
        }
    };
}

one_lane!(f32, i32, u32);
one_lane!(f64, i64, u64);
