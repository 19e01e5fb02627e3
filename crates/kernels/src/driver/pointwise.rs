//! The loop of losses whose terms depend on one element of each argument.
//!
//! A loss gives [`Pointwise::eval`]; its block functions are the only code compiled for it. What
//! surrounds them (broadcasts, tails, weights, reduction, `gradOutput`) is compiled once a dtype.

use crate::driver::parallel;
use crate::isa::{Element, Isa, Lanes, SUM_LANES, Vector};
use crate::reduce::{self, BLOCK, Sum, combine};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Range;
use core::ptr::copy_nonoverlapping;

/// The most arguments, and the most gradients, of a pointwise loss.
pub const MAX_ARGS: usize = 4;

/// Elements evaluated at a time where something goes through buffers, so that these stay in the
/// first-level cache.
const SPAN: usize = 1024;
const _: () = assert!(BLOCK.is_multiple_of(SPAN) && SPAN.is_multiple_of(SUM_LANES));

/// A loss of `IN` arguments with `OUT` partial derivatives.
pub trait Pointwise<const IN: usize, const OUT: usize>: Copy {
    /// How many of the derivatives are computed by default: the first ones.
    const DEFAULT: usize = OUT;
    /// Arithmetic only: cheap enough that the sum belongs in the same loop.
    const ARITHMETIC: bool = false;
    /// The loss with its options.
    fn new(options: &[f64]) -> Self;
    /// Of which kind the options are, 0 or 1, where two are worth code of their own. Engines compile a
    /// function when it is called first, and whole, so each kind has one.
    #[inline(always)]
    fn kind(&self) -> usize {
        0
    }
    /// The loss, whose options are of this kind, with what tells the kind as constants.
    #[inline(always)]
    fn of_kind<const KIND: usize>(self) -> Self {
        self
    }
    /// The value and its partial derivatives, lane by lane.
    fn eval<V: Lanes>(self, args: [V; IN]) -> (V, [V; OUT]);
}

/// Pointers of one span, as the block functions see them.
pub struct Span<T> {
    args: [*const T; MAX_ARGS],
    grads: [*mut T; MAX_ARGS],
    values: *mut T,
    scale: T,
    lanes: [f64; SUM_LANES],
}

type BlockFn<T> = unsafe fn(*const (), &mut Span<T>, usize);

/// The block functions of a loss for one dtype, with its options.
pub struct Kernel<'a, T> {
    /// The loss, borrowed; only the block functions know its type.
    loss: *const (),
    borrow: PhantomData<&'a ()>,
    args: usize,
    grads: usize,
    default: usize,
    /// `value` and `gradient` sum into `lanes` and leave `values` alone.
    pub arithmetic: bool,
    value: BlockFn<T>,
    gradient: BlockFn<T>,
    /// Every derivative, and values to memory.
    full: BlockFn<T>,
}

impl<'a, T: Element> Kernel<'a, T> {
    /// The kernel of a loss in the instruction set `I`.
    pub fn new<I: Isa, const IN: usize, const OUT: usize, L: Pointwise<IN, OUT>>(
        loss: &'a L,
    ) -> Self {
        if loss.kind() == 0 {
            Self::of_kind::<I, IN, OUT, 0, L>(loss)
        } else {
            Self::of_kind::<I, IN, OUT, 1, L>(loss)
        }
    }

    fn of_kind<
        I: Isa,
        const IN: usize,
        const OUT: usize,
        const KIND: usize,
        L: Pointwise<IN, OUT>,
    >(
        loss: &'a L,
    ) -> Self {
        let (value, gradient): (BlockFn<T>, BlockFn<T>) = if L::ARITHMETIC {
            (
                fused::<I, T, L, IN, OUT, KIND, false>,
                fused::<I, T, L, IN, OUT, KIND, true>,
            )
        } else {
            (
                stored::<I, T, L, IN, OUT, KIND, VALUE>,
                stored::<I, T, L, IN, OUT, KIND, DEFAULT>,
            )
        };
        let full: BlockFn<T> = if L::DEFAULT == OUT && !L::ARITHMETIC {
            gradient
        } else {
            stored::<I, T, L, IN, OUT, KIND, FULL>
        };
        Kernel {
            loss: core::ptr::from_ref(loss).cast(),
            borrow: PhantomData,
            args: IN,
            grads: OUT,
            default: L::DEFAULT,
            arithmetic: L::ARITHMETIC,
            value,
            gradient,
            full,
        }
    }
}

