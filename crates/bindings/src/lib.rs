//! The WebAssembly module of fused-loss.
//!
//! One export for each registered loss, a buffer, and the checks. The facade calls the exports
//! with numbers only: the arguments of a call lie as float64 in a call block, whose layout is
//! [`block`] here and `ts/block.ts` there. The facade has checked them all; what is behind this
//! boundary relies on that.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use fused_loss_kernels::driver::check::{self, Classes, Domain};
use fused_loss_kernels::driver::{parallel, pointwise, rowwise, tile, whole};
use fused_loss_kernels::isa::{Element, Native};
use fused_loss_kernels::matrix::{self, Matrix, Product};
use fused_loss_kernels::reduce::{BLOCK, Sum};
use js_sys::Uint8Array;
use std::alloc::{Layout, alloc, dealloc};
use wasm_bindgen::prelude::*;

/// Memory owned by the facade: 16-byte aligned and freed explicitly.
#[wasm_bindgen]
pub struct Buffer {
    data: *mut u8,
    layout: Layout,
}

#[wasm_bindgen]
impl Buffer {
    /// Allocates, or gives nothing where memory does not suffice.
    pub fn allocate(bytes: usize) -> Option<Buffer> {
        let layout = Layout::from_size_align(bytes.max(16), 16).ok()?;
        // SAFETY: the size is not 0.
        let data = unsafe { alloc(layout) };
        (!data.is_null()).then_some(Buffer { data, layout })
    }

    /// Position in the memory.
    #[wasm_bindgen(getter)]
    pub fn address(&self) -> usize {
        self.data as usize
    }

    /// The bytes, without a copy; valid until memory grows or the buffer is freed.
    pub fn view(&self) -> Uint8Array {
        // SAFETY: the buffer owns these bytes. That they are not read after it is freed, or
        // through a view older than the last growth, is the facade's care.
        unsafe { Uint8Array::view_mut_raw(self.data, self.layout.size()) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated in `allocate` with this layout, and dropped once.
        unsafe { dealloc(self.data, self.layout) }
    }
}

/// Layout of a call block, in float64 slots.
pub(crate) mod block {
    /// Written by the engine: 0, or the bytes of scratch memory that could not be had.
    pub const MISSING: usize = 0;
    /// The divisor of the reduced value; NaN stands for the sum of the weights.
    pub const DIVISOR: usize = 1;
    pub const GRAD_OUTPUT: usize = 2;
    pub const GRAD_OUTPUTS: usize = 3;
    pub const VALUES: usize = 4;
    /// Four of them.
    pub const GRADS: usize = 5;
    pub const WEIGHT_GRAD: usize = 9;
    /// Number of elements (pointwise); outer, classes and inner sizes (rowwise); four sizes (whole).
    pub const SHAPE: usize = 10;
    /// Class-index targets (three such arrays in whole), and the index to ignore; NaN where there
    /// is none.
    pub const INDEX: usize = 14;
    pub const IGNORE: usize = 17;
    /// Where the terms of the sum go.
    pub const TERMS: usize = 18;
    /// Eight of them.
    pub const OPTIONS: usize = 19;
    /// Operands, [`OPERAND`] slots each: the arguments, and after four of them the weight.
    pub const OPERANDS: usize = 27;
    /// Address, rank, then size and stride of each dimension.
    pub const OPERAND: usize = 2 + 2 * fused_loss_kernels::driver::pointwise::MAX_RANK;
    pub const WEIGHT: usize = OPERANDS + 4 * OPERAND;
}

/// A call block that the facade has filled.
#[derive(Clone, Copy)]
struct Block(*mut f64);

impl Block {
    fn number(self, slot: usize) -> f64 {
        // SAFETY: the facade passes a block of WEIGHT + OPERAND slots.
        unsafe { *self.0.add(slot) }
    }
    fn index(self, slot: usize) -> usize {
        self.number(slot) as usize
    }
    fn pointer<T>(self, slot: usize) -> *mut T {
        self.index(slot) as *mut T
    }
    fn options(self) -> &'static [f64] {
        // SAFETY: eight slots of the block, which outlives the call and is not written meanwhile.
        unsafe { core::slice::from_raw_parts(self.0.add(block::OPTIONS), 8) }
    }
    fn argument<T>(self, k: usize) -> *mut T {
        self.pointer(block::OPERANDS + k * block::OPERAND)
    }
    fn ignore(self) -> Option<i32> {
        let ignore = self.number(block::IGNORE);
        (!ignore.is_nan()).then_some(ignore as i32)
    }
    /// Ends a call for which memory does not suffice.
    fn missing(self, bytes: u64) -> f64 {
        // SAFETY: a slot of the block.
        unsafe { *self.0.add(block::MISSING) = bytes as f64 };
        f64::NAN
    }
    fn divisor(self) -> Option<f64> {
        Some(self.number(block::DIVISOR)).filter(|divisor| !divisor.is_nan())
    }
    /// An operand, with room for its dimensions.
    fn operand<T: Element>(self, slot: usize, room: &mut Dims) -> pointwise::Operand<'_, T> {
        let rank = self.index(slot + 1);
        for (k, dim) in room.iter_mut().enumerate().take(rank) {
            dim.write((self.index(slot + 2 + 2 * k), self.index(slot + 3 + 2 * k)));
        }
        pointwise::Operand {
            data: self.pointer(slot),
            // SAFETY: so many were just written.
            dims: unsafe { room[..rank].assume_init_ref() },
        }
    }
}

