//! Losses of the similarities of all pairs of a batch: products of their rows, perhaps normalised, of
//! which the loss sees one row a sample.

use crate::driver::check::Classes;
use crate::driver::rowwise::{self, Rowwise, run_rows};
use crate::driver::tile::Shape;
use crate::driver::whole::{Arena, Call};
use crate::isa::{Element, Isa};
use crate::losses::cross_entropy::CrossEntropy;
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
    /// As many elements for the loss's own use, if it asked for them.
    pub spare: &'a mut [T],
    /// An element a sample for the loss's own use: for one that goes through the columns, their values
    /// where values are wanted.
    pub aside: &'a mut [T],
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

/// A loss that compares by cross-entropy.
#[derive(Clone, Copy)]
pub struct Contrast {
    how: Similarity,
    /// The loss of a row of similarities.
    pub cross_entropy: CrossEntropy,
}

impl Contrast {
    /// Of normalised rows or others, with the factor of their products.
    pub fn new<T: Element>(scale: f64, normalize: bool) -> Self {
        Contrast {
            how: Similarity { normalize, scale },
            cross_entropy: <CrossEntropy as Rowwise<T>>::new(&[0.0; 3]),
        }
    }

    fn needs<T: Element>(spare: bool) -> Needs {
        Needs {
            slots: <CrossEntropy as Rowwise<T>>::SLOTS,
            spare,
        }
    }

    /// Bytes of scratch memory for a call, perhaps with [`Batch::spare`].
    pub fn bytes<T: Element>(call: &Call<T>, spare: bool) -> u64 {
        bytes(call, Self::needs::<T>(spare))
    }

    /// [`run`] with this loss, of which a sample is an element.
    ///
    /// # Safety
    /// As [`run`]'s, with [`Contrast::bytes`].
    pub unsafe fn run<I: Isa, T: Element>(
        &self,
        call: &Call<T>,
        spare: bool,
        loss: impl FnOnce(&mut Batch<T>, T, &mut Sum),
    ) -> f64 {
        let divisor = call.divisor.unwrap_or(call.sizes[0] as f64);
        // SAFETY: as the caller's.
        unsafe { run::<I, T>(self.how, call, Self::needs::<T>(spare), divisor, loss) }
    }
}

/// What a loss of similarities works with.
#[derive(Clone, Copy)]
pub struct Needs {
    /// Slots of its tiles.
    pub slots: usize,
    /// Whether it needs a second matrix, [`Batch::spare`].
    pub spare: bool,
}

impl Needs {
    /// Elements of a tile, of rows or of columns.
    fn tile(self, n: usize) -> u64 {
        let [rows, columns] = shapes(n).map(|shape| shape.scratch(self.slots));
        rows.max(columns)
    }

    /// Rows of the second matrix.
    fn spare_rows(self, n: usize) -> usize {
        if self.spare { n } else { 0 }
    }
}

/// Bytes of scratch memory for a call of a loss.
pub fn bytes<T>(call: &Call<T>, needs: Needs) -> u64 {
    let [n, d] = sizes(call);
    let square = |rows: usize| Arena::bytes::<T>((rows as u64).saturating_mul(n as u64));
    let rows = Arena::bytes::<T>((n as u64).saturating_mul(d as u64));
    [
        square(n),
        square(needs.spare_rows(n)),
        rows,
        rows,
        Arena::bytes::<f64>(n as u64),
        Arena::bytes::<f64>(n as u64),
        Arena::bytes::<T>(n as u64),
        Arena::bytes::<i32>(n as u64),
        Arena::bytes::<T>(needs.tile(n)),
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
    needs: Needs,
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
        let spare = needs.spare_rows(n) * n;
        let spare = from_raw_parts_mut(arena.take(spare), spare);
        let rows: [*mut T; 2] = [arena.take(n * d), arena.take(n * d)];
        let norms: [*mut f64; 2] = [arena.take(n), arena.take(n)];
        let aside = from_raw_parts_mut(arena.take(n), n);
        let numbers = from_raw_parts_mut(arena.take(n), n);
        let tile = arena.take(needs.tile(n) as usize);
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
            aside,
            numbers,
            tile,
        };
        loss(&mut batch, T::from_f64(scale), &mut sum);
        if !call.wants_gradient() {
            return sum.total() / divisor;
        }
        let factors =
            greatest(from_raw_parts(rows[0], n * d)).max(greatest(from_raw_parts(other, n * d)));
        let lift = lift(batch.similarities, factors);
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
        let by = clamp(norm);
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
        let by = clamp(norm);
        for (grad, x) in grad.iter_mut().zip(row) {
            *grad = T::from_f64((grad.to_f64() - along * x.to_f64()) * self.scale / lift / by);
        }
    }
}

/// What a row of this norm, which is 1 where it is not normalised, is divided by. NaN stays.
fn clamp(norm: f64) -> f64 {
    if norm < EPS { EPS } else { norm }
}

/// The greatest magnitude; NaN is passed over.
fn greatest<T: Element>(x: &[T]) -> f64 {
    x.iter().fold(0.0_f64, |most, x| {
        let size = x.to_f64().abs();
        if size > most { size } else { most }
    })
}

/// Multiplies a gradient by a power of two that puts its greatest element near 2⁶⁰, and gives it. Most of
/// a sharp softmax lies far below its greatest: products with what is not even a normal number take
/// many times longer. Less where the other factors, of which this is the greatest, are large, so that
/// sums of 2²⁴ products stay in float32's range.
fn lift<T: Element>(slopes: &mut [T], factor: f64) -> f64 {
    let exponent = |x: f64| (x.to_bits() >> 52) as i64 - 1023;
    let (from, room) = (exponent(greatest(slopes)), 100 - exponent(factor));
    // 0, subnormal in float64 or infinite: as they are.
    let usual = |exponent: i64| (-1000..1000).contains(&exponent);
    let lift = if usual(from) && usual(room) {
        f64::from_bits(((room.min(60) - from + 1023).clamp(1, 2046) as u64) << 52)
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
            self.aside.as_mut_ptr()
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