const VALUE: u8 = 0;
const DEFAULT: u8 = 1;
const FULL: u8 = 2;

/// Evaluates `n` elements, a multiple of eight: values and gradients to memory.
#[inline(never)]
unsafe fn stored<
    I: Isa,
    T: Element,
    L: Pointwise<IN, OUT>,
    const IN: usize,
    const OUT: usize,
    const KIND: usize,
    const MODE: u8,
>(
    loss: *const (),
    span: &mut Span<T>,
    n: usize,
) {
    let count = Vector::<I, T>::COUNT;
    // SAFETY: Kernel::new pairs this function with a pointer to an L.
    let loss = unsafe { *loss.cast::<L>() }.of_kind::<KIND>();
    let (args, grads, values) = (span.args, span.grads, span.values);
    let scale = Vector::<I, T>::splat(span.scale.to_f64());
    let store = match MODE {
        VALUE => 0,
        DEFAULT => L::DEFAULT,
        _ => OUT,
    };
    for i in (0..n).step_by(count) {
        // SAFETY: the driver gives every pointer n elements, and i + count ≤ n.
        unsafe {
            let x: [_; IN] = core::array::from_fn(|k| Vector::<I, T>::load(args[k].add(i)));
            let (value, partial) = loss.eval(x);
            value.store(values.add(i));
            for k in 0..store {
                (partial[k] * scale).store(grads[k].add(i));
            }
        }
    }
}

/// Evaluates `n` elements, a multiple of eight: values into the sum, default gradients to memory.
#[inline(never)]
unsafe fn fused<
    I: Isa,
    T: Element,
    L: Pointwise<IN, OUT>,
    const IN: usize,
    const OUT: usize,
    const KIND: usize,
    const GRAD: bool,
>(
    loss: *const (),
    span: &mut Span<T>,
    n: usize,
) {
    let count = Vector::<I, T>::COUNT;
    // SAFETY: Kernel::new pairs this function with a pointer to an L.
    let loss = unsafe { *loss.cast::<L>() }.of_kind::<KIND>();
    let (args, grads) = (span.args, span.grads);
    let scale = Vector::<I, T>::splat(span.scale.to_f64());
    let mut sum = <Vector<I, T> as Lanes>::Sum::from(span.lanes);
    for i in (0..n).step_by(SUM_LANES) {
        for slot in 0..SUM_LANES / count {
            let i = i + slot * count;
            // SAFETY: the driver gives every pointer n elements, and i + count ≤ n.
            unsafe {
                let x: [_; IN] = core::array::from_fn(|k| Vector::<I, T>::load(args[k].add(i)));
                let (value, partial) = loss.eval(x);
                value.accumulate(&mut sum, slot);
                if GRAD {
                    for k in 0..L::DEFAULT {
                        (partial[k] * scale).store(grads[k].add(i));
                    }
                }
            }
        }
    }
    span.lanes = sum.into();
}

/// The most dimensions that a broadcast operand may have once merged.
pub const MAX_RANK: usize = 16;

/// An argument: contiguous, or broadcast by strides over the loss's shape.
#[derive(Clone, Copy)]
pub struct Operand<'a, T> {
    /// The first element.
    pub data: *const T,
    /// Merged dimensions from the outermost, as (size, stride); none means contiguous.
    pub dims: &'a [(usize, usize)],
}

