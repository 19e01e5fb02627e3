//! WebAssembly's 128-bit vectors.

use super::{Isa, Lanes, SUM_LANES};
use core::arch::wasm32::*;
use core::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// The instruction set of WebAssembly SIMD.
#[derive(Clone, Copy, Debug)]
pub struct Simd128;

impl Isa for Simd128 {
    type F32 = F32x4;
    type F64 = F64x2;
    #[inline(always)]
    unsafe fn widen(p: *const f32) -> F64x2 {
        // SAFETY: the caller vouches for 8 readable bytes.
        F64x2(f64x2_promote_low_f32x4(unsafe {
            v128_load64_zero(p.cast())
        }))
    }
    #[inline(always)]
    unsafe fn narrow(x: F64x2, p: *mut f32) {
        // SAFETY: the caller vouches for 8 writable bytes.
        unsafe { v128_store64_lane::<0>(f32x4_demote_f64x2_zero(x.0), p.cast()) }
    }
}

/// Four float32 lanes.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct F32x4(v128);

/// Two float64 lanes.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct F64x2(v128);

/// All ones or all zeros in each lane.
#[derive(Clone, Copy, Debug)]
pub struct Mask(v128);

/// Eight float64 sums in four registers.
#[derive(Clone, Copy, Debug)]
pub struct Sum8([v128; 4]);

impl From<[f64; SUM_LANES]> for Sum8 {
    #[inline(always)]
    fn from(x: [f64; SUM_LANES]) -> Self {
        Sum8([
            f64x2(x[0], x[1]),
            f64x2(x[2], x[3]),
            f64x2(x[4], x[5]),
            f64x2(x[6], x[7]),
        ])
    }
}

impl From<Sum8> for [f64; SUM_LANES] {
    #[inline(always)]
    fn from(Sum8([a, b, c, d]): Sum8) -> Self {
        let pair = |v| (f64x2_extract_lane::<0>(v), f64x2_extract_lane::<1>(v));
        let ((a0, a1), (b0, b1), (c0, c1), (d0, d1)) = (pair(a), pair(b), pair(c), pair(d));
        [a0, a1, b0, b1, c0, c1, d0, d1]
    }
}

impl BitAnd for Mask {
    type Output = Mask;
    #[inline(always)]
    fn bitand(self, other: Mask) -> Mask {
        Mask(v128_and(self.0, other.0))
    }
}

impl BitOr for Mask {
    type Output = Mask;
    #[inline(always)]
    fn bitor(self, other: Mask) -> Mask {
        Mask(v128_or(self.0, other.0))
    }
}

impl Not for Mask {
    type Output = Mask;
    #[inline(always)]
    fn not(self) -> Mask {
        Mask(v128_not(self.0))
    }
}

macro_rules! operator {
    ($vector:ident, $($trait:ident $method:ident $op:ident),+) => {$(
        impl $trait for $vector {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                $vector($op(self.0, other.0))
            }
        }
    )+};
}

macro_rules! unary {
    ($vector:ident, $($method:ident $op:ident),+) => {$(
        #[inline(always)]
        fn $method(self) -> Self {
            $vector($op(self.0))
        }
    )+};
}

macro_rules! binary {
    ($vector:ident, $($method:ident $op:ident),+) => {$(
        #[inline(always)]
        fn $method(self, other: Self) -> Self {
            $vector($op(self.0, other.0))
        }
    )+};
}

macro_rules! compare {
    ($($method:ident $op:ident),+) => {$(
        #[inline(always)]
        fn $method(self, other: Self) -> Mask {
            Mask($op(self.0, other.0))
        }
    )+};
}

macro_rules! memory_and_masks {
    ($vector:ident, $elem:ty, $count:literal) => {
        type Elem = $elem;
        type Mask = Mask;
        type Sum = Sum8;
        const COUNT: usize = $count;

        #[inline(always)]
        unsafe fn load(p: *const $elem) -> Self {
            // SAFETY: the caller vouches for 16 readable bytes; wasm loads need no alignment.
            $vector(unsafe { v128_load(p.cast()) })
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut $elem) {
            // SAFETY: the caller vouches for 16 writable bytes; wasm stores need no alignment.
            unsafe { v128_store(p.cast(), self.0) }
        }
        #[inline(always)]
        fn select(mask: Mask, yes: Self, no: Self) -> Self {
            // Written out, so that the compiler sees a zero among the two; it makes a bitselect of the rest.
            $vector(v128_or(v128_and(yes.0, mask.0), v128_andnot(no.0, mask.0)))
        }
    };
}

