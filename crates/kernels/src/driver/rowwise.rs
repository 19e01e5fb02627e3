//! The loop of losses and functions whose terms depend on all classes of a row: over tiles of rows.

use crate::driver::check::Classes;
use crate::driver::parallel;
use crate::driver::tile::{RowMemory, Rows, Shape, Tile};
use crate::isa::{Element, Isa};
use crate::reduce::{Sum, weighted_divisor};
use core::ops::Range;
use core::ptr::{null, null_mut};

/// One call of a row loss or row function.
pub struct Call<T> {
    /// Shape of the input.
    pub shape: Shape,
    /// The input.
    pub input: *const T,
    /// A second array of the input's shape: probability targets, or the gradient of an output.
    pub other: *const T,
    /// A third array: of the input's shape, or with an element for every row.
    pub third: *const T,
    /// Class-index targets; `index` is null where the loss has none.
    pub classes: Classes,
    /// A weight for each class; null when there is none.
    pub weight: *const T,
    /// What the sum is divided by; `None` is the sum of the targets' weights.
    pub divisor: Option<f64>,
    /// The incoming gradient of the reduced value.
    pub grad_output: f64,
    /// The incoming gradient of each row's value; null when there is none.
    pub grad_outputs: *const T,
    /// Where each row's value goes; null when they are reduced.
    pub values: *mut T,
    /// Where the values of all entries go, in a loss that has one for each; null when unwanted.
    pub entry_values: *mut T,
    /// Where the gradient of the input, or the output of a function, goes; null when unwanted.
    pub input_grad: *mut T,
    /// Where the gradient of the other array goes; null when unwanted.
    pub other_grad: *mut T,
    /// Where the gradient of the third array goes; null when unwanted.
    pub third_grad: *mut T,
    /// Where the gradient of the weight goes; null when unwanted.
    pub weight_grad: *mut T,
    /// [`Shape::scratch`] elements for the loss's [`Rowwise::SLOTS`], for each thread that takes part.
    pub scratch: *mut T,
    /// How many of them each thread has.
    pub scratch_size: usize,
    /// Whether threads share the work. It takes a place for the terms, and gives no gradient of the
    /// weight, which sums over the rows in order.
    pub shared: bool,
    /// Where each row's term goes, in float64, beside the sum; null when unwanted.
    pub terms: *mut f64,
    /// One sum a class where the gradient of the weight is wanted, else null.
    pub class_sums: *mut Sum,
}

impl<T: Element> Call<T> {
    /// A call that reads `input` and asks for nothing yet.
    pub fn new(shape: Shape, input: *const T, scratch: *mut T) -> Self {
        Call {
            shape,
            input,
            other: null(),
            third: null(),
            classes: Classes {
                index: null(),
                count: shape.classes,
                ignore: None,
            },
            weight: null(),
            divisor: Some(1.0),
            grad_output: 1.0,
            grad_outputs: null(),
            values: null_mut(),
            entry_values: null_mut(),
            input_grad: null_mut(),
            other_grad: null_mut(),
            third_grad: null_mut(),
            weight_grad: null_mut(),
            scratch,
            scratch_size: 0,
            shared: false,
            terms: null_mut(),
            class_sums: null_mut(),
        }
    }

    /// The weight of a class.
    ///
    /// # Safety
    /// `class` must be below the number of classes.
    #[inline(always)]
    pub unsafe fn weight_of(&self, class: usize) -> f64 {
        if self.weight.is_null() {
            1.0
        } else {
            // SAFETY: the weight has an element for every class.
            unsafe { *self.weight.add(class) }.to_f64()
        }
    }

    /// Sets the input's gradient to 0 in a row.
    ///
    /// # Safety
    /// `row` must be below the number of rows, and the gradient wanted.
    pub unsafe fn clear_row(&self, row: usize) {
        let zero = T::from_f64(0.0);
        let Shape { classes, inner, .. } = self.shape;
        // SAFETY: the positions are in the input's shape, which is the gradient's.
        unsafe {
            let first = self.input_grad.add(self.shape.position(row, 0));
            if inner == 1 {
                core::slice::from_raw_parts_mut(first, classes).fill(zero);
            } else {
                (0..classes).for_each(|class| *first.add(class * inner) = zero);
            }
        }
    }

    /// The sum of all class weights.
    pub fn total_weight<I: Isa>(&self) -> f64 {
        if self.weight.is_null() {
            self.shape.classes as f64
        } else {
            // SAFETY: the weight has an element for every class.
            unsafe { crate::reduce::sum::<I, T>(self.weight, self.shape.classes) }
        }
    }

    /// The divisor of the reduced value; NaN where weights add up to 0, as the sum of the values need not be 0 there.
    ///
    /// # Safety
    /// The pointers must be valid, and the targets checked.
    pub unsafe fn resolved_divisor(&self) -> f64 {
        self.divisor.unwrap_or_else(|| {
            let rows = self.shape.rows();
            if self.weight.is_null() {
                // SAFETY: row is below the number of rows.
                let counts = |&row: &usize| unsafe { self.classes.get(row) }.is_some();
                return (0..rows).filter(counts).count() as f64;
            }
            let mut sum = Sum::default();
            for row in 0..rows {
                // SAFETY: row is below the number of rows; a class that counts is in range.
                sum.push(unsafe {
                    self.classes
                        .get(row)
                        .map_or(0.0, |class| self.weight_of(class))
                });
            }
            weighted_divisor(sum.total())
        })
    }
}

