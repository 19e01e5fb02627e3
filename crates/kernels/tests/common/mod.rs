//! What the native tests share: a second token, guarded memory, naive sums and comparisons.
#![allow(dead_code, reason = "each test binary uses its own part")]

use core::fmt::Debug;
use core::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};
use fused_loss_kernels::isa::{Element, Isa, Lanes, SUM_LANES, Scalar};

/// Instantiates generic tests once a token.
#[allow(unused_macros, reason = "each test binary uses its own part")]
macro_rules! per_token {
    ($($test:ident),+ $(,)?) => {
        per_token!(scalar, fused_loss_kernels::isa::Scalar, $($test),+);
        per_token!(packed, crate::common::Packed, $($test),+);
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        per_token!(simd128, fused_loss_kernels::isa::Simd128, $($test),+);
    };
    ($module:ident, $token:ty, $($test:ident),+) => {
        mod $module {
            $(#[test]
            fn $test() {
                super::$test::<$token>();
            })+
        }
    };
}

/// A token of simd128's vector lengths that runs natively, so that native tests reach what a
/// token of one lane does not: slots, padded tails and the lanes of a vector.
#[derive(Clone, Copy)]
pub struct Packed;

impl Isa for Packed {
    type F32 = Pack<<Scalar as Isa>::F32, 4>;
    type F64 = Pack<<Scalar as Isa>::F64, 2>;
    unsafe fn widen(p: *const f32) -> Self::F64 {
        // SAFETY: the caller vouches for two readable elements.
        Pack(core::array::from_fn(|k| unsafe { Scalar::widen(p.add(k)) }))
    }
    unsafe fn narrow(x: Self::F64, p: *mut f32) {
        for (k, x) in x.0.into_iter().enumerate() {
            // SAFETY: the caller vouches for two writable elements.
            unsafe { Scalar::narrow(x, p.add(k)) };
        }
    }
}

/// N vectors as one.
#[derive(Clone, Copy)]
pub struct Pack<V, const N: usize>([V; N]);

impl<V: Copy, const N: usize> Pack<V, N> {
    fn zip<W: Copy, R>(self, other: Pack<W, N>, f: impl Fn(V, W) -> R) -> Pack<R, N> {
        Pack(core::array::from_fn(|k| f(self.0[k], other.0[k])))
    }
    fn map<R>(self, f: impl Fn(V) -> R) -> Pack<R, N> {
        Pack(self.0.map(f))
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident),+) => {$(
        impl<V: $trait<Output = V> + Copy, const N: usize> $trait for Pack<V, N> {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                self.zip(other, V::$method)
            }
        }
    )+};
}

operators!(Add add, Sub sub, Mul mul, Div div, BitAnd bitand, BitOr bitor);

impl<V: Neg<Output = V> + Copy, const N: usize> Neg for Pack<V, N> {
    type Output = Self;
    fn neg(self) -> Self {
        self.map(V::neg)
    }
}

impl<V: Not<Output = V> + Copy, const N: usize> Not for Pack<V, N> {
    type Output = Self;
    fn not(self) -> Self {
        self.map(V::not)
    }
}

impl<V: Lanes, const N: usize> Lanes for Pack<V, N> {
    type Elem = V::Elem;
    type Mask = Pack<V::Mask, N>;
    type Sum = [f64; SUM_LANES];
    const COUNT: usize = N * V::COUNT;

