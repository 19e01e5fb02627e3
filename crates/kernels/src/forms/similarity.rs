//! Losses of the similarities of all pairs of a batch: products of their rows, perhaps normalised, of
//! which the loss sees one row a sample.

use crate::driver::check::Classes;
use crate::driver::rowwise::{self, Rowwise, Shape, run_rows};
use crate::driver::whole::{Arena, Call};
use crate::isa::{Element, Isa};
use crate::matrix::{self, Matrix, Product, multiply};
use crate::reduce::Sum;
use core::ptr::{null, null_mut};
use core::slice::{from_raw_parts, from_raw_parts_mut};

/// Norms below this are taken for this. PyTorch: `normalize`.
const EPS: f64 = 1e-12;

/// How samples are compared: ŷ is y, or y/‖y‖.
#[derive(Clone, Copy)]
pub struct Similarity {
    /// Whether rows are normalised first.
    pub normalize: bool,
    /// The factor of the products.
    pub scale: f64,
}

/// A batch's similarities, and what a loss of them works with.
pub struct Batch<'a, T> {
    call: &'a Call<T>,
    /// Number of samples.
    pub samples: usize,
    /// The similarities of each sample of the first array with all of the second; once a loss has seen
    /// them, the gradient by them.
    pub similarities: &'a mut [T],
    /// As many elements for the loss's own use.
    pub spare: &'a mut [T],
    /// The values of [`Batch::columns`], where values are wanted.
    pub column_values: &'a mut [T],
    /// The number of each sample.
    numbers: &'a mut [i32],
    tile: *mut T,
}

/// Sizes of a call: samples, and elements of each.
fn sizes<T>(call: &Call<T>) -> [usize; 2] {
    [call.sizes[0], call.sizes[1]]
}

/// Rows of similarities, and their columns.
fn shapes(n: usize) -> [Shape; 2] {
    let shape = |outer, inner| Shape {
        outer,
        classes: n,
        inner,
    };
    [shape(n, 1), shape(1, n)]
}

fn panels([n, d]: [usize; 2]) -> usize {
    matrix::scratch([n, d, n]).max(matrix::scratch([n, n, d]))
}

/// Bytes of scratch memory for a call of a loss whose tiles have so many slots.
pub fn bytes<T>(call: &Call<T>, slots: usize) -> u64 {
    let [n, d] = sizes(call);
    let square = Arena::bytes::<T>((n as u64).saturating_mul(n as u64));
    let rows = Arena::bytes::<T>((n as u64).saturating_mul(d as u64));
    let tile = shapes(n)
        .map(|shape| shape.scratch(slots))
        .into_iter()
        .max();
    [
        square,
        square,
        rows,
        rows,
        Arena::bytes::<f64>(n as u64),
        Arena::bytes::<f64>(n as u64),
        Arena::bytes::<T>(n as u64),
        Arena::bytes::<i32>(n as u64),
        Arena::bytes::<T>(tile.unwrap_or(0)),
        Arena::bytes::<T>(panels([n, d]) as u64),
    ]
    .into_iter()
    // Never nothing, so that even empty slices have an address.
    .fold(16, u64::saturating_add)
}