/// Elements from which threads share the work of a loss with a transcendental function, or of rows.
const SPLIT: usize = 1 << 14;
/// The same for a loss of arithmetic alone.
const SPLIT_ARITHMETIC: usize = 1 << 17;

/// Whether so many elements are worth sharing among threads.
fn worth_sharing(elements: usize, least: usize) -> bool {
    parallel::threads() > 1 && elements >= least
}

/// Makes room for so many, more than there are addresses perhaps, if memory suffices.
fn reserve<T>(room: &mut Vec<T>, count: u64) -> bool {
    usize::try_from(count).is_ok_and(|count| room.try_reserve_exact(count).is_ok())
}

type Dims = [MaybeUninit<(usize, usize)>; pointwise::MAX_RANK];

fn call_pointwise<T: Element, L, const IN: usize, const OUT: usize>(b: Block) -> f64
where
    L: pointwise::Pointwise<IN, OUT>,
{
    let loss = L::new(b.options());
    run_pointwise(&pointwise::Kernel::<T>::new::<Native, IN, OUT, L>(&loss), b)
}

/// Apart from the loss's own code, so that it is compiled once.
#[inline(never)]
fn run_pointwise<T: Element>(kernel: &pointwise::Kernel<T>, b: Block) -> f64 {
    // Left as they are where an operand is contiguous: clearing them takes as long as a small call.
    let mut rooms: [Dims; 1 + pointwise::MAX_ARGS] =
        [const { [const { MaybeUninit::uninit() }; pointwise::MAX_RANK] }; _];
    let [first, second, third, fourth, weight] = &mut rooms;
    let argument = |k: usize, room| b.operand(block::OPERANDS + k * block::OPERAND, room);
    let mut call = pointwise::Call {
        n: b.index(block::SHAPE),
        args: [
            argument(0, first),
            argument(1, second),
            argument(2, third),
            argument(3, fourth),
        ],
        weight: (b.index(block::WEIGHT) != 0).then(|| b.operand(block::WEIGHT, weight)),
        divisor: b.divisor(),
        grad_output: b.number(block::GRAD_OUTPUT),
        grad_outputs: b.pointer(block::GRAD_OUTPUTS),
        values: b.pointer(block::VALUES),
        grads: core::array::from_fn(|k| b.pointer(block::GRADS + k)),
        weight_grad: b.pointer(block::WEIGHT_GRAD),
        block_sums: core::ptr::null_mut(),
    };
    let least = if kernel.arithmetic {
        SPLIT_ARITHMETIC
    } else {
        SPLIT
    };
    let mut sums = Vec::new();
    if worth_sharing(call.n, least) && reserve(&mut sums, call.n.div_ceil(BLOCK) as u64) {
        call.block_sums = sums.as_mut_ptr();
    }
    // SAFETY: the facade has checked sizes and overlaps of everything in the block.
    unsafe { pointwise::run::<Native, T>(kernel, &call) }
}

