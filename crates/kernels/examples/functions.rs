//! The elementary functions over arrays, as a WebAssembly module for the sweep of
//! `npm run test:exhaustive`: those that no loss gives by themselves. Made of the same text with the
//! same flags as the package's SIMD build, where they are inlined into the losses' loops.

use fused_loss_kernels::isa::{Element, Lanes, Native, Vector};
use fused_loss_kernels::math::Math;

/// # Safety
/// `x` and `y` must be valid for `n` elements, a multiple of eight.
unsafe fn each<T: Element>(
    n: usize,
    x: *const T,
    y: *mut T,
    f: impl Fn(Vector<Native, T>) -> Vector<Native, T>,
) {
    for i in (0..n).step_by(Vector::<Native, T>::COUNT) {
        // SAFETY: inside of both arrays.
        unsafe { f(Lanes::load(x.add(i))).store(y.add(i)) };
    }
}

macro_rules! exports {
    ($($name:ident: $type:ty, $function:ident;)+) => {
        $(
            /// Writes the function of `n` elements, a multiple of eight, at `x` to `y`.
            ///
            /// # Safety
            /// Both must be valid for so many.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name(n: usize, x: *const $type, y: *mut $type) {
                // SAFETY: the caller's.
                unsafe { each(n, x, y, |x| x.$function()) }
            }
        )+
    };
}

exports! {
    log_float32: f32, ln;
    log_float64: f64, ln;
    log1p_float32: f32, ln_1p;
    log1p_float64: f64, ln_1p;
    expm1_float32: f32, exp_m1;
    expm1_float64: f64, exp_m1;
    tanh_float32: f32, tanh;
    tanh_float64: f64, tanh;
}