impl<T: Element> Operand<'_, T> {
    /// An operand of the loss's own shape.
    pub fn contiguous(data: *const T) -> Self {
        Operand { data, dims: &[] }
    }

    /// The elements `start .. start + n` of the broadcast operand, in place where they lie so.
    #[inline(always)]
    unsafe fn span(&self, start: usize, n: usize, buffer: *mut T) -> *const T {
        match self.dims.split_last() {
            // SAFETY: a contiguous operand has every element of the loss's shape.
            None => unsafe { self.data.add(start) },
            // SAFETY: as the caller's.
            Some((&inner, outer)) => unsafe { self.gather(inner, outer, start, n, buffer) },
        }
    }

    #[inline(never)]
    unsafe fn gather(
        &self,
        (inner, step): (usize, usize),
        outer: &[(usize, usize)],
        start: usize,
        n: usize,
        buffer: *mut T,
    ) -> *const T {
        let mut done = 0;
        while done < n {
            let mut rest = (start + done) / inner;
            let column = (start + done) % inner;
            let mut offset = column * step;
            for &(size, stride) in outer.iter().rev() {
                offset += rest % size * stride;
                rest /= size;
            }
            let run = (inner - column).min(n - done);
            for i in 0..run {
                // SAFETY: strides address the operand's own elements; the buffer holds n, see `Plan::most`.
                unsafe { *buffer.add(done + i) = *self.data.add(offset + i * step) };
            }
            done += run;
        }
        buffer
    }
}

/// One call of a pointwise loss.
pub struct Call<'a, T> {
    /// Number of loss elements.
    pub n: usize,
    /// The arguments, as many as the loss has.
    pub args: [Operand<'a, T>; MAX_ARGS],
    /// Factor of each element's loss.
    pub weight: Option<Operand<'a, T>>,
    /// What the sum is divided by; `None` is the sum of the weights.
    pub divisor: Option<f64>,
    /// The incoming gradient of the reduced value.
    pub grad_output: f64,
    /// The incoming gradient of each element's value; null when there is none.
    pub grad_outputs: *const T,
    /// Where each element's value goes; null when they are reduced.
    pub values: *mut T,
    /// Where gradients go; null for those not wanted.
    pub grads: [*mut T; MAX_ARGS],
    /// Where the gradient of the weight goes; null when it is not wanted.
    pub weight_grad: *mut T,
    /// Room for a number for each [`BLOCK`] elements where threads share the work, else null.
    pub block_sums: *mut f64,
}

/// An L1-sized buffer; its contents are written before they are read.
struct Buffer<T, const N: usize = SPAN>([MaybeUninit<T>; N]);

impl<T, const N: usize> Buffer<T, N> {
    fn new() -> Self {
        Buffer([const { MaybeUninit::uninit() }; N])
    }
    fn ptr(&mut self) -> *mut T {
        self.0.as_mut_ptr().cast()
    }
}

/// Runs a loss and gives its reduced value (0 where values are not reduced).
///
/// # Safety
/// Every pointer of the call must be valid for the elements that it stands for: inputs for
/// reading, outputs for writing. An output may be exactly the argument that it differentiates and
/// overlaps nothing else.
pub unsafe fn run<I: Isa, T: Element>(kernel: &Kernel<T>, call: &Call<T>) -> f64 {
    let divisor = call.divisor.unwrap_or_else(|| match &call.weight {
        Some(weight) => {
            // SAFETY: a weight whose sum divides has the loss's own shape.
            let sum = unsafe { reduce::sum::<I, T>(weight.data, call.n) };
            reduce::weighted_divisor(sum)
        }
        None => call.n as f64,
    });
    let mut pass = Pass {
        kernel,
        call,
        scale: T::from_f64(call.grad_output / divisor),
        mean: 0.0,
        value_only: false,
    };
    // The gradient of a weight under its own mean is (ℓᵢ − L)/Σw: L is needed first.
    if !call.weight_grad.is_null() && call.divisor.is_none() {
        pass.value_only = true;
        // SAFETY: as the caller's.
        pass.mean = unsafe { pass.run::<I>() } / divisor;
        pass.value_only = false;
    }
    // SAFETY: as the caller's.
    unsafe { pass.run::<I>() / divisor }
}