fn call_rowwise<T: Element, L: rowwise::Rowwise<T>>(b: Block) -> f64 {
    let loss = L::new(b.options());
    with_rows(b, L::SLOTS, &|call: &rowwise::Call<T>| {
        // SAFETY: the facade has checked sizes, overlaps and targets of everything in the block.
        unsafe { rowwise::run::<Native, T>(&loss, call) }
    })
}

/// Apart from the loss's own code, so that it is compiled once.
#[inline(never)]
fn with_rows<T: Element>(b: Block, slots: usize, run: &dyn Fn(&rowwise::Call<T>) -> f64) -> f64 {
    let shape = tile::Shape {
        outer: b.index(block::SHAPE),
        classes: b.index(block::SHAPE + 1),
        inner: b.index(block::SHAPE + 2),
    };
    let weight_grad: *mut T = b.pointer(block::WEIGHT_GRAD);
    let sums = if weight_grad.is_null() {
        0
    } else {
        shape.classes
    };
    let size = shape.scratch(slots);
    let (mut scratch, mut class_sums) = (Vec::<T>::new(), Vec::<Sum>::new());
    let (mut terms, mut room): (*mut f64, _) = (b.pointer(block::TERMS), Vec::new());
    // Without memory for all threads the caller's does the work.
    let shared = weight_grad.is_null()
        && worth_sharing(shape.rows() * shape.classes, SPLIT)
        && (!terms.is_null() || reserve(&mut room, shape.rows() as u64))
        && reserve(&mut scratch, size * parallel::threads() as u64);
    if shared && terms.is_null() {
        terms = room.as_mut_ptr();
    }
    if !(shared || reserve(&mut scratch, size)) || !reserve(&mut class_sums, sums as u64) {
        let bytes = size * size_of::<T>() as u64 + sums as u64 * size_of::<Sum>() as u64;
        return b.missing(bytes);
    }
    class_sums.resize_with(sums, Sum::default);
    run(&rowwise::Call {
        shape,
        input: b.argument(0),
        other: b.argument(1),
        third: b.argument(2),
        classes: Classes {
            index: b.pointer(block::INDEX),
            count: shape.classes,
            ignore: b.ignore(),
        },
        weight: b.pointer(block::WEIGHT),
        divisor: b.divisor(),
        grad_output: b.number(block::GRAD_OUTPUT),
        grad_outputs: b.pointer(block::GRAD_OUTPUTS),
        values: b.pointer(block::VALUES),
        input_grad: b.pointer(block::GRADS),
        other_grad: b.pointer(block::GRADS + 1),
        third_grad: b.pointer(block::GRADS + 2),
        entry_values: b.pointer(block::GRADS + 3),
        weight_grad,
        scratch: scratch.as_mut_ptr(),
        scratch_size: size as usize,
        shared,
        terms,
        class_sums: class_sums.as_mut_ptr(),
    })
}

fn call_whole<T: Element, L: whole::Whole<T>>(b: Block) -> f64 {
    let loss = L::new(b.options());
    let mut call = whole_call::<T>(b);
    let bytes = loss.scratch(&call);
    let mut scratch = Vec::<Aligned>::new();
    let units = bytes.div_ceil(size_of::<Aligned>() as u64);
    if !reserve(&mut scratch, units) {
        return b.missing(bytes);
    }
    call.scratch = scratch.as_mut_ptr().cast();
    // SAFETY: the facade has checked sizes, overlaps and indices of everything in the block.
    unsafe { loss.run::<Native>(&call) }
}