/// The scale of each row's gradient: the incoming gradient by the divisor.
pub fn row_scale<'t, T: Element>(call: &Call<T>, tile: &'t Tile<T>, scale: T) -> Rows<'t, f64> {
    if call.grad_outputs.is_null() {
        return tile.filled(scale.to_f64());
    }
    // SAFETY: there is an incoming gradient for every row.
    tile.each(|row| unsafe { *call.grad_outputs.add(tile.first + row) }.to_f64())
}

/// A loss or function of rows.
pub trait Rowwise<T: Element>: Sized {
    /// How many operands of a tile may lie in scratch memory.
    const SLOTS: usize;

    /// The loss with its options, rounded to the dtype.
    fn new(options: &[f64]) -> Self;
    /// Writes the gradients of a tile, scaled, and gives the value of each of its rows.
    ///
    /// # Safety
    /// The pointers of the call must be valid for its shape, and its targets checked.
    unsafe fn tile<'t, I: Isa>(&self, call: &Call<T>, tile: &'t Tile<T>, scale: T)
    -> Rows<'t, f64>;
}

/// Runs a row loss and gives its reduced value (0 where values are not reduced).
///
/// # Safety
/// Every pointer of the call must be valid for what it stands for, its targets checked, and
/// outputs overlap nothing but exactly the argument that they differentiate.
pub unsafe fn run<I: Isa, T: Element>(loss: &impl Rowwise<T>, call: &Call<T>) -> f64 {
    let mut sum = Sum::default();
    // SAFETY: as the caller's.
    let divisor = unsafe { call.resolved_divisor() };
    let scale = T::from_f64(call.grad_output / divisor);
    let Shape { classes, .. } = call.shape;
    let (rows, tiles) = (call.shape.rows(), call.shape.tiles());
    if !parallel::SHARED || !call.shared {
        // SAFETY: as the caller's.
        unsafe { run_rows::<I, T>(loss, call, scale, &mut sum) };
    } else {
        // SAFETY: as the caller's; tiles share no output, each thread has scratch memory of its own,
        // and there is a term for every row.
        unsafe {
            parallel::run(tiles, rows * classes, &|thread, tiles| {
                let scratch = call.scratch.add(thread * call.scratch_size);
                run_tiles::<I, T>(loss, call, scale, tiles, scratch, None);
            });
            if call.values.is_null() {
                sum.push_all::<I>(core::slice::from_raw_parts(call.terms, rows));
            }
        }
    }
    if !call.weight_grad.is_null() {
        for class in 0..classes {
            // SAFETY: there is a sum and an output for every class.
            unsafe {
                let total = core::mem::take(&mut *call.class_sums.add(class)).total();
                // Without rows the scale of a mean is infinite.
                let grad = if rows > 0 {
                    total * scale.to_f64()
                } else {
                    0.0
                };
                *call.weight_grad.add(class) = T::from_f64(grad);
            }
        }
    }
    sum.total() / divisor
}

/// Runs a row loss on the rows of a call, which may be a part of a batch: gradients by rows are
/// scaled, and the terms of the rows are stored as values or go to the sum.
///
/// # Safety
/// As [`run`]'s.
pub unsafe fn run_rows<I: Isa, T: Element>(
    loss: &impl Rowwise<T>,
    call: &Call<T>,
    scale: T,
    sum: &mut Sum,
) {
    let tiles = 0..call.shape.tiles();
    // SAFETY: as the caller's.
    unsafe { run_tiles::<I, T>(loss, call, scale, tiles, call.scratch, Some(sum)) };
}

#[inline(never)]
unsafe fn run_tiles<I: Isa, T: Element>(
    loss: &impl Rowwise<T>,
    call: &Call<T>,
    scale: T,
    tiles: Range<usize>,
    scratch: *mut T,
    mut sum: Option<&mut Sum>,
) {
    let start = tiles.start;
    let mut memory = RowMemory::new();
    for number in tiles {
        let tile = Tile::new(call.shape, number, scratch, number == start, &mut memory);
        // SAFETY: as the caller's.
        let terms = unsafe { loss.tile::<I>(call, &tile, scale) };
        // SAFETY: as the caller's.
        unsafe { put::<I, T>(call, tile.first, &terms[..tile.rows], sum.as_deref_mut()) };
    }
}

/// Puts the terms of rows where they belong: the values, or the sum and the terms.
#[inline(never)]
unsafe fn put<I: Isa, T: Element>(
    call: &Call<T>,
    first: usize,
    terms: &[f64],
    sum: Option<&mut Sum>,
) {
    // SAFETY: there is a value, or a term, for every row.
    unsafe {
        if !call.values.is_null() {
            for (row, &term) in terms.iter().enumerate() {
                *call.values.add(first + row) = T::from_f64(term);
            }
            return;
        }
        if let Some(sum) = sum {
            sum.push_all::<I>(terms);
        }
        if !call.terms.is_null() {
            for (row, &term) in terms.iter().enumerate() {
                *call.terms.add(first + row) = term;
            }
        }
    }
}

/// Sums the rows of a contiguous (rows, columns) array: the gradient of an argument that was
/// broadcast over the last dimension.
///
/// # Safety
/// `x` must be valid for reading, `out` for writing a value a row.
pub unsafe fn sum_rows<I: Isa, T: Element>(x: *const T, rows: usize, columns: usize, out: *mut T) {
    for row in 0..rows {
        // SAFETY: row is below the number of rows.
        unsafe {
            let sum = crate::reduce::sum::<I, T>(x.add(row * columns), columns);
            *out.add(row) = T::from_f64(sum);
        }
    }
}