    fn splat(x: f64) -> Self {
        Pack([V::splat(x); N])
    }
    unsafe fn load(p: *const V::Elem) -> Self {
        // SAFETY: the caller vouches for COUNT readable elements.
        Pack(core::array::from_fn(|k| unsafe {
            V::load(p.add(k * V::COUNT))
        }))
    }
    unsafe fn store(self, p: *mut V::Elem) {
        for (k, v) in self.0.into_iter().enumerate() {
            // SAFETY: the caller vouches for COUNT writable elements.
            unsafe { v.store(p.add(k * V::COUNT)) }
        }
    }
    fn abs(self) -> Self {
        self.map(V::abs)
    }
    fn sqrt(self) -> Self {
        self.map(V::sqrt)
    }
    fn min(self, other: Self) -> Self {
        self.zip(other, V::min)
    }
    fn max(self, other: Self) -> Self {
        self.zip(other, V::max)
    }
    fn lt(self, other: Self) -> Self::Mask {
        self.zip(other, V::lt)
    }
    fn le(self, other: Self) -> Self::Mask {
        self.zip(other, V::le)
    }
    fn eq(self, other: Self) -> Self::Mask {
        self.zip(other, V::eq)
    }
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        Pack(core::array::from_fn(|k| {
            V::select(mask.0[k], yes.0[k], no.0[k])
        }))
    }
    fn bits_and(self, other: Self) -> Self {
        self.zip(other, V::bits_and)
    }
    fn bits_or(self, other: Self) -> Self {
        self.zip(other, V::bits_or)
    }
    fn bits_add(self, other: Self) -> Self {
        self.zip(other, V::bits_add)
    }
    fn bits_sub(self, other: Self) -> Self {
        self.zip(other, V::bits_sub)
    }
    fn bits_shl<const K: u32>(self) -> Self {
        self.map(V::bits_shl::<K>)
    }
    fn bits_shr<const K: u32>(self) -> Self {
        self.map(V::bits_shr::<K>)
    }
    fn from_bits(bits: u64) -> Self {
        Pack([V::from_bits(bits); N])
    }
    fn accumulate(self, sum: &mut Self::Sum, slot: usize) {
        let mut lanes = V::Sum::from(*sum);
        for (k, v) in self.0.into_iter().enumerate() {
            v.accumulate(&mut lanes, slot * N + k);
        }
        *sum = lanes.into();
    }
}

/// An element type, with what comparisons need to know of it.
pub trait Real: Element + Debug + Mul<Output = Self> {
    /// Its name in a failure.
    const NAME: &'static str;
    /// Distance from 1 to the next number.
    const UNIT: f64;
    /// The smallest number above 0.
    const TINY: f64;
    /// A NaN that no arithmetic gives.
    const SENTINEL: Self;
    /// The representation.
    fn bits(self) -> u64;
}

impl Real for f32 {
    const NAME: &'static str = "f32";
    const UNIT: f64 = f32::EPSILON as f64;
    const TINY: f64 = f32::from_bits(1) as f64;
    const SENTINEL: f32 = f32::from_bits(0x7fd0_1234);
    fn bits(self) -> u64 {
        self.to_bits().into()
    }
}

impl Real for f64 {
    const NAME: &'static str = "f64";
    const UNIT: f64 = f64::EPSILON;
    const TINY: f64 = f64::from_bits(1);
    const SENTINEL: f64 = f64::from_bits(0x7ffa_0000_0000_1234);
    fn bits(self) -> u64 {
        self.to_bits()
    }
}

/// Whether two numbers are the same bits; a NaN is like any other.
pub fn same<T: Real>(a: T, b: T) -> bool {
    a.bits() == b.bits() || a.to_f64().is_nan() && b.to_f64().is_nan()
}

/// Asserts that two arrays are the same bits.
pub fn assert_same<T: Real>(got: &[T], want: &[T], what: impl Fn() -> String) {
    assert_eq!(got.len(), want.len(), "{}: length", what());
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        assert!(same(got, want), "{}[{i}]: {got:?}, want {want:?}", what());
    }
}

/// The error of `got` in units of `size`'s last place; 0 where both are the same special value,
/// infinite where only one is.
pub fn error<T: Real>(got: T, want: f64, size: f64) -> f64 {
    let got = got.to_f64();
    if got == want || got.is_nan() && want.is_nan() {
        return 0.0;
    }
    let error = (got - want).abs() / (T::UNIT * size).max(T::TINY);
    if error.is_nan() { f64::INFINITY } else { error }
}