/// A unit of scratch memory.
#[repr(align(16))]
struct Aligned(#[expect(dead_code, reason = "memory to write in")] [u8; 16]);

/// Apart from the loss's own code, so that it is compiled once.
#[inline(never)]
fn whole_call<T: Element>(b: Block) -> whole::Call<T> {
    whole::Call {
        sizes: core::array::from_fn(|k| b.index(block::SHAPE + k)),
        args: core::array::from_fn(|k| b.argument::<T>(k).cast_const()),
        index: core::array::from_fn(|k| b.pointer::<i32>(block::INDEX + k).cast_const()),
        ignore: b.ignore(),
        weight: b.pointer(block::WEIGHT),
        divisor: b.divisor(),
        grad_output: b.number(block::GRAD_OUTPUT),
        grad_outputs: b.pointer(block::GRAD_OUTPUTS),
        values: b.pointer(block::VALUES),
        terms: b.pointer(block::TERMS),
        grads: core::array::from_fn(|k| b.pointer(block::GRADS + k)),
        scratch: core::ptr::null_mut(),
    }
}

macro_rules! export_one {
    (whole $module:ident $loss:ident) => {
        export_one!(
            $module,
            call_whole::<f32, $loss>,
            call_whole::<f64, $loss>,
            $loss
        );
    };
    (pointwise $module:ident $loss:ident) => {
        export_one!(
            $module,
            call_pointwise::<f32, $loss, _, _>,
            call_pointwise::<f64, $loss, _, _>,
            $loss
        );
    };
    (rowwise $module:ident $loss:ident) => {
        export_one!(
            $module,
            call_rowwise::<f32, $loss>,
            call_rowwise::<f64, $loss>,
            $loss
        );
    };
    ($module:ident, $single:expr, $double:expr, $loss:ident) => {
        /// Runs the loss in float32 (dtype 0) or float64 on a call block, and gives its reduced value.
        #[wasm_bindgen]
        pub fn $module(dtype: u32, block: *mut f64) -> f64 {
            use fused_loss_kernels::losses::$module::$loss;
            if dtype == 0 {
                $single(Block(block))
            } else {
                $double(Block(block))
            }
        }
    };
}

macro_rules! export {
    ($($driver:ident $module:ident :: $loss:ident;)*) => {
        $(export_one!($driver $module $loss);)*
    };
}

fused_loss_kernels::registry!(export);

/// The position of the first element outside a domain, or −1.
#[wasm_bindgen]
pub fn check_domain(dtype: u32, domain: u32, data: usize, n: usize) -> f64 {
    let Some(domain) = Domain::from_code(domain) else {
        return -1.0;
    };
    // SAFETY: the facade passes an array of n elements, in which the ranges lie.
    let bad = |from: usize, to: usize| unsafe {
        if dtype == 0 {
            check::domain::<Native, f32>(domain, (data as *const f32).add(from), to - from)
        } else {
            check::domain::<Native, f64>(domain, (data as *const f64).add(from), to - from)
        }
    };
    if !worth_sharing(n, SPLIT_ARITHMETIC) {
        return bad(0, n).map_or(-1.0, |i| i as f64);
    }
    let first = AtomicUsize::new(usize::MAX);
    // SAFETY: nothing is written but the atomic.
    unsafe {
        parallel::run(n.div_ceil(BLOCK), n / 8, &|_, blocks| {
            let from = blocks.start * BLOCK;
            if let Some(i) = bad(from, n.min(blocks.end * BLOCK)) {
                first.fetch_min(from + i, Relaxed);
            }
        });
    }
    match first.into_inner() {
        usize::MAX => -1.0,
        i => i as f64,
    }
}

/// The position of the first class index that is neither ignored nor below the count, or −1.
#[wasm_bindgen]
pub fn check_classes(index: *const i32, rows: usize, count: usize, ignore: f64) -> f64 {
    let ignore = (!ignore.is_nan()).then_some(ignore as i32);
    // SAFETY: the facade passes an array of as many indices.
    let bad = unsafe {
        Classes {
            index,
            count,
            ignore,
        }
        .first_bad(rows)
    };
    bad.map_or(-1.0, |i| i as f64)
}

/// The position of the first class index of a row's list, which ends at its first −1, that is not
/// below the number of classes, or −1.
#[wasm_bindgen]
pub fn check_lists(index: usize, rows: usize, classes: usize) -> f64 {
    // SAFETY: the facade passes an array of rows·classes indices.
    let bad = unsafe { check::first_bad_in_lists(index as *const i32, rows, classes) };
    bad.map_or(-1.0, |i| i as f64)
}

/// Sums the rows of an array: the gradient of an argument broadcast over the last dimension.
#[wasm_bindgen]
pub fn sum_rows(dtype: u32, data: usize, rows: usize, columns: usize, out: usize) {
    // SAFETY: the facade passes arrays of rows·columns and of rows elements.
    unsafe {
        if dtype == 0 {
            rowwise::sum_rows::<Native, f32>(data as *const f32, rows, columns, out as *mut f32);
        } else {
            rowwise::sum_rows::<Native, f64>(data as *const f64, rows, columns, out as *mut f64);
        }
    }
}

/// C = A·B in float32 (dtype 0) or float64: A, B and C are the first three operands of a call block,
/// each of two dimensions, the columns of C side by side, with [`block::OPTIONS`] not 0 to add to C.
#[wasm_bindgen]
pub fn multiply(dtype: u32, block: *mut f64) -> f64 {
    if dtype == 0 {
        run_multiply::<f32>(Block(block))
    } else {
        run_multiply::<f64>(Block(block))
    }
}

fn run_multiply<T: Element>(b: Block) -> f64 {
    // Address, rank, then size and stride of both dimensions.
    let at = |k: usize, slot: usize| b.index(block::OPERANDS + k * block::OPERAND + slot);
    let factor = |k: usize| Matrix {
        data: b.argument::<T>(k).cast_const(),
        rows: at(k, 3),
        columns: at(k, 5),
    };
    let size = [at(0, 2), at(0, 4), at(1, 4)];
    let elements = matrix::scratch(size);
    let mut panels = Vec::<T>::new();
    if !reserve(&mut panels, elements as u64) {
        return b.missing(elements as u64 * size_of::<T>() as u64);
    }
    let product = Product {
        size,
        a: factor(0),
        b: factor(1),
        c: b.argument(2),
        c_rows: at(2, 3),
        add: b.number(block::OPTIONS) != 0.0,
    };
    // SAFETY: the facade has checked sizes and overlaps of everything in the block.
    unsafe { matrix::multiply::<Native, T>(&product, panels.as_mut_ptr()) };
    0.0
}

/// The pool of threads, in the build that has one.
#[cfg(target_feature = "atomics")]
mod threads {
    use super::parallel;
    use wasm_bindgen::prelude::*;

    /// The number of the pool that is to be started.
    #[wasm_bindgen]
    pub fn pool_generation() -> u32 {
        parallel::generation()
    }

    /// Lets so many workers take part.
    #[wasm_bindgen]
    pub fn pool_open(workers: usize) {
        parallel::open(workers);
    }

    /// What a worker does, from its start to the end of its pool.
    #[wasm_bindgen]
    pub fn pool_work(thread: usize, generation: u32) {
        parallel::work(thread, generation);
    }

    /// Ends the pool.
    #[wasm_bindgen]
    pub fn pool_close() {
        parallel::close();
    }

    /// Tells the caller's thread that a worker cannot go on.
    #[wasm_bindgen]
    pub fn pool_fail() {
        parallel::fail();
    }

    /// Whether a worker has failed.
    #[wasm_bindgen]
    pub fn pool_failed() -> bool {
        parallel::failed()
    }
}