/// What a span needs beside the caller's memory.
struct Buffers<T> {
    args: [Buffer<T>; MAX_ARGS],
    values: Buffer<T>,
    unwanted: Buffer<T>,
    weight: Buffer<T>,
    weight_grad: Buffer<T>,
}

impl<T> Buffers<T> {
    fn new() -> Self {
        Buffers {
            args: core::array::from_fn(|_| Buffer::new()),
            values: Buffer::new(),
            unwanted: Buffer::new(),
            weight: Buffer::new(),
            weight_grad: Buffer::new(),
        }
    }
}

/// A tail is padded to eight elements in these and runs the same code.
struct Tails<T> {
    args: [Buffer<T, SUM_LANES>; MAX_ARGS],
    grads: [Buffer<T, SUM_LANES>; MAX_ARGS],
    factor: Buffer<T, SUM_LANES>,
}

impl<T> Tails<T> {
    fn new() -> Self {
        Tails {
            args: core::array::from_fn(|_| Buffer::new()),
            grads: core::array::from_fn(|_| Buffer::new()),
            factor: Buffer::new(),
        }
    }
}

/// What a pass does with each span.
struct Plan<T> {
    wanted: [bool; MAX_ARGS],
    /// Whether values are stored in the caller's memory.
    keep: bool,
    /// Sums in the same loop, where nothing more is asked of it.
    fused: Option<BlockFn<T>>,
    stored: BlockFn<T>,
    /// The most elements at a time.
    most: usize,
}

/// One way through the elements.
struct Pass<'a, T> {
    kernel: &'a Kernel<'a, T>,
    call: &'a Call<'a, T>,
    scale: T,
    mean: f64,
    value_only: bool,
}