/// Computes the similarities of the call's one or two arrays, has `loss` put the gradient by them in
/// their place, given its scale, and add up its values, and writes the gradients by the arrays. Gives the
/// sum of the values by the divisor.
///
/// # Safety
/// As `Whole::run`'s, with [`bytes`] of scratch memory.
pub unsafe fn run<I: Isa, T: Element>(
    how: Similarity,
    call: &Call<T>,
    slots: usize,
    divisor: f64,
    loss: impl FnOnce(&mut Batch<T>, T, &mut Sum),
) -> f64 {
    let [n, d] = sizes(call);
    // Without anything to divide by there is nothing to differentiate.
    let scale = if divisor > 0.0 {
        call.grad_output / divisor
    } else {
        0.0
    };
    let mut sum = Sum::default();
    let mut arena = Arena::new(call.scratch);
    let alone = call.args[1].is_null();
    // SAFETY: arrays have n rows of d elements; scratch memory has what `bytes` asks for.
    unsafe {
        let similarities = from_raw_parts_mut(arena.take(n * n), n * n);
        let spare = from_raw_parts_mut(arena.take(n * n), n * n);
        let rows: [*mut T; 2] = [arena.take(n * d), arena.take(n * d)];
        let norms: [*mut f64; 2] = [arena.take(n), arena.take(n)];
        let column_values = from_raw_parts_mut(arena.take(n), n);
        let numbers = from_raw_parts_mut(arena.take(n), n);
        let tile = shapes(n)
            .map(|shape| shape.scratch(slots))
            .into_iter()
            .max();
        let tile = arena.take(tile.unwrap_or(0) as usize);
        let panels: *mut T = arena.take(panels([n, d]));
        for (k, number) in numbers.iter_mut().enumerate() {
            *number = k as i32;
        }
        for k in 0..if alone { 1 } else { 2 } {
            for row in 0..n {
                let from = from_raw_parts(call.args[k].add(row * d), d);
                let to = from_raw_parts_mut(rows[k].add(row * d), d);
                *norms[k].add(row) = how.prepare(from, to);
            }
        }
        let other = if alone { rows[0] } else { rows[1] };
        let plain = |data: *const T, columns| Matrix {
            data,
            rows: columns,
            columns: 1,
        };
        let turned = |data: *const T, columns| Matrix {
            data,
            rows: 1,
            columns,
        };
        let product = Product {
            size: [n, d, n],
            a: plain(rows[0], d),
            b: turned(other, d),
            c: similarities.as_mut_ptr(),
            c_rows: n,
            add: false,
        };
        multiply::<I, T>(&product, panels);
        for x in similarities.iter_mut() {
            *x = T::from_f64(x.to_f64() * how.scale);
        }
        let mut batch = Batch {
            call,
            samples: n,
            similarities,
            spare,
            column_values,
            numbers,
            tile,
        };
        loss(&mut batch, T::from_f64(scale), &mut sum);
        let lift = lift(batch.similarities);
        let slopes = batch.similarities.as_ptr();
        // By the first array G·ŷ, by the second Gᵀ·x̂; by one alone both.
        let parts = [
            (plain(slopes, n), other, 0, false),
            (turned(slopes, n), rows[0], usize::from(!alone), alone),
        ];
        for (a, b, k, add) in parts {
            if call.grads[k].is_null() {
                continue;
            }
            let product = Product {
                size: [n, n, d],
                a,
                b: plain(b, d),
                c: call.grads[k],
                c_rows: d,
                add,
            };
            multiply::<I, T>(&product, panels);
        }
        for k in 0..if alone { 1 } else { 2 } {
            for row in (0..n).filter(|_| !call.grads[k].is_null()) {
                let grad = from_raw_parts_mut(call.grads[k].add(row * d), d);
                let x = from_raw_parts(rows[k].add(row * d), d);
                how.finish(grad, x, *norms[k].add(row), lift);
            }
        }
        sum.total() / divisor
    }
}

impl Similarity {
    /// A row as it is compared; gives its norm.
    fn prepare<T: Element>(&self, from: &[T], to: &mut [T]) -> f64 {
        let mut norm = 1.0;
        if self.normalize {
            let square = from
                .iter()
                .fold(0.0, |sum, x| sum + x.to_f64() * x.to_f64());
            norm = root(square);
        }
        // A norm that is NaN stays.
        let by = if norm < EPS { EPS } else { norm };
        for (to, from) in to.iter_mut().zip(from) {
            *to = T::from_f64(from.to_f64() / by);
        }
        norm
    }