operator!(F32x4, Add add f32x4_add, Sub sub f32x4_sub, Mul mul f32x4_mul, Div div f32x4_div);
operator!(F64x2, Add add f64x2_add, Sub sub f64x2_sub, Mul mul f64x2_mul, Div div f64x2_div);

impl Neg for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        F32x4(f32x4_neg(self.0))
    }
}

impl Neg for F64x2 {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        F64x2(f64x2_neg(self.0))
    }
}

impl Lanes for F32x4 {
    memory_and_masks!(F32x4, f32, 4);
    unary!(F32x4, abs f32x4_abs, sqrt f32x4_sqrt);
    binary!(F32x4, bits_and v128_and, bits_or v128_or, bits_add i32x4_add, bits_sub i32x4_sub);
    compare!(lt f32x4_lt, le f32x4_le, eq f32x4_eq);

    #[inline(always)]
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: the caller's.
        unsafe {
            let [a, b, c, d] = [0, 1, 2, 3].map(|row| Self::load(from.add(row * stride)).0);
            let pairs = |a, b| {
                (
                    i32x4_shuffle::<0, 4, 1, 5>(a, b),
                    i32x4_shuffle::<2, 6, 3, 7>(a, b),
                )
            };
            let ((low, high), (other_low, other_high)) = (pairs(a, c), pairs(b, d));
            let ((a, b), (c, d)) = (pairs(low, other_low), pairs(high, other_high));
            for (column, lanes) in [a, b, c, d].into_iter().enumerate() {
                F32x4(lanes).store(to.add(column * to_stride));
            }
        }
    }
    #[inline(always)]
    fn splat(x: f64) -> Self {
        F32x4(f32x4_splat(x as f32))
    }
    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        F32x4(i32x4_splat(bits as i32))
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        F32x4(f32x4_pmin(self.0, other.0))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        F32x4(f32x4_pmax(self.0, other.0))
    }
    #[inline(always)]
    fn bits_shl<const K: u32>(self) -> Self {
        F32x4(i32x4_shl(self.0, K))
    }
    #[inline(always)]
    fn bits_shr<const K: u32>(self) -> Self {
        F32x4(u32x4_shr(self.0, K))
    }
    #[inline(always)]
    fn accumulate(self, Sum8(sum): &mut Sum8, slot: usize) {
        let high = i32x4_shuffle::<2, 3, 2, 3>(self.0, self.0);
        sum[2 * slot] = f64x2_add(sum[2 * slot], f64x2_promote_low_f32x4(self.0));
        sum[2 * slot + 1] = f64x2_add(sum[2 * slot + 1], f64x2_promote_low_f32x4(high));
    }
    #[inline(always)]
    unsafe fn accumulate_from(p: *const f32, Sum8(sum): &mut Sum8, slot: usize) {
        // Half a vector is loaded and widened by one instruction, without a shuffle.
        // SAFETY: the caller's.
        let [low, high] = unsafe { [Simd128::widen(p), Simd128::widen(p.add(2))] };
        sum[2 * slot] = f64x2_add(sum[2 * slot], low.0);
        sum[2 * slot + 1] = f64x2_add(sum[2 * slot + 1], high.0);
    }
}

impl Lanes for F64x2 {
    memory_and_masks!(F64x2, f64, 2);
    unary!(F64x2, abs f64x2_abs, sqrt f64x2_sqrt);
    binary!(F64x2, bits_and v128_and, bits_or v128_or, bits_add i64x2_add, bits_sub i64x2_sub);
    compare!(lt f64x2_lt, le f64x2_le, eq f64x2_eq);

    #[inline(always)]
    unsafe fn transpose(from: *const f64, stride: usize, to: *mut f64, to_stride: usize) {
        // SAFETY: the caller's.
        unsafe {
            let (a, b) = (Self::load(from).0, Self::load(from.add(stride)).0);
            F64x2(i64x2_shuffle::<0, 2>(a, b)).store(to);
            F64x2(i64x2_shuffle::<1, 3>(a, b)).store(to.add(to_stride));
        }
    }
    #[inline(always)]
    fn splat(x: f64) -> Self {
        F64x2(f64x2_splat(x))
    }
    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        F64x2(i64x2_splat(bits as i64))
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        F64x2(f64x2_pmin(self.0, other.0))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        F64x2(f64x2_pmax(self.0, other.0))
    }
    #[inline(always)]
    fn bits_shl<const K: u32>(self) -> Self {
        F64x2(i64x2_shl(self.0, K))
    }
    #[inline(always)]
    fn bits_shr<const K: u32>(self) -> Self {
        F64x2(u64x2_shr(self.0, K))
    }
    #[inline(always)]
    fn accumulate(self, Sum8(sum): &mut Sum8, slot: usize) {
        sum[slot] = f64x2_add(sum[slot], self.0);
    }
}