impl<T: Element> Pass<'_, T> {
    unsafe fn run<I: Isa>(&self) -> f64 {
        let blocks = self.call.n.div_ceil(BLOCK);
        let sums = self.call.block_sums;
        let mut sum = Sum::default();
        if !parallel::SHARED || sums.is_null() {
            // SAFETY: as the caller's.
            unsafe { self.blocks::<I>(0..blocks, &mut |_, term| sum.push_block(term)) };
        } else {
            // SAFETY: as the caller's; blocks share no output, and there is a sum for each.
            unsafe {
                let cost = if self.kernel.arithmetic {
                    self.call.n / 8
                } else {
                    self.call.n
                };
                parallel::run(blocks, cost, &|_, part| {
                    self.blocks::<I>(part, &mut |block, term| *sums.add(block) = term);
                });
                (0..blocks).for_each(|block| sum.push_block(*sums.add(block)));
            }
        }
        sum.total()
    }

    /// Evaluates blocks of elements, and hands on the sum of each.
    unsafe fn blocks<I: Isa>(&self, blocks: Range<usize>, each: &mut dyn FnMut(usize, f64)) {
        let plan = self.plan();
        let (mut buffers, mut tails) = (Buffers::new(), Tails::new());
        for block in blocks {
            let start = block * BLOCK;
            let end = self.call.n.min(start + BLOCK);
            // SAFETY: as the caller's.
            let sum = unsafe { self.block::<I>(&plan, start..end, &mut buffers, &mut tails) };
            each(block, sum);
        }
    }

    fn plan(&self) -> Plan<T> {
        let (kernel, call) = (self.kernel, self.call);
        let wanted: [bool; MAX_ARGS] = core::array::from_fn(|k| {
            k < kernel.grads && !self.value_only && !call.grads[k].is_null()
        });
        let beyond_default = wanted[kernel.default..].contains(&true);
        let keep = !call.values.is_null() && !self.value_only;
        // The fused block functions have no values to weigh, keep or mask.
        let fused = kernel.arithmetic
            && !(beyond_default || keep)
            && call.weight.is_none()
            && call.grad_outputs.is_null();
        let default = if wanted.contains(&true) {
            kernel.gradient
        } else {
            kernel.value
        };
        let stored = if beyond_default || kernel.arithmetic {
            kernel.full
        } else {
            default
        };
        let defaults = &wanted[..kernel.default];
        let in_place = call.args[..kernel.args]
            .iter()
            .all(|arg| arg.dims.is_empty())
            && (!defaults.contains(&true) || !defaults.contains(&false));
        Plan {
            wanted,
            keep,
            fused: fused.then_some(default),
            stored,
            // Whole blocks only where nothing goes through buffers, which hold SPAN elements: no broadcast
            // argument, no gradient that nobody wants.
            most: if fused && in_place { BLOCK } else { SPAN },
        }
    }

    /// The sum of one block, a span at a time.
    #[inline(always)]
    unsafe fn block<I: Isa>(
        &self,
        plan: &Plan<T>,
        elements: Range<usize>,
        buffers: &mut Buffers<T>,
        tails: &mut Tails<T>,
    ) -> f64 {
        let (kernel, call) = (self.kernel, self.call);
        let Plan {
            wanted,
            keep,
            fused,
            stored,
            most,
        } = *plan;
        let mut lanes = [0.0; SUM_LANES];
        let Range { mut start, end } = elements;
        while start < end {
            let left = end - start;
            let tail = left < SUM_LANES;
            let len = if tail {
                left
            } else {
                (left - left % SUM_LANES).min(most)
            };
            let n = if tail { SUM_LANES } else { len };
            // SAFETY: start + len ≤ call.n; what goes through buffers is at most SPAN elements, as the plan
            // says, and tail arrays hold SUM_LANES; a tail touches the caller's memory only through copies of len elements.
            unsafe {
                let mut span = Span {
                    args: [core::ptr::null(); MAX_ARGS],
                    grads: [buffers.unwanted.ptr(); MAX_ARGS],
                    values: if keep && !tail {
                        call.values.add(start)
                    } else {
                        buffers.values.ptr()
                    },
                    scale: if call.grad_outputs.is_null() {
                        self.scale
                    } else {
                        T::from_f64(1.0)
                    },
                    lanes: [0.0; SUM_LANES],
                };
                for k in 0..kernel.args {
                    let from = call.args[k].span(start, len, buffers.args[k].ptr());
                    span.args[k] = pad(from, len, tail, &mut tails.args[k]);
                }
                for k in (0..MAX_ARGS).filter(|&k| wanted[k]) {
                    span.grads[k] = if tail {
                        tails.grads[k].ptr()
                    } else {
                        call.grads[k].add(start)
                    };
                }
                if let Some(in_loop) = fused.filter(|_| !tail) {
                    span.lanes = lanes;
                    in_loop(kernel.loss, &mut span, n);
                    lanes = span.lanes;
                } else {
                    stored(kernel.loss, &mut span, n);
                    if call.weight.is_some() || !call.grad_outputs.is_null() {
                        self.apply_factors::<I>(&span, start, len, n, &wanted, buffers, tails);
                    }
                    if tail {
                        self.unpad(plan, &span, start, len);
                    }
                    if !keep {
                        reduce::accumulate::<I, T>(span.values, n, &mut lanes);
                    }
                }
            }
            start += len;
        }
        combine(lanes)
    }

    /// Copies a tail's results to where they belong, and clears the values of its padding.
    #[inline(never)]
    unsafe fn unpad(&self, plan: &Plan<T>, span: &Span<T>, start: usize, len: usize) {
        let call = self.call;
        // SAFETY: the span's pointers hold SUM_LANES elements, the caller's len from start.
        unsafe {
            for k in (0..MAX_ARGS).filter(|&k| plan.wanted[k]) {
                copy_nonoverlapping(span.grads[k], call.grads[k].add(start), len);
            }
            // A padded lane is no term: a padded bce lane, for one, is ln 2.
            core::slice::from_raw_parts_mut(span.values.add(len), SUM_LANES - len)
                .fill(T::from_f64(0.0));
            if plan.keep {
                copy_nonoverlapping(span.values, call.values.add(start), len);
            }
        }
    }

    /// Multiplies a span's values and gradients by the weights and by the incoming gradients.
    #[inline(never)]
    #[expect(clippy::too_many_arguments, reason = "one step of the loop above")]
    unsafe fn apply_factors<I: Isa>(
        &self,
        span: &Span<T>,
        start: usize,
        len: usize,
        n: usize,
        wanted: &[bool; MAX_ARGS],
        buffers: &mut Buffers<T>,
        tails: &mut Tails<T>,
    ) {
        let call = self.call;
        let tail = len < n;
        // SAFETY: start + len ≤ call.n; the span's pointers hold n elements.
        unsafe {
            let multiply_grads = |by| {
                for k in (0..MAX_ARGS).filter(|&k| wanted[k]) {
                    multiply::<I, T>(span.grads[k], by, n);
                }
            };
            if let Some(weight) = &call.weight {
                let weight_grad = !call.weight_grad.is_null() && !self.value_only;
                if weight_grad {
                    self.weight_gradient(span.values, buffers.weight_grad.ptr(), start, len);
                }
                let from = weight.span(start, len, buffers.weight.ptr());
                let factor = pad(from, len, tail, &mut tails.factor);
                multiply::<I, T>(span.values, factor, n);
                multiply_grads(factor);
                if weight_grad {
                    // Only now, as it may be written over the weight itself.
                    let to = call.weight_grad.add(start);
                    copy_nonoverlapping(buffers.weight_grad.ptr(), to, len);
                }
            }
            if !call.grad_outputs.is_null() {
                multiply_grads(pad(
                    call.grad_outputs.add(start),
                    len,
                    tail,
                    &mut tails.factor,
                ));
            }
        }
    }

    /// The derivative of the reduced value by each weight: (ℓ − L)·scale.
    unsafe fn weight_gradient(&self, values: *const T, out: *mut T, start: usize, len: usize) {
        for i in 0..len {
            // SAFETY: len values were just computed, out holds SPAN ≥ len elements, and
            // start + i < call.n.
            unsafe {
                let scale = if self.call.grad_outputs.is_null() {
                    self.scale
                } else {
                    *self.call.grad_outputs.add(start + i)
                };
                let partial = (*values.add(i)).to_f64() - self.mean;
                *out.add(i) = T::from_f64(partial * scale.to_f64());
            }
        }
    }
}

