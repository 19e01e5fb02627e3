//! Softmax cross-entropy of a linear layer's logits, which are never held all at once. PyTorch:
//! `LinearCrossEntropyLoss`.

use crate::driver::check::Classes;
use crate::driver::rowwise::{self, Rowwise, run_rows};
use crate::driver::tile::Shape;
use crate::driver::whole::{Arena, Call, Whole};
use crate::isa::{Element, Isa, Lanes, SUM_LANES, Vector};
use crate::losses::cross_entropy::CrossEntropy;
use crate::matrix::{self, BLOCK, Matrix, Product, multiply};
use crate::reduce::Sum;
use core::ptr::{copy_nonoverlapping, null, null_mut};

/// Cross-entropy of x·Wᵀ + b. The rows go through the very kernel of [`CrossEntropy`], a chunk of
/// them at a time, and its gradient, written over the chunk's logits, through two more products.
///
/// A chunk is a multiple of [`BLOCK`], so that no result depends on it.
#[derive(Clone, Copy)]
pub struct LinearCrossEntropy {
    cross_entropy: CrossEntropy,
}

/// Arguments of a call, and the gradients by them: (rows, width), (classes, width), (classes),
/// (rows, classes).
const INPUT: usize = 0;
const LINEAR_WEIGHT: usize = 1;
const BIAS: usize = 2;
/// Null where the targets are indices.
const TARGET: usize = 3;

/// The most logits of a chunk, unless the call says otherwise or one of [`BLOCK`] rows has more.
const LOGITS: usize = 1 << 24;

/// Sizes of a call.
struct Sizes {
    rows: usize,
    width: usize,
    classes: usize,
    chunk: usize,
}

impl Sizes {
    /// Of rows, width, classes, and rows of a chunk, which 0 leaves to us.
    fn new([rows, width, classes, chunk]: [usize; 4]) -> Self {
        let fit = LOGITS / classes.max(1) / BLOCK * BLOCK;
        let chunk = if chunk == 0 {
            fit.max(BLOCK)
        } else {
            chunk.div_ceil(BLOCK).saturating_mul(BLOCK)
        };
        Sizes {
            rows,
            width,
            classes,
            chunk: chunk.min(rows),
        }
    }

    fn shape(&self, rows: usize) -> Shape {
        Shape {
            outer: rows,
            classes: self.classes,
            inner: 1,
        }
    }

    /// Elements of the products' panels.
    fn panels(&self) -> usize {
        let (r, w, c) = (self.chunk, self.width, self.classes);
        let sizes = [[r, w, c], [c, r, w], [r, c, w]];
        sizes.map(matrix::scratch).into_iter().max().unwrap_or(0)
    }
}

/// Whether the gradient by the layer's weight is written over the weight, which later chunks need.
fn covers<T>(call: &Call<T>) -> bool {
    !call.grads[LINEAR_WEIGHT].is_null()
        && call.grads[LINEAR_WEIGHT].cast_const() == call.args[LINEAR_WEIGHT]
}

impl<T: Element> Whole<T> for LinearCrossEntropy {
    /// Options: labelSmoothing.
    fn new(options: &[f64]) -> Self {
        LinearCrossEntropy {
            cross_entropy: <CrossEntropy as Rowwise<T>>::new(&[options[0], 0.0, 0.0]),
        }
    }

    fn scratch(&self, call: &Call<T>) -> u64 {
        let sizes = Sizes::new(call.sizes);
        let slots = <CrossEntropy as Rowwise<T>>::SLOTS;
        let product = |a: usize, b: usize| a as u64 * b as u64;
        let weight = if covers(call) {
            product(sizes.classes, sizes.width)
        } else {
            0
        };
        Arena::bytes::<T>(product(sizes.chunk, sizes.classes))
            .saturating_add(Arena::bytes::<T>(sizes.shape(sizes.chunk).scratch(slots)))
            .saturating_add(Arena::bytes::<T>(sizes.panels() as u64))
            .saturating_add(Arena::bytes::<f64>(sizes.classes as u64))
            .saturating_add(Arena::bytes::<T>(weight))
    }