/// Asserts that `got` is off by at most `bound` units in the last place of `size`.
#[track_caller]
pub fn assert_close<T: Real>(got: T, want: f64, size: f64, bound: f64, what: impl Fn() -> String) {
    let error = error(got, want, size);
    assert!(
        error <= bound,
        "{}: {got:e}, want {want:e}: off by {error:.2} units, allowed {bound}",
        what(),
        got = got.to_f64(),
    );
}

/// Elements between guards that must not be written and that poison what reads them. The elements
/// start at an address that is aligned for no vector.
pub struct Guarded<T>(Vec<T>);

const GUARD: usize = 9;

impl<T: Real> Guarded<T> {
    /// Memory that holds these elements.
    pub fn holding(values: &[T]) -> Self {
        let mut cells = vec![T::SENTINEL; values.len() + 2 * GUARD];
        cells[GUARD..GUARD + values.len()].copy_from_slice(values);
        Guarded(cells)
    }
    /// Memory that has yet to be written.
    pub fn blank(n: usize) -> Self {
        Guarded(vec![T::SENTINEL; n + 2 * GUARD])
    }
    /// The address of the first element.
    pub fn ptr(&mut self) -> *mut T {
        self.0[GUARD..].as_mut_ptr()
    }
    /// The elements, once it is certain that nothing around them was written.
    pub fn checked(self, what: impl Fn() -> String) -> Vec<T> {
        let mut cells = self.0;
        let end = cells.len() - GUARD;
        let intact = |cells: &[T]| cells.iter().all(|x| x.bits() == T::SENTINEL.bits());
        assert!(intact(&cells[end..]), "{}: written past the end", what());
        assert!(intact(&cells[..GUARD]), "{}: written before", what());
        cells.truncate(end);
        cells.split_off(GUARD)
    }
}

/// The sum as design.md states it, without regard to speed.
pub fn tree_sum(terms: &[f64]) -> f64 {
    let mut sums: Vec<f64> = terms
        .chunks(4096)
        .map(|block| {
            let mut l = [0.0; 8];
            for (i, term) in block.iter().enumerate() {
                l[i % 8] += term;
            }
            ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
        })
        .collect();
    while sums.len() > 1 {
        sums = sums.chunks(2).map(|pair| pair.iter().sum()).collect();
    }
    sums.first().copied().unwrap_or(0.0)
}

/// The sum to within a rounding (Neumaier).
pub fn exact_sum(terms: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0);
    for term in terms {
        let next = sum + term;
        lost += if sum.abs() >= term.abs() {
            (sum - next) + term
        } else {
            (term - next) + sum
        };
        sum = next;
    }
    sum + lost
}

/// The elements rounded to the element type.
pub fn rounded<T: Real>(x: &[f64]) -> Vec<T> {
    x.iter().map(|&x| T::from_f64(x)).collect()
}

/// The elements widened to float64.
pub fn widened<T: Real>(x: &[T]) -> Vec<f64> {
    x.iter().map(|x| x.to_f64()).collect()
}

/// Lengths around everything that a loop over elements turns on: vectors, groups of eight, spans,
/// blocks.
pub const BORDERS: [usize; 7] = [1023, 1024, 1025, 4095, 4096, 4097, 2 * 4096 + 5];

/// The longest of the [`BORDERS`].
pub const LONGEST: usize = 2 * 4096 + 5;

/// Pseudo-random numbers (splitmix64).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// At least 0 and less than 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * f64::EPSILON / 2.0
    }
    /// At least `low` and less than `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
    /// Less than `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    /// 10⁻⁶ to 1, evenly in the logarithm.
    pub fn small(&mut self) -> f64 {
        10f64.powf(self.between(-6.0, 0.0))
    }
}