/// The elements themselves, or for a tail their padded copy.
#[inline(always)]
unsafe fn pad<T: Element>(
    from: *const T,
    len: usize,
    tail: bool,
    copy: &mut Buffer<T, SUM_LANES>,
) -> *const T {
    if tail {
        // SAFETY: as the caller's.
        unsafe { padded(from, len, copy) }
    } else {
        from
    }
}

#[inline(never)]
unsafe fn padded<T: Element>(
    from: *const T,
    len: usize,
    copy: &mut Buffer<T, SUM_LANES>,
) -> *const T {
    copy.0.fill(MaybeUninit::new(T::from_f64(0.0)));
    // SAFETY: the caller has len ≤ SUM_LANES elements.
    unsafe { copy_nonoverlapping(from, copy.ptr(), len) };
    copy.ptr()
}

/// Multiplies `n` elements, a multiple of eight.
#[inline(never)]
unsafe fn multiply<I: Isa, T: Element>(x: *mut T, by: *const T, n: usize) {
    for i in (0..n).step_by(Vector::<I, T>::COUNT) {
        // SAFETY: COUNT divides eight, so i + COUNT ≤ n.
        unsafe {
            let product = Vector::<I, T>::load(x.add(i)) * Vector::<I, T>::load(by.add(i));
            product.store(x.add(i));
        }
    }
}