    unsafe fn run<I: Isa>(&self, call: &Call<T>) -> f64 {
        let sizes = Sizes::new(call.sizes);
        let Sizes {
            rows,
            width,
            classes,
            chunk,
        } = sizes;
        let slots = <CrossEntropy as Rowwise<T>>::SLOTS;
        let mut arena = Arena::new(call.scratch);
        let zero = T::from_f64(0.0);
        // SAFETY: what `scratch` asks for; all else is in the arrays of the call, whose sizes these
        // are, or in scratch memory.
        unsafe {
            let logits: *mut T = arena.take(chunk * classes);
            let tile: *mut T = arena.take(sizes.shape(chunk).scratch(slots) as usize);
            let panels: *mut T = arena.take(sizes.panels());
            let bias_sums: *mut f64 = arena.take(classes);
            let bias_sums = core::slice::from_raw_parts_mut(bias_sums, classes);
            bias_sums.fill(0.0);
            let weight_grad: *mut T = if covers(call) {
                arena.take(classes * width)
            } else {
                call.grads[LINEAR_WEIGHT]
            };
            let [input_grad, _, bias_grad, _] = call.grads;
            let with_gradient = call.wants_gradient();
            if rows == 0 && !weight_grad.is_null() {
                core::slice::from_raw_parts_mut(weight_grad, classes * width).fill(zero);
            }

            let weight = Matrix {
                data: call.args[LINEAR_WEIGHT],
                rows: width,
                columns: 1,
            };
            // The part of the batch that begins at a row; with its logits, a batch of its own.
            let part = |first: usize, rows: usize| rowwise::Call {
                other: offset(call.args[TARGET], first * classes),
                classes: Classes {
                    index: offset(call.index[0], first),
                    count: classes,
                    ignore: call.ignore,
                },
                weight: call.weight,
                divisor: call.divisor,
                grad_output: call.grad_output,
                grad_outputs: offset(call.grad_outputs, first),
                values: offset(call.values, first).cast_mut(),
                terms: offset(call.terms, first).cast_mut(),
                input_grad: if with_gradient { logits } else { null_mut() },
                ..rowwise::Call::new(sizes.shape(rows), logits, tile)
            };
            let divisor = part(0, rows).resolved_divisor();
            let scale = T::from_f64(call.grad_output / divisor);

            let mut sum = Sum::default();
            for first in (0..rows).step_by(chunk.max(1)) {
                let rows = chunk.min(rows - first);
                let input = Matrix {
                    data: call.args[INPUT].add(first * width),
                    rows: width,
                    columns: 1,
                };
                let bias = call.args[BIAS];
                if !bias.is_null() {
                    for row in 0..rows {
                        copy_nonoverlapping(bias, logits.add(row * classes), classes);
                    }
                }
                let product = Product {
                    size: [rows, width, classes],
                    a: input,
                    b: transposed(weight),
                    c: logits,
                    c_rows: classes,
                    add: !bias.is_null(),
                };
                multiply::<I, T>(&product, panels);
                run_rows::<I, T>(&self.cross_entropy, &part(first, rows), scale, &mut sum);

                let grad = Matrix {
                    data: logits.cast_const(),
                    rows: classes,
                    columns: 1,
                };
                if !weight_grad.is_null() {
                    let product = Product {
                        size: [classes, rows, width],
                        a: transposed(grad),
                        b: input,
                        c: weight_grad,
                        c_rows: width,
                        add: first > 0,
                    };
                    multiply::<I, T>(&product, panels);
                }
                if !bias_grad.is_null() {
                    for row in 0..rows {
                        add_row::<I, T>(logits.add(row * classes), bias_sums);
                    }
                }
                // Last, as it may be written over the input.
                if !input_grad.is_null() {
                    let product = Product {
                        size: [rows, classes, width],
                        a: grad,
                        b: weight,
                        c: input_grad.add(first * width),
                        c_rows: width,
                        add: false,
                    };
                    multiply::<I, T>(&product, panels);
                }
            }
            if covers(call) {
                copy_nonoverlapping(weight_grad, call.grads[LINEAR_WEIGHT], classes * width);
            }
            if !bias_grad.is_null() {
                for (class, &sum) in bias_sums.iter().enumerate() {
                    *bias_grad.add(class) = T::from_f64(sum);
                }
            }
            sum.total() / divisor
        }
    }
}

fn transposed<T>(x: Matrix<T>) -> Matrix<T> {
    Matrix {
        data: x.data,
        rows: x.columns,
        columns: x.rows,
    }
}

/// An address in an array; null stays null.
///
/// # Safety
/// The offset must lie in the array.
unsafe fn offset<T>(data: *const T, by: usize) -> *const T {
    if data.is_null() {
        null()
    } else {
        // SAFETY: as the caller's.
        unsafe { data.add(by) }
    }
}

/// Adds a row to float64 sums.
///
/// # Safety
/// The row must have as many elements as there are sums.
#[inline(never)]
unsafe fn add_row<I: Isa, T: Element>(row: *const T, sums: &mut [f64]) {
    let count = Vector::<I, T>::COUNT;
    let (groups, rest) = sums.as_chunks_mut::<SUM_LANES>();
    for (group, sums) in groups.iter_mut().enumerate() {
        let mut sum = <Vector<I, T> as Lanes>::Sum::from(*sums);
        for slot in 0..SUM_LANES / count {
            // SAFETY: the group lies in the row.
            let x = unsafe { Vector::<I, T>::load(row.add(group * SUM_LANES + slot * count)) };
            x.accumulate(&mut sum, slot);
        }
        *sums = sum.into();
    }
    for (k, sum) in rest.iter_mut().enumerate() {
        // SAFETY: after the groups.
        *sum += unsafe { *row.add(groups.len() * SUM_LANES + k) }.to_f64();
    }
}