    /// From the gradient by the row as it is compared, multiplied by `lift`, that by the row.
    fn finish<T: Element>(&self, grad: &mut [T], row: &[T], norm: f64, lift: f64) {
        let mut along = 0.0;
        if self.normalize && norm >= EPS {
            let products = grad.iter().zip(row);
            along = products.fold(0.0, |sum, (g, x)| sum + g.to_f64() * x.to_f64());
        }
        let by = if !self.normalize {
            1.0
        } else if norm < EPS {
            EPS
        } else {
            norm
        };
        for (grad, x) in grad.iter_mut().zip(row) {
            *grad = T::from_f64((grad.to_f64() - along * x.to_f64()) * self.scale / lift / by);
        }
    }
}

/// Multiplies a gradient by a power of two that puts its greatest element near 2⁶⁰, and gives it. Most of
/// a sharp softmax lies far below its greatest: products with what is not even a normal number take
/// many times longer.
fn lift<T: Element>(slopes: &mut [T]) -> f64 {
    let greatest = slopes.iter().fold(0.0_f64, |most, x| {
        let size = x.to_f64().abs();
        if size > most { size } else { most }
    });
    let exponent = (greatest.to_bits() >> 52) as i64 - 1023;
    // 0, subnormal in float64 or infinite: as they are. In float32 no power leaves its range.
    let lift = if (-1000..1000).contains(&exponent) {
        f64::from_bits(((60 - exponent + 1023).clamp(1, 2046) as u64) << 52)
    } else {
        1.0
    };
    for x in slopes.iter_mut() {
        *x = T::from_f64(x.to_f64() * lift);
    }
    lift
}

fn root(x: f64) -> f64 {
    use crate::isa::{Lanes, Scalar};
    let mut root = [0.0];
    // SAFETY: the scalar token's vector has one lane.
    unsafe {
        <Scalar as Isa>::F64::splat(x)
            .sqrt()
            .store(root.as_mut_ptr())
    };
    root[0]
}

impl<T: Element> Batch<'_, T> {
    /// Runs a loss of rows on the similarities of each sample of the first array, with its own number as
    /// the target, and puts the gradient in their place.
    ///
    /// # Safety
    /// `other` and `weight` must be what the loss takes, and the batch's call be valid.
    pub unsafe fn rows<I: Isa>(
        &mut self,
        loss: &impl Rowwise<T>,
        [other, weight]: [*const T; 2],
        scale: T,
        sum: &mut Sum,
    ) {
        let [rows, _] = shapes(self.samples);
        let (data, values) = (self.similarities.as_mut_ptr(), self.call.values);
        // SAFETY: as the caller's.
        unsafe { self.sweep::<I>(loss, rows, data, [other, weight], values, scale, sum) }
    }

    /// The same on those of the second array, which [`Batch::spare`] holds a copy of.
    ///
    /// # Safety
    /// As [`Batch::rows`].
    pub unsafe fn columns<I: Isa>(&mut self, loss: &impl Rowwise<T>, scale: T, sum: &mut Sum) {
        let [_, columns] = shapes(self.samples);
        let data = self.spare.as_mut_ptr();
        let values = if self.call.values.is_null() {
            null_mut()
        } else {
            self.column_values.as_mut_ptr()
        };
        // SAFETY: as the caller's.
        unsafe { self.sweep::<I>(loss, columns, data, [null(); 2], values, scale, sum) }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what the two functions above differ in"
    )]
    unsafe fn sweep<I: Isa>(
        &self,
        loss: &impl Rowwise<T>,
        shape: Shape,
        data: *mut T,
        [other, weight]: [*const T; 2],
        values: *mut T,
        scale: T,
        sum: &mut Sum,
    ) {
        let call = rowwise::Call {
            other,
            classes: Classes {
                index: self.numbers.as_ptr(),
                count: self.samples,
                ignore: None,
            },
            weight,
            grad_outputs: self.call.grad_outputs,
            values,
            input_grad: if self.call.wants_gradient() {
                data
            } else {
                null_mut()
            },
            ..rowwise::Call::new(shape, data, self.tile)
        };
        // SAFETY: as the caller's; numbers are below the number of samples.
        unsafe { run_rows::<I, T>(loss, &call, scale, sum) };
    }
}
